"""All experiments that the project brings, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from digitnet.errors import DigitnetError
from digitnet.experiments.handwriting import READER
from digitnet.experiments.records import Experiment
from digitnet.experiments.sixteen import REPORT_EXPERIMENTS

EXPERIMENTS: tuple[Experiment, ...] = (*REPORT_EXPERIMENTS, READER)


class UnknownExperimentError(DigitnetError):
    """No experiment has this name; the message suggests the nearest ones."""


def find_experiment(name: str, experiments: Iterable[Experiment] = EXPERIMENTS) -> Experiment:
    """The experiment of this name.

    Args:
        name: Its short name.
        experiments: Where to look; a run store has the user's own besides.

    Raises:
        UnknownExperimentError: If there is none.
    """
    by_name = {experiment.name: experiment for experiment in experiments}
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(str(name), by_name) or by_name
    raise UnknownExperimentError(f"no experiment is named {name!r}; try {', '.join(near)}")
