"""The offline sample in MNIST's place."""

from __future__ import annotations

import numpy as np
import pytest

from digitnet.digits import (
    HANDWRITING,
    Digits,
    datasets,
    learnt,
    load_digits,
    material,
    teaching,
    unlearnt,
)
from digitnet.digits.handwriting import dealing

TRAIN, ALL = 6_000, 7_000  # a tenth of MNIST's official training images, and of all


def put_sample_for_mnist(monkeypatch: pytest.MonkeyPatch, held_out: int) -> Digits:
    """Whoever loads MNIST gets the sample, over and over, and holds out so many images of it.

    It is a tenth as large as MNIST, of which each training and export would read 7,000 images.
    """
    sample = load_digits("sample")
    at = np.arange(ALL) % len(sample.labels)
    mnist = Digits(sample.images[at], sample.labels[at])
    for name in ("mnist", HANDWRITING):
        monkeypatch.setitem(datasets._LOADERS, name, lambda progress: mnist)
    for module in (dealing, material):
        monkeypatch.setattr(module, "MNIST_TRAIN", TRAIN)
    for module in (material, unlearnt, learnt, teaching):
        monkeypatch.setattr(module, "HELD_OUT_IMAGES", held_out)
    return mnist
