"""The data sets, by name."""

from __future__ import annotations

from digitnet.digits.mnist import load_mnist
from digitnet.digits.records import DataError, Digits, Progress
from digitnet.digits.sample import load_sample


def load_digits(dataset: str, progress: Progress | None = None) -> Digits:
    """Loads a data set by its name.

    Args:
        dataset: "mnist" or "sample".
        progress: As in `load_mnist`.

    Raises:
        DataError: If the name is unknown, or MNIST is neither here nor to be downloaded.
    """
    if dataset == "mnist":
        return load_mnist(progress)
    if dataset == "sample":
        return load_sample()
    raise DataError(f'There is no data set "{dataset}"; choose "mnist" or "sample".')
