"""What the Draw page shows of a drawing.

Short pieces of HTML: they are redrawn at every stroke, and their words and numbers are text that a
screen reader reads and a browser searches.

"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image

from digitnet.experiments import (
    GROUPS,
    REPORT_EXPERIMENTS,
    Experiment,
    folded_parameters,
    pixel_features,
)
from digitnet.serving import Trust, find_class
from digitnet.show.words import describe_share, format_share, number_in_words
from digitnet.study.summaries import RunSummary


def count_votes(probabilities: Mapping[Experiment, np.ndarray]) -> list[tuple[int, int]]:
    """How many networks read which digit.

    Args:
        probabilities: For each network float (10,).

    Returns:
        (digit, votes), most votes first; among equals the digit that is more probable overall.
    """
    votes = Counter(int(row.argmax()) for row in probabilities.values())
    total = np.sum(list(probabilities.values()), axis=0)
    return sorted(votes.items(), key=lambda item: (-item[1], -total[item[0]]))


def choose_voters(readings: Mapping[Experiment, np.ndarray]) -> dict[Experiment, np.ndarray]:
    """The readings that make the vote: the report's networks', or all where none of these is here.

    The vote's worth was counted of the report's networks alone; what has learnt from other data
    is shown beside them.
    """
    voters = {one: row for one, row in readings.items() if one in REPORT_EXPERIMENTS}
    return voters or dict(readings)


def describe_votes(votes: list[tuple[int, int]], whose: str = "") -> str:
    """Votes in a sentence, such as "Fourteen of sixteen networks read 7; two read 1."

    Counts that could be taken for a digit that was read are words.

    Args:
        votes: As `count_votes` returns them.
        whose: Which networks vote, such as "the report's", if that is not all that are shown.
    """
    total = f"{whose} {number_in_words(sum(count for _, count in votes))} networks".strip()
    (winner, most), *others = votes
    if not others:
        return f"All {total} read {winner}."
    majority = number_in_words(most).capitalize()
    first = f"{majority} of {total} {_verb(most)} {winner}"
    rest = ", ".join(f"{number_in_words(count)} {_verb(count)} {digit}" for digit, count in others)
    return f"{first}; {rest}."


def _verb(count: int) -> str:
    return "reads" if count == 1 else "read"


def reading_html(probabilities: np.ndarray, trust: Trust | None) -> str:
    """The most probable digit, in large type, how sure the network is, and what that is worth.

    Args:
        probabilities: float (10,).
        trust: How often it is right when it is so sure; None if that is not known.
    """
    best, second = np.argsort(probabilities)[::-1][:2]
    doubt = f"It might also be a {second}: {format_share(probabilities[second])}."
    return (
        f'<div class="dn-reading" role="status"><p class="dn-digit">{best}</p>'
        f"<p>{format_share(probabilities[best])} sure"
        f"{'. ' + doubt if probabilities[second] >= 0.1 else ''}</p>"
        f"{_trust_html(describe_trust(trust, float(probabilities[best]))) if trust else ''}</div>"
    )


def refusal_html(probabilities: np.ndarray, network: Experiment) -> str:
    """That it is no digit, in large type, and the nearest digit, small.

    Args:
        probabilities: float (10,), the chosen network's.
        network: The chosen network.
    """
    said = "" if network.refuses else "<p class=dn-by>says the reader of handwriting</p>"
    return (
        '<div class="dn-reading" role="status"><p class="dn-refusal">Not a digit</p>'
        f"<p>the nearest would be <b>{int(probabilities.argmax())}</b></p>{said}</div>"
    )


def quiet_html(html: str) -> str:
    """What is still there to be looked at, but is not what matters."""
    return f'<div class="dn-quiet">{html}</div>'


def _trust_html(sentence: str) -> str:
    return f'<p class="dn-trust">{sentence}</p>'


def describe_trust(trust: Trust, confidence: float) -> str:
    """How often a network is right about drawings of which it is so sure, in HTML."""
    low, high = find_class(confidence)
    if high == 1:
        sure = f"more than {100 * low:.10g}%"
    elif low == 0:
        sure = f"less than {100 * high:.10g}%"
    else:
        sure = f"{100 * low:.10g} to {100 * high:.10g}%"
    return (
        f"Of {trust.drawings:,} pen drawings that it was {sure} sure of, it read "
        f"<b>{format_share(trust.share)}</b> rightly."
    )


def describe_agreement(trust: Trust) -> str:
    """How often the majority is right about drawings on which so many agree, in HTML."""
    return (
        f"Of {trust.drawings:,} pen drawings on which just so many agreed, they read "
        f"<b>{format_share(trust.share)}</b> rightly."
    )


def probability_bars_html(probabilities: np.ndarray) -> str:
    """Ten bars, one for each digit, with their shares as text.

    Args:
        probabilities: float (10,).
    """
    best = int(np.argmax(probabilities))
    rows = "".join(
        f"<li{' class=dn-best' if digit == best else ''}><b>{digit}</b>"
        f'<i style="--share:{share:.4f}"></i><span>{format_share(share)}</span></li>'
        for digit, share in enumerate(map(float, probabilities))
    )
    return f'<ol class="dn-bars" aria-label="Probability of each digit">{rows}</ol>'


def invitation_html(sentence: str) -> str:
    """What to do while there is nothing to read."""
    return f'<p class="dn-invitation" role="status">{escape(sentence)}</p>'


def seen_html(image: np.ndarray) -> str:
    """The network's input, enlarged with every pixel visible.

    Args:
        image: uint8 (28, 28), 0 for the background, 255 for ink.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    source = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure class="dn-seen"><img src="data:image/png;base64,{source}" '
        'alt="Your digit in white on black, centred and shrunk to 28 by 28 pixels">'
        "<figcaption>What the networks see</figcaption></figure>"
    )


def all_readings_html(
    readings: Mapping[Experiment, np.ndarray], chosen: Experiment, trust: Trust | None = None
) -> str:
    """The vote, what it is worth, and every network's reading, those against the majority marked.

    Args:
        readings: For each network probabilities, float (10,).
        chosen: The network whose reading is shown in large type.
        trust: How often the majority is right when it is as large; None if that is not known.
    """
    voters = choose_voters(readings)
    votes = count_votes(voters)
    whose = "" if len(voters) == len(readings) else "the report’s"
    majority = votes[0][0]
    rows = {
        network: _reading_row(
            network,
            probabilities,
            disagrees=network in voters and int(probabilities.argmax()) != majority,
            chosen=network == chosen,
        )
        for network, probabilities in readings.items()
    }
    worth = _trust_html(describe_agreement(trust)) if trust else ""
    return f"<h3>{describe_votes(votes, whose)}</h3>{worth}{_network_lists(rows)}"


def all_accuracies_html(summaries: Sequence[RunSummary]) -> str:
    """Every network with the share of test digits that its run reads rightly.

    Args:
        summaries: Whole runs.
    """
    rows = {
        one.run.experiment: f"{_network_name(one.run.experiment)}"
        f"<span>{describe_share(one)}</span></li>"
        for one in summaries
    }
    return f"<h3>These networks will read it</h3>{_network_lists(rows)}"


def _network_lists(rows: Mapping[Experiment, str]) -> str:
    """Rows of networks under a heading for each group."""
    lists = []
    for group in GROUPS:
        items = "".join(row for network, row in rows.items() if network.group == group)
        lists.append(f"<section><h4>{group.title}</h4><ul>{items}</ul></section>" * bool(items))
    return f'<div class="dn-networks">{"".join(lists)}</div>'


def _reading_row(
    network: Experiment, probabilities: np.ndarray, disagrees: bool, chosen: bool
) -> str:
    digit = int(probabilities.argmax())
    remarks = ["disagrees"] * disagrees + ["shown above"] * chosen
    return (
        f"{_network_name(network, remarks)}<b>{digit}</b>"
        f"<span>{format_share(float(probabilities[digit]))} sure</span></li>"
    )


def _network_name(network: Experiment, remarks: Sequence[str] = ()) -> str:
    kind = ' class="dn-dissent"' if "disagrees" in remarks else ""
    notes = "".join(f" <em>{remark}</em>" for remark in remarks)
    return (
        f'<li{kind} style="--colour:{network.colour}">'
        f'<span class="dn-name">{escape(network.title)}{notes}</span>'
    )


def folding_table(summaries: Sequence[RunSummary]) -> str:
    """What folding leaves of each dense network, as a Markdown table; empty if none is folded.

    Args:
        summaries: Whole runs; those without a `rank` are not folded.
    """
    rows = [_folding_row(one.run.experiment, one.rank) for one in summaries if one.rank]
    head = ["| Network | Trained parameters | Dimensions | Parameters that run |", "|:-|-:|-:|-:|"]
    return "\n".join(head + rows) if rows else ""


def _folding_row(experiment: Experiment, rank: int) -> str:
    dimensions = f"{rank} of {pixel_features(experiment)}"
    parameters = folded_parameters(experiment, rank)
    return f"| {experiment.title} | {experiment.parameters:,} | {dimensions} | {parameters:,} |"
