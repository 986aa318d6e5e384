"""An experiment: a network layer by layer, how it is trained, and the reason it exists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from digitnet.experiments.layers import Layer
from digitnet.experiments.settings import TrainingSettings


@dataclass(frozen=True)
class Experiment:
    """One of the report's experiments.

    Args:
        name: Short name, as used on the command line and in folders.
        title: What a reader is shown.
        group: "dense" or "convolutional".
        layers: Hidden layers in order; a softmax over the ten digits follows.
        parameters: Trainable parameters, as the report prints them.
        question: What the report wanted to learn from this network.
        conclusion: What the report concluded from it.
        learning_rate: Adam's learning rate in the report.
    """

    name: str
    title: str
    group: str
    layers: tuple[Layer, ...]
    parameters: int
    question: str
    conclusion: str
    learning_rate: float = field(default=0.001)

    @property
    def settings(self) -> TrainingSettings:
        """The report's settings for this experiment."""
        return replace(TrainingSettings(), learning_rate=self.learning_rate)
