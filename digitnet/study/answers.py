"""What runs said of their test digits, read once for as long as the files are the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.errors import DigitnetError
from digitnet.runs import PROBABILITIES, Run, RunError, Signature
from digitnet.serving import temper
from digitnet.study.scores import GUESSING, evaluate_predictions


class DifferentDigitsError(DigitnetError):
    """Two runs were not tested on the same digits; the message is a sentence for the user."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a run said of its test digits.

    Args:
        run: The run.
        probabilities: float32 (n, 10).
        labels: True digits, uint8 (n,).
        index: Each digit's position in the whole data set, int64 (n,).
        scores: As `evaluate_predictions` returns them.
    """

    run: Run
    probabilities: NDArray
    labels: NDArray
    index: NDArray
    scores: dict[str, Any]

    @property
    def dataset(self) -> str:
        return self.run.tested_on

    @cached_property
    def readings(self) -> NDArray:
        """The digit read in each image, int64 (n,)."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def correct(self) -> NDArray:
        """Which digits were read rightly, bool (n,)."""
        return self.readings == self.labels

    @property
    def has_learnt(self) -> bool:
        """Whether it reads its test digits better than by guessing."""
        return bool(self.correct.mean() > GUESSING)

    @cached_property
    def calibrated(self) -> NDArray | None:
        """The probabilities as they are served, float32 (n, 10); None if nothing was fitted."""
        temperature = self.run.calibration.temperature
        return None if temperature == 1 else temper(self.probabilities, temperature)

    @property
    def counts(self) -> NDArray:
        """The confusion matrix, int64 (10, 10), rows true."""
        return np.array(self.scores["confusion"])

    @cached_property
    def digits(self) -> str:
        """A fingerprint of the test digits and their order.

        The index alone does not tell one data set from another; with the labels it does.
        """
        content = self.index.astype(np.int64).tobytes() + self.labels.tobytes()
        return hashlib.sha256(content).hexdigest()

    def shares_digits_with(self, other: Answers) -> bool:
        """Whether both were tested on the same digits in the same order."""
        return self.digits == other.digits


def load_answers(run: Run) -> Answers:
    """Reads what a finished run said of its test digits.

    Raises:
        RunError: If the run is broken.
    """
    return _read_answers(run, run.signature)


@lru_cache(maxsize=64)  # of about 0.3 MB each
def _read_answers(run: Run, _: Signature) -> Answers:
    fresh = Run(run.experiment, run.stamp, run.folder)  # a Run remembers what it has read
    probabilities, labels, index = fresh.test_predictions()
    try:
        scores = evaluate_predictions(labels, probabilities)
    except ValueError as error:
        raise RunError(f"{PROBABILITIES} holds what cannot be: {error}") from None
    return Answers(fresh, probabilities, labels, index, scores)
