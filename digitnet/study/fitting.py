"""What a kept network reads of the very images that it has learnt from, nothing dropped out.

The accuracy that a training logs of them is taken while units are dropped out, over an epoch in
which the network still changes, so it tells less than the kept network can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from digitnet.digits import HANDWRITING, Digits, Split, load_digits, split_digits
from digitnet.experiments import Experiment
from digitnet.runs import FIT, FORMAT, KeptFit, ReadShare, Run, write_json
from digitnet.serving import ServedNetwork
from digitnet.study.provenance import describe_making
from digitnet.study.renewal import renew


def fit_runs(runs: Sequence[Run]) -> Iterator[tuple[Run, KeptFit]]:
    """Measures runs one after another, and stores what was found beside them.

    Those that learnt from ever new images are left out: they have no training images.

    Yields:
        Each run with what it reads of its images.

    Raises:
        DataError: If the digits cannot be had.
        RunError: If a run is broken or cannot be written to.
    """

    def load(dataset: str) -> Split:
        return split_digits(dataset, load_digits(dataset))

    def make(run: Run, model: bytes, split: Split) -> KeptFit:
        found = measure_fit(model, run.experiment, split)
        write_json(run.folder / FIT, found)
        return KeptFit(ReadShare(**found["training"]), ReadShare(**found["validation"]))

    return renew(list(filter(has_training_images, runs)), load, make, "measured")


def has_training_images(run: Run) -> bool:
    """Whether a run learnt the same images in every epoch."""
    return run.request.settings.dataset != HANDWRITING


def measure_fit(model: bytes, experiment: Experiment, split: Split) -> dict[str, Any]:
    """Counts what a served model reads rightly of what it was trained and validated on.

    Args:
        model: The LiteRT model.
        experiment: Whose it is.
        split: Of its data set.

    Returns:
        What fit.json holds.

    Raises:
        InferenceError: If it cannot be served.
    """
    network = ServedNetwork(model, experiment.is_convolutional)
    return {
        "format": FORMAT,
        "served_sha256": hashlib.sha256(model).hexdigest(),
        "training": _count_right(network, split.train),
        "validation": _count_right(network, split.validation),
        "provenance": describe_making([{"name": split.dataset, "split_seed": split.seed}]),
    }


def _count_right(network: ServedNetwork, digits: Digits) -> dict[str, int]:
    right = network.predict(digits.images).argmax(axis=1) == digits.labels
    return {"right": int(right.sum()), "images": len(right)}


def format_fit(run: Run, fit: KeptFit) -> str:
    """What a network reads of its training and validation images, in a line for a terminal."""
    training, validation = fit.training, fit.validation
    return (
        f"{run.experiment.name:<11} training {training.share:.2%} of {training.images:,}  "
        f"validation {validation.share:.2%} of {validation.images:,}  {run.id}"
    )
