"""The figures that the report published, to be shown beside ours and never mixed with them.

The report is "Recognizing Digits using Neural Networks" by Bogumiła Walkowiak and Joachim
Małowski (course project, Intelligent Systems: Reasoning and Recognition). `data` holds
what its notebook printed: `history.csv` each epoch's log line, `test_scores.csv` the scores on
its 7,000 test images. The authors' split had no fixed seed, so their test images are not ours.

Two things to know when comparing:

- Every one of the sixteen trainings stopped exactly three epochs after its first best validation
  accuracy, as the report says. But only four logs (`fc`, `fc_lr_high`, `cnn_long`, `lenet5`) also
  say that the best epoch's weights were restored before testing. The test scores of the other
  twelve are probably those of the last epoch; `best_weights_restored` tells which are which.
- `seconds` are the authors' own, rounded to whole seconds, on a laptop's GPU.
"""

import csv
from functools import cache
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

_DATA = Path(__file__).with_name("data")


class ReportScores(TypedDict):
    """The report's test scores of one experiment.

    `precision` and `recall` are Keras' at the threshold 0.5 over all digits; `auc` holds, for
    each of the ten digits, the area under the ROC curve of the hard prediction.
    """

    parameters: int
    epochs: int
    best_weights_restored: bool
    loss: float
    accuracy: float
    precision: float
    recall: float
    f1_micro: float
    auc: list[float]


def load_report_history(experiment: str) -> dict[str, NDArray] | None:
    """Loads the report's training curves of an experiment.

    Args:
        experiment: Its name, such as `"cnn"`.

    Returns:
        Arrays of shape `(epochs,)`: `epoch` (int64, from 1); `seconds` an epoch and
        `ms_per_step`, milliseconds for a batch of 128; `loss`, `accuracy`, `precision` and
        `recall` on the training images, and the same with `val_` on the validation images
        (float64). None if the report has no such experiment.
    """
    rows = _rows_of(experiment, "history.csv")
    if not rows:
        return None
    columns = [column for column in rows[0] if column != "experiment"]
    history = {column: np.array([float(row[column]) for row in rows]) for column in columns}
    return history | {"epoch": history["epoch"].astype(np.int64)}


def load_report_scores(experiment: str) -> ReportScores | None:
    """Loads the report's test scores of an experiment.

    Args:
        experiment: Its name, such as `"cnn"`.

    Returns:
        The scores, each in [0, 1] but the loss, as the report prints them; None if the report has
        no such experiment.
    """
    rows = _rows_of(experiment, "test_scores.csv")
    if not rows:
        return None
    [row] = rows
    return {
        "parameters": int(row["parameters"]),
        "epochs": int(row["epochs"]),
        "best_weights_restored": row["best_weights_restored"] == "True",
        "loss": float(row["loss"]),
        "accuracy": float(row["accuracy"]),
        "precision": float(row["precision"]),
        "recall": float(row["recall"]),
        "f1_micro": float(row["f1_micro"]),
        "auc": [float(row[f"auc_{digit}"]) for digit in range(10)],
    }


def find_report_epochs(experiment: str) -> int | None:
    """How many epochs the report's training had; None if it has no such experiment."""
    scores = load_report_scores(experiment)
    return scores["epochs"] if scores else None


def _rows_of(experiment: str, file_name: str) -> list[dict[str, str]]:
    return [row for row in _read_table(file_name) if row["experiment"] == experiment]


@cache
def _read_table(file_name: str) -> list[dict[str, str]]:
    with (_DATA / file_name).open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))
