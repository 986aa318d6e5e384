"""How well networks read real drawings, told of the very models that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from digitnet.serving import load_handwriting
from digitnet.study.summaries import RunSummary

PENDIGITS, UNIPEN, UJI = "pendigits", "unipen", "uji"  # whole sets; the others are UNIPEN's parts
OFFICIAL = "mnist_official"  # MNIST's official test digits
FEWEST, FEWEST_WRITERS = 100, 10  # of a collection that a share may be told of


@dataclass(frozen=True)
class DrawnScore:
    """A network on drawings that it has not learnt from.

    Args:
        name: Of the set.
        accuracy: Share that it read rightly, 0 to 1.
        interval: Its 95% interval by writer, (low, high).
        drawings: How many they are.
        writers: How many people drew them.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    drawings: int
    writers: int


@dataclass(frozen=True)
class Answered:
    """What a network that may say "no digit" says of digits.

    Args:
        digits: How many were shown.
        refused: How many it takes for none.
        right: How many it takes for one and reads rightly.
    """

    digits: int
    refused: int
    right: int


def find_answered(summary: RunSummary) -> dict[str, Answered]:
    """Looks up what a network that refuses says of digits that it has not learnt from.

    Returns:
        By name of the set; empty if this model was not measured, or only with another ink.
    """
    measured = _find_measured(summary).get("answered", {})
    return {name: Answered(**figures) for name, figures in measured.items()}


def find_drawn(summary: RunSummary | None) -> dict[str, DrawnScore]:
    """Looks up what was measured of the very model that a run serves.

    Args:
        summary: The run in figures; None where there is none.

    Returns:
        By name of the set; empty if this model was not measured, or only with another ink.
    """
    if not summary:
        return {}
    sets = _load_handwriting().get("sets", {})
    measured = _find_measured(summary).get("sets", {})
    return {name: _score(name, figures, sets[name]) for name, figures in measured.items()}


def _find_measured(summary: RunSummary) -> dict[str, Any]:
    """What was measured of the very model that a run serves; empty if nothing was."""
    measured = _load_handwriting().get("networks", {}).get(_name(summary))
    if not measured or measured["served_sha256"] != summary.served_sha256:
        return {}
    return measured


def _score(name: str, figures: Mapping[str, Any], drawn: Mapping[str, Any]) -> DrawnScore:
    low, high = figures["interval"]
    return DrawnScore(name, figures["accuracy"], (low, high), drawn["drawings"], drawn["writers"])


def list_collections(scores: Mapping[str, DrawnScore]) -> list[DrawnScore]:
    """UNIPEN's collections that are large enough to be told of, the worst read first.

    Few writers tell of themselves rather than of a collection, however much they drew.
    """
    parts = [one for name, one in scores.items() if name not in (PENDIGITS, UNIPEN, UJI)]
    enough = [one for one in parts if one.drawings >= FEWEST and one.writers >= FEWEST_WRITERS]
    return sorted(enough, key=lambda one: (one.accuracy, one.name))


def describe_sets() -> str:
    """What networks were measured on, in sentences; empty if nothing was measured."""
    sets = _load_handwriting().get("sets", {})
    told = [
        f"{sets[name]['title']}: {sets[name]['drawings']:,} drawings by "
        f"{sets[name]['writers']} writers."
        for name in (PENDIGITS, UNIPEN, UJI)
        if name in sets
    ]
    return " ".join(told)


def describe_gains(summaries: Sequence[RunSummary]) -> str:
    """What architecture and what data buy on pen drawings, in sentences.

    Args:
        summaries: Of current runs.

    Returns:
        Empty unless two networks that learnt from MNIST alone were measured.
    """
    ranked = sorted(filter(_has_learnt, summaries), key=_accuracy_on_pendigits)
    alone = [one for one in ranked if one.settings and one.settings.dataset == "mnist"]
    others = [one for one in ranked if one not in alone]
    if len(alone) < 2:
        return ""
    worst, best = alone[0], alone[-1]
    on_mnist = [one.accuracy or 0 for one in alone]
    low, high = _accuracy_on_pendigits(worst), _accuracy_on_pendigits(best)
    words = (
        f"What architecture buys: between the {len(alone)} networks that learnt to read from MNIST "
        f"alone lie {_points(max(on_mnist) - min(on_mnist))} on MNIST's test and "
        f"{_points(high - low)} on pen drawings, from {_name(worst)} ({low:.2%}) to {_name(best)} "
        f"({high:.2%})."
    )
    if others:
        words += (
            f" What other data, another training and another network buy together: "
            f"{_name(others[-1])}, which learnt from drawings by other people as well, misreads "
            f"{1 - _accuracy_on_pendigits(others[-1]):.2%} of the pen drawings where {_name(best)} "
            f"misreads {1 - high:.2%}."
        )
    return words


def _has_learnt(summary: RunSummary) -> bool:
    return PENDIGITS in find_drawn(summary) and summary.has_learnt


def _accuracy_on_pendigits(summary: RunSummary) -> float:
    return find_drawn(summary)[PENDIGITS].accuracy


def _name(summary: RunSummary) -> str:
    return summary.run.experiment.name


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


@cache
def _load_handwriting() -> dict[str, Any]:
    return load_handwriting()
