"""The results of all experiments beside the report's: for the terminal and as JSON."""

from __future__ import annotations

from typing import Any

from digitnet.experiments import DATASETS
from digitnet.runs import RunStore
from digitnet.study.standings import Standing, load_standings


def summarize(store: RunStore) -> list[dict[str, Any]]:
    """Every experiment with its current run.

    Returns:
        In their order, dictionaries of name, group, parameters, report_accuracy (None if the
        report has no such experiment), run (id or None), problem (a sentence or None), dataset
        (which it learnt from), accuracy, accuracy_interval [low, high], epochs, best_epoch,
        seconds_per_epoch, served_bytes, served_sha256 and rank; None where there is no whole run.
    """
    return [_tabulate(standing) for standing in load_standings(store, {})]


def _tabulate(standing: Standing) -> dict[str, Any]:
    experiment, summary = standing.experiment, standing.summary
    figures = (
        *("accuracy", "epochs", "best_epoch", "seconds_per_epoch"),
        *("served_bytes", "served_sha256", "rank"),
    )
    return {
        "name": experiment.name,
        "group": experiment.group.name,
        "parameters": experiment.parameters,
        "report_accuracy": standing.report_accuracy,
        "run": summary and summary.run.id,
        "problem": summary and summary.problem,
        "dataset": summary and summary.settings and summary.settings.dataset,
        "accuracy_interval": summary and summary.interval and list(summary.interval),
        **{name: summary and getattr(summary, name) for name in figures},
    }


def format_list(rows: list[dict[str, Any]]) -> str:
    """The rows of `summarize` as a table for a terminal."""
    width = max(len(row["name"]) for row in rows) + 1
    lines = [
        f"{'experiment':<{width}} {'parameters':>11} {'report':>7} {'here':>7}  "
        f"{'95% interval':<15} {'epochs':>6} {'served':>9}  run"
    ]
    for row in rows:
        report = figure(row["report_accuracy"], ".2%", missing="")
        begin = f"{row['name']:<{width}} {row['parameters']:>11,} {report:>7} "
        if row["accuracy"] is None:
            lines.append(begin + (row["problem"] or "not trained yet"))
            continue
        low, high = row["accuracy_interval"]
        lines.append(
            f"{begin}{row['accuracy']:>7.2%}  {low:.2%}-{high:.2%} {row['epochs']:>8} "
            f"{row['served_bytes'] / 1e6:>6.2f} MB  {row['run']}{_remark(row['dataset'])}"
        )
    return "\n".join(lines)


def _remark(dataset: str | None) -> str:
    """That a run's accuracy is not to be compared with the report's."""
    if dataset is None or DATASETS[dataset].judge == "mnist":
        return ""
    return f"  on the {DATASETS[dataset].title}"


def figure(value: float | None, form: str, unit: str = "", missing: str = "not measured") -> str:
    """A figure in Python's form and its unit, or what stands where there is none."""
    return missing if value is None else f"{value:{form}}{unit}"
