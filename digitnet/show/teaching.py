"""Teaching the reader one's own hand: what it needs, and what came of it, in words."""

from __future__ import annotations

from digitnet.runs import MOST_LOST, MOST_MISSED, Outcome


def describe_outcome(outcome: Outcome) -> str:
    """What came of a teaching, in a few sentences."""
    if outcome.is_adopted:
        return (
            f"The reader has learnt your hand. {_describe_drawings(outcome)} Of MNIST's validation "
            f"digits it reads {outcome.mnist_after:.2%} rightly, before {outcome.mnist_before:.2%}."
        )
    if outcome.is_better:
        return f"Nothing has changed: it would have forgotten too much. {_describe_loss(outcome)}"
    return f"Nothing has changed: it would read you no better. {_describe_drawings(outcome)}"


def _describe_loss(outcome: Outcome) -> str:
    """What it would have forgotten."""
    if outcome.remembers_digits:
        verb, most = "Of made scribbles it would refuse", MOST_MISSED
        before, after = outcome.refused_before, outcome.refused_after
    else:
        verb, most = "Of MNIST's validation digits it would read rightly", MOST_LOST
        before, after = outcome.mnist_before, outcome.mnist_after
    most_lost = f"{100 * most:g} points are the most that is given up"
    return f"{verb} {after:.2%}, now {before:.2%}; {most_lost}."


def _describe_drawings(outcome: Outcome) -> str:
    """How it reads the person's own drawings that were held out."""
    misread, before = outcome.misread_after, outcome.misread_before
    of = f"Of {outcome.held_out:,} of your drawings that it did not learn from, it misreads"
    if misread != before:
        return f"{of} {misread}, before {before}."
    sure = "surer" if outcome.loss_after < outcome.loss_before else "no surer"
    return f"{of} {misread} as before, and is {sure} of the right digits."
