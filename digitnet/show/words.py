"""Names, shares and counts for people."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digitnet.experiments import DATASETS, SettingsError
from digitnet.study.summaries import RunSummary

# fmt: off
_NUMBERS = [
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen", "twenty",
]
# fmt: on

FORCED = ", when it has to name a digit"


def number_in_words(number: int) -> str:
    """A count from 0 on in words, such as "seven"; in digits from 21 on."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def list_in_words(names: Sequence[str], word: str = "and") -> str:
    """Names, at least one, as in "A, B and C", with a word of one's own before the last."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def a_digit(digit: int) -> str:
    """A digit with its article, such as "a 7" or "an 8"."""
    return f"{'an' if digit == 8 else 'a'} {digit}"


def as_sentence(message: str) -> str:
    """A message with a full stop and, unless a file's name comes first, a capital letter."""
    first = message[:1] if "." in message.partition(" ")[0] else message[:1].upper()
    return f"{first}{message[1:].rstrip('.')}."


def as_plain(text: str) -> str:
    """Text that a file or an address holds, so that Markdown shows it as it is."""
    return re.sub(r"([\\`*\[\]<$~]|:(?=\w))", r"\\\1", text)


def tell(message: object) -> str:
    """A message or an error as a sentence that Markdown shows as it is."""
    return as_plain(as_sentence(str(message)))


def tell_setting(error: SettingsError) -> str:
    """Why a setting is refused, in a sentence."""
    return f"The {error}."


def format_share(share: float) -> str:
    """A share in [0, 1] as a percentage that never claims too much, such as ">99.9%"."""
    percent = 100 * share
    if percent > 99.9:
        return ">99.9%"
    if percent < 0.1:
        return "<0.1%"
    return f"{percent:.1f}%"


def describe_odds(right: int, total: int) -> str:
    """How often something was right, as one says it, such as "6 times in 10".

    Args:
        right: How often it was; where that is always, no more is claimed than was counted.
        total: How often it could have been, at least once.
    """
    if right in (0, total):
        return f"{right:,} times out of {total:,}"
    share = right / total
    rare = min(share, 1 - share)
    whole = next((one for one in (10, 100) if rare * one >= 1), 1000)
    times = min(max(round(share * whole), 1), whole - 1)
    return f"{'once' if times == 1 else f'{times} times'} in {whole:,}"


def describe_share(summary: RunSummary) -> str:
    """The share of its test digits that a whole run read rightly, in a few words."""
    assert summary.settings
    share = f"{summary.accuracy:.2%} right"
    dataset = DATASETS[summary.settings.dataset]
    if dataset.name == summary.run.experiment.dataset:
        return share
    return f"{share}, trained on {dataset.title}"


def describe_accuracy(summary: RunSummary) -> str:
    """How often a whole run is right, in a sentence."""
    assert summary.size and summary.accuracy and summary.interval
    low, high = summary.interval
    wrong = round(summary.size * (1 - summary.accuracy))
    return (
        f"Of {summary.size:,} digits that it had never seen, this network misread {wrong:,}: "
        f"it is right {summary.accuracy:.2%} of the time (95% interval {low:.2%} to {high:.2%})"
        f"{FORCED * summary.run.experiment.refuses}."
    )
