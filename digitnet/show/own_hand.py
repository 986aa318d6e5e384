"""What the pages show of one's own drawings and of how well they are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitnet.experiments import CLASSES, Experiment
from digitnet.runs import OwnDrawing
from digitnet.show.html import Markup, join, tag
from digitnet.show.numbers import FRAME, stroke_svg
from digitnet.show.pictures import BOARD, CHALK, svg_url
from digitnet.show.words import a_digit, list_in_words, number_in_words
from digitnet.study.own_hand import Misread, OwnReading

ENOUGH = 30  # drawings: with fewer, hardly any two networks can be told apart
SIDE, PEN = 100, 8  # of a drawing's picture, and the pen's width in it
MOST_NAMED = 3  # networks that misread a drawing, by name
LEFTMOST = 0.9  # of the scale, if all intervals are above
LEARNT_FROM_THESE = (
    "The reader has learnt from half of the drawings that you taught it with, which flatters it "
    "here. How it reads the other half is told below."
)


# --- on the Draw page ------------------------------------------------------------------------


def describe_kept(kept: OwnDrawing | None, place: str) -> str:
    """What a tap would do, or has done, in a sentence of Markdown."""
    if kept is None:
        return f"A tap keeps the drawing {place}. Without it nothing is kept."
    article, digit = a_digit(kept.label).split()
    return f"Kept as {article} **{digit}** {place}."


def invite_to_hand(count: int) -> str:
    """The way to the page of one's own hand."""
    return f"How well am I read? ({_count(count)})"


def _count(count: int) -> str:
    return f"{count:,} drawing{'s' * (count != 1)}"


# --- how well one is read --------------------------------------------------------------------


def describe_readings(readings: Sequence[OwnReading]) -> str:
    """Who reads one best, in sentences of Markdown.

    Args:
        readings: Of all networks, at least one, the best first.
    """
    best, total = readings[0], len(readings[0].labels)
    if total == 1:
        verb = "reads" if best.right else "misreads"
        return f"**{best.experiment.title}** {verb} your only drawing.{_describe_refused(readings)}"
    low, high = best.interval
    said = (
        f"**{best.experiment.title}** reads **{best.right:,} of your {_count(total)}** rightly. "
        f"Of very many drawings like these it would read {low:.0%} to {high:.0%} (95% interval), "
        "or a little less, for it was picked as the best on these very drawings."
    )
    others = [one.right for one in readings[1:] if one.has_learnt]
    if others and min(others) == max(others):
        said += f" All others that learnt to read get {min(others):,} right."
    elif others:
        said += f" The others that learnt to read get {min(others):,} to {max(others):,} right."
    return said + _describe_refused(readings)


def _describe_refused(readings: Sequence[OwnReading]) -> str:
    for one in readings:
        if refused := int(one.refused.sum()):
            those = f"{number_in_words(refused)} of them" if len(one.labels) > 1 else "it"
            return f" {one.experiment.title} takes {those} for no digit."
    return ""


def describe_next_step(labels: Sequence[int]) -> str:
    """What to draw next so that more can be said, in a sentence; empty if there is enough."""
    missing = [digit for digit in range(CLASSES) if digit not in labels]
    if missing and len(missing) < CLASSES:
        named = [a_digit(missing[0]), *map(str, missing[1:])]
        return f"You have not drawn {list_in_words(named, 'or')} yet."
    if len(labels) < ENOUGH:
        return (
            f"{_count(len(labels)).capitalize()} say little: of two networks that seem apart, "
            f"chance may have made the difference. {ENOUGH - len(labels)} more would say more."
        )
    return ""


def standings_html(readings: Sequence[OwnReading]) -> Markup:
    """A row a network: its share on a scale, with its interval, and in figures."""
    left = min([LEFTMOST, *(one.interval[0] for one in readings if one.has_learnt)])
    left = np.floor(10 * left) / 10
    head = tag(
        "li",
        tag("span", "Network", class_="dn-name"),
        tag("i", tag("span", f"{left:.0%}"), tag("span", "100%")),
        tag("span", "Read rightly"),
        class_="dn-head",
        aria_hidden="true",
    )
    return tag("ol", head, *(_standing_row(one, left) for one in readings), class_="dn-standings")


def _standing_row(reading: OwnReading, left: float) -> Markup:
    low, high = reading.interval
    places = {"low": low, "at": reading.accuracy, "high": high}
    style = ";".join(
        f"--{name}:{max(0, (share - left) / (1 - left)):.4f}" for name, share in places.items()
    )
    said = f"{reading.right:,} of {len(reading.labels):,}"
    return tag(
        "li",
        tag("span", reading.experiment.title, class_="dn-name"),
        tag("i", style=style, class_=None if reading.accuracy >= left else "dn-beyond"),
        tag("b", f"{reading.accuracy:.1%}", title=said),
        tag("span", f"{low:.0%} to {high:.0%}"),
        style=f"--colour:{reading.experiment.colour}",
    )


# --- drawings --------------------------------------------------------------------------------


def picture_url(drawing: OwnDrawing) -> str:
    """A drawing as it lay on the board, with what it is in a corner, as a data URL."""
    strokes = [stroke for stroke in drawing.strokes if len(stroke)]
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (SIDE - 4 * PEN) / max(float((high - low).max()), 1e-9)
    lines = "".join(stroke_svg((one - (low + high) / 2) * scale + SIDE / 2) for one in strokes)
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}">'
        f'<rect width="100%" height="100%" fill="{BOARD}"/>'
        f'<g fill="none" stroke="{CHALK}" stroke-width="{PEN}" stroke-linecap="round" '
        f'stroke-linejoin="round">{lines}</g><text x="6" y="20" fill="{FRAME}" '
        f'font-family="sans-serif" font-size="16" font-weight="600">{drawing.label}</text></svg>'
    )
    return svg_url(picture)


def misread_html(misread: Misread) -> Markup:
    """What a drawing was taken for, and by which networks."""
    lines = [
        join("as ", tag("b", digit), " by ", _name(networks))
        for digit, networks in misread.read_as.items()
    ]
    is_a = join("Your ", tag("b", misread.drawing.label))
    return tag("p", is_a, *(join(tag("br"), line) for line in lines), class_="dn-answer")


def readings_html(readings: Sequence[OwnReading], place: int) -> Markup:
    """What all networks read in a drawing, those that did not learn to read left out."""
    groups: dict[int, list[str]] = {}
    for one in readings:
        if one.has_learnt:
            groups.setdefault(int(one.digits[place]), []).append(one.experiment.title)
    if len(groups) == 1:
        return tag("p", "All networks that learnt to read say ", tag("b", *groups), ".")
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = (
        tag("p", tag("b", digit), " says " if len(names) == 1 else " say ", "; ".join(names))
        for digit, names in ordered
    )
    return tag("div", *lines, class_="dn-told")


def large_html(drawing: OwnDrawing) -> Markup:
    """A drawing, large."""
    said = f"Your {drawing.label}"
    picture = tag("img", src=picture_url(drawing), alt=said)
    return tag("figure", picture, tag("figcaption", said), class_="dn-own")


def _name(networks: Sequence[Experiment]) -> str:
    """Networks by name, or how many of them where they are many."""
    if len(networks) <= MOST_NAMED:
        return "; ".join(one.title for one in networks)
    return f"{networks[0].title} and {number_in_words(len(networks) - 1)} more"


def describe_misread(count: int, total: int, by_best: bool) -> str:
    """How many drawings any network misreads, and the best one perhaps, in sentences."""
    if total == 1:
        by = "one network or more" if count else "no network that learnt to read"
        return f"Your only drawing is misread by {by}."
    if not count:
        return f"Not one of your {_count(total)} is misread by any network that learnt to read."
    return (
        f"{count:,} of your {_count(total)} {'is' if count == 1 else 'are'} misread by one network "
        f"or more.{' Those that the best one misreads come first.' * by_best}"
    )


def describe_collection(count: int, place: str) -> str:
    """What is kept and where, in a sentence of Markdown."""
    return f"{_count(count)}, kept {place}."


def ask_to_delete_all(count: int, damaged: int) -> str:
    """What would be gone."""
    lines = f" and {_lines(damaged)} that cannot be read" * bool(damaged)
    return f"Delete {_count(count)}{lines} for good?"


KEPT_BY_TAUGHT = (
    "A reader that was taught keeps the drawings that it was given until its run is deleted, on "
    "the Compare page under Retrain."
)


def describe_damaged(count: int) -> str:
    """That lines of the file are left out, in a sentence."""
    return f"{_lines(count).capitalize()} of the file cannot be read; the rest is shown."


def describe_added(added: int, taken: int, left_out: int) -> str:
    """What became of the lines of a file, in sentences."""
    said = f"{_count(added).capitalize()} added."
    if known := taken - added:
        said += f" {_count(known).capitalize()} {'was' if known == 1 else 'were'} here already."
    if left_out:
        said += f" {_lines(left_out).capitalize()} held no labelled drawing."
    return said


def _lines(count: int) -> str:
    return f"{count:,} line{'s' * (count != 1)}"
