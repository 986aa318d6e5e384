"""The results of all experiments beside the report's: for the terminal, as JSON, for the README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from digitnet.experiments import EXPERIMENTS
from digitnet.report import load_report_scores
from digitnet.runs import RunError, RunStore

_REPOSITORY = Path(__file__).resolve().parent.parent
README = _REPOSITORY / "README.md"
LATENCIES = _REPOSITORY / "benchmarks" / "inference.json"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def summarize(store: RunStore) -> list[dict[str, Any]]:
    """Every experiment with its current run.

    Returns:
        In the report's order, dictionaries of name, parameters, report_accuracy, run (id or
        None), problem (a sentence or None), accuracy, accuracy_interval [low, high], epochs,
        best_epoch, seconds_per_epoch, served_bytes and rank; None where there is no whole run.
    """
    rows = []
    for experiment in EXPERIMENTS:
        row: dict[str, Any] = {
            "name": experiment.name,
            "parameters": experiment.parameters,
            "report_accuracy": load_report_scores(experiment.name)["accuracy"],
        }
        rows.append(row | _current_figures(store, experiment.name))
    return rows


def _current_figures(store: RunStore, experiment: str) -> dict[str, Any]:
    names = ("epochs", "best_epoch", "seconds_per_epoch", "served_bytes", "rank")
    figures: dict[str, Any] = dict.fromkeys(("accuracy", "accuracy_interval", *names))
    run = store.current(experiment)
    figures |= {"run": run.id if run else None, "problem": run.problem() if run else None}
    if run is None or figures["problem"]:
        return figures
    figures |= {name: run.result.get(name) for name in names}
    scores = run.result["scores"]
    return figures | {name: scores[name] for name in ("accuracy", "accuracy_interval")}


def rank_by_accuracy(store: RunStore) -> list[str]:
    """Names of the experiments with a whole current run, the most accurate on its test first."""
    rows = [row for row in summarize(store) if row["accuracy"] is not None]
    return [row["name"] for row in sorted(rows, key=lambda row: -row["accuracy"])]


def format_list(rows: list[dict[str, Any]]) -> str:
    """The rows of `summarize` as a table for a terminal."""
    lines = [
        f"{'experiment':<11} {'parameters':>11} {'report':>7} {'here':>7}  "
        f"{'95% interval':<15} {'epochs':>6} {'served':>9}  run"
    ]
    for row in rows:
        begin = f"{row['name']:<11} {row['parameters']:>11,} {row['report_accuracy']:>7.2%} "
        if row["accuracy"] is None:
            lines.append(begin + (row["problem"] or "not trained yet"))
            continue
        low, high = row["accuracy_interval"]
        lines.append(
            f"{begin}{row['accuracy']:>7.2%}  {low:.2%}-{high:.2%} {row['epochs']:>8} "
            f"{row['served_bytes'] / 1e6:>6.2f} MB  {row['run']}"
        )
    return "\n".join(lines)


def format_markdown(rows: list[dict[str, Any]]) -> str:
    """The README's table of results: the report's figures beside ours."""
    latencies = _load_latencies()
    lines = [
        "| experiment | parameters | the report's accuracy | accuracy here (95% interval) | "
        "the report's epochs | epochs here (kept) | s an epoch | served | one image |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in rows:
        if row["accuracy"] is None:
            raise RunError(f"{row['name']}: {row['problem'] or 'not trained yet'}")
        low, high = row["accuracy_interval"]
        lines.append(
            f"| {row['name']} | {row['parameters']:,} | {row['report_accuracy']:.2%} | "
            f"**{row['accuracy']:.2%}** ({low:.2%} to {high:.2%}) | "
            f"{load_report_scores(row['name'])['epochs']} | "
            f"{row['epochs']} ({row['best_epoch']}) | {row['seconds_per_epoch']:.1f} | "
            f"{row['served_bytes'] / 1e6:.2f} MB | {_format_latency(latencies, row['name'])} |"
        )
    return "\n".join(lines)


def _load_latencies() -> dict[str, float]:
    """Milliseconds for one image, as `make bench` measured them last; empty before that."""
    try:
        return json.loads(LATENCIES.read_text(encoding="utf-8"))["milliseconds"]
    except FileNotFoundError:
        return {}


def _format_latency(latencies: dict[str, float], name: str) -> str:
    return f"{latencies[name]:.2f} ms" if name in latencies else "not measured"


def render_readme(text: str, store: RunStore) -> str:
    """The README's text with its table of results made anew from the shipped runs."""
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}\n{format_markdown(summarize(store))}\n{text[end:]}"


def write_readme(store: RunStore) -> str:
    """Writes the table of results into the README; returns a sentence that says so."""
    shipped = RunStore(local=store.local / "none", shipped=store.shipped)
    README.write_text(render_readme(README.read_text(encoding="utf-8"), shipped), encoding="utf-8")
    return f"{README.name} holds the results of {len(EXPERIMENTS)} experiments"
