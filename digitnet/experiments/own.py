"""Networks of one's own: experiments that a user defines."""

from __future__ import annotations

import re

from digitnet.errors import DigitnetError
from digitnet.experiments.costs import cost_layers
from digitnet.experiments.layers import MOST_LAYERS, Flatten, Layer, LayerError
from digitnet.experiments.records import OWN, Experiment

MOST_PARAMETERS = 50_000_000  # trains in about 3 GB of memory
MOST_MULTIPLY_ADDS = 1_000_000_000  # for one image: an epoch takes hours on a laptop
LONGEST_NAME = 24
_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_NAME - 1}}}")

# As far from those of the report's networks as from each other, with a contrast of 3:1 or more
# with both the light and the dark background.
COLOURS = ("#8a6d00", "#a8563c", "#6f7a8c", "#b0409a", "#2f7fd0", "#7d8b00")


class NetworkError(DigitnetError):
    """A network cannot be as it was asked for; the message says why."""


def make_network(
    name: str, layers: tuple[Layer, ...], place: int = 0, reason: str = ""
) -> Experiment:
    """An experiment of the user's own.

    Args:
        name: 1 to 24 lower-case letters, digits and underscores, a letter first.
        layers: Hidden layers in order; a softmax over the ten digits follows.
        place: How many networks of their own the user had before; decides its colour.
        reason: What the user wants to learn from it.

    Raises:
        LayerError: If a layer cannot stand where it is.
        NetworkError: If the name is malformed or the network too large.
    """
    if not _NAME.fullmatch(name):
        raise NetworkError(
            f"a network's name has 1 to {LONGEST_NAME} lower-case letters, digits and underscores, "
            f"a letter first: {name[:40]!r}"
        )
    check_layers(layers)
    return Experiment(
        name=name,
        title=name,
        group=OWN,
        layers=layers,
        colour=COLOURS[place % len(COLOURS)],
        question=reason,
    )


def check_layers(layers: tuple[Layer, ...]) -> None:
    """Refuses layers that make no network, or one that is too large.

    Raises:
        LayerError: If a layer cannot stand where it is.
        NetworkError: If there are too many layers, parameters or multiplications.
    """
    if len(layers) > MOST_LAYERS:
        raise NetworkError(f"a network has at most {MOST_LAYERS} layers: {len(layers)}")
    costs = cost_layers(layers)
    if Flatten() not in layers:
        raise LayerError("flatten is missing: the ten digits are told from one row of values")
    for what, most, count in (
        ("parameters", MOST_PARAMETERS, sum(cost.parameters for cost in costs)),
        ("multiplications", MOST_MULTIPLY_ADDS, sum(cost.multiply_adds for cost in costs)),
    ):
        if count > most:
            raise NetworkError(f"a network has at most {most:,} {what}, and this has {count:,}")
