"""How well networks read real drawings, told of the very models that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from digitnet.serving import load_handwriting
from digitnet.study.summaries import RunSummary

PENDIGITS, UNIPEN, UJI = "pendigits", "unipen", "uji"  # whole sets; the others are UNIPEN's parts
FEWEST = 100  # drawings of a collection that a share may be told of
GUESSING = 0.5  # an accuracy below it is that of a network that did not learn


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


def find_drawn(summary: RunSummary | None) -> dict[str, DrawnScore]:
    """Looks up what was measured of the very model that a run serves.

    Args:
        summary: The run in figures; None where there is none.

    Returns:
        By name of the set; empty if this model was not measured, or only with another ink.
    """
    record = _load_handwriting()
    measured = record.get("networks", {}).get(summary and _name(summary))
    if not summary or not measured or measured["served_sha256"] != summary.served_sha256:
        return {}
    return {
        name: _score(name, figures, record["sets"][name])
        for name, figures in measured["sets"].items()
    }


def _score(name: str, figures: Mapping[str, Any], drawn: Mapping[str, Any]) -> DrawnScore:
    low, high = figures["interval"]
    return DrawnScore(name, figures["accuracy"], (low, high), drawn["drawings"], drawn["writers"])


def list_collections(scores: Mapping[str, DrawnScore]) -> list[DrawnScore]:
    """UNIPEN's collections that are large enough to be told of, the worst read first."""
    parts = [one for name, one in scores.items() if name not in (PENDIGITS, UNIPEN, UJI)]
    return sorted(
        (one for one in parts if one.drawings >= FEWEST), key=lambda one: (one.accuracy, one.name)
    )


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
        f"What architecture buys: between the {len(alone)} networks that learnt from MNIST alone "
        f"lie {_points(max(on_mnist) - min(on_mnist))} on MNIST's test and {_points(high - low)} "
        f"on pen drawings, from {_name(worst)} ({low:.2%}) to {_name(best)} ({high:.2%})."
    )
    if others:
        words += (
            f" What data buys: {_name(others[-1])}, which learnt from drawings by other people as "
            f"well, misreads {1 - _accuracy_on_pendigits(others[-1]):.2%} of them where "
            f"{_name(best)} misreads {1 - high:.2%}."
        )
    return words


def _has_learnt(summary: RunSummary) -> bool:
    return PENDIGITS in find_drawn(summary) and (summary.accuracy or 0) > GUESSING


def _accuracy_on_pendigits(summary: RunSummary) -> float:
    return find_drawn(summary)[PENDIGITS].accuracy


def _name(summary: RunSummary) -> str:
    return summary.run.experiment.name


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


@cache
def _load_handwriting() -> dict[str, Any]:
    return load_handwriting()
