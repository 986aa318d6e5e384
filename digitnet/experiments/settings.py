"""How an experiment is trained."""

from __future__ import annotations

from dataclasses import dataclass, fields

from digitnet.errors import DigitnetError
from digitnet.experiments.datasets import DATASETS

SCHEDULES = ("constant", "cosine")


class SettingsError(DigitnetError):
    """A training setting is out of its range; the message says which and what would do."""


@dataclass(frozen=True)
class TrainingSettings:
    """How an experiment is trained; the defaults are the report's protocol.

    Args:
        dataset: Name of one of `DATASETS`.
        epochs: The most epochs to train, 1 to 10,000.
        learning_rate: Adam's learning rate, above 0 and at most 1; a cosine's highest.
        batch_size: Images a step, 1 to 8,192.
        patience: Stop when validation accuracy has not risen for this many epochs, 1 or more.
        seed: Seed of the initial weights, dropout and the order of images, 0 or more.
        schedule: The learning rate over the steps: "constant", or "cosine", which falls to 0 over
            all epochs; then there is no early stop, and the last epoch's weights are kept.
        warm_up: Steps in which a cosine first rises, 0 to 100,000.
        weight_decay: Of AdamW, 0 to 1; 0 leaves it Adam.
        label_smoothing: Share of each label that is spread over all outputs, 0 to 0.5.

    Raises:
        SettingsError: If a value is out of its range.
    """

    dataset: str = "mnist"
    epochs: int = 100
    learning_rate: float = 0.001
    batch_size: int = 128
    patience: int = 3
    seed: int = 1
    schedule: str = "constant"
    warm_up: int = 0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0

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
        if self.schedule not in SCHEDULES:
            known = " or ".join(SCHEDULES)
            raise SettingsError(f"schedule must be {known}: {self.schedule!r}")
        _require_integer("warm up", self.warm_up, 0, 100_000)
        _require_share("weight decay", self.weight_decay, 1)
        _require_share("label smoothing", self.label_smoothing, 0.5)

    @property
    def keeps_last(self) -> bool:
        """Whether each epoch is better than all before: a cosine's, which is best at its end."""
        return self.schedule == "cosine"

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


def _require_share(name: str, value: object, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise SettingsError(f"{name} must be from 0 to {most:g}: {value!r}")
