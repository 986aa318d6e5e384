"""How well networks read one's own drawings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments import Experiment
from digitnet.runs import OwnDrawing
from digitnet.serving import InferenceError, ModelServer
from digitnet.study.significance import wilson_interval
from digitnet.study.summaries import RunSummary, sort_for_reading

MOST_KNOWN = 500_000  # readings that are remembered


@dataclass(frozen=True, eq=False)
class OwnReading:
    """What a network reads in one's own drawings.

    Args:
        summary: Its current run.
        labels: What they are, int64 (n,); n is 1 at least.
        digits: What it reads, int64 (n,).
        refused: Which it takes for no digit, bool (n,).
    """

    summary: RunSummary
    labels: NDArray
    digits: NDArray
    refused: NDArray

    @property
    def experiment(self) -> Experiment:
        return self.summary.run.experiment

    @property
    def correct(self) -> NDArray:
        """Which drawings it reads rightly, bool (n,)."""
        return self.digits == self.labels

    @property
    def right(self) -> int:
        return int(self.correct.sum())

    @property
    def accuracy(self) -> float:
        return self.right / len(self.labels)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the accuracy: one hand, so that no writers are told apart."""
        return wilson_interval(self.right, len(self.labels))

    @property
    def has_learnt(self) -> bool:
        """Whether it reads its own test digits better than by guessing."""
        return self.summary.has_learnt


class OwnReader:
    """Asks networks about one's own drawings, of each pair of them once.

    Args:
        server: That serves the networks.
    """

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._known: dict[tuple[str | None, float | None, str], tuple[int, bool]] = {}

    def read(
        self, summaries: Iterable[RunSummary], drawings: Sequence[OwnDrawing]
    ) -> list[OwnReading]:
        """What each network reads, the most accurate first; broken networks are left out.

        Args:
            summaries: Whole runs.
            drawings: At least one.
        """
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        labels = np.array([one.label for one in drawings])
        found = []
        for summary in sort_for_reading(summaries):
            try:
                readings = self._read_one(summary, drawings)
            except InferenceError:  # which the Draw page tells
                continue
            digits, refused = map(np.array, zip(*readings, strict=True))
            found.append(OwnReading(summary, labels, digits, refused))
        return sorted(found, key=lambda one: -one.right)

    def _read_one(
        self, summary: RunSummary, drawings: Sequence[OwnDrawing]
    ) -> list[tuple[int, bool]]:
        threshold = summary.run.calibration.threshold
        keys = [(summary.served_sha256, threshold, one.id) for one in drawings]
        known = {key: self._known[key] for key in keys if key in self._known}
        new = [(key, one) for key, one in zip(keys, drawings, strict=True) if key not in known]
        if new:
            images = np.stack([one.image for _, one in new])
            reading = self._server.read(summary.run, images)
            refused = np.zeros(len(new), bool) if reading.is_digit is None else ~reading.is_digit
            digits = reading.probabilities.argmax(axis=1)
            answers = zip(digits.tolist(), refused.tolist(), strict=True)
            known |= dict(zip((key for key, _ in new), answers, strict=True))
            self._known |= known
        return [known[key] for key in keys]


@dataclass(frozen=True, eq=False)
class Misread:
    """A drawing that some networks misread.

    Args:
        drawing: It, with what it is.
        read_as: What it was taken for and by which networks, the commonest first.
    """

    drawing: OwnDrawing
    read_as: dict[int, list[Experiment]]


def list_misread(readings: Sequence[OwnReading], drawings: Sequence[OwnDrawing]) -> list[Misread]:
    """The drawings that are misread: by the best network first, then those by the most.

    Args:
        readings: Of all networks, the best first; those that did not learn say nothing here.
        drawings: What they read.
    """
    learnt = [one for one in readings if one.has_learnt]
    wrong = np.array([~one.correct for one in learnt]).reshape(len(learnt), len(drawings))
    places = [place for place in range(len(drawings)) if wrong[:, place].any()]
    places.sort(key=lambda place: (not wrong[0, place], -wrong[:, place].sum()))
    return [Misread(drawings[place], _group(learnt, place)) for place in places]


def _group(readings: Sequence[OwnReading], place: int) -> dict[int, list[Experiment]]:
    """Which networks misread a drawing as what, the commonest first."""
    groups: dict[int, list[Experiment]] = {}
    for one in readings:
        if not one.correct[place]:
            groups.setdefault(int(one.digits[place]), []).append(one.experiment)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))
