"""The README's tables and sentences of what the benchmarks measured of the shipped networks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from digitnet.serving import load_drawings, load_measured
from digitnet.study.handwriting import (
    OFFICIAL,
    PENDIGITS,
    UJI,
    UNIPEN,
    Answered,
    DrawnScore,
    describe_gains,
    describe_sets,
    find_answered,
    find_drawn,
    list_collections,
)
from digitnet.study.summaries import RunSummary

LEARNT_FROM = "learnt from"  # what a network has learnt from says nothing of it
NOT_MEASURED = "Not measured of this version yet: `python -m benchmarks.drawings FILE --set NAME`."


def format_drawings(served: Collection[str]) -> str:
    """The README's table of how drawings are read, by how they are brought to 28x28.

    Args:
        served: The hashes of the models that are told of; what was measured of others is not.
    """
    record = load_drawings()
    if not (names := _list_measured(record, served)):
        return NOT_MEASURED
    lines = [
        "| network | " + " | ".join(record["ways"].values()) + " |",
        "| --- |" + " --: |" * len(record["ways"]),
    ]
    for name in names:
        cells = " | ".join(f"{record['accuracy'][name][way]:.2%}" for way in record["ways"])
        lines.append(f"| {name} | {cells} |")
    lines += [
        "",
        f"{record['drawings']:,} drawings by {record['writers']} writers, {record['set']}.",
    ]
    return "\n".join(lines)


def _list_measured(record: Mapping[str, Any], served: Collection[str]) -> list[str]:
    """The networks in a record of drawings that are served as they were then."""
    counted = record.get("confidence", {})
    return [name for name, one in counted.items() if one["served_sha256"] in served]


def _load_measured_of(name: str, served: Collection[str]) -> dict[str, Any]:
    """A record of one network; empty where it is served no more."""
    record = load_measured(name)
    return record if record.get("served_sha256") in served else {}


def format_confidence(served: Collection[str]) -> str:
    """The README's table of how often drawings are read rightly, by how sure the network is.

    Args:
        served: As in `format_drawings`.
    """
    record = load_drawings()
    if not (names := _list_measured(record, served)):
        return NOT_MEASURED
    starts = [f"{100 * low:.10g}%" for low in record["classes_from"]]
    kinds = [f"{low} to {high}" for low, high in zip(starts, starts[1:], strict=False)]
    lines = [
        f"| network | {' | '.join(kinds)} | {starts[-1]} and more |",
        "| --- |" + " --: |" * len(starts),
    ]
    for name in names:
        counts = record["confidence"][name]
        pairs = zip(counts["right"], counts["drawings"], strict=True)
        cells = [
            f"{right / drawings:.1%} of {drawings:,}" if drawings else ""
            for right, drawings in pairs
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_handwriting(summaries: Sequence[RunSummary]) -> str:
    """The README's table of how real handwriting is read: what each network has not learnt from.

    Args:
        summaries: Of current runs.
    """
    measured = [(one, drawn) for one in summaries if (drawn := find_drawn(one))]
    if not measured:
        return "Not measured of this version yet: `python -m benchmarks.handwriting FILE`."
    lines = [
        "| network | MNIST's test | pen drawings (95% interval) | UNIPEN (95% interval) | "
        "its worst and best collection | UJI (95% interval) |",
        "| --- |" + " --: |" * 5,
    ]
    for one, drawn in measured:
        cells = [_drawn_cell(drawn.get(name)) for name in (PENDIGITS, UNIPEN, UJI)]
        parts = list_collections(drawn)
        ends = [f"{part.name} {part.accuracy:.1%}" for part in (*parts[:1], *parts[-1:])]
        cells.insert(2, ", ".join(ends) or LEARNT_FROM)
        lines.append(f"| {one.run.experiment.name} | {one.accuracy:.2%} | {' | '.join(cells)} |")
    notes = [describe_gains(summaries), f"Pen drawings: {describe_sets()}"]
    return "\n".join([*lines, *(f"\n{note}" for note in notes if note)])


def _drawn_cell(drawn: DrawnScore | None) -> str:
    if drawn is None:
        return LEARNT_FROM
    low, high = drawn.interval
    return f"{drawn.accuracy:.2%} ({low:.1%} to {high:.1%})"


def format_reader(summaries: Sequence[RunSummary]) -> str:
    """The README's sentences on the network for real handwriting: seeds, and what it refuses.

    Args:
        summaries: Of current runs.
    """
    judges = [one for one in summaries if one.run.experiment.refuses]
    refused = judges[0].run.calibration.refused if judges else ()
    answered = find_answered(judges[0]) if judges else {}
    served = [one.served_sha256 for one in judges if one.served_sha256]
    said = [_describe_seeds(served), _describe_answered(answered), _describe_refused(refused)]
    return "\n\n".join(said)


def _describe_seeds(served: Collection[str]) -> str:
    record = load_measured("seeds")
    seeds = record.get("seeds", {})
    if not any(one["served_sha256"] in served for one in seeds.values()):
        return "Not measured of this version yet: `python -m benchmarks.seeds reader`."
    test, official = record["summary"]["test"], record["summary"]["official_test"]
    equal = record["equal_on_validation"]
    tied = (
        f"{equal} of these seeds read equally many validation digits rightly, the most; the one "
        "of the lowest validation loss ships."
        if equal > 1
        else "The one that reads most validation digits rightly ships."
    )
    return (
        f"Trained with {len(seeds)} seeds, `{record['network']}` reads "
        f"{official['mean']:.2%} of MNIST's official test in the mean (lowest "
        f"{official['low']:.2%}, highest {official['high']:.2%}), and {test['mean']:.2%} of "
        f"MNIST's test digits of the table above (lowest {test['low']:.2%}, highest "
        f"{test['high']:.2%}). {tied}"
    )


def _describe_answered(answered: Mapping[str, Answered]) -> str:
    """What a network says of digits that it has not met where it may say that they are none."""
    if not answered:
        return "Not measured of this version yet: `python -m benchmarks.handwriting FILE`."
    titles = {OFFICIAL: "MNIST's official test digits", PENDIGITS: "the pen drawings"}
    said = [
        f"{one.refused / one.digits:.2%} of {titles[name]}, which leaves "
        f"{one.right / one.digits:.2%} read rightly"
        for name, one in answered.items()
    ]
    return (
        "Its accuracies are those of a network that must name one of ten digits, as all others "
        f'must. Where it may say "not a digit", as in the app, it refuses {", and ".join(said)}.'
    )


def _describe_refused(refused: Sequence[tuple[str, int, int]]) -> str:
    """What a network takes for no digit, of validation images that it has not learnt from."""
    if not refused:
        return "Not measured yet: `python -m digitnet calibrate reader`."
    titles = {
        "mnist": "MNIST's digits",
        "drawings": "drawn digits",
        "letters": "letters and signs",
        "scribbles": "made scribbles",
    }
    shares = [f"{one / size:.1%} of {size:,} {titles[kind]}" for kind, one, size in refused]
    return f"Of the validation images that this was tuned on it refuses {', '.join(shares)}."


def format_numbers(served: Collection[str]) -> str:
    """The README's sentence of how numbers of several digits are read; `served` as above."""
    record = _load_measured_of("numbers", served)
    if not record:
        return NOT_MEASURED.replace("drawings", "numbers")
    low, high = record["interval"]
    return (
        f"Of {record['numbers']:,} numbers of two to five digits, each composed of one writer's "
        f"drawings ({record['set']}), `{record['network']}` read **{record['accuracy']:.1%}** "
        f"({low:.1%} to {high:.1%}, by writer) wholly right, in {record['milliseconds']:.0f} ms "
        f"each; {record['writers']} people drew them, and in "
        f"{record['overlapping']} of them digits overlap from left to right."
    )


def format_teaching(served: Collection[str]) -> str:
    """The README's sentence of what the reader gains from one's own drawings; `served` as above."""
    record = _load_measured_of("teaching", served)
    if not record:
        return NOT_MEASURED.replace("drawings", "teaching")
    found = record["summary"]
    return (
        f"Tried with each of {found['writers']} writers it had never seen ({record['set']}): "
        f"taught with half of a writer's drawings, it misread **{found['misread_as_served']}** of "
        f"the other {found['held_out']:,} instead of {found['misread_before']}. "
        f"{found['writers_that_gain']} writers gained, {found['writers_that_lose'] or 'none'} "
        f"lost; of MNIST's validation digits it reads {found['mnist_after']:.2%}, before "
        f"{found['mnist_before']:.2%}. A teaching took {found['seconds']:.0f} s in the median."
    )


def format_load() -> str:
    """The README's sentences of how many people one server carries; nothing until measured."""
    record, hour = load_measured("load"), load_measured("memory")
    if not record:
        return ""
    crowds = "; ".join(
        f"{people} people have half of their readings within {one['median_ms']:,.0f} ms and 95% "
        f"within {one['p95_ms']:,.0f} ms"
        for people, one in record["crowds"].items()
    )
    dearest = max(record["crowds"].values(), key=lambda one: one["processor_ms"])
    most = max(one["megabytes"] for one in record["crowds"].values())
    said = (
        f"One server on {name_machine(record['provenance'])}, where each draws a stroke every "
        f"two seconds: {crowds}. A stroke costs {dearest['processor_ms']:.0f} ms of the processor "
        f"in the mean of the dearest of these, and the server at most {most:.0f} MB; when all have "
        f"gone it has {record['megabytes_after']:.0f} MB, before they came "
        f"{record['megabytes_before']:.0f} MB."
    )
    return f"{said} {_describe_hour(hour)}".rstrip()


def _describe_hour(record: dict[str, Any]) -> str:
    """How the memory grows with an hour's strokes; nothing until measured."""
    if not record:
        return ""
    one = record["ways"]["as it is"]
    return (
        f"{one['strokes']:,} strokes, as many as one draws in an hour, bring its memory from "
        f"{one['megabytes_before']:.0f} to {one['megabytes_after']:.0f} MB."
    )


def name_machine(provenance: dict[str, Any]) -> str:
    """The machine of a record of speed, and its processor."""
    return f"{provenance['machine']} ({provenance['processor']})"
