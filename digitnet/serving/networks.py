"""Served models to probabilities, with LiteRT and NumPy alone."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from digitnet.experiments import CLASSES, IMAGE_SHAPE, Experiment
from digitnet.runs import UNCALIBRATED, Calibration
from digitnet.serving.checks import InferenceError, require_probabilities

BATCH_SIZE = 32  # images; cnn_long keeps about 1.2 MB for each, and more are not faster
HANDFUL = 4  # images that XNNPACK reads together, cnn_long in the time of two and a half
PLAIN_KERNELS = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


@dataclass(frozen=True, eq=False)
class Reading:
    """What a network says of images.

    Args:
        probabilities: Of the ten digits, calibrated, float32 (n, 10); each row sums to 1.
        is_digit: bool (n,); None by a network that does not tell digits from all else.
    """

    probabilities: np.ndarray
    is_digit: np.ndarray | None = None

    def __getitem__(self, part: slice) -> Reading:
        """What it says of some of the images."""
        return Reading(
            self.probabilities[part], None if self.is_digit is None else self.is_digit[part]
        )


class ServedNetwork:
    """One served model, loaded and ready; not for use by several threads at once.

    Args:
        model: A LiteRT model's file, which is mapped rather than read, or its bytes. Its input is
            float32 (n, 28, 28, 1) in [0, 1], its output float32 (n, 10), or (n, 11) where the last
            probability is that of no digit.
        packed: Use XNNPACK, the fastest kernels. They keep a second, rearranged copy of all
            weights, which does not pay for a large dense network: it reads each weight once an
            image, and waits for memory in either case.
        calibration: How its outputs are to be read.

    Raises:
        InferenceError: If this is no model, or not one of such images.
    """

    def __init__(
        self, model: Path | bytes, packed: bool = True, calibration: Calibration = UNCALIBRATED
    ) -> None:
        self._calibration = calibration
        source = {"model_content": model} if isinstance(model, bytes) else {"model_path": model}
        kernels = OpResolverType.AUTO if packed else PLAIN_KERNELS
        self._handful = HANDFUL if packed else 1  # the plain kernels are fastest with one
        try:
            # Of one thread: networks run side by side instead, which wastes none of a processor.
            self._interpreter = Interpreter(
                **source, num_threads=1, experimental_op_resolver_type=kernels
            )
            self._input = self._interpreter.get_input_details()[0]
            self._output = self._interpreter.get_output_details()[0]
            self._batch_size = 0
            self._predict_batch(np.zeros((self._handful, *IMAGE_SHAPE), np.float32))
        except Exception as error:  # LiteRT raises many kinds on what it does not expect
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InferenceError(f"this is not a served model of digits: {reason}") from error
        if isinstance(model, Path):
            _release_mapped_pages(model)

    def read(self, images: np.ndarray) -> Reading:
        """Reads images: the one place where a calibration is applied.

        Args:
            images: uint8 (n, 28, 28), 0 background to 255 ink; n may be 0.

        Raises:
            InferenceError: If what it gives are no probabilities.
            ValueError: If the images have another shape or dtype.
        """
        outputs, calibration = self.evaluate(images), self._calibration
        probabilities = temper(digit_probabilities(outputs), calibration.temperature)
        if calibration.threshold is None or outputs.shape[1] == CLASSES:
            return Reading(probabilities)
        return Reading(probabilities, outputs[:, CLASSES] <= calibration.threshold)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of the ten digits, float32 (n, 10), of images as in `read`."""
        return self.read(images).probabilities

    def evaluate(self, images: np.ndarray) -> np.ndarray:
        """All outputs for images as in `read`, as they are: float32 (n, 10) or (n, 11).

        Raises:
            InferenceError: If they are no probabilities.
            ValueError: As `read`.
        """
        require_images(images)
        probabilities = np.empty((len(images), self._output["shape"][-1]), np.float32)
        for batch in _batches_of(len(images), self._handful):
            scaled = images[batch, :, :, np.newaxis] / np.float32(255)
            probabilities[batch] = self._predict_batch(scaled)
        return require_probabilities(probabilities)

    def _predict_batch(self, scaled: np.ndarray) -> np.ndarray:
        if len(scaled) != self._batch_size:
            self._interpreter.resize_tensor_input(self._input["index"], scaled.shape, strict=True)
            self._interpreter.allocate_tensors()
            self._batch_size = len(scaled)
        self._interpreter.set_tensor(self._input["index"], scaled)
        self._interpreter.invoke()
        probabilities = self._interpreter.get_tensor(self._output["index"])
        if probabilities.shape not in ((len(scaled), CLASSES), (len(scaled), CLASSES + 1)):
            raise ValueError(f"its output has the shape {probabilities.shape}")
        return probabilities


def _batches_of(count: int, handful: int) -> Iterator[slice]:
    """Full batches, and what is left over by the handful, and then one by one.

    A batch larger than any before has all buffers laid out anew, while no other thread can run
    Python: that costs more than is gained by a few more images at once.
    """
    start = 0
    for size in (BATCH_SIZE, handful, 1):
        while count - start >= size:
            yield slice(start, start + size)
            start += size


def require_images(images: np.ndarray) -> None:
    """Raises ValueError unless these are uint8 (n, 28, 28)."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE[:2]:
        raise ValueError(f"images must be uint8 (n, 28, 28): {images.dtype} {images.shape}")


def join_readings(readings: Sequence[Reading]) -> Reading:
    """What one network says of all images, from what it says of each batch; at least one."""
    told = [one.is_digit for one in readings if one.is_digit is not None]
    return Reading(
        np.concatenate([one.probabilities for one in readings]),
        np.concatenate(told) if told else None,
    )


def digit_probabilities(outputs: np.ndarray) -> np.ndarray:
    """Probabilities of the ten digits, given that it is one.

    Args:
        outputs: float32 (n, 10), which is returned as it is, or (n, 11).

    Returns:
        float32 (n, 10); each row sums to 1.
    """
    if outputs.shape[1] == CLASSES:
        return outputs
    digits = np.maximum(outputs[:, :CLASSES], np.finfo(np.float32).tiny)  # that not all are 0
    return digits / digits.sum(axis=1, keepdims=True)


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Makes probabilities less sure, or surer; what is most probable remains so.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    Args:
        probabilities: Floats (n, k); each row sums to 1.
        temperature: What their logarithms are divided by, above 0; above 1 for less sure.

    Returns:
        The same shape and dtype; each row sums to 1.
    """
    if temperature == 1:
        return probabilities
    logarithms = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / temperature
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _release_mapped_pages(path: Path) -> None:
    """Lets go of the memory that holds a mapped file's contents, on Linux.

    Once a network has run, its weights live in the kernels' own form, and the mapped file, up to
    35 MB a network, is not read again; where it is after all, the system reads it back.
    """
    if not sys.platform.startswith("linux"):
        return
    libc, model = ctypes.CDLL(None), str(path.resolve())
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, *_, mapped = line.split(maxsplit=5)
        if mapped == model:
            start, end = (int(address, 16) for address in addresses.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def find_verdict(readings: Mapping[Experiment, Reading | InferenceError]) -> np.ndarray | None:
    """Whether images show a digit, bool (n,), by the network that tells; None if none does."""
    told = [one.is_digit for one in readings.values() if isinstance(one, Reading)]
    return next((one for one in told if one is not None), None)
