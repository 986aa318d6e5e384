"""How well numbers are read: python -m benchmarks.numbers FILE --set "..."

Composes numbers of two to five digits, each number of one writer's drawings: at about one height,
on about one line, with varied gaps; some neighbours overlap, some strokes are drawn late.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.record import write_record
from digitnet.digits import ink
from digitnet.runs import RunStore
from digitnet.serving import ModelServer, read_number
from digitnet.study.files import find_reader
from digitnet.study.significance import clustered_accuracy_interval

LEAST_RIGHT, MOST_MILLISECONDS = 0.97, 30.0
FEWEST, MOST = 2, 5  # digits of a number
HEIGHT = 100.0
SCATTER, RISE = 0.1, 5.0  # of the digits' heights, as a logarithm, and of their feet
GAP, GAP_SCATTER, NARROWEST = (8.0, 40.0), 12.0, -15.0  # of a number's mean gap, and of each
LATE = 0.06  # of the digits of several strokes: the last is drawn when the number is done
RECORD = Path(__file__).with_name("numbers.json")
Labelled = tuple[ink.Strokes, int]


def main(arguments: list[str] | None = None) -> int:
    """Prints and records the share of numbers read rightly; exit status 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="labelled .jsonl or .jsonl.gz")
    parser.add_argument("--set", required=True, help="what the drawings are, in a few words")
    parser.add_argument("--numbers", type=int, default=1000, help="how many are composed")
    parser.add_argument("--seed", type=int, default=0, help="of what is composed")
    options = parser.parse_args(arguments)
    run, writers = find_reader(RunStore.default().only_shipped()), load_writers(options.file)
    evaluate = partial(ModelServer().evaluate, run)
    rng = np.random.default_rng(options.seed)
    right, milliseconds, overlapping = [], [], 0
    chosen = []
    for _ in range(options.numbers):
        chosen.append(int(rng.integers(len(writers))))
        strokes, text, overlaps = compose(writers[chosen[-1]], rng)
        begin = time.perf_counter()
        number = read_number(ink.DrawnPieces(strokes), evaluate)
        milliseconds.append(1000 * (time.perf_counter() - begin))
        right.append(number.text == text)
        overlapping += overlaps
    low, high = clustered_accuracy_interval(np.array(right), np.array(chosen))
    accuracy, median = sum(right) / options.numbers, statistics.median(milliseconds)
    print(
        f"{sum(right)} of {options.numbers} numbers right: {accuracy:.2%} "
        f"({low:.2%} to {high:.2%}, bar {LEAST_RIGHT:.0%}); "
        f"median {median:.1f} ms (bar {MOST_MILLISECONDS:.0f})"
    )
    figures = {
        "set": options.set,
        "numbers": options.numbers,
        "seed": options.seed,
        "writers": len(set(chosen)),
        "overlapping": overlapping,
        "network": run.experiment.name,
        "served_sha256": run.result["served_sha256"],
        "accuracy": accuracy,
        "interval": [low, high],
        "milliseconds": median,
    }
    write_record(RECORD, figures)
    return 0 if accuracy >= LEAST_RIGHT and median < MOST_MILLISECONDS else 1


def load_writers(file: Path) -> list[list[Labelled]]:
    """The labelled drawings of each writer who made ten or more."""
    writers: defaultdict[str | None, list[Labelled]] = defaultdict(list)
    for _, strokes, label, writer in ink.read_drawings(file):
        if label is not None and not isinstance(strokes, ink.InkError):
            writers[writer].append((strokes, label))
    return [drawings for drawings in writers.values() if len(drawings) >= 10]


def compose(drawings: list[Labelled], rng: np.random.Generator) -> tuple[ink.Strokes, str, bool]:
    """Sets some of a writer's digits side by side.

    Returns:
        The strokes as drawn, the number, and whether any of its digits overlap from left to right.
    """
    chosen = rng.integers(len(drawings), size=rng.integers(FEWEST, MOST + 1))
    usual_gap, right, overlaps = rng.uniform(*GAP), 0.0, False
    strokes: ink.Strokes = []
    late: ink.Strokes = []
    for place, index in enumerate(chosen):
        gap = max(rng.normal(usual_gap, GAP_SCATTER), NARROWEST) if place else 0.0
        overlaps |= gap < 0
        height = HEIGHT * np.exp(rng.normal(0, SCATTER))
        moved = _fit(drawings[index][0], height)
        foot = np.array([right + gap, rng.normal(0, RISE)])
        moved = [points + foot for points in moved]
        right = max(points[:, 0].max() for points in moved)
        if len(moved) > 1 and rng.random() < LATE:
            late.append(moved.pop())
        strokes += moved
    return strokes + late, "".join(str(drawings[index][1]) for index in chosen), overlaps


def _fit(strokes: ink.Strokes, height: float) -> ink.Strokes:
    """Scales a digit, its longer side to the height, its left edge and its foot to 0."""
    points = np.concatenate(strokes)
    scale = height / max(float(np.ptp(points, axis=0).max()), 1e-6)
    corner = np.array([points[:, 0].min(), points[:, 1].max()])
    return [(stroke - corner) * scale for stroke in strokes]


if __name__ == "__main__":
    sys.exit(main())
