"""The README's tables, made anew from the shipped runs and from what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from digitnet.errors import DigitnetError
from digitnet.experiments import REPORT_EXPERIMENTS, find_experiment, pixel_features
from digitnet.places import home
from digitnet.report import load_report_scores
from digitnet.runs import RunStore
from digitnet.serving import load_measured
from digitnet.study.measured import (
    format_confidence,
    format_drawings,
    format_handwriting,
    format_load,
    format_numbers,
    format_reader,
    format_teaching,
    name_machine,
)
from digitnet.study.results import figure, summarize
from digitnet.study.summaries import summarize_current

README = "README.md"


class ResultsError(DigitnetError):
    """The results cannot be written; the message is a sentence for the user."""


def format_results(rows: list[dict[str, Any]]) -> str:
    """The README's table of results, the report's figures beside ours; and on what speed was
    measured.
    """
    seconds = load_measured("training").get("seconds_per_epoch", {})
    latencies = _load_latencies(rows)
    lines = [
        "| experiment | parameters | the report's accuracy | accuracy here (95% interval) | "
        "the report's epochs | epochs here (kept) | s an epoch, stock | s an epoch here | "
        "served | one image |",
        "| --- |" + " --: |" * 9,
    ]
    for row in rows:
        name, report = row["name"], load_report_scores(row["name"])
        if report is None:
            continue
        title = find_experiment(name).title
        begin = f"| {name}: {title} | {row['parameters']:,} | {row['report_accuracy']:.2%} | "
        if row["accuracy"] is None:
            lines.append(f"{begin}{row['problem'] or 'not trained yet'} |" + " |" * 6)
            continue
        low, high = row["accuracy_interval"]
        lines.append(
            f"{begin}**{row['accuracy']:.2%}** ({low:.2%} to {high:.2%}) | "
            f"{report['epochs']} | {row['epochs']} ({row['best_epoch']}) | "
            f"{figure(seconds.get(name, {}).get('stock'), '.1f')} | "
            f"{figure(seconds.get(name, {}).get('digitnet'), '.1f')} | "
            f"{row['served_bytes'] / 1e6:.2f} MB | {figure(latencies.get(name), '.2f', ' ms')} |"
        )
    measured = {"seconds an epoch": "training", "the time of one image": "inference"}
    said = [f"{what} on {_describe_machine(record)}" for what, record in measured.items()]
    return "\n".join([*lines, "", f"Measured: {'; '.join(said)}."])


def _load_latencies(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The milliseconds of one image, of those networks that are served as they were timed."""
    record = load_measured("inference")
    served = {row["name"]: row["served_sha256"] for row in rows}
    timed = record.get("served_sha256", {})
    return {name: record["milliseconds"][name] for name in timed if timed[name] == served.get(name)}


def _describe_machine(record: str) -> str:
    """Where and when a record of speed was made."""
    if not (made := load_measured(record).get("provenance")):
        return "no machine yet"
    return f"{name_machine(made)}, {made['date'][:10]}"


def format_folding(rows: list[dict[str, Any]]) -> str:
    """The README's table of what is left of the dense networks after folding."""
    lines = [
        "| experiment | values a pixel becomes | kept | trained, float32 | served | smaller |",
        "| --- |" + " --: |" * 5,
    ]
    for row in rows:
        if row["rank"] is None:
            continue
        features = pixel_features(find_experiment(row["name"]))
        trained = 4 * row["parameters"]
        lines.append(
            f"| {row['name']} | {features} | {row['rank']} | {trained / 1e6:,.1f} MB | "
            f"{row['served_bytes'] / 1e6:,.2f} MB | {trained / row['served_bytes']:.0f} times |"
        )
    return "\n".join(lines)


def render_readme(text: str, store: RunStore) -> str:
    """The README's text with its tables made anew from the shipped runs and the benchmarks."""
    rows, summaries = summarize(store), summarize_current(store)
    served = {one.served_sha256 for one in summaries if one.served_sha256}
    tables = {
        "results": format_results(rows),
        "folding": format_folding(rows),
        "handwriting": format_handwriting(summaries),
        "reader": format_reader(summaries),
        "drawings": format_drawings(served),
        "confidence": format_confidence(served),
        "numbers": format_numbers(served),
        "teaching": format_teaching(served),
        "load": format_load(),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"
    return text


def write_readme(store: RunStore) -> str:
    """Writes the tables into the README; returns a sentence that says so.

    Raises:
        ResultsError: If there is no README, as where the package is installed without a clone.
    """
    readme = home() / README
    try:
        text = readme.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ResultsError(f"there is no {README} in {home()}; call this in a clone") from None
    readme.write_text(render_readme(text, store.only_shipped()), encoding="utf-8")
    return f"{README} holds the results of {len(REPORT_EXPERIMENTS)} experiments"
