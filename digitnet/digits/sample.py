"""The small offline sample."""

from __future__ import annotations

import numpy as np

from digitnet.digits.records import Digits


def load_sample() -> Digits:
    """Loads the 1,797 digits that come with scikit-learn, in MNIST's manner; needs no network.

    They are 8x8 in 17 greys: the test part of UCI's "Optical Recognition of Handwritten Digits".
    """
    from sklearn.datasets import load_digits as load_bundled

    bundled = load_bundled()
    images = np.stack([_enlarge(image) for image in bundled.images])
    return Digits(images, bundled.target.astype(np.uint8))


def _enlarge(image: np.ndarray) -> np.ndarray:
    """Brings an 8x8 digit (0 to 16) to MNIST's 28x28 (0 to 255).

    As in MNIST, it is 20 pixels tall and its centre of mass is moved by whole pixels to where
    MNIST's digits have theirs: within half a pixel of row and column 14.
    """
    from PIL import Image

    grey = Image.fromarray(image.astype(np.float32) / 16)
    box = np.asarray(grey.resize((20, 20), Image.Resampling.LANCZOS))
    ink = np.clip((box - 0.35) / 0.5, 0, 1)  # as sharp as MNIST, and as much ink (13% and 14%)
    total = ink.sum()
    row = ink.sum(axis=1) @ np.arange(20) / total
    column = ink.sum(axis=0) @ np.arange(20) / total
    top, left = round(14 - row), round(14 - column)
    field = np.zeros((28, 28), np.uint8)
    field[top : top + 20, left : left + 20] = np.round(255 * ink)
    return field
