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
        tested_on: The data set whose test digits judge its networks; its own by default.
    """

    name: str
    title: str
    size: int
    download_bytes: int = 0
    tested_on: str = ""

    @property
    def judge(self) -> str:
        """Name of the data set whose test digits judge its networks."""
        return self.tested_on or self.name


DATASETS = {
    one.name: one
    for one in (
        Dataset("mnist", "MNIST", 70_000, download_bytes=11_490_434),
        Dataset(  # MNIST's images and drawings; DIGITNET_STROKES names the folder of these
            "handwriting", "Real handwriting", 86_092, download_bytes=11_490_434, tested_on="mnist"
        ),
        Dataset("sample", "Offline sample", 1_797),  # for trials: it needs no download
    )
}
