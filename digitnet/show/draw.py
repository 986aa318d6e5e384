"""What the Draw page shows of a drawing.

Short pieces of HTML: they are redrawn at every stroke, and their words and numbers are text that a
screen reader reads and a browser searches.

"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from digitnet.experiments import (
    CLASSES,
    GROUPS,
    REPORT_EXPERIMENTS,
    Experiment,
    folded_parameters,
    pixel_features,
)
from digitnet.serving import Trust, find_class
from digitnet.show.html import Markup, join, tag
from digitnet.show.pictures import png_url
from digitnet.show.words import (
    a_digit,
    describe_odds,
    describe_share,
    format_share,
    list_in_words,
    number_in_words,
)
from digitnet.study.summaries import RunSummary

ABREAST = 2  # dots side by side over a digit, as in assets/live/panel.js


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


def choose_voters(
    readings: Mapping[Experiment, np.ndarray], learnt: Collection[Experiment]
) -> dict[Experiment, np.ndarray]:
    """The readings that make the vote: the report's networks', but for those that did not learn.

    The vote's worth was counted of these alone; all others are shown beside them. Where there is
    none of these, all vote.

    Args:
        readings: For each network probabilities, float (10,).
        learnt: Those that learnt to read.
    """
    voters = {
        one: row for one, row in readings.items() if one in REPORT_EXPERIMENTS and one in learnt
    }
    return voters or dict(readings)


def describe_votes(votes: list[tuple[int, int]], whose: str = "", only_learnt: bool = False) -> str:
    """Votes in a sentence, such as "Fourteen of fifteen networks read 7; one reads 1."

    Counts that could be taken for a digit that was read are words.

    Args:
        votes: As `count_votes` returns them.
        whose: Which networks vote, such as "the report's", if that is not all that are shown.
        only_learnt: Whether only those of them vote that learnt.
    """
    (winner, most), *others = votes
    learnt = " that learnt" * only_learnt
    count = sum(one for _, one in votes)
    if count == 1:
        said = f"{whose or 'the'} only network{learnt} reads {winner}."
        return said[:1].upper() + said[1:]
    total = f"{whose} {number_in_words(count)} networks{learnt}".strip()
    if not others:
        return f"All {total} read {winner}."
    majority = number_in_words(most).capitalize()
    first = f"{majority} of {total} {_verb(most)} {winner}"
    rest = ", ".join(f"{number_in_words(count)} {_verb(count)} {digit}" for digit, count in others)
    return f"{first}; {rest}."


def _verb(count: int) -> str:
    return "reads" if count == 1 else "read"


def reading_html(probabilities: np.ndarray, trust: Trust | None) -> Markup:
    """The most probable digit, in large type, how sure the network is, and what that is worth.

    Args:
        probabilities: float (10,).
        trust: How often it is right when it is so sure; None if that is not known.
    """
    best, second = np.argsort(probabilities)[::-1][:2]
    sure = f"{format_share(probabilities[best])} sure"
    doubt = f". It might also be {a_digit(second)}: {format_share(probabilities[second])}."
    return tag(
        "div",
        tag("p", best, class_="dn-digit"),
        tag("p", sure + doubt * bool(probabilities[second] >= 0.1)),
        _trust_html(describe_trust(trust, float(probabilities[best]))) if trust else "",
        class_="dn-reading",
        role="status",
    )


def refusal_html(probabilities: np.ndarray, network: Experiment) -> Markup:
    """That it is no digit, in large type, and the nearest digit, small.

    Args:
        probabilities: float (10,), the chosen network's.
        network: The chosen network.
    """
    nearest = tag("b", int(probabilities.argmax()))
    said = "" if network.refuses else tag("p", "says the reader of handwriting", class_="dn-by")
    return tag(
        "div",
        tag("p", "Not a digit", class_="dn-refusal"),
        tag("p", "the nearest would be ", nearest),
        said,
        class_="dn-reading",
        role="status",
    )


def quiet_html(html: Markup) -> Markup:
    """What is still there to be looked at, but is not what matters."""
    return tag("div", html, class_="dn-quiet")


def _trust_html(sentence: Markup) -> Markup:
    return tag("p", sentence, class_="dn-trust")


def describe_trust(trust: Trust, confidence: float) -> Markup:
    """How often a network is right about drawings of which it is so sure."""
    low, high = find_class(confidence)
    if high == 1:
        sure = f"more than {100 * low:.10g}%"
    elif low == 0:
        sure = f"less than {100 * high:.10g}%"
    else:
        sure = f"{100 * low:.10g} to {100 * high:.10g}%"
    counted = f"of {trust.drawings:,} pen drawings that it was {sure} sure of, {trust.right:,}"
    return join("When it is this sure, it is right ", _odds_html(trust, counted), ".")


def _odds_html(trust: Trust, counted: str) -> Markup:
    """How often it was right, with what was counted for whoever points at it."""
    odds = describe_odds(trust.right, trust.drawings)
    return tag("b", odds, title=f"Counted: {counted} were read rightly")


def describe_agreement(trust: Trust) -> Markup:
    """How often the majority is right about drawings on which so many agree."""
    counted = f"of {trust.drawings:,} pen drawings on which they did, {trust.right:,}"
    return join("When just so many agreed, they were right ", _odds_html(trust, counted), ".")


def probability_bars_html(probabilities: np.ndarray) -> Markup:
    """Ten bars, one for each digit, with their shares as text.

    Args:
        probabilities: float (10,).
    """
    best = int(np.argmax(probabilities))
    rows = (
        tag(
            "li",
            tag("b", digit),
            tag("i", style=f"--share:{share:.4f}"),
            tag("span", format_share(share)),
            class_="dn-best" if digit == best else None,
        )
        for digit, share in enumerate(map(float, probabilities))
    )
    return tag("ol", *rows, class_="dn-bars", aria_label="Probability of each digit")


def ballot_html(readings: Mapping[Experiment, np.ndarray]) -> Markup:
    """Every network as a dot over the digit that it reads; the words for it are elsewhere.

    Args:
        readings: For each network probabilities, float (10,).
    """
    votes = [0] * CLASSES
    dots = []
    for network, row in readings.items():
        digit = int(row.argmax())
        up, across = divmod(votes[digit], ABREAST)
        votes[digit] += 1
        place = f"--digit:{digit};--up:{up};--across:{across};--colour:{network.colour}"
        dots.append(tag("i", style=place, title=network.title))
    names = [tag("b", data_said=digit) for digit in range(CLASSES)]
    tall = f"--tall:{-(-max(votes) // ABREAST)}"
    return tag("div", *names, *dots, class_="dn-ballot", style=tall, aria_hidden="true")


def invitation_html(sentence: str) -> Markup:
    """What to do while there is nothing to read."""
    return tag("p", sentence, class_="dn-invitation", role="status")


def seen_html(image: np.ndarray) -> Markup:
    """The network's input, enlarged with every pixel visible.

    Args:
        image: uint8 (28, 28), 0 for the background, 255 for ink.
    """
    alt = "Your digit in white on black, centred and shrunk to 28 by 28 pixels"
    return tag(
        "figure",
        tag("img", src=png_url(image), alt=alt),
        tag("figcaption", "What the networks see"),
        class_="dn-seen",
    )


def all_readings_html(
    readings: Mapping[Experiment, np.ndarray],
    voters: Mapping[Experiment, np.ndarray],
    chosen: Experiment,
    trust: Trust | None = None,
) -> Markup:
    """The vote, what it is worth, and every network's reading, those against the most votes marked.

    Args:
        readings: For each network probabilities, float (10,).
        voters: Those of them that make the vote.
        chosen: The network whose reading is shown in large type.
        trust: How often the majority is right when it is as large; None if that is not known.
    """
    votes = count_votes(voters)
    whose = "" if len(voters) == len(readings) else "the report’s"
    leading = {digit for digit, count in votes if count == votes[0][1]}  # several at a tie
    rows = {
        network: _reading_row(
            network,
            probabilities,
            disagrees=network in voters and int(probabilities.argmax()) not in leading,
            chosen=network == chosen,
        )
        for network, probabilities in readings.items()
    }
    worth = _trust_html(describe_agreement(trust)) if trust else ""
    return join(tag("h3", describe_votes(votes, whose, bool(whose))), worth, _network_lists(rows))


def absence_html(absent: Sequence[Experiment]) -> Markup:
    """Which networks do not vote, for too many people draw."""
    names = list_in_words([one.title for one in absent])
    said = f"Many people are drawing just now. When there are fewer, these vote again: {names}."
    return tag("p", said, class_="dn-absent")


def all_accuracies_html(summaries: Sequence[RunSummary], is_number: bool) -> Markup:
    """Every network with the share of test digits that its run reads rightly.

    Args:
        summaries: Whole runs.
        is_number: Whether a number is to be drawn, which not all of them read.
    """
    rows = {
        one.run.experiment: _network_row(one.run.experiment, [], tag("span", describe_share(one)))
        for one in summaries
    }
    heading = "These networks read single digits" if is_number else "These networks will read it"
    return join(tag("h3", heading), _network_lists(rows))


def _network_lists(rows: Mapping[Experiment, Markup]) -> Markup:
    """Rows of networks under a heading for each group."""
    lists = []
    for group in GROUPS:
        items = [row for network, row in rows.items() if network.group == group]
        if items:
            lists.append(tag("section", tag("h4", group.title), tag("ul", *items)))
    return tag("div", *lists, class_="dn-networks")


def _reading_row(
    network: Experiment, probabilities: np.ndarray, disagrees: bool, chosen: bool
) -> Markup:
    digit = int(probabilities.argmax())
    remarks = ["disagrees"] * disagrees + ["shown above"] * chosen
    sure = f"{format_share(float(probabilities[digit]))} sure"
    return _network_row(network, remarks, tag("b", digit), tag("span", sure))


def _network_row(network: Experiment, remarks: Sequence[str], *figures: Markup) -> Markup:
    """A network's name with remarks, and what there is to say of it."""
    notes = [join(" ", tag("em", remark)) for remark in remarks]
    return tag(
        "li",
        tag("span", network.title, *notes, class_="dn-name"),
        *figures,
        class_="dn-dissent" if "disagrees" in remarks else None,
        style=f"--colour:{network.colour}",
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
