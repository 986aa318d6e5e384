"""The data sets, as plain records; `digitnet.digits` loads them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """A set of labelled digits.

    Args:
        name: Short name, as used on the command line.
        title: What a reader is shown.
        size: How many digits it has.
        download_bytes: How much must be fetched where it is not on the machine; 0 if it comes
            with the project.
    """

    name: str
    title: str
    size: int
    download_bytes: int = 0


DATASETS = {
    one.name: one
    for one in (
        Dataset("mnist", "MNIST", 70_000, download_bytes=11_490_434),
        Dataset("sample", "Offline sample", 1_797),  # for trials: it needs no download
    )
}
