"""Every figure of `evaluation` against an independent oracle or a case worked by hand."""

import json
import warnings

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from digitnet.report import load_report_history
from digitnet.study.fit import describe_fit
from digitnet.study.scores import (
    calibration_error,
    confusion_counts,
    evaluate_predictions,
    reliability_curve,
    roc_curves,
    worst_confusions,
)
from digitnet.study.significance import (
    clustered_accuracy_interval,
    holm_correction,
    mcnemar_exact,
    paired_outcomes,
    wilson_interval,
)

DIGITS = range(10)


def made_up_network(size: int = 1000, skill: float = 4.0, seed: int = 0):
    """Labels and the float32 softmax outputs of a network that is right more often than not."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=size)
    logits = rng.normal(scale=2, size=(size, 10))
    logits[np.arange(size), labels] += skill
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    return labels, probabilities.astype(np.float32)


def sure_network(labels, predictions, confidence: float = 0.91):
    """Probabilities of a network that gives each prediction the same confidence."""
    probabilities = np.full((len(labels), 10), (1 - confidence) / 9)
    probabilities[np.arange(len(labels)), predictions] = confidence
    return probabilities


def test_figures_agree_with_scikit_learn():
    labels, probabilities = made_up_network()
    predictions = probabilities.argmax(axis=1)
    figures = evaluate_predictions(labels, probabilities)

    assert figures["size"] == 1000
    assert figures["accuracy"] == metrics.accuracy_score(labels, predictions)
    assert figures["confusion"] == metrics.confusion_matrix(labels, predictions).tolist()
    for average in ("micro", "macro"):
        expected = metrics.f1_score(labels, predictions, average=average)
        assert figures[f"f1_{average}"] == pytest.approx(expected, abs=1e-12)

    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, predictions)
    for digit, found in zip(DIGITS, figures["digits"], strict=True):
        one_against_rest = labels == digit
        hard = metrics.roc_auc_score(one_against_rest, predictions == digit)
        soft = metrics.roc_auc_score(one_against_rest, probabilities[:, digit])
        assert found == {
            "digit": digit,
            "precision": pytest.approx(precision[digit], abs=1e-12),
            "recall": pytest.approx(recall[digit], abs=1e-12),
            "f1": pytest.approx(f1[digit], abs=1e-12),
            "auc_hard": pytest.approx(hard, abs=1e-12),
            "auc": pytest.approx(soft, abs=1e-12),
        }


@pytest.mark.slow
def test_loss_precision_and_recall_agree_with_keras():
    keras = pytest.importorskip("keras")
    labels, probabilities = made_up_network(skill=2.0)
    probabilities[:50] = sure_network(labels[:50], labels[:50], confidence=1.0)  # clipped at 1
    probabilities[50:60] = sure_network(labels[50:60], (labels[50:60] + 1) % 10, 1.0)  # and at 0
    probabilities[60] = np.eye(10)[3] / 2 + np.eye(10)[7] / 2  # 0.5 does not exceed 0.5
    one_hot = np.eye(10, dtype=np.float32)[labels]
    figures = evaluate_predictions(labels, probabilities)

    for name, metric in {
        "loss": keras.metrics.CategoricalCrossentropy(),
        "accuracy": keras.metrics.CategoricalAccuracy(),
        "precision": keras.metrics.Precision(),
        "recall": keras.metrics.Recall(),
    }.items():
        metric.update_state(one_hot, probabilities)
        assert figures[name] == pytest.approx(float(metric.result()), rel=1e-5), name


def test_absent_digits_have_no_figures_and_the_result_is_strict_json():
    labels = np.array([0, 0, 1, 1, 2])
    predictions = np.array([0, 1, 1, 1, 3])
    figures = evaluate_predictions(labels, sure_network(labels, predictions))
    digits = figures["digits"]

    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert digits[9] == {"digit": 9} | dict.fromkeys(
        ("precision", "recall", "f1", "auc_hard", "auc")
    )
    assert (digits[2]["precision"], digits[2]["recall"]) == (None, 0.0)  # never predicted
    assert (digits[3]["precision"], digits[3]["recall"]) == (0.0, None)  # never there
    with warnings.catch_warnings(action="ignore"):
        assert figures["f1_macro"] == pytest.approx(
            metrics.f1_score(labels, predictions, average="macro")
        )


def test_one_digit_alone_has_no_area_under_its_curve():
    figures = evaluate_predictions([4, 4], sure_network([4, 4], [4, 4]))
    assert (figures["digits"][4]["f1"], figures["digits"][4]["auc"]) == (1.0, None)
    assert roc_curves([4, 4], sure_network([4, 4], [4, 4])) == {}


@pytest.mark.parametrize(
    ("labels", "probabilities", "complaint"),
    [
        ([], np.empty((0, 10)), "nothing to evaluate"),
        ([1, 2], np.full((3, 10), 0.1), r"Received: \(2,\) and \(3, 10\)"),
        ([1], np.full((1, 9), 1 / 9), r"Received: \(1,\) and \(1, 9\)"),
        ([10], np.full((1, 10), 0.1), "digits, 0 to 9"),
        ([1], np.full((1, 10), np.nan), "sum to 1"),
        ([1], np.full((1, 10), 0.2), "sum to 1"),
        ([1], [[-1, 2, 0, 0, 0, 0, 0, 0, 0, 0]], "not be negative"),
    ],
)
def test_wrong_input_is_refused(labels, probabilities, complaint):
    with pytest.raises(ValueError, match=complaint):
        evaluate_predictions(labels, probabilities)


def test_worst_confusions():
    labels = [4, 4, 4, 7, 7, 1, 1, 9]
    predictions = [9, 9, 4, 1, 1, 7, 1, 4]
    assert confusion_counts(labels, predictions).sum() == 8
    assert worst_confusions(labels, predictions) == [(4, 9, 2), (7, 1, 2), (1, 7, 1), (9, 4, 1)]
    assert worst_confusions(labels, predictions, most=1) == [(4, 9, 2)]


@pytest.mark.parametrize("successes", [0, 1, 6816, 6999, 7000])
def test_wilson_interval_agrees_with_scipy(successes):
    expected = binomtest(successes, 7000).proportion_ci(method="wilson")
    assert wilson_interval(successes, 7000) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("counts", [(0, 0), (8, 7), (-1, 7)])
def test_wilson_interval_refuses_impossible_counts(counts):
    with pytest.raises(ValueError, match="positive total"):
        wilson_interval(*counts)


def test_clustered_interval_of_equal_writers_is_that_of_their_accuracies():
    """Writers with as many drawings each: the mean accuracy of n writers is near normal."""
    rng = np.random.default_rng(3)
    writers, drawings = 200, 25
    accuracy_of = rng.uniform(0.6, 1.0, size=writers)
    correct = rng.random((writers, drawings)) < accuracy_of[:, None]
    of_writer = correct.mean(axis=1)
    low, high = clustered_accuracy_interval(
        correct.ravel(), np.repeat([f"w{i}" for i in range(writers)], drawings)
    )
    margin = 1.96 * of_writer.std() / np.sqrt(writers)
    assert low == pytest.approx(of_writer.mean() - margin, abs=0.1 * margin)
    assert high == pytest.approx(of_writer.mean() + margin, abs=0.1 * margin)


def test_clustered_interval_is_wider_than_an_independent_one_and_seeded():
    correct = np.repeat([True, True, True, False], 25)  # one of four writers is never read
    writers = np.repeat([1, 2, 3, 4], 25)
    low, high = clustered_accuracy_interval(correct, writers)
    alone_low, alone_high = wilson_interval(75, 100)
    assert low < alone_low < alone_high < high
    assert clustered_accuracy_interval(correct, writers) == (low, high)


def test_clustered_interval_weighs_writers_by_their_drawings():
    assert clustered_accuracy_interval([True] * 5, [0, 0, 0, 0, 1]) == (1.0, 1.0)
    # Drawing writer 0 or 1 twice gives 1 or 0, each in a quarter of the resamples; both, 4/5.
    assert clustered_accuracy_interval([1, 1, 1, 1, 0], [0, 0, 0, 0, 1]) == (0.0, 1.0)


def test_one_writer_has_no_clustered_interval():
    with pytest.raises(ValueError, match="at least two"):
        clustered_accuracy_interval([True, False], ["a", "a"])


@pytest.mark.parametrize("decimals", [8, 2])  # two decimals: many ties
def test_roc_curves_agree_with_scikit_learn(decimals):
    labels, probabilities = made_up_network(skill=2.0)
    probabilities = probabilities.round(decimals)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    curves = roc_curves(labels, probabilities)
    assert list(curves) == list(DIGITS)
    for digit, curve in curves.items():
        false, true, _ = metrics.roc_curve(labels == digit, probabilities[:, digit])
        assert np.interp(false, curve.false_positive_rate, curve.true_positive_rate) == (
            pytest.approx(np.interp(false, false, true))
        )
        thinned = metrics.auc(curve.false_positive_rate, curve.true_positive_rate)
        assert curve.area == pytest.approx(metrics.auc(false, true), abs=1e-12)
        assert thinned == pytest.approx(curve.area, abs=1e-12)
        assert len(curve.true_positive_rate) <= len(true)
        assert curve.false_positive_rate[[0, -1]].tolist() == [0, 1]


def test_reliability_curve_of_a_worked_case():
    labels = np.array([0, 0, 0, 0, 0])
    predictions = np.array([0, 0, 0, 1, 1])
    probabilities = np.concatenate(
        [
            sure_network(labels[:2], predictions[:2], confidence=1.0),
            sure_network(labels[2:4], predictions[2:4], confidence=0.8),
            sure_network(labels[4:], predictions[4:], confidence=0.75),
        ]
    )
    curve = reliability_curve(labels, probabilities, bins=10)
    # 0.75 and 0.8 share the bin (0.7, 0.8]: an edge belongs to the bin below it.
    assert curve.sizes.tolist() == [3, 2]
    assert curve.confidence == pytest.approx([(0.8 + 0.8 + 0.75) / 3, 1.0])
    assert curve.accuracy == pytest.approx([1 / 3, 1.0])


def test_reliability_agrees_with_scikit_learn():
    labels, probabilities = made_up_network()
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    accuracy, mean_confidence = calibration_curve(correct, confidence, n_bins=15)
    curve = reliability_curve(labels, probabilities)
    assert curve.accuracy == pytest.approx(accuracy)
    assert curve.confidence == pytest.approx(mean_confidence)


def test_calibration_error():
    labels = np.zeros(100, int)
    predictions = np.repeat([0, 1], [70, 30])
    calibrated = sure_network(labels, predictions, confidence=0.7)
    overconfident = sure_network(labels, predictions, confidence=0.95)
    assert calibration_error(labels, calibrated) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(labels, overconfident) == pytest.approx(0.25)
    assert evaluate_predictions(labels, overconfident)["calibration_error"] == pytest.approx(0.25)


def test_paired_outcomes_hold_each_image_once():
    outcomes = paired_outcomes([1, 1, 0, 0, 1], [1, 0, 1, 0, 1])
    assert [cell.tolist() for cell in outcomes] == [[0, 4], [1], [2], [3]]
    with pytest.raises(ValueError, match="same images"):
        paired_outcomes([1, 0], [1])


def discordant(only_a: int, only_b: int):
    a = np.repeat([True, True, False, False], [50, only_a, only_b, 5])
    b = np.repeat([True, False, True, False], [50, only_a, only_b, 5])
    return a, b


@pytest.mark.parametrize("counts", [(31, 12), (12, 31), (0, 8), (7, 7), (1500, 1400)])
def test_mcnemar_agrees_with_scipys_binomial_test(counts):
    result = mcnemar_exact(*discordant(*counts))
    assert (result.only_a, result.only_b) == counts
    assert result.p_value == pytest.approx(binomtest(counts[0], sum(counts)).pvalue, rel=1e-9)


def test_mcnemar_of_worked_cases():
    # One alone against five: 2 (1 + 6) / 2**6.
    assert mcnemar_exact(*discordant(1, 5)).p_value == 14 / 64
    assert mcnemar_exact(*discordant(0, 0)).p_value == 1.0


def test_holm_correction_of_a_worked_case():
    # In order: 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04, none below the one before it.
    assert holm_correction([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_correction([0.6, 0.4]) == pytest.approx([0.8, 0.8])
    assert holm_correction([0.7, 0.9]).max() == 1.0
    assert holm_correction([]).shape == (0,)


def kept_epoch(history) -> int:
    return int(history["val_accuracy"].argmax()) + 1


# What the report says of each network in words; of the rest it says neither.
VERDICTS_IN_THE_REPORT = {
    "fc_small": "underfits",
    "fc_large": "overfits",
    "fc_narrow": "underfits",
    "fc_wide": "overfits",
    "cnn": "fits",
    "cnn_long": "fits",
    "cnn_min": "underfits",
    "cnn_max": "overfits",
    "cnn_pool5": "underfits",
}


@pytest.mark.parametrize(("experiment", "verdict"), VERDICTS_IN_THE_REPORT.items())
def test_fit_reading_of_the_reports_curves_is_the_reports(experiment, verdict):
    history = load_report_history(experiment)
    assert describe_fit(history, kept_epoch(history)).verdict == verdict


def test_fit_reading_names_gaps_and_rule():
    history = load_report_history("fc_large")
    fit = describe_fit(history, 14)
    assert (fit.epochs, fit.best_epoch) == (17, 14)
    assert fit.accuracy_gap == pytest.approx(0.9965 - 0.9844)
    assert fit.loss_gap == pytest.approx(0.0809 - 0.0117)
    assert "0.0809, is over 1.5 times the training loss, 0.0117" in fit.reason
    with pytest.raises(ValueError, match="epochs 1 to 17"):
        describe_fit(history, 18)
