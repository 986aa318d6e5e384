"""Sure means sure: one temperature a network, and the threshold of what is no digit.

Both are chosen on what the network has not learnt from, and change neither its weights nor what it
reads: only how sure it is said to be, and whether it is asked at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits import Unlearnt, load_unlearnt
from digitnet.experiments import CLASSES, Experiment
from digitnet.runs import CALIBRATION, FORMAT, Calibration, Run, write_json
from digitnet.serving import ServedNetwork, digit_probabilities, temper
from digitnet.study.provenance import describe_making
from digitnet.study.renewal import renew
from digitnet.study.scores import calibration_error

TEMPERATURES = np.geomspace(0.2, 5, 324).round(4)  # those that are tried, 1% apart
MOST_REFUSED = 0.006  # of real digits, on validation; it is to be at most 0.01 on others'


def calibrate_runs(runs: Sequence[Run]) -> Iterator[tuple[Run, Calibration]]:
    """Calibrates runs one after another, and stores what was found beside them.

    Yields:
        Each run with its calibration.

    Raises:
        DataError: If the drawings to calibrate on cannot be had.
        RunError: If a run is broken or cannot be written to.
    """

    def make(run: Run, model: bytes, unlearnt: Unlearnt) -> Calibration:
        write_json(run.folder / CALIBRATION, calibrate(model, run.experiment, unlearnt))
        return Run(run.experiment, run.stamp, run.folder).calibration

    return renew(runs, load_unlearnt, make, "calibrated")


def calibrate(model: bytes, experiment: Experiment, unlearnt: Unlearnt) -> dict[str, Any]:
    """Fits a served model's temperature and, where it refuses, its threshold.

    Args:
        model: The LiteRT model.
        experiment: Whose it is.
        unlearnt: Of its data set.

    Returns:
        What calibration.json holds.
    """
    network = ServedNetwork(model, experiment.is_convolutional)
    outputs = {part: network.evaluate(one.images) for part, one in unlearnt.digits.items()}
    labels = np.concatenate([one.labels for one in unlearnt.digits.values()])
    probabilities = np.concatenate([digit_probabilities(rows) for rows in outputs.values()])
    temperature = fit_temperature(labels, probabilities)
    validation: dict[str, Any] = {
        "size": {part: len(rows) for part, rows in outputs.items()},
        "calibration_error": {
            "before": calibration_error(labels, probabilities),
            "after": calibration_error(labels, temper(probabilities, temperature)),
        },
    }
    threshold = None
    if experiment.refuses and unlearnt.outliers:
        threshold = choose_threshold(rows[:, CLASSES] for rows in outputs.values())
        for kind, images in unlearnt.outliers.items():
            outputs[kind] = network.evaluate(images)
        validation["refused"] = _count_refused(outputs, threshold)
    return {
        "format": FORMAT,
        "served_sha256": hashlib.sha256(model).hexdigest(),
        "temperature": temperature,
        "threshold": threshold,
        "validation": validation,
        "provenance": describe_making(unlearnt.sources),
    }


def fit_temperature(labels: NDArray, probabilities: NDArray) -> float:
    """The temperature at which how sure a network is comes nearest to how often it is right.

    Nearest in the mean square over digits, the Brier score of what is shown. The usual choice, the
    likelihood of the labels, is moved most by the few drawings that are misread with certainty:
    fitted to half of the drawings, it left five of nine of the report's networks further from the
    truth on the other half than they had been.

    Args:
        labels: True digits, integers (n,).
        probabilities: Floats (n, 10); each row sums to 1.
    """
    right = probabilities.argmax(axis=1) == labels
    gaps = [((temper(probabilities, one).max(axis=1) - right) ** 2).mean() for one in TEMPERATURES]
    return float(TEMPERATURES[np.argmin(gaps)])


def choose_threshold(refusals: Iterable[NDArray]) -> float:
    """The lowest threshold that refuses at most `MOST_REFUSED` of the digits in each part.

    Args:
        refusals: Of each part, the probabilities that its digits are none.
    """
    return max(float(-np.sort(-part)[int(MOST_REFUSED * len(part))]) for part in refusals)


def format_calibration(run: Run, found: Calibration) -> str:
    """One line of text for a reader at a terminal."""
    line = (
        f"{run.experiment.name:<11} temperature {found.temperature:.3f}  calibration error "
        f"{found.error_before:.2%} -> {found.error_after:.2%}"
    )
    refuses = "" if found.threshold is None else f"  no digit above {found.threshold:.3f}"
    return f"{line}{refuses}  {run.id}"


def _count_refused(outputs: Mapping[str, NDArray], threshold: float) -> dict[str, list[int]]:
    """How many of each part are refused, and how many there are."""
    return {
        part: [int((rows[:, CLASSES] > threshold).sum()), len(rows)]
        for part, rows in outputs.items()
    }
