"""What teaching one's own hand brings: python -m benchmarks.teaching FILE --set "..."

Each writer of FILE is a user: the shipped reader is taught as the app teaches it, with half of the
drawings, and reads the other half. What it misreads then is counted whether or not it would have
become current, beside what that rule leaves.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.numbers import Labelled, load_writers
from benchmarks.record import write_record
from digitnet import jobs
from digitnet.digits import find_lack
from digitnet.runs import RunStore

RECORD = Path(__file__).with_name("teaching.json")
MOST_LEFT, MOST_LOST, MOST_SECONDS = 2 / 3, 1, 60.0  # of the errors; digits of a writer; of each


def main(arguments: list[str] | None = None) -> int:
    """Prints and records what each writer's teaching brings; exit status 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="labelled .jsonl or .jsonl.gz, with writers")
    parser.add_argument("--set", required=True, help="what the drawings are, in a few words")
    options = parser.parse_args(arguments)
    writers = [
        one for one in load_writers(options.file) if not find_lack(label for _, label in one)
    ]
    rows = []
    for place, drawings in enumerate(writers):
        rows.append(teach(drawings))
        print(place + 1, rows[-1], flush=True)
    figures = summarize(rows)
    print(figures)
    base = RunStore.default().find("reader/shipped").result["served_sha256"]
    write_record(
        RECORD, {"set": options.set, "served_sha256": base, "summary": figures, "writers": rows}
    )
    fell = figures["misread_after"] <= MOST_LEFT * figures["misread_before"]
    is_safe = figures["most_lost"] <= MOST_LOST
    return 0 if fell and is_safe and figures["most_seconds"] < MOST_SECONDS else 1


def teach(drawings: list[Labelled]) -> dict[str, Any]:
    """Teaches a writer's drawings to the shipped reader, in a store of its own."""
    from digitnet.training.pipeline import run_training

    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder), RunStore.default().shipped)
        begin = time.perf_counter()
        request, files = jobs.ask_to_teach(store, drawings)
        run = run_training(store.begin(request, files), store, lambda line: None)
        seconds = time.perf_counter() - begin
        outcome = run.outcome
        assert outcome
        refused = {f"refused_{kind}": one / size for kind, one, size in run.calibration.refused}
        told = {"is_adopted": outcome.is_adopted, "seconds": round(seconds, 1)}
        return vars(outcome) | told | refused


def summarize(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures over all writers."""

    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    lost = [row["misread_after"] - row["misread_before"] for row in rows]
    mnist = [row["mnist_after"] - row["mnist_before"] for row in rows]
    served = [row["misread_after" if row["is_adopted"] else "misread_before"] for row in rows]
    return {
        "writers": len(rows),
        "learnt": total("learnt"),
        "held_out": total("held_out"),
        "misread_before": total("misread_before"),
        "misread_after": total("misread_after"),
        "misread_as_served": sum(served),
        "adopted": total("is_adopted"),
        "most_lost": max(lost),
        "writers_that_gain": sum(one < 0 for one in lost),
        "writers_that_lose": sum(one > 0 for one in lost),
        "loss_before": float(np.mean([row["loss_before"] for row in rows])),
        "loss_after": float(np.mean([row["loss_after"] for row in rows])),
        "mnist_before": rows[0]["mnist_before"],
        "mnist_after": statistics.mean(row["mnist_after"] for row in rows),
        "mnist_least": rows[0]["mnist_before"] + min(mnist),
        "seconds": statistics.median(row["seconds"] for row in rows),
        "most_seconds": max(row["seconds"] for row in rows),
    }


if __name__ == "__main__":
    sys.exit(main())
