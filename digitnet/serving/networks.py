"""Served models to probabilities, with LiteRT and NumPy alone."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from digitnet.errors import DigitnetError
from digitnet.experiments import CLASSES, IMAGE_SHAPE, Experiment
from digitnet.runs import UNCALIBRATED, Calibration, Run, RunError, Signature

BATCH_SIZE = 32  # images; cnn_long keeps about 1.2 MB for each, and more are not faster
THREADS = min(2, os.cpu_count() or 1)  # halves the largest networks' time, costs the small nothing
PLAIN_KERNELS = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


class InferenceError(DigitnetError):
    """A network cannot be served; the message says which one, why and what to do."""


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
            weights, which pays for convolutions; a dense network reads each weight once an image,
            waits for memory in either case, and is better served without.
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
        try:
            self._interpreter = Interpreter(
                **source, num_threads=THREADS, experimental_op_resolver_type=kernels
            )
            self._input = self._interpreter.get_input_details()[0]
            self._output = self._interpreter.get_output_details()[0]
            self._batch_size = 0
            self._predict_batch(np.zeros((1, *IMAGE_SHAPE), np.float32))
        except (ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InferenceError(f"this is not a served model of digits: {reason}") from error
        if isinstance(model, Path):
            _release_mapped_pages(model)

    def read(self, images: np.ndarray) -> Reading:
        """Reads images: the one place where a calibration is applied.

        Args:
            images: uint8 (n, 28, 28), 0 background to 255 ink; n may be 0.

        Raises:
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

    def predict_refusal(self, images: np.ndarray) -> np.ndarray:
        """Probabilities that images show no digit, float32 (n,); 0 by networks of ten outputs."""
        return self.evaluate(images)[:, CLASSES:].sum(axis=1)

    def evaluate(self, images: np.ndarray) -> np.ndarray:
        """All outputs for images as in `read`, as they are: float32 (n, 10) or (n, 11)."""
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE[:2]:
            raise ValueError(f"images must be uint8 (n, 28, 28): {images.dtype} {images.shape}")
        probabilities = np.empty((len(images), self._output["shape"][-1]), np.float32)
        for start in range(0, len(images), BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            scaled = images[batch, :, :, np.newaxis] / np.float32(255)
            probabilities[batch] = self._predict_batch(scaled)
        return probabilities

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
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, *_, mapped = line.split(maxsplit=5)
        if mapped == str(path.resolve()):
            start, end = (int(address, 16) for address in addresses.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def find_verdict(readings: Mapping[Experiment, Reading | InferenceError]) -> np.ndarray | None:
    """Whether images show a digit, bool (n,), by the network that tells; None if none does."""
    told = [one.is_digit for one in readings.values() if isinstance(one, Reading)]
    return next((one for one in told if one is not None), None)


class _Seat:
    """An experiment's place in the server: the network of one of its runs, once loaded."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # an interpreter is not thread-safe
        self.signature: tuple[Run, Signature] | None = None
        self.network: ServedNetwork | None = None


class ModelServer:
    """Serves runs to many threads, one of each experiment at a time.

    A network is loaded when it is first asked, and anew when another run of its experiment is, or
    when the run's files have been replaced.
    """

    def __init__(self) -> None:
        self._seats: defaultdict[str, _Seat] = defaultdict(_Seat)

    def read(self, run: Run, images: np.ndarray) -> Reading:
        """What one network says, as its run is calibrated.

        Args:
            run: A finished run.
            images: uint8 (n, 28, 28), 0 background to 255 ink.

        Raises:
            InferenceError: If the run's model is missing or broken.
            ValueError: If the images have another shape or dtype.
        """
        seat = self._seats[run.experiment.name]
        with seat.lock:
            return _seated_network(seat, run).read(images)

    def predict(self, run: Run, images: np.ndarray) -> np.ndarray:
        """Probabilities of the ten digits, float32 (n, 10), by one network; raises as `read`."""
        return self.read(run, images).probabilities

    def evaluate(self, run: Run, images: np.ndarray) -> np.ndarray:
        """All outputs of one network, as they are, float32 (n, 10) or (n, 11); raises as `read`."""
        seat = self._seats[run.experiment.name]
        with seat.lock:
            return _seated_network(seat, run).evaluate(images)

    def read_all(
        self, runs: Iterable[Run], images: np.ndarray
    ) -> dict[Experiment, Reading | InferenceError]:
        """What every network says.

        Args:
            runs: Finished runs, of each experiment one.
            images: uint8 (n, 28, 28), 0 background to 255 ink.

        Returns:
            Readings by experiment, in the order of the runs; what is wrong with a model that is
            missing or broken in its place.
        """
        readings: dict[Experiment, Reading | InferenceError] = {}
        for run in runs:
            try:
                readings[run.experiment] = self.read(run, images)
            except InferenceError as error:
                readings[run.experiment] = error
        return readings


def _seated_network(seat: _Seat, run: Run) -> ServedNetwork:
    signature = (run, run.signature)
    if seat.network is None or seat.signature != signature:
        seat.network = None  # frees the memory of the old one first
        seat.network = _load_network(run)
        seat.signature = signature
    return seat.network


def require_unaltered(run: Run) -> None:
    """Refuses a model whose bytes are not those exported: LiteRT may crash on damaged ones."""
    with run.served_model.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != run.result.get("served_sha256"):
        raise InferenceError("its bytes are not those that were exported")


def _load_network(run: Run) -> ServedNetwork:
    fresh = Run(run.experiment, run.stamp, run.folder)  # a Run remembers what it has read
    try:
        require_unaltered(fresh)
        packed = run.experiment.is_convolutional
        return ServedNetwork(fresh.served_model, packed, fresh.calibration)
    except (InferenceError, RunError, OSError) as error:
        raise InferenceError(
            f"the served model of {run.id} is missing or broken; train it again with: "
            f"python -m digitnet train {run.experiment.name} ({error})"
        ) from error
