"""What an experiment costs, from its layers alone: shapes, parameters, arithmetic, memory.

Pure arithmetic over `experiments`, so that a page can say it without loading Keras.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from digitnet.experiments.layers import (
    CLASSES,
    IMAGE_SHAPE,
    AveragePool,
    Convolution,
    Dense,
    Flatten,
    MaxPool,
)
from digitnet.experiments.records import Experiment

CONVOLUTION_WINDOW = 3


@dataclass(frozen=True)
class LayerCost:
    """One layer of a network on one image.

    Args:
        name: The layer as it reads in the experiment, such as "conv 32".
        output_shape: Shape of its output for one image.
        parameters: Trainable parameters.
        multiply_adds: Multiplications with addition in one forward pass.
    """

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def layer_costs(experiment: Experiment) -> list[LayerCost]:
    """The costs of every layer in order, the softmax over the digits included."""
    costs: list[LayerCost] = []
    shape: tuple[int, ...] = IMAGE_SHAPE
    for layer in (*experiment.layers, Dense(CLASSES)):
        output = _output_shape(layer, shape)
        fan_in = _fan_in(layer, shape)
        parameters = (fan_in + 1) * output[-1] if fan_in else 0
        costs.append(LayerCost(str(layer), output, parameters, fan_in * math.prod(output)))
        shape = output
    return costs


def _output_shape(layer: object, shape: tuple[int, ...]) -> tuple[int, ...]:
    match layer:
        case Dense(units):
            return (*shape[:-1], units)
        case Convolution(filters):
            rows, columns, _ = shape
            shrink = CONVOLUTION_WINDOW - 1
            return (rows - shrink, columns - shrink, filters)
        case MaxPool(window, stride) | AveragePool(window, stride):
            rows, columns, channels = shape
            return ((rows - window) // stride + 1, (columns - window) // stride + 1, channels)
        case Flatten():
            return (math.prod(shape),)
        case _:
            return shape


def _fan_in(layer: object, shape: tuple[int, ...]) -> int:
    """Values that one output of the layer is a weighted sum of; 0 without weights."""
    match layer:
        case Dense():
            return shape[-1]
        case Convolution():
            return CONVOLUTION_WINDOW**2 * shape[-1]
        case _:
            return 0


def multiply_adds(experiment: Experiment) -> int:
    """Multiplications with addition for one image's forward pass."""
    return sum(cost.multiply_adds for cost in layer_costs(experiment))


def pixel_features(experiment: Experiment) -> int:
    """How many values the dense layers before Flatten make of each pixel."""
    flatten = experiment.layers.index(Flatten())
    return layer_costs(experiment)[flatten - 1].output_shape[-1]


def folded_parameters(experiment: Experiment, rank: int) -> int:
    """Parameters of a dense network once its pixels' features are projected onto what they span.

    The projection adds (features + 1) x rank parameters; the layer after Flatten loses its
    weights for the dimensions that are gone.

    Args:
        experiment: A dense network, with layers before and after Flatten.
        rank: Dimensions kept of each pixel.
    """
    features = pixel_features(experiment)
    units = layer_costs(experiment)[experiment.layers.index(Flatten()) + 1].output_shape[-1]
    fewer_inputs = math.prod(IMAGE_SHAPE) * (features - rank)
    return experiment.parameters - fewer_inputs * units + (features + 1) * rank


def training_bytes(experiment: Experiment, batch_size: int) -> int:
    """Memory that a training needs beyond the Python process, an upper estimate in bytes.

    Weights, gradients and Adam's two moments take four float32 for each parameter, and copies in
    lower precision or in flight two more. Activations are counted twice (forward and backward)
    in float32, with as much again for what the kernels unfold.
    """
    parameters = sum(cost.parameters for cost in layer_costs(experiment))
    activations = sum(math.prod(cost.output_shape) for cost in layer_costs(experiment))
    return 6 * 4 * parameters + 4 * 4 * activations * batch_size
