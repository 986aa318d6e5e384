"""Served models to probabilities, with LiteRT and NumPy alone."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import sys
import threading
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from digitnet.errors import DigitnetError
from digitnet.experiments import CLASSES, EXPERIMENTS, IMAGE_SHAPE, find_experiment
from digitnet.runs import Run, RunError, RunStore

BATCH_SIZE = 32  # images; cnn_long keeps about 1.2 MB for each, and more are not faster
THREADS = min(2, os.cpu_count() or 1)  # halves the largest networks' time, costs the small nothing
PLAIN_KERNELS = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


class InferenceError(DigitnetError):
    """A network cannot be served; the message says which one, why and what to do."""


class ServedNetwork:
    """One served model, loaded and ready; not for use by several threads at once.

    Args:
        model: A LiteRT model's file, which is mapped rather than read, or its bytes. Its input is
            float32 (n, 28, 28, 1) in [0, 1], its output float32 (n, 10).
        packed: Use XNNPACK, the fastest kernels. They keep a second, rearranged copy of all
            weights, which pays for convolutions; a dense network reads each weight once an image,
            waits for memory in either case, and is better served without.

    Raises:
        InferenceError: If this is no model, or not one of such images.
    """

    def __init__(self, model: Path | bytes, packed: bool = True):
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

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of the ten digits.

        Args:
            images: uint8 (n, 28, 28), 0 background to 255 ink; n may be 0.

        Returns:
            float32 (n, 10); each row sums to 1.

        Raises:
            ValueError: If the images have another shape or dtype.
        """
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != IMAGE_SHAPE[:2]:
            raise ValueError(f"images must be uint8 (n, 28, 28): {images.dtype} {images.shape}")
        probabilities = np.empty((len(images), CLASSES), np.float32)
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
        if probabilities.shape != (len(scaled), CLASSES):
            raise ValueError(f"its output has the shape {probabilities.shape}")
        return probabilities


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


class _Seat:
    """An experiment's place in the server: the network of its current run, once loaded."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # an interpreter is not thread-safe
        self.run_id: str | None = None
        self.network: ServedNetwork | None = None


class ModelServer:
    """Serves the current run of every experiment to many threads.

    A network is loaded when it is first asked, and anew when another run has become current.

    Args:
        store: Where the runs are.
    """

    def __init__(self, store: RunStore):
        self._store = store
        self._seats = {experiment.name: _Seat() for experiment in EXPERIMENTS}

    def names(self) -> list[str]:
        """Experiments that have a current run, in the report's order."""
        return [name for name in self._seats if self._store.current(name)]

    def predict(self, name: str, images: np.ndarray) -> np.ndarray:
        """Probabilities of the ten digits by one network.

        Args:
            name: An experiment's name.
            images: uint8 (n, 28, 28), 0 background to 255 ink.

        Returns:
            float32 (n, 10); each row sums to 1.

        Raises:
            InferenceError: If the experiment has no current run, or its model is missing or broken.
            UnknownExperimentError: If there is no such experiment.
            ValueError: If the images have another shape or dtype.
        """
        seat = self._seats[find_experiment(name).name]
        with seat.lock:
            return self._seated_network(name, seat).predict(images)

    def predict_all(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities by every network that can be served, in the report's order.

        Args:
            images: uint8 (n, 28, 28), 0 background to 255 ink.

        Returns:
            float32 (n, 10) by experiment; networks that are missing or broken are left out.
        """
        predictions = {}
        for name in self.names():
            try:
                predictions[name] = self.predict(name, images)
            except InferenceError:
                continue
        return predictions

    def _seated_network(self, name: str, seat: _Seat) -> ServedNetwork:
        run = self._store.current(name)
        if run is None:
            raise InferenceError(
                f"{name} has no finished run; train it with: python -m digitnet train {name}"
            )
        if seat.network is None or seat.run_id != run.id:
            seat.network = None  # frees the memory of the old one first
            seat.network = _load_network(run)
            seat.run_id = run.id
        return seat.network


def _require_unaltered(run: Run) -> None:
    """Refuses a model whose bytes are not those exported: LiteRT may crash on damaged ones."""
    with run.served_model.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != run.result.get("served_sha256"):
        raise InferenceError("its bytes are not those that were exported")


def _load_network(run: Run) -> ServedNetwork:
    convolutional = find_experiment(run.experiment).group == "convolutional"
    try:
        _require_unaltered(run)
        return ServedNetwork(run.served_model, packed=convolutional)
    except (InferenceError, RunError, OSError) as error:
        raise InferenceError(
            f"the served model of {run.id} is missing or broken; train it again with: "
            f"python -m digitnet train {run.experiment} ({error})"
        ) from error
