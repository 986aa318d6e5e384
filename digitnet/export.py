"""Trained Keras models to served ones: folding, then LiteRT.

The dense layers before Flatten act on each pixel by itself, and a pixel is one of 256 grey levels,
so all that those layers can ever compute is a table of 256 rows. Seen from the next layer, its rows
hardly leave a plane. Folding keeps two or three values a pixel and rewrites the next dense kernel
to match, which leaves an equivalent network of a fraction of the size: see `fold_model`.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from digitnet.experiments import IMAGE_SHAPE
from digitnet.inference import ServedNetwork

TOLERANCE = 1e-3  # the most that a probability may move
WEIGHT_BYTES = {"float16": 2, "float32": 4}
PREDICTION_BATCH = 256  # images; a batch of fc_large's features takes 51 MB
GREY_LEVELS = np.linspace(0, 1, 256, dtype=np.float32).reshape(-1, 1)  # the values of a pixel


class ExportError(RuntimeError):
    """A model has no served form that predicts as it does."""


@dataclass(frozen=True)
class ServedModel:
    """A model in the form in which it is served.

    Args:
        tflite: LiteRT model from float32 (n, 28, 28, 1) in [0, 1] to float32 (n, 10).
        rank: Values that each pixel is folded to, or None where there was nothing to fold.
        dtype: How weights are stored, "float16" or "float32"; computation is in float32.
    """

    tflite: bytes
    rank: int | None
    dtype: str


def export_served_model(model: keras.Sequential, images: np.ndarray) -> ServedModel:
    """The smallest served form of a model that predicts as the model itself does.

    Forms are tried from the smallest to the largest, by rank of the folding and by dtype. The
    first one is taken with which, computed by LiteRT, every prediction on the images is the same
    and no probability moves by more than 1e-3. Labels play no part in it, so that test images
    may be compared on.

    Args:
        model: A trained float32 network from (n, 28, 28, 1) in [0, 1] to (n, 10).
        images: uint8 (n, 28, 28), 0 background to 255 ink, on which the forms are compared.

    Raises:
        ExportError: If the model's probabilities are not finite, or no form gives the same.
    """
    scaled = images[..., np.newaxis] / np.float32(255)
    reference = model.predict(scaled, batch_size=PREDICTION_BATCH, verbose=0)
    if not np.isfinite(reference).all():
        raise ExportError(f"{model.name} gives probabilities that are not finite; train it again")
    frequencies = np.maximum(1, np.bincount(images.ravel(), minlength=len(GREY_LEVELS)))
    for rank, dtype in _forms_by_size(model):
        form = fold_model(model, rank, frequencies, dtype) if rank else model
        tflite = _convert(form, dtype)
        if _agree(ServedNetwork(tflite).predict(images), reference):
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


def fold_model(
    model: keras.Sequential, rank: int, frequencies: np.ndarray, dtype: str = "float32"
) -> keras.Sequential:
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
        dtype: In which weights will be stored. The layers up to the code are rounded to it here,
            so that B can make good what the rounding changes.

    Returns:
        A float32 network of standard layers, at rank U as exact as arithmetic allows.
    """
    pixel_layers = _pixel_layers(model)
    wide, *later = model.layers[len(pixel_layers) + 1 :]
    kernel, bias = wide.get_weights()
    kernel = kernel.reshape(-1, pixel_layers[-1].units, wide.units)
    pixel_network = keras.Sequential(pixel_layers)
    table = pixel_network(GREY_LEVELS).numpy()
    share = np.sqrt(frequencies)[:, np.newaxis]
    projection = _code_projection(share * (table - table[0]), kernel, rank)

    code = keras.layers.Dense(rank, name="code")
    coder = keras.Sequential([keras.Input((1,)), *map(_copy, pixel_layers), code])
    weights = [*pixel_network.get_weights(), projection, -table[0] @ projection]
    coder.set_weights([weight.astype(dtype) for weight in weights])
    codes = coder(GREY_LEVELS).numpy()
    decoder = np.linalg.lstsq(share * (codes - codes[0]), share * (table - table[0]), rcond=None)[0]
    decoder = decoder.astype(np.float32)

    folded_wide = _copy(wide)
    folded = [*coder.layers, keras.layers.Flatten(name="codes"), folded_wide, *later]
    folded = keras.Sequential([keras.Input(IMAGE_SHAPE), *folded], name=model.name)
    background = (table[0] - codes[0] @ decoder) @ kernel.sum(axis=0)
    folded_wide.set_weights([(decoder @ kernel).reshape(-1, wide.units), bias + background])
    return folded


def _code_projection(deviations: np.ndarray, kernel: np.ndarray, rank: int) -> np.ndarray:
    """The directions (U, rank) of the features' deviations D (256, U) that matter most.

    They minimize the squared error of what the next layer gets through W (784, U, H): by Eckart
    and Young (1936) they come from the singular value decomposition of D L with
    L L' = sum_p W[p] W[p]'.
    """
    gram = sum(part.astype(np.float64) @ part.T for part in kernel)
    scale, basis = np.linalg.eigh(gram)
    root = basis * np.sqrt(np.maximum(scale, 0))
    directions = np.linalg.svd(deviations @ root, full_matrices=False)[2][:rank]
    projection = root @ directions.T
    return (projection / np.linalg.norm(projection, axis=0)).astype(np.float32)


def _pixel_layers(model: keras.Sequential) -> list[keras.layers.Layer]:
    """The dense layers before Flatten, which act on each pixel by itself; none in a CNN."""
    kinds = [type(layer) for layer in model.layers]
    before = model.layers[: kinds.index(keras.layers.Flatten)]
    return before if all(isinstance(layer, keras.layers.Dense) for layer in before) else []


def _copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The same layer with weights of its own."""
    return type(layer).from_config(layer.get_config())


def split_output(model: keras.Sequential) -> keras.Sequential:
    """The same network, whose output layer outlives rounding to float16.

    Rounding those few weights moves probabilities more than rounding all others. So the layer
    computes each logit in two parts, by weights rounded to float16 and by what that left over,
    and one more layer adds the parts up.
    """
    *hidden, output = model.layers
    high = [weight.astype(np.float16).astype(np.float32) for weight in output.get_weights()]
    low = [weight - part for weight, part in zip(output.get_weights(), high, strict=True)]
    parts = keras.layers.Dense(2 * output.units, name="logit_parts")
    total = keras.layers.Dense(
        output.units, activation=output.activation, use_bias=False, name="probabilities"
    )
    split = keras.Sequential([keras.Input(IMAGE_SHAPE), *hidden, parts, total], name=model.name)
    parts.set_weights([np.concatenate(pair, axis=-1) for pair in zip(high, low, strict=True)])
    total.set_weights([np.tile(np.eye(output.units), (2, 1))])
    return split


def _convert(model: keras.Sequential, dtype: str) -> bytes:
    """The LiteRT form of a model, for any number of images at once."""
    half = dtype == "float16"
    converter = tf.lite.TFLiteConverter.from_keras_model(split_output(model) if half else model)
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    with contextlib.redirect_stdout(io.StringIO()):  # Keras prints the shape of every tensor
        return converter.convert()
