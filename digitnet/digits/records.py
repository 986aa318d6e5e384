"""What a data set holds, and why it cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from digitnet.errors import DigitnetError

DownloadListener = Callable[[int, int], None]


class DataError(DigitnetError):
    """The digits cannot be had; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of handwritten digits and what they show.

    Attributes:
        images: uint8 (n, 28, 28), 0 background to 255 ink.
        labels: uint8 (n,), 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray
