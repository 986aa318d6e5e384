"""Loads the data sets by name."""

from __future__ import annotations

from collections.abc import Callable

from digitnet.digits.handwriting import find_strokes
from digitnet.digits.mnist import find_mnist, load_mnist
from digitnet.digits.records import DataError, Digits, DownloadListener
from digitnet.digits.sample import load_sample
from digitnet.experiments import DATASETS

HANDWRITING = "handwriting"
_LOADERS: dict[str, Callable[[DownloadListener | None], Digits]] = {
    "mnist": load_mnist,
    HANDWRITING: load_mnist,  # the drawings are learnt from beside it: see `load_material`
    "sample": lambda _: load_sample(),
}


def load_digits(dataset: str, progress: DownloadListener | None = None) -> Digits:
    """Loads a data set by its name.

    Args:
        dataset: One of `DATASETS`.
        progress: Called during a download with the bytes received so far and their total; the
            total is 0 if the server does not tell it.

    Raises:
        DataError: If the name is unknown, or the data are neither here nor to be downloaded.
    """
    if dataset not in _LOADERS:
        known = " or ".join(f'"{name}"' for name in _LOADERS)
        raise DataError(f'There is no data set "{dataset}"; choose {known}.')
    return _LOADERS[dataset](progress)


def is_here(dataset: str) -> bool:
    """Whether a data set is on this machine, so that it can be loaded without a download.

    Raises:
        DataError: If a file that is named for it is missing, or it cannot be downloaded.
    """
    if dataset == HANDWRITING:
        find_strokes()
    return not DATASETS[dataset].download_bytes or find_mnist() is not None
