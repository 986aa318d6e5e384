"""What each layer of a served network makes of images, with LiteRT and NumPy alone."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from digitnet.experiments import (
    IMAGE_SHAPE,
    AveragePool,
    Convolution,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    cost_layers,
)
from digitnet.runs import Run
from digitnet.serving.checks import InferenceError, require_sound
from digitnet.serving.networks import BATCH_SIZE, PLAIN_KERNELS

GREY_LEVELS = 256
THREADS = min(2, os.cpu_count() or 1)  # it is opened for one visitor
NOT_ITS_LAYERS = "the model does not have the layers that its record names"
_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_OPERATIONS: dict[type, tuple[str, ...]] = {  # of the layers that compute something
    Dense: _WEIGHTED,
    Convolution: _WEIGHTED,
    MaxPool: ("MAX_POOL_2D",),
    AveragePool: ("AVERAGE_POOL_2D",),
}
_BEGINNING = {name for names in _OPERATIONS.values() for name in names}


@dataclass(frozen=True, eq=False)
class Activation:
    """What a layer makes of images.

    Args:
        place: The layer's among the experiment's, from 1; a code has that of Flatten.
        name: The layer as it reads in the experiment, or "code 3" of the values that the dense
            layers before Flatten are folded to.
        values: float32 (n, rows, columns, channels), or (n, units) where the image is flat.
    """

    place: int
    name: str
    values: np.ndarray

    @property
    def is_code(self) -> bool:
        """Whether it stands for layers that were folded."""
        return self.name.startswith("code")


@dataclass(frozen=True, eq=False)
class Insides:
    """What a network makes of images on the way to its answer.

    Args:
        layers: Its hidden layers in order, but for those that compute nothing (Flatten, Dropout)
            and those that were folded.
        features: What the last layer is given, float32 (n, d).
        logits: What the softmax is given, float32 (n, 10) or (n, 11).
    """

    layers: tuple[Activation, ...]
    features: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class _Source:
    """Where a layer's values are found: the tensor, and the shape that they have."""

    place: int
    name: str
    tensor: int
    shape: tuple[int, ...]


class OpenNetwork:
    """A served model whose every layer can be looked at; for several threads at once.

    It keeps all that it computes, and so runs without the fastest kernels, which fuse layers.

    Args:
        model: A LiteRT model's file, or its bytes; as it is served, that is folded and fused.
        layers: The experiment's.

    Raises:
        InferenceError: If this is no model, or not one of these layers.
    """

    def __init__(self, model: Path | bytes, layers: Sequence[Layer]) -> None:
        self._lock = threading.Lock()
        source = {"model_content": model} if isinstance(model, bytes) else {"model_path": model}
        try:
            self._interpreter = Interpreter(
                **source,
                num_threads=THREADS,
                experimental_op_resolver_type=PLAIN_KERNELS,
                experimental_preserve_all_tensors=True,
            )
            self._input = self._interpreter.get_input_details()[0]["index"]
            self._run(np.zeros((1, *IMAGE_SHAPE[:2]), np.uint8))
        except (ValueError, RuntimeError) as error:
            raise InferenceError("this is not a served model of digits") from error
        parts = _split_graph(self._interpreter)
        self._sources = _match(parts, layers)
        self._logits = parts[-1].tensors[-1][0]
        self.kernel, self.bias = self._read_last_layer(parts[-1])

    def look(self, images: np.ndarray) -> Insides:
        """What every layer makes of images, uint8 (n, 28, 28), n at least 1."""
        parts = [
            self._look_at_some(images[start : start + BATCH_SIZE])
            for start in range(0, len(images), BATCH_SIZE)
        ]
        values = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
        *layers, features, logits = values
        named = zip(self._sources, layers, strict=True)
        return Insides(
            tuple(Activation(one.place, one.name, array) for one, array in named), features, logits
        )

    def code_grey_levels(self) -> np.ndarray:
        """The code of each grey level from 0 to 255, float32 (256, rank); (256, 0) without one."""
        image = np.zeros((1, *IMAGE_SHAPE[:2]), np.uint8)
        image.flat[:GREY_LEVELS] = np.arange(GREY_LEVELS)
        for one in self.look(image).layers:
            if one.is_code:
                return one.values.reshape(-1, one.values.shape[-1])[:GREY_LEVELS]
        return np.empty((GREY_LEVELS, 0), np.float32)

    def _look_at_some(self, images: np.ndarray) -> list[np.ndarray]:
        """The values of each layer, the features and the logits."""
        with self._lock:
            self._run(images)
            read, n = self._interpreter.get_tensor, len(images)
            layers = [read(one.tensor).reshape(n, *one.shape) for one in self._sources]
            last = layers[-1] if layers else read(self._input)
            return [*layers, last.reshape(n, -1), read(self._logits).reshape(n, -1)]

    def _run(self, images: np.ndarray) -> None:
        scaled = images[..., np.newaxis] / np.float32(255)
        self._interpreter.resize_tensor_input(self._input, scaled.shape, strict=True)
        self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(self._input, scaled)
        self._interpreter.invoke()

    def _read_last_layer(self, part: _Part) -> tuple[np.ndarray, np.ndarray]:
        """The weights before the softmax, float32 (d, outputs), and its biases (outputs,)."""
        _, weights, *biases = part.inputs
        kernel = self._interpreter.get_tensor(weights).T
        is_biased = biases and biases[0] >= 0  # the converter leaves out a bias of zeros
        bias = self._interpreter.get_tensor(biases[0]) if is_biased else np.zeros(kernel.shape[1])
        return kernel, np.asarray(bias, np.float32)


def open_network(run: Run) -> OpenNetwork:
    """A run's served model, to be looked into.

    Raises:
        InferenceError: If it is missing or broken, or not of the layers that its record has.
    """
    try:
        require_sound(run)
        return OpenNetwork(run.served_model, run.experiment.layers)
    except (InferenceError, OSError) as error:
        raise InferenceError(f"{run.id} cannot be looked into: {error}") from error


@dataclass(frozen=True)
class _Part:
    """An operation with weights, or a pooling, and what the graph makes of it before the next.

    Args:
        operation: LiteRT's name of it.
        inputs: Its tensors.
        tensors: Floats that are computed by it and after it, each (tensor, number of values).
    """

    operation: str
    inputs: tuple[int, ...]
    tensors: list[tuple[int, int]]


def _split_graph(interpreter: Interpreter) -> list[_Part]:
    """The graph in parts, in order; shapes are those of one image."""
    details = {one["index"]: one for one in interpreter.get_tensor_details()}
    parts: list[_Part] = []
    for operation in interpreter._get_ops_details():  # the one way to ask without parsing the file
        name, outputs = operation["op_name"], operation["outputs"]
        if name in _BEGINNING:
            parts.append(_Part(name, tuple(map(int, operation["inputs"])), []))
        elif name == "SOFTMAX":
            break
        if parts and details[outputs[0]]["dtype"] == np.float32:
            index = int(outputs[0])
            parts[-1].tensors.append((index, int(np.prod(details[index]["shape"]))))
    return parts


def _match(parts: Sequence[_Part], layers: Sequence[Layer]) -> list[_Source]:
    """Finds each hidden layer's values; of layers that are folded, those of the code instead.

    Batch normalization and ReLU are fused into the operation before them, or follow it: a layer's
    values are the last that are computed before the next layer, and as many as its shape has.
    """
    costs = cost_layers(layers)
    stops = [
        (place, cost.name, cost.output_shape, _OPERATIONS[type(layer)])
        for place, (layer, cost) in enumerate(zip(layers, costs, strict=False), start=1)
        if type(layer) in _OPERATIONS
    ]
    folded = 0
    if len(parts) == len(stops) + 2 and Flatten() in layers:  # one more than with the softmax's
        flatten = layers.index(Flatten()) + 1
        folded = sum(place < flatten for place, *_ in stops)
        rank = parts[folded].tensors[-1][1] // math.prod(IMAGE_SHAPE)
        stops.insert(folded, (flatten, f"code {rank}", (*IMAGE_SHAPE[:2], rank), _WEIGHTED))
    if len(parts) != len(stops) + 1:
        raise InferenceError(NOT_ITS_LAYERS)
    sources = []
    for (place, name, shape, operations), part in zip(stops, parts, strict=False):
        tensors = [tensor for tensor, size in part.tensors if size == math.prod(shape)]
        if part.operation not in operations or not tensors:
            raise InferenceError(NOT_ITS_LAYERS)
        sources.append(_Source(place, name, tensors[-1], shape))
    return sources[folded:]
