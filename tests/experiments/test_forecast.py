"""How many epochs a training will have, and how far it has come: over trainings made up here."""

import itertools
import random

import pytest

from digitnet.experiments import TrainingSettings, expect_epochs, forecast

SCORES = {
    "improves in every epoch": lambda epoch: epoch / 1000,
    "is best in the first": lambda epoch: -epoch,
    "improves in the last epoch of the patience": lambda epoch: epoch // 3,
    "has its best when the report had": lambda epoch: -abs(epoch - 9),
    "is chance": lambda epoch: random.Random(epoch).random(),
}


def train(settings, score):
    """The scores of a training that stops as trainings do."""
    scores, best_epoch = [], 0
    while len(scores) < settings.epochs and len(scores) - best_epoch < settings.patience:
        scores.append(score(len(scores) + 1))
        if scores[-1] > max(scores[:-1], default=float("-inf")):
            best_epoch = len(scores)
    return scores


def shares_of(settings, scores, report_epochs, steps=4):
    """The share that is shown at every step of a training."""
    return [
        forecast(settings, scores[:epoch], step / steps, report_epochs).share
        for epoch in range(len(scores))
        for step in range(steps + 1)
    ]


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("report_epochs", [None, 12, 57])
@pytest.mark.parametrize("patience", [1, 3, 40])
@pytest.mark.parametrize("epochs", [1, 2, 30, 100])
def test_the_share_never_falls(epochs, patience, report_epochs, score):
    settings = TrainingSettings(epochs=epochs, patience=patience)
    scores = train(settings, score)
    shares = shares_of(settings, scores, report_epochs)
    assert all(before <= after + 1e-12 for before, after in itertools.pairwise(shares))
    at_epochs = [share for share in shares[::5] if share < 0.999]
    assert at_epochs == sorted(set(at_epochs))  # it is not stuck either, unless all but whole
    assert shares[0] == 0
    if len(scores) == epochs:
        assert shares[-1] == 1


@pytest.mark.parametrize("epochs", [1, 5, 12])
def test_the_share_is_that_of_the_epochs_when_these_are_used_up(epochs):
    settings = TrainingSettings(epochs=epochs, patience=40)
    scores = train(settings, SCORES["improves in every epoch"])
    expected = [(epoch + step / 4) / epochs for epoch in range(epochs) for step in range(5)]
    assert shares_of(settings, scores, None) == pytest.approx(expected)


def test_a_training_like_the_reports_has_an_even_share():
    settings = TrainingSettings()
    scores = train(settings, SCORES["has its best when the report had"])
    assert len(scores) == 12
    expected = [(epoch + step / 4) / 13 for epoch in range(12) for step in range(5)]
    assert shares_of(settings, scores, 12) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "best_epoch", "report_epochs", "epochs"),
    [
        (TrainingSettings(), 0, 12, 12),
        (TrainingSettings(), 4, 12, 12),
        (TrainingSettings(), 30, 12, 33),
        (TrainingSettings(patience=40), 0, 12, 49),
        (TrainingSettings(epochs=30, patience=40), 0, 12, 30),
        (TrainingSettings(epochs=1), 0, 12, 1),
        (TrainingSettings(), 0, None, 14),
        (TrainingSettings(), 30, None, 33),
        (TrainingSettings(epochs=5), 0, None, 5),
        (TrainingSettings(epochs=50, schedule="cosine"), 0, None, 50),
        (TrainingSettings(epochs=50, schedule="cosine", patience=3), 20, 12, 50),
    ],
)
def test_the_epochs_that_are_expected(settings, best_epoch, report_epochs, epochs):
    assert expect_epochs(settings, best_epoch, report_epochs) == epochs
    scores = [float(epoch <= best_epoch) + epoch / 1000 for epoch in range(1, best_epoch + 1)]
    left = forecast(settings, scores, 0.25, report_epochs).epochs_left
    assert left == pytest.approx(max(0, epochs - best_epoch - 0.25))
