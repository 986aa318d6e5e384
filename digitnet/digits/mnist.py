"""MNIST, looked for on this machine first and downloaded otherwise.

Wherever it comes from, its arrays are checked against their SHA-256 before anyone sees them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np

from digitnet.digits.records import DataError, Digits, DownloadListener

# The file that keras.datasets.mnist downloads; DIGITNET_MNIST_URL names a mirror of it.
MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHAPES = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}


MNIST_SHA256 = {  # of each array's bytes, not of the file: an npz may be packed in many ways
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}


TIMEOUT = 20  # seconds in which the server must send something
CHUNK = 64 * 1024  # bytes between two reports of progress


def load_mnist(progress: DownloadListener | None = None) -> Digits:
    """Loads MNIST, its training and test images joined in this order; downloads it if need be.

    Args:
        progress: Called during a download (11 MB) with the bytes received so far and their
            total; the total is 0 if the server does not tell it.

    Returns:
        The 70,000 digits.

    Raises:
        DataError: If the file found is not MNIST as published, or the download fails.
    """
    path = find_mnist()
    if path is None:
        return _download_mnist(progress)
    try:
        return _read_mnist(path)
    except ValueError as error:
        remedy = (
            "set DIGITNET_MNIST to a good copy, or unset it to have MNIST downloaded"
            if os.environ.get("DIGITNET_MNIST")
            else "delete the file to have MNIST downloaded again"
        )
        raise DataError(f"{path} is not MNIST as published ({error}); {remedy}.") from error


def find_mnist() -> Path | None:
    """Finds MNIST on this machine, without opening it.

    Returns:
        The file that DIGITNET_MNIST names; if it is not set, the file in this project's cache,
        else the one in the cache of Keras, else None: then `load_mnist` downloads it.

    Raises:
        DataError: If DIGITNET_MNIST names no file.
    """
    named = os.environ.get("DIGITNET_MNIST")
    if not named:
        return next((path for path in (_cache_path(), _keras_path()) if path.is_file()), None)
    path = Path(named).expanduser()
    if not path.is_file():
        raise DataError(
            f"DIGITNET_MNIST names {named}, which is not a file; set it to a copy of mnist.npz, "
            "or unset it to have MNIST downloaded."
        )
    return path


def _cache_path() -> Path:
    from pooch import os_cache

    return os_cache("digitnet") / "mnist.npz"


def _keras_path() -> Path:
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(home).expanduser() / "datasets" / "mnist.npz"


def _read_mnist(path: Path) -> Digits:
    """Reads and verifies mnist.npz; raises ValueError with the reason if it is anything else."""
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in MNIST_SHA256:
                arrays[name] = archive[name]
    except Exception as error:  # what a damaged file raises depends on where the damage is
        raise ValueError(f"it cannot be read: {type(error).__name__}") from error
    for name, array in arrays.items():
        if array.dtype != np.uint8 or array.shape != MNIST_SHAPES[name]:
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
        if hashlib.sha256(array.tobytes()).hexdigest() != MNIST_SHA256[name]:
            raise ValueError(f"the content of {name} is altered")
    return Digits(
        images=np.concatenate([arrays["x_train"], arrays["x_test"]]),
        labels=np.concatenate([arrays["y_train"], arrays["y_test"]]),
    )


def _download_mnist(progress: DownloadListener | None) -> Digits:
    """Downloads MNIST into the project's cache, where it appears verified or not at all."""
    from pooch import HTTPDownloader

    url = os.environ.get("DIGITNET_MNIST_URL") or MNIST_URL
    bar = _ProgressBar(progress) if progress else False
    download = HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT)
    target = _cache_path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="download-") as folder:
            received = Path(folder) / target.name
            download(url, str(received), None)
            digits = _read_mnist(received)
            os.replace(received, target)
    except (OSError, ValueError) as error:  # what requests raises is an OSError too
        raise DataError(
            f"MNIST could not be downloaded from {url} ({_reason(error)}); try again later, "
            "set DIGITNET_MNIST to a copy of mnist.npz, or use the sample data set."
        ) from error
    return digits


def _reason(error: Exception) -> str:
    """Says in a few words why a download failed."""
    from requests import ConnectionError, HTTPError, Timeout
    from requests.exceptions import ChunkedEncodingError

    if isinstance(error, HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, Timeout):
        return f"the server sent nothing for {TIMEOUT} seconds"
    if isinstance(error, ConnectionError | ChunkedEncodingError):
        return "there is no connection, or it broke off"
    return str(error)


class _ProgressBar:
    """Passes pooch's progress on; pooch expects a bar as tqdm makes them."""

    def __init__(self, progress: DownloadListener) -> None:
        self._progress = progress
        self._done = 0
        self.total = 0  # set by pooch

    def update(self, size: int) -> None:
        self._done += size
        if self.total:  # pooch counts the last chunk in full
            self._done = min(self._done, self.total)
        self._progress(self._done, self.total)

    def reset(self) -> None:
        """Pooch resets a bar at the end, only to fill it."""

    def close(self) -> None:
        pass
