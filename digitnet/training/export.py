"""Trained Keras models to served ones: folding, then LiteRT.

The dense layers before Flatten act on each pixel by itself, and a pixel is one of 256 grey levels,
so all that those layers can ever compute is a table of 256 rows. Seen from the next layer, its rows
hardly leave a plane. Folding keeps a few values a pixel and rewrites the next dense kernel
to match, which leaves an equivalent network of a fraction of the size: see `fold_model`.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from digitnet.errors import DigitnetError
from digitnet.experiments import IMAGE_SHAPE
from digitnet.serving import ServedNetwork
from digitnet.training.loop import batch_arrays

TOLERANCE = 1e-3  # the most that a probability may move
WEIGHT_BYTES = {"float16": 2, "float32": 4}
LARGE = 2**14  # weights; rounding smaller kernels saves little, and moves probabilities the most
PREDICTION_BATCH = 256  # images; a batch of fc_large's features takes 51 MB
GREY_LEVELS = np.linspace(0, 1, 256, dtype=np.float32).reshape(-1, 1)  # the values of a pixel


class ExportError(DigitnetError):
    """A model has no served form that predicts as it does."""


@dataclass(frozen=True)
class ServedModel:
    """A model in the form in which it is served.

    Args:
        tflite: LiteRT model from float32 (n, 28, 28, 1) in [0, 1] to float32 (n, 10) or (n, 11).
        rank: Values that each pixel is folded to, or None where there was nothing to fold.
        dtype: How large kernels are stored, "float16" or "float32". All else is in float32,
            computation included.
    """

    tflite: bytes
    rank: int | None
    dtype: str

    @property
    def sha256(self) -> str:
        """Hash of the model's bytes."""
        return hashlib.sha256(self.tflite).hexdigest()


def export_served_model(model: keras.Sequential, images: np.ndarray) -> ServedModel:
    """The smallest served form of a model that predicts as the model itself does.

    Forms are tried from the smallest to the largest, by rank of the folding and by dtype. The
    first one is taken with which, computed by LiteRT, every prediction on the images is the same
    and no probability moves by more than 1e-3. Labels play no part in it, so that test images
    may be compared on.

    Args:
        model: A trained float32 network from (n, 28, 28, 1) in [0, 1] to (n, 10) or (n, 11).
        images: uint8 (n, 28, 28), 0 background to 255 ink, on which the forms are compared.

    Raises:
        ExportError: If the model's probabilities are not finite, or no form gives the same.
    """
    scaled = images[..., np.newaxis] / np.float32(255)
    reference = model.predict(batch_arrays(PREDICTION_BATCH, scaled), verbose=0)
    if not np.isfinite(reference).all():
        raise ExportError(f"{model.name} gives probabilities that are not finite; train it again")
    frequencies = np.maximum(1, np.bincount(images.ravel(), minlength=len(GREY_LEVELS)))
    for rank, dtype in _forms_by_size(model):
        whole = _convert(fold_model(model, rank, frequencies) if rank else model)
        tflite = halve_large_weights(whole) if dtype == "float16" else whole
        if tflite and _agree(ServedNetwork(tflite).evaluate(images), reference):
            return ServedModel(tflite, rank, dtype)
    raise ExportError(f"no served form of {model.name} predicts as it does")


def _forms_by_size(model: keras.Sequential) -> list[tuple[int | None, str]]:
    pixel_layers = _pixel_layers(model)
    if not pixel_layers:
        return [(None, dtype) for dtype in WEIGHT_BYTES]
    ranks = range(1, pixel_layers[-1].units + 1)
    forms = [(rank * size, rank, dtype) for rank in ranks for dtype, size in WEIGHT_BYTES.items()]
    return [(rank, dtype) for _, rank, dtype in sorted(forms)]


def _agree(probabilities: np.ndarray, reference: np.ndarray) -> bool:
    """Whether every prediction is the same and no probability has moved too far."""
    same = np.array_equal(probabilities.argmax(axis=1), reference.argmax(axis=1))
    return same and bool(np.all(np.abs(probabilities - reference) <= TOLERANCE))


def fold_model(model: keras.Sequential, rank: int, frequencies: np.ndarray) -> keras.Sequential:
    """An equivalent network whose pixels carry `rank` values each, instead of a whole layer's.

    Let T (256, U) be what the layers before Flatten make of each grey level, T0 its row for the
    background, and W[p] (U, H) the part of the next kernel that belongs to pixel p. As

        sum_p T[v_p] W[p] = sum_p T0 W[p] + sum_p (T[v_p] - T0) W[p],

    the background, which is most of an image, moves into the next bias and is exact. The rest is
    approximated by a code of a few values, T - T0 ~ C B with C (256, rank) and B (rank, U): one
    more linear layer before Flatten computes C, and the next kernel becomes B W[p].

    Args:
        model: A network of dense layers, Flatten and dense layers, on images (28, 28, 1).
        rank: Values that each pixel carries, 1 to U.
        frequencies: (256,), above 0: how often each grey level occurs in images, in any unit.

    Returns:
        A float32 network of standard layers, at rank U as exact as arithmetic allows. It shares
        the layers that folding leaves as they are.
    """
    pixel_layers = _pixel_layers(model)
    wide, *later = model.layers[len(pixel_layers) + 1 :]
    kernel, *bias = wide.get_weights()  # without a bias where it is normalized
    kernel = kernel.reshape(-1, pixel_layers[-1].units, wide.units)
    table = keras.Sequential(pixel_layers)(GREY_LEVELS).numpy()
    projection, decoder = _factorize(table - table[0], kernel, rank, frequencies)

    code = keras.layers.Dense(rank, name="code")
    folded_wide = keras.layers.Dense(wide.units, activation=wide.activation, name="folded")
    layers = [*pixel_layers, code, keras.layers.Flatten(name="codes"), folded_wide, *later]
    folded = keras.Sequential([keras.Input(IMAGE_SHAPE), *layers], name=model.name)
    code.set_weights([projection, -table[0] @ projection])
    folded_kernel = (decoder @ kernel).reshape(-1, wide.units)
    folded_wide.set_weights([folded_kernel, sum(bias) + table[0] @ kernel.sum(axis=0)])
    return folded


def _factorize(
    deviations: np.ndarray, kernel: np.ndarray, rank: int, frequencies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """P (U, rank) and B (rank, U) for which D P B is nearest to the deviations D (256, U).

    Nearest in what the next layer gets through W (784, U, H), squared, over all pixels. By Eckart
    and Young (1936) P comes from the singular value decomposition of D L, with each row weighted
    by its level's frequency and L L' = sum_p W[p] W[p]'.
    """
    gram = sum(part.astype(np.float64) @ part.T for part in kernel)
    scale, basis = np.linalg.eigh(gram)
    root = basis * np.sqrt(np.maximum(scale, 0))
    weighted = np.sqrt(frequencies)[:, np.newaxis] * deviations
    directions = np.linalg.svd(weighted @ root, full_matrices=False)[2][:rank]
    projection = root @ directions.T
    projection /= np.linalg.norm(projection, axis=0)
    decoder = np.linalg.lstsq(weighted @ projection, weighted, rcond=None)[0]
    return projection.astype(np.float32), decoder.astype(np.float32)


def _pixel_layers(model: keras.Sequential) -> list[keras.layers.Layer]:
    """The dense layers before Flatten, which act on each pixel by itself, where they can be folded.

    None in a CNN, or where Flatten is not followed by a dense layer whose kernel takes them up.
    """
    kinds = [type(layer) for layer in model.layers]
    flatten = kinds.index(keras.layers.Flatten)
    foldable = set(kinds[:flatten]) == {keras.layers.Dense}
    return model.layers[:flatten] if foldable and kinds[flatten + 1] is keras.layers.Dense else []


def _convert(model: keras.Sequential) -> bytes:
    """The LiteRT form of a model, in float32 and for any number of images at once."""
    with contextlib.redirect_stdout(io.StringIO()):  # Keras prints the shape of every tensor
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def halve_large_weights(tflite: bytes) -> bytes | None:
    """A LiteRT model with its large kernels stored in float16.

    The converter can do as much, but only for all weights: the few of an output layer, which every
    logit hangs on, then cost more accuracy than all others and save next to nothing.

    Args:
        tflite: A LiteRT model in float32.

    Returns:
        The model whose kernels of 16,384 weights or more pass through a DEQUANTIZE; None if it
        has no such kernel.
    """
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(tflite))
    graph = model.subgraphs[0]
    large = [
        index
        for index, tensor in enumerate(graph.tensors)
        if (data := model.buffers[tensor.buffer].data) is not None and len(data) >= 4 * LARGE
    ]
    if not large:
        return None
    model.buffers.append(schema.BufferT())  # of the tensors that are computed from now on
    model.operatorCodes.append(_dequantize_code())
    for index in large:
        _insert_dequantize(model, index)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _insert_dequantize(model: schema.ModelT, index: int) -> None:
    """Makes a constant tensor of the graph the output of a DEQUANTIZE, stored in float16."""
    graph = model.subgraphs[0]
    whole = graph.tensors[index]
    half = copy.copy(whole)
    half.name = whole.name + b"_half"
    half.type = schema.TensorType.FLOAT16
    buffer = model.buffers[whole.buffer]
    buffer.data = np.frombuffer(bytes(buffer.data), np.float32).astype(np.float16).view(np.uint8)
    whole.buffer = len(model.buffers) - 1
    graph.tensors.append(half)

    dequantize = schema.OperatorT()
    dequantize.opcodeIndex = len(model.operatorCodes) - 1
    dequantize.inputs, dequantize.outputs = [len(graph.tensors) - 1], [index]
    graph.operators.insert(0, dequantize)


def _dequantize_code() -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3  # the first for float16
    return code
