"""How an experiment is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields

from digitnet.errors import DigitnetError
from digitnet.experiments.datasets import DATASETS


class SettingsError(DigitnetError):
    """A training setting is out of its range; the message says which and what would do."""


@dataclass(frozen=True)
class TrainingSettings:
    """How an experiment is trained; the defaults are the report's protocol.

    Args:
        dataset: Name of one of `DATASETS`.
        epochs: The most epochs to train, 1 to 10,000.
        learning_rate: Adam's learning rate, above 0 and at most 1.
        batch_size: Images a step, 1 to 8,192.
        patience: Stop when validation accuracy has not risen for this many epochs, 1 or more.
        seed: Seed of the initial weights, dropout and the order of images, 0 or more.

    Raises:
        SettingsError: If a value is out of its range.
    """

    dataset: str = "mnist"
    epochs: int = 100
    learning_rate: float = 0.001
    batch_size: int = 128
    patience: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise SettingsError(f"dataset must be one of {', '.join(DATASETS)}: {self.dataset!r}")
        _require_integer("epochs", self.epochs, 1, 10_000)
        _require_integer("batch size", self.batch_size, 1, 8_192)
        _require_integer("patience", self.patience, 1, 10_000)
        _require_integer("seed", self.seed, 0, 2**31 - 1)
        rate = self.learning_rate
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1:
            raise SettingsError(f"learning rate must be above 0 and at most 1: {rate!r}")

    @classmethod
    def from_dict(cls, values: dict) -> TrainingSettings:
        """Settings from a dictionary such as a run's request holds; unknown keys are refused."""
        unknown = set(values) - {one.name for one in fields(cls)}
        if unknown:
            raise SettingsError(f"unknown settings: {', '.join(sorted(unknown))}")
        return cls(**values)


def _require_integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingsError(f"{name} must be a whole number from {low:,} to {high:,}: {value!r}")
