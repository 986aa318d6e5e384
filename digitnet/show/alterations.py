"""What the Inside page shows of a drawing that is altered: where each network flips."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import numpy as np

from digitnet.experiments import Experiment
from digitnet.show.html import Markup, tag
from digitnet.show.words import number_in_words
from digitnet.study.alterations import Flips, Way


def format_amount(way: Way, amount: float) -> str:
    """An amount of an alteration, such as "−30°" or "1.25×"."""
    text = f"{abs(amount):.2f}".rstrip("0").rstrip(".")
    return f"{'−' if amount < 0 and text != '0' else ''}{text}{way.unit}"


def flips_html(
    flips: Mapping[Experiment, Flips | None], way: Way, amount: float, chosen: Experiment
) -> Markup:
    """For each network a band: the digit that it reads along a way, and where that changes.

    Args:
        flips: Of each network; None while it reads.
        way: The way.
        amount: Where the drawing is now along it.
        chosen: The network that is looked into, which comes first.
    """
    mark = np.interp(amount, way.points, np.linspace(0, 1, len(way.points)))
    ordered = sorted(flips.items(), key=lambda one: one[0] != chosen)
    rows = (_row(network, one, way) for network, one in ordered)
    scale = (tag("span", format_amount(way, one)) for one in (way.low, way.rest, way.high))
    return tag(
        "div",
        tag("div", tag("div", *scale), class_="dn-scale"),
        tag("ul", *rows),
        class_="dn-flips",
        style=f"--mark:{mark:.4f}",
    )


def _row(network: Experiment, flips: Flips | None, way: Way) -> Markup:
    parts = _parts(flips) if flips else [tag("i", "…", class_="dn-unread", style="--points:1")]
    return tag(
        "li",
        tag("span", network.title, class_="dn-name"),
        tag("div", *parts, aria_hidden="true"),
        tag("span", describe_flips(flips, way) if flips else "still reading", class_="dn-until"),
        style=f"--colour:{network.colour}",
    )


def _parts(flips: Flips) -> list[Markup]:
    """A network's band: a part for each digit that it reads."""
    return [
        tag(
            "i",
            digit,
            class_=None if digit == flips.reading else "dn-flipped",
            style=f"--points:{len(list(run))}",
        )
        for digit, run in groupby(flips.readings)
    ]


def describe_flips(flips: Flips, way: Way) -> str:
    """Where a network's reading changes, in a few words, such as "1 at −38°, 2 at 41°"."""
    ends = [
        f"{digit} at {format_amount(way, amount)}"
        for amount, digit in filter(None, (flips.below, flips.above))
    ]
    return ", ".join(ends) or f"{flips.reading} throughout"


def describe_steadiest(
    flips: Mapping[Experiment, Flips | None], way: Way, which: str = "networks"
) -> str:
    """How many networks hold on to their reading all along, in a sentence.

    Args:
        flips: Of each network; None while it still reads.
        way: How the drawing is altered.
        which: What they are, such as "networks that learnt".
    """
    known = [one for one in flips.values() if one]
    held = sum(not (one.below or one.above) for one in known)
    what = way.title.lower()
    if waiting := len(flips) - len(known):
        return (
            f"{_holders(held, len(known), which)}, whatever the {what}; "
            f"{number_in_words(waiting)} {'is' if waiting == 1 else 'are'} still reading."
        )
    if held == len(flips):
        return f"None of the {len(flips)} {which} changes its mind, whatever the {what}."
    return f"{_holders(held, len(flips), which)}, whatever the {what}."


def _holders(held: int, total: int, which: str) -> str:
    verb = "holds on to its" if held == 1 else "hold on to their"
    return f"{held} of {total} {which} {verb} reading"
