"""A network that is taught one person's hand: what it goes on from, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from digitnet.runs.files import RunError, is_amount

DRAWINGS = "drawings.jsonl"  # in the folder of a run that was taught: all that it was given
MOST_LOST = 0.001  # of MNIST's validation digits: 5 of 5,000
MOST_MISSED = 0.005  # of made scribbles that it no longer refuses: 5 of 1,000
_ROUNDING = 1e-9  # that 5 of 5,000 are not more than 0.001, nor 5 of 1,000 than 0.005


@dataclass(frozen=True)
class Teaching:
    """What a training that goes on from another run is to learn.

    Args:
        base: Id of the run whose network it goes on from.
        drawings_sha256: Of the drawings that it is given, its file `DRAWINGS`.
    """

    base: str
    drawings_sha256: str

    def __post_init__(self) -> None:
        if not (isinstance(self.base, str) and isinstance(self.drawings_sha256, str)):
            raise TypeError("a teaching names a run and the drawings' hash")


@dataclass(frozen=True)
class Outcome:
    """What came of a teaching, on drawings and images that it has not learnt from.

    Args:
        learnt: Drawings that it learnt from.
        held_out: Drawings that it is judged on.
        misread_before: How many of these the run misread that was current before.
        misread_after: How many of them it misreads itself.
        loss_before: The mean of -log(the right digit's probability) before, nats.
        loss_after: The same of itself.
        mnist_before: Share of MNIST's validation digits that the run reads rightly from which it
            goes on.
        mnist_after: The same of itself.
        refused_before: Share of made scribbles, and digits side by side, that the run from which
            it goes on says are no digit. With `refused_after`, 0 in runs from before they were
            looked at.
        refused_after: The same of itself.

    Raises:
        RunError: If a figure cannot be.
    """

    learnt: int
    held_out: int
    misread_before: int
    misread_after: int
    loss_before: float
    loss_after: float
    mnist_before: float
    mnist_after: float
    refused_before: float = 0.0
    refused_after: float = 0.0

    def __post_init__(self) -> None:
        for name, figure in vars(self).items():
            if not (is_amount(figure) and math.isfinite(figure)):
                raise RunError(f"the outcome of a teaching has a wrong {name}: {figure!r}")

    @classmethod
    def of(cls, values: Any) -> Outcome:
        """The outcome that a result holds; RunError where it is none."""
        try:
            return cls(**values)
        except TypeError as error:
            raise RunError(f"this is no outcome of a teaching: {error}") from None

    @property
    def is_better(self) -> bool:
        """Whether it reads the held-out drawings better: more rightly, or as many and surer."""
        before = self.misread_before, self.loss_before
        return (self.misread_after, self.loss_after) < before

    @property
    def remembers_digits(self) -> bool:
        """Whether it reads MNIST's digits as before, but for `MOST_LOST`."""
        return self.mnist_after >= self.mnist_before - MOST_LOST - _ROUNDING

    @property
    def remembers_scribbles(self) -> bool:
        """Whether it still refuses what is no digit, but for `MOST_MISSED`."""
        return self.refused_after >= self.refused_before - MOST_MISSED - _ROUNDING

    @property
    def is_adopted(self) -> bool:
        """Whether it is to be served in the place of the run before."""
        return self.is_better and self.remembers_digits and self.remembers_scribbles
