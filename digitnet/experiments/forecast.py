"""How many epochs a training will have: known before its first, and better with each."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from digitnet.experiments.settings import TrainingSettings

USUAL_BEST_EPOCH = 11  # the median of the report's sixteen


def expect_epochs(
    settings: TrainingSettings, best_epoch: int = 0, report_epochs: int | None = None
) -> int:
    """How many epochs a training will have, as far as can be told.

    The best one is expected when it came in the report, or where the report has no such
    experiment, when it usually comes; a better one that comes later is taken for the last such.
    After it the patience runs.

    Args:
        settings: Of the training.
        best_epoch: The best so far, 0 before the first.
        report_epochs: How many the report's training had; None where it has none.
    """
    if settings.keeps_last:  # so it ends no sooner
        return settings.epochs
    if report_epochs is None:
        expected_best = USUAL_BEST_EPOCH
    else:
        expected_best = report_epochs - TrainingSettings().patience
    return min(settings.epochs, max(best_epoch, expected_best) + settings.patience)


def usual_seconds(seconds: Sequence[float]) -> float:
    """What an epoch usually takes, from those that are finished; 0 while it cannot be told.

    The first takes the time to get ready as well, so it says nothing by itself.
    """
    return statistics.median_low(seconds) if len(seconds) > 1 else 0.0


@dataclass(frozen=True)
class Forecast:
    """How far a training has come, and how far it has to go.

    Args:
        share: What is done of it, 0 to 1; never falls while the training goes on.
        epochs_left: Epochs that are still expected, the rest of the one under way among them.
    """

    share: float
    epochs_left: float


def forecast(
    settings: TrainingSettings,
    scores: Sequence[float],
    part: float = 0.0,
    report_epochs: int | None = None,
) -> Forecast:
    """How far a training has come.

    An epoch takes its part of what was left before it: one of the epochs then expected. While the
    forecast stands, the share is that of the epochs done; when it changes, what is left is divided
    anew, and what is done stays done. One epoch is kept in reserve, where more than are expected
    may come.

    Args:
        settings: Of the training.
        scores: Validation accuracy of each finished epoch.
        part: Share of the epoch that is under way, 0 to 1.
        report_epochs: As for `expect_epochs`.
    """
    left, best_epoch, best_score = 1.0, 0, float("-inf")
    for epoch, score in enumerate([*scores, None]):
        expected = expect_epochs(settings, best_epoch, report_epochs)
        remaining = max(1, min(settings.epochs, expected + 1) - epoch)
        left *= 1 - (part if score is None else 1) / remaining
        if score is not None and score > best_score:
            best_epoch, best_score = epoch + 1, score
    return Forecast(1 - left, max(0.0, expected - len(scores) - part))


def format_duration(seconds: float) -> str:
    """A time for people, such as "40 s", "3 min" or "2.5 h"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
