"""The report's own way of training: stock `compile` and `fit` on NumPy arrays."""

from __future__ import annotations

import keras
import numpy as np

from digitnet.digits import Digits
from digitnet.experiments import Experiment
from digitnet.training.architectures import build_model


def build_stock(experiment: Experiment) -> keras.Sequential:
    """The network compiled as in the report: Adam, accuracy, precision and recall."""
    model = build_model(experiment)
    model.compile(
        loss="categorical_crossentropy",
        optimizer=keras.optimizers.Adam(experiment.learning_rate),
        metrics=["accuracy", keras.metrics.Precision(), keras.metrics.Recall()],
    )
    return model


def stock_arrays(digits: Digits) -> tuple[np.ndarray, np.ndarray]:
    """Float32 images (n, 28, 28, 1) in [0, 1] and one-hot labels (n, 10)."""
    images = digits.images.astype("float32")[..., None] / 255
    return images, keras.utils.to_categorical(digits.labels, 10)
