"""Two networks side by side, and all pairs of them, in words and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from digitnet.runs import Run
from digitnet.show.html import Markup, tag
from digitnet.study.comparison import SIGNIFICANCE, Comparison, Pairs
from digitnet.study.differences import Difference


def name_both(a: Run, b: Run) -> tuple[str, str]:
    """Two runs for people; by their networks alone where that tells them apart."""
    a_title, b_title = a.experiment.title, b.experiment.title
    return (a_title, b_title) if a_title != b_title else (a.title, b.title)


def describe_pair(a: str, b: str, pair: Comparison) -> str:
    """What two networks alone were right on, in a sentence.

    Args:
        a: Title of network A.
        b: Title of network B.
        pair: The two compared.
    """
    return (
        f"Of {pair.size:,} test digits, {a} alone is right on {pair.only_a:,}, "
        f"{b} alone on {pair.only_b:,}: {_format_p(pair.p_value)}."
    )


def describe_verdict(a: str, b: str, pair: Comparison) -> str:
    """Which of two networks is better, in a few words."""
    if pair.winner is None:
        return "They cannot be told apart"
    return f"{a if pair.winner == 'a' else b} is better"


def describe_correction(pair: Comparison) -> str:
    """What is left of the difference when all pairs are tested, in a sentence."""
    if pair.winner is None and pair.p_value < SIGNIFICANCE:
        return (
            f"Of so many pairs, those below, some look this different by chance alone: corrected "
            f"for all of them, {_format_p(pair.corrected)}."
        )
    return f"Corrected for all pairs, those below, {_format_p(pair.corrected)}."


def _format_p(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def describe_standing(ranked: Sequence[Run], compared: Pairs) -> str:
    """How the most accurate network does against all others, in a sentence.

    Args:
        ranked: Current runs, the most accurate first.
        compared: All pairs of them, in both orders; those that cannot be compared are missing, and
            there is one at least.
    """
    best = next(run for run in ranked if any(a == run.id for a, _ in compared))
    winners = Counter(pair.winner for (a, _), pair in compared.items() if a == best.id)
    others = sum(winners.values())
    if others == 1:
        same = "cannot be told apart from" if winners[None] else "is better than"
        return f"{best.experiment.title} {same} the one other that read the same digits."
    lead = (
        f"Of the {others + 1} networks that read the same digits, {best.experiment.title} is the "
        "most accurate. It is better than"
    )
    if not winners[None]:
        return f"{lead} each of the {others} others."
    return (
        f"{lead} {winners['a']} of the {others} others, and cannot be told apart from "
        f"{winners[None]}."
    )


def explain_pairs(runs: Sequence[Run], compared: Pairs) -> str:
    """How the matrix of `pairs_html` is to be read."""
    missing = len(compared) < len(runs) * (len(runs) - 1)
    return (
        "A number: the network of the row is better (+) or worse (−) than that of the column, by "
        "so many percentage points. ≈: the two cannot be told apart. Exact McNemar tests at the "
        f"level {SIGNIFICANCE}, Holm-corrected for all {len(compared) // 2} pairs."
        f"{' A dot: not tested on the same digits.' if missing else ''}"
    )


def pairs_html(runs: Sequence[Run], compared: Pairs) -> Markup:
    """All pairs of networks in a matrix: who leads, by how much, or that one cannot tell.

    Args:
        runs: One of each network, in the order of rows and columns.
        compared: Pairs of them, in both orders; those that cannot be compared are missing.
    """
    head = [tag("th", tag("span", run.experiment.name), scope="col") for run in runs]
    rows = [
        tag(
            "tr",
            tag("th", a.experiment.name, scope="row", style=f"--colour:{a.experiment.colour}"),
            *(_pair_cell(a, b, compared.get((a.id, b.id))) for b in runs),
        )
        for a in runs
    ]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", tag("td"), *head)), tag("tbody", *rows)),
        class_="dn-pairs",
        tabindex=0,
        role="region",
        aria_label="All pairs of networks",
    )


def _pair_cell(a: Run, b: Run, pair: Comparison | None) -> Markup:
    if a == b:
        return tag("td")
    titles = a.experiment.title, b.experiment.title
    if pair is None:
        return tag("td", "·", class_="dn-untold", title="Not tested on the same digits")
    words = f"{describe_verdict(*titles, pair)}. {describe_pair(*titles, pair)}"
    corrected = f" Corrected for all pairs: {_format_p(pair.corrected)}."
    kind, text = {
        None: ("even", "≈"),
        "a": ("better", f"+{pair.lead:.2f}"),
        "b": ("worse", f"−{-pair.lead:.2f}"),
    }[pair.winner]
    return tag("td", text, class_=f"dn-{kind}", title=words + corrected)


def differences_html(lines: Sequence[Difference]) -> Markup:
    """Two networks, A and B, side by side, line by line; lines that differ stand out."""
    head = [tag("th", letter, scope="col") for letter in ("A", "B")]
    rows = [
        tag(
            "tr",
            tag("th", line.what, scope="row"),
            tag("td", line.a or "—"),
            tag("td", line.b or "—"),
            class_=None if line.is_same else "dn-differs",
        )
        for line in lines
    ]
    parts = tag("thead", tag("tr", tag("td"), *head)), tag("tbody", *rows)
    return tag("table", *parts, class_="dn-differences")
