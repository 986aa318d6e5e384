"""One network's labels and probabilities in, its test figures out.

Pure functions of their arguments that need NumPy only, so that any page can afford to import them;
the tests hold each figure against scikit-learn, Keras or SciPy.

Throughout, `labels` are the true digits, integers of shape `(n,)`, and `probabilities` are a
network's outputs, floats of shape `(n, 10)` in [0, 1] whose rows sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet.experiments import CLASSES
from digitnet.study.significance import wilson_interval

GUESSING = 0.5  # an accuracy up to it is that of a network that did not learn
_EPSILON = 1e-7  # Keras keeps probabilities this far from 0 and 1 before it takes the logarithm
_DECISION_THRESHOLD = 0.5  # of Keras' Precision() and Recall(), strictly greater counts
_CALIBRATION_BINS = 15  # as in Guo et al. (2017)


def evaluate_predictions(labels: ArrayLike, probabilities: ArrayLike) -> dict[str, Any]:
    """Computes every test figure of a network.

    The precision and recall over all digits are the report's: those of `keras.metrics`, which
    compare each of the `n * 10` probabilities with 0.5. The figures of single digits are those
    of the hard prediction, the digit of the highest probability.

    Args:
        labels: True digits, integers of shape `(n,)`, 0 to 9; `n` at least 1.
        probabilities: Floats of shape `(n, 10)`; rows sum to 1.

    Returns:
        A dictionary that can be written as JSON:

        - `size`: the number of images, `n`;
        - `loss`: mean categorical cross-entropy in nats, clipped as Keras clips it;
        - `accuracy`, and `accuracy_interval`: its Wilson 95% interval as `[low, high]`;
        - `precision`, `recall`: of all probabilities at the threshold 0.5;
        - `f1_micro`, `f1_macro`;
        - `calibration_error`: expected calibration error in 15 bins (see `reliability_curve`);
        - `confusion`: 10 rows (true digit) of 10 counts (predicted digit);
        - `digits`: for each digit its `digit`, `precision`, `recall`, `f1`, `auc_hard` (area
          under the ROC curve of the hard prediction, as the report prints it) and `auc` (that
          of the probability). A figure that would be 0/0, as when the digit does not occur, is
          `None`; `f1_macro` is the mean over the digits that have one.

    Raises:
        ValueError: If there are no images, or the shapes or values are not as above.
    """
    labels, probabilities = _checked(labels, probabilities)
    predictions = probabilities.argmax(axis=1)
    confusion = confusion_counts(labels, predictions)
    right = int(confusion.trace())
    accuracy = right / len(labels)
    precision, recall = _threshold_precision_recall(labels, probabilities)
    digits = [_digit_figures(digit, confusion, labels, probabilities) for digit in range(CLASSES)]
    return {
        "size": len(labels),
        "loss": _cross_entropy(labels, probabilities),
        "accuracy": accuracy,
        "accuracy_interval": list(wilson_interval(right, len(labels))),
        "precision": precision,
        "recall": recall,
        "f1_micro": accuracy,  # the same figure, where each image has one label and one prediction
        "f1_macro": float(np.mean([d["f1"] for d in digits if d["f1"] is not None])),
        "calibration_error": calibration_error(labels, probabilities),
        "confusion": confusion.tolist(),
        "digits": digits,
    }


def confusion_counts(labels: ArrayLike, predictions: ArrayLike) -> NDArray[np.int64]:
    """Counts how often each true digit (row) was read as each digit (column).

    Args:
        labels: True digits, integers of shape `(n,)`, 0 to 9.
        predictions: Predicted digits, the same.

    Returns:
        Counts, int64 of shape `(10, 10)`.
    """
    labels, predictions = np.asarray(labels, np.int64), np.asarray(predictions, np.int64)
    cells = np.bincount(labels * CLASSES + predictions, minlength=CLASSES * CLASSES)
    return cells.reshape(CLASSES, CLASSES)


def worst_confusions(
    labels: ArrayLike, predictions: ArrayLike, most: int = 5
) -> list[tuple[int, int, int]]:
    """Lists the commonest mistakes.

    Args:
        labels: True digits, integers of shape `(n,)`, 0 to 9.
        predictions: Predicted digits, the same.
        most: How many to list at most.

    Returns:
        `(true digit, predicted digit, count)`, the highest count first.
    """
    mistakes = confusion_counts(labels, predictions)
    np.fill_diagonal(mistakes, 0)
    commonest = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    cells = [(int(cell) // CLASSES, int(cell) % CLASSES) for cell in commonest]
    return [(true, read, int(mistakes[true, read])) for true, read in cells if mistakes[true, read]]


def _digit_figures(
    digit: int, confusion: NDArray[np.int64], labels: NDArray, probabilities: NDArray
) -> dict[str, Any]:
    hits = int(confusion[digit, digit])
    actual = int(confusion[digit].sum())
    predicted = int(confusion[:, digit].sum())
    others = len(labels) - actual
    recall = _ratio(hits, actual)
    specificity = _ratio(others - (predicted - hits), others)
    auc_hard = auc = None
    if recall is not None and specificity is not None:
        # A yes-or-no prediction has one point on its ROC curve; this is the area below it.
        auc_hard = (recall + specificity) / 2
        auc = _roc_curve(labels == digit, probabilities[:, digit]).area
    return {
        "digit": digit,
        "precision": _ratio(hits, predicted),
        "recall": recall,
        "f1": _ratio(2 * hits, actual + predicted),
        "auc_hard": auc_hard,
        "auc": auc,
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _cross_entropy(labels: NDArray, probabilities: NDArray) -> float:
    of_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_label, _EPSILON, 1 - _EPSILON)).mean())


def _threshold_precision_recall(labels: NDArray, probabilities: NDArray) -> tuple[float, float]:
    claimed = probabilities > _DECISION_THRESHOLD
    hits = claimed[np.arange(len(labels)), labels].sum()
    # With nothing claimed, Keras calls the precision 0.
    return float(hits / max(claimed.sum(), 1)), float(hits / len(labels))


def _checked(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    if labels.ndim != 1 or probabilities.shape != (len(labels), CLASSES):
        raise ValueError(
            "Labels must have the shape (n,) and probabilities (n, 10). "
            f"Received: {labels.shape} and {probabilities.shape}."
        )
    if not len(labels):
        raise ValueError("There is nothing to evaluate: no labels were given.")
    if not np.isin(labels, range(CLASSES)).all():
        raise ValueError(f"Labels must be digits, 0 to 9. Received: {np.unique(labels)}.")
    sums = probabilities.sum(axis=1)
    if not (probabilities.min() >= 0 and np.allclose(sums, 1, atol=1e-3)):
        raise ValueError(
            "Probabilities must not be negative and each row must sum to 1. "
            f"Received: values from {probabilities.min()}, sums {sums.min()} to {sums.max()}."
        )
    return labels.astype(np.int64), probabilities


@dataclass(frozen=True)
class RocCurve:
    """How many of a digit are found (true) at the price of how many false alarms.

    Attributes:
        false_positive_rate: Float64 of shape `(k,)`, rising from 0 to 1.
        true_positive_rate: The same.
        area: Under the curve, 0 to 1; 0.5 is chance.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    area: float


def roc_curves(labels: ArrayLike, probabilities: ArrayLike) -> dict[int, RocCurve]:
    """Traces each digit's receiver operating characteristic against the other nine.

    Args:
        labels: True digits, integers of shape `(n,)`, 0 to 9; `n` at least 1.
        probabilities: Floats of shape `(n, 10)`; rows sum to 1.

    Returns:
        A curve for every digit that some labels are and some are not. Points on a straight
        line between their neighbours are left out, so that the curve is exact but short.

    Raises:
        ValueError: As `evaluate_predictions`.
    """
    labels, probabilities = _checked(labels, probabilities)
    return {
        int(digit): _roc_curve(labels == digit, probabilities[:, digit])
        for digit in np.unique(labels)
        if not (labels == digit).all()
    }


def _roc_curve(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> RocCurve:
    order = np.argsort(-score, kind="stable")
    # Equal scores fall under the threshold together: one point for each different score.
    last_of_score = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    found = np.append(0, np.cumsum(positive[order])[last_of_score])
    alarms = np.append(0, np.cumsum(~positive[order])[last_of_score])
    area = float(np.trapezoid(found, alarms) / (int(found[-1]) * int(alarms[-1])))

    turns = np.diff(found)[1:] * np.diff(alarms)[:-1] != np.diff(found)[:-1] * np.diff(alarms)[1:]
    corner = np.concatenate([[True], turns, [True]])
    return RocCurve(alarms[corner] / alarms[-1], found[corner] / found[-1], area)


@dataclass(frozen=True)
class ReliabilityCurve:
    """How often a network is right when it says that it is so sure.

    Attributes:
        confidence: Mean top probability of each bin that holds any image, float64 `(k,)`.
        accuracy: Share of those images read rightly, float64 `(k,)`.
        sizes: How many images they are, int64 `(k,)`.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    sizes: NDArray[np.int64]


def reliability_curve(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = _CALIBRATION_BINS
) -> ReliabilityCurve:
    """Sets confidence against accuracy in bins of equal width.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    Args:
        labels: True digits, integers of shape `(n,)`, 0 to 9; `n` at least 1.
        probabilities: Floats of shape `(n, 10)`; rows sum to 1.
        bins: How many bins to cut [0, 1] into; an edge belongs to the bin below it.

    Returns:
        The bins that hold any image, the lowest confidence first.

    Raises:
        ValueError: As `evaluate_predictions`.
    """
    labels, probabilities = _checked(labels, probabilities)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    sizes = np.bincount(bin_of, minlength=bins)
    used = sizes > 0
    return ReliabilityCurve(
        confidence=np.bincount(bin_of, confidence, bins)[used] / sizes[used],
        accuracy=np.bincount(bin_of, correct, bins)[used] / sizes[used],
        sizes=sizes[used],
    )


def calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Computes the expected calibration error: mean gap of the reliability curve's 15 bins.

    Args:
        labels: True digits, integers of shape `(n,)`, 0 to 9; `n` at least 1.
        probabilities: Floats of shape `(n, 10)`; rows sum to 1.

    Returns:
        The gap between confidence and accuracy, weighted by bin size; 0 (best) to 1.

    Raises:
        ValueError: As `evaluate_predictions`.
    """
    curve = reliability_curve(labels, probabilities)
    return float(np.average(abs(curve.accuracy - curve.confidence), weights=curve.sizes))
