"""What a network costs, from its layers alone: shapes, parameters, arithmetic, memory.

Pure arithmetic over the records, so that a page can say it without loading Keras.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from digitnet.experiments.layers import (
    CLASSES,
    IMAGE_SHAPE,
    Dense,
    Layer,
    LayerError,
    Shape,
    count_parameters,
)

EVALUATION_BATCH = 250  # images that a network in training is judged on at once


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
    output_shape: Shape
    parameters: int
    multiply_adds: int


def cost_layers(layers: Sequence[Layer], outputs: int = CLASSES) -> list[LayerCost]:
    """The costs of hidden layers and of the softmax over the outputs that follows them.

    Raises:
        LayerError: If a layer cannot stand where it is; the message names its place.
    """
    return list(walk_layers(layers, outputs))


def walk_layers(layers: Sequence[Layer], outputs: int = CLASSES) -> Iterator[LayerCost]:
    """As `cost_layers`, one layer after another, up to the first that cannot stand where it is."""
    shape: Shape = IMAGE_SHAPE
    for place, layer in enumerate((*layers, Dense(outputs)), start=1):
        try:
            output = layer.output_shape(shape)
        except LayerError as error:
            raise LayerError(f"layer {place}, {layer}: {error}") from None
        multiply_adds = layer.fan_in(shape) * math.prod(output)
        yield LayerCost(str(layer), output, count_parameters(layer, shape), multiply_adds)
        shape = output


def training_bytes(layers: Sequence[Layer], batch_size: int) -> int:
    """Memory that a training needs beyond the Python process, an upper estimate in bytes.

    Weights, gradients and Adam's two moments take four float32 for each parameter, and copies in
    lower precision or in flight two more. Activations are counted twice (forward and backward)
    in float32, with as much again for what the kernels unfold. Of an image that is validated on,
    which is done `EVALUATION_BATCH` at a time, half of that is needed.
    """
    costs = cost_layers(layers)
    parameters = sum(cost.parameters for cost in costs)
    activations = sum(math.prod(cost.output_shape) for cost in costs)
    return 6 * 4 * parameters + 4 * 4 * activations * max(batch_size, EVALUATION_BATCH // 2)
