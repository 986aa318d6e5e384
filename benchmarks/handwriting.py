"""How well real handwriting is read: python -m benchmarks.handwriting PENDIGITS

On PENDIGITS, labelled drawings that no network has learnt from, and on the collections in
DIGITNET_STROKES, but for their drawings that are known to be wrongly labelled. A network is never
shown what it has learnt from. Intervals are by writer, whose drawings succeed or fail together.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import write_record
from digitnet.digits import ink, load_digits
from digitnet.digits.handwriting import MNIST_TRAIN, OUTLIER, Drawing, load_collections
from digitnet.runs import Run, RunStore
from digitnet.serving import ModelServer
from digitnet.study.files import choose_runs
from digitnet.study.handwriting import OFFICIAL, PENDIGITS, UJI, UNIPEN
from digitnet.study.significance import clustered_accuracy_interval

RECORD = Path(__file__).with_name("handwriting.json")
LEARNT = {"handwriting": {UNIPEN, UJI}}  # the sources that a data set is made of
TITLES = {
    PENDIGITS: "the training part of Pen-Based Recognition of Handwritten Digits (UCI)",
    UNIPEN: "UNIPEN",
    UJI: "UJI Pen Characters",
}


@dataclass(frozen=True, eq=False)
class Source:
    """Drawings that are scored together and, where they are of several collections, apart.

    Args:
        name: Short name.
        images: uint8 (n, 28, 28).
        labels: True digits, (n,).
        writers: Who drew each, (n,).
        collections: Which collection each is of, (n,).
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    writers: np.ndarray
    collections: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        """The whole and the collections that it is made of, by name: which drawings they have."""
        names = np.unique(self.collections)
        apart = {str(name): self.collections == name for name in names if len(names) > 1}
        return {self.name: np.ones(len(self.labels), bool)} | apart


def main(arguments: list[str] | None = None) -> int:
    """Prints and records each network's accuracy on each source that it has not learnt from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="labelled .jsonl or .jsonl.gz")
    options = parser.parse_args(arguments)
    sources = [load_pendigits(options.file), *load_learnt()]
    unmet = {OFFICIAL: load_official(), PENDIGITS: sources[0]}
    server, networks = ModelServer(), {}
    for run in choose_runs(RunStore.default().only_shipped(), []):
        name = run.experiment.name
        networks[name] = score(server, run, sources)
        if run.experiment.refuses:
            networks[name]["answered"] = {
                title: count_answers(server, run, source) for title, source in unmet.items()
            }
        found = networks[name]["sets"]
        print(name, *(f"{one} {found[one]['accuracy']:.4f}" for one in found), flush=True)
    sets = {name: one for source in sources for name, one in describe(source).items()}
    write_record(RECORD, {"ink": ink.INK_VERSION, "sets": sets, "networks": networks})
    return 0


def score(server: ModelServer, run: Run, sources: Sequence[Source]) -> dict[str, Any]:
    """Scores a network on what it has not learnt from."""
    learnt = LEARNT.get(run.request.settings.dataset, set())
    sets: dict[str, Any] = {}
    for source in sources:
        if source.name not in learnt:
            sets |= _score_source(server, run, source)
    return {"served_sha256": run.result["served_sha256"], "sets": sets}


def _score_source(server: ModelServer, run: Run, source: Source) -> dict[str, Any]:
    correct = server.predict(run, source.images).argmax(axis=1) == source.labels
    return {
        name: {
            "accuracy": float(correct[part].mean()),
            "interval": list(clustered_accuracy_interval(correct[part], source.writers[part])),
        }
        for name, part in source.parts().items()
    }


def count_answers(server: ModelServer, run: Run, source: Source) -> dict[str, int]:
    """How many digits a network that refuses takes for none, and how many others it reads."""
    reading = server.read(run, source.images)
    is_digit = np.asarray(reading.is_digit)
    right = is_digit & (reading.probabilities.argmax(axis=1) == source.labels)
    return {
        "digits": len(source.labels),
        "refused": int((~is_digit).sum()),
        "right": int(right.sum()),
    }


def load_official() -> Source:
    """MNIST's official test digits; who wrote which is not known."""
    digits = load_digits("mnist")
    labels = digits.labels[MNIST_TRAIN:]
    nobody = np.full(len(labels), "")
    return Source(OFFICIAL, digits.images[MNIST_TRAIN:], labels, nobody, nobody)


def describe(source: Source) -> dict[str, dict[str, Any]]:
    """What a source and its collections are, for the record."""
    return {
        name: {
            "title": TITLES.get(name, f"{TITLES[source.name]}, {name}"),
            "drawings": int(part.sum()),
            "writers": len(np.unique(source.writers[part])),
        }
        for name, part in source.parts().items()
    }


def load_pendigits(path: Path) -> Source:
    """The drawings of a file that have a label and can be read."""
    drawn = [
        (strokes, label, writer, PENDIGITS)
        for _, strokes, label, writer in ink.read_drawings(path)
        if label is not None and not isinstance(strokes, ink.InkError)
    ]
    return make_source(PENDIGITS, drawn)


def load_learnt() -> list[Source]:
    """The digits of the collections that the reader learns from: UNIPEN's and UJI's."""
    digits = [one for one in load_collections() if one.label != OUTLIER]
    uji = [one for one in digits if one.collection == UJI]
    unipen = [one for one in digits if one.collection != UJI]
    return [make_source(UNIPEN, _rows(unipen)), make_source(UJI, _rows(uji))]


def _rows(drawings: Sequence[Drawing]) -> list[tuple[Any, ...]]:
    return [(one.strokes, one.label, one.writer, one.collection) for one in drawings]


def make_source(name: str, drawn: Sequence[tuple[Any, ...]]) -> Source:
    """Draws strokes as the app does.

    Args:
        name: Of the source.
        drawn: Strokes, label, writer and collection of each drawing.
    """
    strokes, labels, writers, collections = zip(*drawn, strict=True)
    images = np.stack([ink.render_strokes(one) for one in strokes])
    return Source(name, images, np.array(labels), np.array(writers), np.array(collections))


if __name__ == "__main__":
    sys.exit(main())
