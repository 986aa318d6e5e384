"""Labels and probabilities in, figures out.

Everything here is a pure function of its arguments and needs NumPy only, so that any page can
afford to import it; the tests hold each figure against scikit-learn, Keras or SciPy.

Throughout, `labels` are the true digits, integers of shape `(n,)`, and `probabilities` are a
network's outputs, floats of shape `(n, 10)` in [0, 1] whose rows sum to 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digitnet.experiments.records import CLASSES

CONFIDENCE = 0.95

_EPSILON = 1e-7  # Keras keeps probabilities this far from 0 and 1 before it takes the logarithm
_DECISION_THRESHOLD = 0.5  # of Keras' Precision() and Recall(), strictly greater counts
_CALIBRATION_BINS = 15  # as in Guo et al. (2017)
_OVERFIT_LOSS_RATIO = 1.5
_UNDERFIT_ACCURACY = 0.97


# --- one network -----------------------------------------------------------------------------


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


# --- intervals -------------------------------------------------------------------------------


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """Computes Wilson's 95% score interval of a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", J. Am. Stat. Assoc. 22 (1927).

    Args:
        successes: How many succeeded, 0 to `total`.
        total: How many were tried, at least 1.

    Returns:
        `(low, high)`, both within [0, 1].

    Raises:
        ValueError: If the counts are not as above.
    """
    if not 0 <= successes <= total or total < 1:
        raise ValueError(
            f"Successes must lie between 0 and a positive total. Received: {successes} of {total}."
        )
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = successes / total
    centre = share + z**2 / (2 * total)
    margin = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    return max((centre - margin) / scale, 0.0), min((centre + margin) / scale, 1.0)


def clustered_accuracy_interval(
    correct: ArrayLike, groups: ArrayLike, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Computes a 95% interval of an accuracy by resampling whole groups.

    One writer's drawings succeed or fail together, so that an interval which takes them for
    independent is too narrow. The percentile bootstrap draws writers instead, with replacement.

    Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 8, 13.

    Args:
        correct: Whether each drawing was read rightly, booleans of shape `(n,)`.
        groups: Who made it, values of any one type, shape `(n,)`; at least 2 different ones.
        resamples: How many times to draw.
        seed: Of the draws; the same seed gives the same interval.

    Returns:
        `(low, high)`, both within [0, 1].

    Raises:
        ValueError: If there are fewer than two groups, which say nothing about others.
    """
    correct = np.asarray(correct, bool)
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"An interval over groups needs at least two. Received: {len(names)}.")
    right = np.bincount(group_of, weights=correct)
    size = np.bincount(group_of)
    rng = np.random.default_rng(seed)
    accuracies = []
    for _ in range(resamples):
        drawn = rng.integers(len(names), size=len(names))
        accuracies.append(right[drawn].sum() / size[drawn].sum())
    low, high = np.quantile(accuracies, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


# --- curves ----------------------------------------------------------------------------------


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


# --- two networks ----------------------------------------------------------------------------


class PairedOutcomes(NamedTuple):
    """Positions of the images that two networks both read rightly, one alone, or neither.

    Each is int64 of shape `(k,)`, in rising order.
    """

    both_right: NDArray[np.int64]
    only_a: NDArray[np.int64]
    only_b: NDArray[np.int64]
    both_wrong: NDArray[np.int64]


def paired_outcomes(a_correct: ArrayLike, b_correct: ArrayLike) -> PairedOutcomes:
    """Sorts the same images by which of two networks read them rightly.

    Args:
        a_correct: Whether network A was right, booleans of shape `(n,)`.
        b_correct: Whether network B was, on the same images in the same order.

    Returns:
        Four lists of positions that together hold each image once.

    Raises:
        ValueError: If the two do not cover equally many images.
    """
    a, b = np.asarray(a_correct, bool), np.asarray(b_correct, bool)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"Both networks must have read the same images. Received: {a.shape} and {b.shape}."
        )
    return PairedOutcomes(*(np.flatnonzero(cell) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)))


class McNemarTest(NamedTuple):
    """How many images each network alone read rightly, and how likely chance alone is that uneven.

    Attributes:
        only_a: Images that A alone read rightly.
        only_b: Images that B alone read rightly.
        p_value: Two-sided; 1.0 where the two are even.
    """

    only_a: int
    only_b: int
    p_value: float


def mcnemar_exact(a_correct: ArrayLike, b_correct: ArrayLike) -> McNemarTest:
    """Tests whether two networks are equally accurate on the same images.

    Only images that one network alone read rightly tell them apart. Were the two equally good,
    each of those would be a toss of a fair coin, so the exact p-value is binomial.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947).

    Args:
        a_correct: Whether network A was right, booleans of shape `(n,)`.
        b_correct: Whether network B was, on the same images in the same order.

    Returns:
        The discordant counts and the p-value.

    Raises:
        ValueError: If the two do not cover equally many images.
    """
    outcomes = paired_outcomes(a_correct, b_correct)
    only_a, only_b = len(outcomes.only_a), len(outcomes.only_b)
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, heads) for heads in range(min(only_a, only_b) + 1))
    return McNemarTest(only_a, only_b, min(2 * tail / 2**tosses, 1.0))


def holm_correction(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusts p-values for how many tests were made, by Holm's step-down method.

    Compare the adjusted values with the level you would have used for a single test: the
    chance of even one false alarm among all of them then stays below it.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure",
    Scand. J. Statist. 6 (1979).

    Args:
        p_values: Floats of shape `(m,)` in [0, 1].

    Returns:
        The adjusted values in the same order, float64 of shape `(m,)` in [0, 1].
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values)
    tests_left = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * tests_left), 1.0)
    return adjusted


# --- one training ----------------------------------------------------------------------------


@dataclass(frozen=True)
class FitReading:
    """What a training's curves say at the epoch whose weights were kept.

    Attributes:
        epochs: How many were trained before it stopped.
        best_epoch: The kept one, counted from 1.
        accuracy_gap: Training accuracy less validation accuracy.
        loss_gap: Validation loss less training loss, nats; positive where validation is worse.
        verdict: In one word.
        reason: The rule behind the verdict, with the figures that it was applied to.
    """

    epochs: int
    best_epoch: int
    accuracy_gap: float
    loss_gap: float
    verdict: Literal["overfits", "underfits", "fits"]
    reason: str


def describe_fit(history: Mapping[str, ArrayLike], best_epoch: int) -> FitReading:
    """Reads from a training's curves how well the network fits.

    It overfits if the validation loss is over 1.5 times the training loss; else it underfits
    if it reads under 97% of its own training images; else it fits. Training figures are those
    that Keras logs: with dropout active and averaged over an epoch in which the network still
    changes. They look worse than the network is, so a validation figure better than the
    training one is usual and says nothing; a training figure much better than the validation
    one does. The two thresholds are chosen such that the report's own curves get the verdicts
    that the report gives them in words, but for `fc`: the report sees it "start to overfit" in
    the epochs after the kept one.

    Args:
        history: Arrays `loss`, `accuracy`, `val_loss`, `val_accuracy`, each `(epochs,)`.
        best_epoch: The epoch whose weights were kept, counted from 1.

    Returns:
        The gaps, the verdict and the reason for it.

    Raises:
        ValueError: If the history does not hold that epoch.
    """
    epochs = len(np.asarray(history["loss"]))
    if not 1 <= best_epoch <= epochs:
        raise ValueError(f"The history has epochs 1 to {epochs}. Received: epoch {best_epoch}.")
    loss, accuracy, val_loss, val_accuracy = (
        float(np.asarray(history[column])[best_epoch - 1])
        for column in ("loss", "accuracy", "val_loss", "val_accuracy")
    )
    verdict, reason = _fit_verdict(loss, accuracy, val_loss)
    return FitReading(epochs, best_epoch, accuracy - val_accuracy, val_loss - loss, verdict, reason)


def _fit_verdict(
    loss: float, accuracy: float, val_loss: float
) -> tuple[Literal["overfits", "underfits", "fits"], str]:
    if val_loss > _OVERFIT_LOSS_RATIO * loss:
        return "overfits", (
            f"The validation loss, {val_loss:.4f}, is over {_OVERFIT_LOSS_RATIO} times the "
            f"training loss, {loss:.4f}: not all that it learnt carries over to new images."
        )
    if accuracy < _UNDERFIT_ACCURACY:
        return "underfits", (
            f"It reads {accuracy:.2%} of its own training images (dropout active), under "
            f"{_UNDERFIT_ACCURACY:.0%}: it is too small, or was trained too badly, to learn them."
        )
    return "fits", (
        f"It reads {accuracy:.2%} of its training images, at least {_UNDERFIT_ACCURACY:.0%}, and "
        f"the validation loss, {val_loss:.4f}, is at most {_OVERFIT_LOSS_RATIO} times the "
        f"training loss, {loss:.4f}."
    )
