"""An experiment: a network layer by layer, how it is trained, and the reason it exists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from digitnet.experiments.costs import LayerCost, cost_layers
from digitnet.experiments.layers import CLASSES, Convolution, Layer
from digitnet.experiments.settings import TrainingSettings


@dataclass(frozen=True)
class Group:
    """Experiments that are shown together.

    Args:
        name: As records name it.
        title: What a reader is shown.
        symbol: The mark of its networks in charts, one of Plotly's.
    """

    name: str
    title: str
    symbol: str


DENSE = Group("dense", "Dense networks", "square")
CONVOLUTIONAL = Group("convolutional", "Convolutional networks", "circle")
HANDWRITING = Group("handwriting", "For real handwriting", "star")
OWN = Group("own", "Yours", "diamond")
GROUPS = (HANDWRITING, DENSE, CONVOLUTIONAL, OWN)  # in the order in which they are shown

# Multiply-adds of one image: four networks need more, and each takes longer than any other.
LARGE = 30e6


@dataclass(frozen=True)
class Experiment:
    """A network, how it is trained, and why.

    Args:
        name: Short name, as used on the command line and in folders.
        title: What a reader is shown.
        group: What it is shown with.
        layers: Hidden layers in order; a softmax over the ten digits follows.
        colour: Its colour on every page, "#rrggbb".
        question: What is to be learnt from this network.
        conclusion: What the report concluded from it; empty where the report has none.
        learning_rate: Adam's learning rate.
        dataset: The data set that it is meant for.
        refuses: Whether an eleventh output says that it is no digit.
        protocol: How it is trained, as far as that is not the report's: `TrainingSettings` by name.
    """

    name: str
    title: str
    group: Group
    layers: tuple[Layer, ...]
    colour: str
    question: str
    conclusion: str = ""
    learning_rate: float = 0.001
    dataset: str = "mnist"
    refuses: bool = False
    protocol: tuple[tuple[str, Any], ...] = ()

    def __hash__(self) -> int:  # that of all layers would be taken at every look-up
        return hash(self.name)

    @cached_property
    def settings(self) -> TrainingSettings:
        """How it is meant to be trained; the report's settings for the report's experiments."""
        own = dict(self.protocol)
        return TrainingSettings(dataset=self.dataset, learning_rate=self.learning_rate, **own)

    @property
    def outputs(self) -> int:
        """Probabilities that it gives: the ten digits', and perhaps that of no digit."""
        return CLASSES + self.refuses

    @cached_property
    def costs(self) -> list[LayerCost]:
        """The costs of every layer in order, the softmax over the outputs included."""
        return cost_layers(self.layers, self.outputs)

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters, the softmax included."""
        return sum(cost.parameters for cost in self.costs)

    @cached_property
    def multiply_adds(self) -> int:
        """Multiplications with addition for one image's forward pass."""
        return sum(cost.multiply_adds for cost in self.costs)

    @property
    def is_large(self) -> bool:
        """Whether it takes its time for an image."""
        return self.multiply_adds > LARGE

    @property
    def is_own(self) -> bool:
        """Whether the user made it."""
        return self.group == OWN

    @property
    def is_convolutional(self) -> bool:
        """Whether any layer is a convolution."""
        return any(isinstance(layer, Convolution) for layer in self.layers)
