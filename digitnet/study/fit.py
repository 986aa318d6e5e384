"""What a training curve says: over- or underfitting, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

_OVERFIT_LOSS_RATIO = 1.5
_UNDERFIT_ACCURACY = 0.97


@dataclass(frozen=True)
class Fit:
    """What a training's curves say at the epoch whose weights were kept.

    Attributes:
        epochs: How many were trained before it stopped.
        best_epoch: The kept one, counted from 1.
        accuracy_gap: Training accuracy less validation accuracy.
        loss_gap: Validation loss less training loss, nats; positive where validation is worse.
        verdict: In one word.
        reason: The rule behind the verdict, with the figures that it was applied to.
    """

    epochs: int
    best_epoch: int
    accuracy_gap: float
    loss_gap: float
    verdict: Literal["overfits", "underfits", "fits"]
    reason: str


def describe_fit(history: Mapping[str, ArrayLike], best_epoch: int) -> Fit:
    """Reads from a training's curves how well the network fits.

    It overfits if the validation loss is over 1.5 times the training loss; else it underfits
    if the training accuracy is under 97%; else it fits. Training figures are those
    that Keras logs: with dropout active and averaged over an epoch in which the network still
    changes. They look worse than the network is, so a validation figure better than the
    training one is usual and says nothing; a training figure much better than the validation
    one does. The two thresholds are chosen such that the report's own curves get the verdicts
    that the report gives them in words, but for `fc`: the report sees it "start to overfit" in
    the epochs after the kept one.

    Args:
        history: Arrays `loss`, `accuracy`, `val_loss`, `val_accuracy`, each `(epochs,)`.
        best_epoch: The epoch whose weights were kept, counted from 1.

    Returns:
        The gaps, the verdict and the reason for it.

    Raises:
        ValueError: If the history does not hold that epoch.
    """
    epochs = len(np.asarray(history["loss"]))
    if not 1 <= best_epoch <= epochs:
        raise ValueError(f"The history has epochs 1 to {epochs}. Received: epoch {best_epoch}.")
    loss, accuracy, val_loss, val_accuracy = (
        float(np.asarray(history[column])[best_epoch - 1])
        for column in ("loss", "accuracy", "val_loss", "val_accuracy")
    )
    verdict, reason = _fit_verdict(loss, accuracy, val_loss)
    return Fit(epochs, best_epoch, accuracy - val_accuracy, val_loss - loss, verdict, reason)


def _fit_verdict(
    loss: float, accuracy: float, val_loss: float
) -> tuple[Literal["overfits", "underfits", "fits"], str]:
    if val_loss > _OVERFIT_LOSS_RATIO * loss:
        return "overfits", (
            f"The validation loss, {val_loss:.4f}, is over {_OVERFIT_LOSS_RATIO} times the "
            f"training loss, {loss:.4f}: not all that it learnt carries over to new images."
        )
    if accuracy < _UNDERFIT_ACCURACY:
        return "underfits", (
            f"The training accuracy that was logged, {accuracy:.2%}, is under "
            f"{_UNDERFIT_ACCURACY:.0%}."
        )
    return "fits", (
        f"The training accuracy that was logged, {accuracy:.2%}, is at least "
        f"{_UNDERFIT_ACCURACY:.0%}, and the validation loss, {val_loss:.4f}, is at most "
        f"{_OVERFIT_LOSS_RATIO} times the training loss, {loss:.4f}."
    )
