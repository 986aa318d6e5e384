"""Teaching the reader one's own hand: what it needs, and what came of it, in words."""

from __future__ import annotations

from digitnet.runs import MOST_LOST, Outcome


def describe_outcome(outcome: Outcome) -> str:
    """What came of a teaching, in a few sentences."""
    if outcome.is_adopted:
        return (
            f"The reader has learnt your hand. {_describe_drawings(outcome)} Of MNIST's validation "
            f"digits it reads {outcome.mnist_after:.2%} rightly, before {outcome.mnist_before:.2%}."
        )
    if outcome.is_better:
        return (
            f"Nothing has changed: it would have forgotten too much. Of MNIST's validation digits "
            f"it would read {outcome.mnist_after:.2%} rightly, now {outcome.mnist_before:.2%}; "
            f"{100 * MOST_LOST:g} points are the most that is given up."
        )
    return f"Nothing has changed: it would read you no better. {_describe_drawings(outcome)}"


def _describe_drawings(outcome: Outcome) -> str:
    """How it reads the person's own drawings that were held out."""
    misread, before = outcome.misread_after, outcome.misread_before
    of = f"Of {outcome.held_out:,} of your drawings that it did not learn from, it misreads"
    if misread != before:
        return f"{of} {misread}, before {before}."
    sure = "surer" if outcome.loss_after < outcome.loss_before else "no surer"
    return f"{of} {misread} as before, and is {sure} of the right digits."
