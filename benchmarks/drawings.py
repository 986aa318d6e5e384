"""How well drawings are read: python -m benchmarks.drawings FILE

By how they are brought to 28x28, three ways, from what most apps do to what digitnet does: the
canvas merely shrunk; the picture put into MNIST's box with its centre of mass in the middle; the
strokes redrawn at one pen width. And for the last, by how sure the network is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.record import write_record
from digitnet.digits import ink
from digitnet.experiments import REPORT_EXPERIMENTS
from digitnet.runs import RunStore
from digitnet.serving import (
    CLASSES_FROM,
    ModelServer,
    count_by_agreement,
    count_by_confidence,
)
from digitnet.study.files import choose_runs
from digitnet.study.summaries import summarize_run

CANVAS = 280  # pixels, of an app's usual canvas
BRUSH = 20  # pixels, of its usual brush
DRAWN = 200  # pixels that a digit spans on it: the best case for merely shrinking
RECORD = Path(__file__).with_name("drawings.json")
Strokes = Sequence[np.ndarray]


def main(arguments: list[str] | None = None) -> int:
    """Prints and records each network's accuracy for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="labelled .jsonl or .jsonl.gz")
    parser.add_argument("--set", required=True, help="what the drawings are, in a few words")
    options = parser.parse_args(arguments)
    drawings, labels, writers = _read_labelled(options.file)
    server, runs = ModelServer(), choose_runs(RunStore.default().only_shipped(), [])
    accuracy: dict[str, dict[str, float]] = {run.experiment.name: {} for run in runs}
    confidence: dict[str, dict[str, Any]] = {}
    voters: dict[str, np.ndarray] = {}
    for way, (_, bring) in WAYS.items():
        images = np.stack([bring(strokes) for strokes in drawings])
        for run in runs:
            name, probabilities = run.experiment.name, server.predict(run, images)
            accuracy[name][way] = float((probabilities.argmax(axis=1) == labels).mean())
            if bring is redraw:
                if run.experiment in REPORT_EXPERIMENTS and summarize_run(run).has_learnt:
                    voters[name] = probabilities
                confidence[name] = {
                    "served_sha256": run.result["served_sha256"],
                    "temperature": run.calibration.temperature,
                    **count_by_confidence(labels, probabilities),
                }
    for name, found in accuracy.items():
        print(f"{name:<11}" + "".join(f"  {way} {share:.4f}" for way, share in found.items()))
    record = {
        "ink": ink.INK_VERSION,
        "set": options.set,
        "drawings": len(drawings),
        "writers": len(writers),
        "ways": {way: title for way, (title, _) in WAYS.items()},
        "accuracy": accuracy,
        "classes_from": CLASSES_FROM,
        "confidence": confidence,
        "agreement": {
            "served_sha256": {name: confidence[name]["served_sha256"] for name in voters},
            **count_by_agreement(labels, np.stack(list(voters.values()))),
        },
    }
    write_record(RECORD, record)
    return 0


def _read_labelled(file: Path) -> tuple[list[Strokes], np.ndarray, set[str | None]]:
    """The drawings that have a label and can be read, their labels and their writers."""
    drawings: list[Strokes] = []
    labels, writers = [], set()
    for _, strokes, label, writer in ink.read_drawings(file):
        if label is not None and not isinstance(strokes, ink.InkError):
            drawings.append(strokes)
            labels.append(label)
            writers.add(writer)
    return drawings, np.array(labels), writers


def shrink_canvas(strokes: Strokes) -> np.ndarray:
    """The canvas as a browser shows it, shrunk to uint8 (28, 28)."""
    canvas = _draw_canvas(strokes)
    return np.asarray(canvas.resize((ink.FIELD, ink.FIELD), Image.Resampling.BOX))


def box_canvas(strokes: Strokes) -> np.ndarray:
    """The canvas cut to its ink, scaled into MNIST's box, centre of mass in the middle."""
    canvas = _draw_canvas(strokes)
    digit = canvas.crop(canvas.getbbox())
    factor = ink.BOX / max(digit.size)
    size = [max(1, round(side * factor)) for side in digit.size]
    small = np.asarray(digit.resize((size[0], size[1]), Image.Resampling.BOX), dtype=float)
    rows, columns = np.indices(small.shape)
    field = np.zeros((3 * ink.FIELD, 3 * ink.FIELD))
    top = ink.FIELD + ink.CENTRE - round((rows * small).sum() / small.sum())
    left = ink.FIELD + ink.CENTRE - round((columns * small).sum() / small.sum())
    field[top : top + small.shape[0], left : left + small.shape[1]] = small
    return field[ink.FIELD : 2 * ink.FIELD, ink.FIELD : 2 * ink.FIELD].astype(np.uint8)


def redraw(strokes: Strokes) -> np.ndarray:
    """What digitnet does."""
    return ink.render_strokes(strokes)


def _draw_canvas(strokes: Strokes) -> Image.Image:
    """Draws the digit in the middle of a canvas, of the size that people draw it in."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(canvas)
    everything = np.concatenate(list(strokes))
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = DRAWN / max(*(high - low), 1e-6)
    for stroke in strokes:
        points = [tuple(CANVAS / 2 + (point - (low + high) / 2) * scale) for point in stroke]
        pen.line(points, fill=255, width=BRUSH, joint="curve")
        for x, y in points:
            radius = BRUSH / 2
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return canvas


Way = Callable[[Strokes], np.ndarray]
WAYS: dict[str, tuple[str, Way]] = {
    "shrunk": ("canvas merely shrunk", shrink_canvas),
    "boxed": ("picture boxed and centred", box_canvas),
    "redrawn": ("strokes redrawn", redraw),
}

if __name__ == "__main__":
    sys.exit(main())
