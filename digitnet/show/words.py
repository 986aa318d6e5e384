"""Names, shares and counts for people."""

from __future__ import annotations

from digitnet.experiments import find_experiment
from digitnet.runs import time_of

# fmt: off
_NUMBERS = [
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
]
# fmt: on


def number_in_words(number: int) -> str:
    """A count from 0 on in words, such as "seven"; in digits from seventeen on."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def name_run(run_id: str) -> str:
    """A run for people, such as "Basic CNN · shipped" or "Basic CNN · 22 Nov, 18:45:01"."""
    made = time_of(run_id)
    local = made and made.astimezone()
    day = f"{local.day} {local:%b, %H:%M:%S}" if local else "shipped"
    return f"{find_experiment(run_id.partition('/')[0]).title} · {day}"


def as_sentence(message: str) -> str:
    """A message with a full stop and, unless a file's name comes first, a capital letter."""
    first = message[:1] if "." in message.partition(" ")[0] else message[:1].upper()
    return f"{first}{message[1:].rstrip('.')}."


def format_share(share: float) -> str:
    """A share in [0, 1] as HTML: a percentage that never claims too much, such as "&gt;99.9%"."""
    percent = 100 * share
    if percent > 99.9:
        return "&gt;99.9%"
    if percent < 0.1:
        return "&lt;0.1%"
    return f"{percent:.1f}%"


def describe_share(result: dict) -> str:
    """The share of its test digits that a network read rightly, in a few words.

    Args:
        result: Its `result.json`.
    """
    share = f"{result['scores']['accuracy']:.2%} right"
    return f"{share}, of the sample" if result.get("dataset") == "sample" else share


def describe_accuracy(result: dict) -> str:
    """How often a network is right, in a sentence.

    Args:
        result: Its `result.json`.
    """
    scores = result["scores"]
    low, high = scores["accuracy_interval"]
    wrong = round(scores["size"] * (1 - scores["accuracy"]))
    return (
        f"Of {scores['size']:,} digits that it had never seen, this network misread {wrong:,}: "
        f"it is right {scores['accuracy']:.2%} of the time (95% interval {low:.2%} to {high:.2%})."
    )
