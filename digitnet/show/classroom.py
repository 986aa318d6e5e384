"""What the page of a class shows: counts, drawings, and how many of them each network reads."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from digitnet.runs import Donation, Quota
from digitnet.show.html import Markup, tag
from digitnet.show.own_hand import picture_url
from digitnet.show.words import a_digit
from digitnet.study.own_hand import OwnReading

MOST_SHOWN = 60  # drawings on the wall, the newest


def address_for_others(url: str, machine: str | None) -> str:
    """An address of the app that other machines can open.

    Args:
        url: As a browser has it that may run on the server's own machine.
        machine: The server's address in its network; None if that is not known or does not listen.
    """
    parts = urlsplit(url)
    if machine and parts.hostname in ("localhost", "127.0.0.1", "::1"):
        port = f":{parts.port}" if parts.port else ""
        return parts._replace(netloc=machine + port).geturl()
    return url


def counts_html(drawings: int, readings: int, shown: int, address: str) -> Markup:
    """How much was drawn, in figures to be seen from afar, and where one joins in."""
    figures = {
        "drawn": drawings,
        "times read by all networks" if readings != 1 else "time read by all networks": readings,
        "on the wall": shown,
    }
    parts = (tag("p", tag("b", f"{count:,}"), what) for what, count in figures.items())
    join_in = tag("p", tag("b", address), "to draw along", class_="dn-address")
    return tag("div", *parts, join_in, class_="dn-counts")


def hits_html(readings: Sequence[OwnReading]) -> Markup:
    """How many of the class' drawings each network reads rightly, the best first."""
    return tag("ol", *map(_hits_row, readings), class_="dn-hits")


def _hits_row(reading: OwnReading) -> Markup:
    return tag(
        "li",
        tag("span", reading.experiment.title, class_="dn-name"),
        tag("i", style=f"--share:{reading.accuracy:.4f}"),
        tag("b", f"{reading.right:,} of {len(reading.labels):,}"),
        style=f"--colour:{reading.experiment.colour}",
    )


def wall_html(donations: Sequence[Donation], readings: Sequence[OwnReading]) -> Markup:
    """The class' drawings, the newest first, each with how many networks read it rightly.

    Args:
        donations: Those that are shown, the oldest first.
        readings: What each network reads in them.
    """
    learnt = [one for one in readings if one.has_learnt]
    newest = list(enumerate(donations))[::-1][:MOST_SHOWN]
    figures = (
        tag(
            "figure",
            tag("img", src=picture_url(one.drawing), alt=a_digit(one.drawing.label)),
            tag("figcaption", f"{sum(bool(r.correct[at]) for r in learnt)} of {len(learnt)}"),
        )
        for at, one in newest
    )
    return tag("div", *figures, class_="dn-wall")


def drawing_html(donation: Donation) -> Markup:
    """One drawing."""
    picture = tag("img", src=picture_url(donation.drawing), alt=a_digit(donation.drawing.label))
    return tag("figure", picture, class_="dn-own")


def describe_wall(count: int) -> str:
    """What the figures of the drawings say, in a sentence."""
    newest = f" Of {count:,}, these are the newest {MOST_SHOWN}." if count > MOST_SHOWN else ""
    return f"Below each drawing: how many of the networks that learnt read it rightly.{newest}"


def describe_quota(quota: Quota, trainings: int, used: int) -> str:
    """What a visitor may have and has, in a line of Markdown."""
    return (
        f"**{trainings} of {quota.trainings}** trainings · **{used / 2**20:.0f} of "
        f"{quota.megabytes:,} MB** · at most {quota.epochs:,} epochs, "
        f"{quota.parameters:,} parameters and {quota.multiplications:,} multiplications"
    )


def describe_visitor(visitor: str, trainings: int, used: int) -> str:
    """A visitor to the owner, in a line of Markdown: no name, and no code."""
    count = f"{trainings} training{'s' * (trainings != 1)}"
    return f"**Visitor {visitor[:4]}** · {count}, {used / 2**20:.1f} MB"
