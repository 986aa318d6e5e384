"""Reading digits in files: images and drawings -> predictions, and scores on labelled drawings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from digitnet.digits import ink
from digitnet.errors import DigitnetError
from digitnet.runs import ALL, Run, RunStore
from digitnet.serving import InferenceError, ModelServer, find_verdict, read_number
from digitnet.study.scores import worst_confusions
from digitnet.study.significance import clustered_accuracy_interval, wilson_interval
from digitnet.study.summaries import sort_for_reading, summarize_current

DRAWINGS = (".jsonl", ".jsonl.gz")
CHUNK = 512  # drawings that are read together: fast, and little memory


class ReadingError(DigitnetError):
    """Nothing can be read at all; the message is a sentence for the user."""


def predict_files(
    store: RunStore, files: Sequence[Path], model: str | None = None, as_numbers: bool = False
) -> Iterator[dict[str, Any]]:
    """Reads every digit in images and .jsonl drawings, in order.

    Args:
        store: Whose current runs read.
        files: Images, or .jsonl[.gz] files with a drawing a line.
        model: Name of an experiment, or "all"; by default the one for real handwriting, or the
            most accurate one where that is not served.
        as_numbers: Read each as a number of one or more digits, too.

    Yields:
        For each drawing {"file", "index", "is_digit", "predictions": {name: {"digit",
        "probabilities"}}}, or {"file", "index", "error"} where it cannot be read. "is_digit" is
        None where no network is served that tells. As numbers, they also have {"number",
        "digits": [{"digit", "probability", "box", "strokes"}], "marks"}: left, top, right and
        bottom in the drawing's or picture's unit; which strokes make the digit, for a picture none;
        how many marks beside the digits, such as a minus or a point, are left out.

    Raises:
        ReadingError: If the network has no run, or none reads numbers.
        UnknownExperimentError: If there is no such experiment.
    """
    server, runs = ModelServer(), _choose_readers(store, model)
    judges, reader = _find_judges(store), find_reader(store) if as_numbers else None
    for file in files:
        for chunk in _chunks(_read_images(file)):
            answers = _predict_chunk(server, runs, judges, chunk)
            for item, answer in zip(chunk, answers, strict=True):
                if reader and "predictions" in answer:
                    answer |= _tell_number(item["pieces"], server, reader)
                yield answer


def _choose_readers(store: RunStore, model: str | None) -> list[Run]:
    if model is None:
        ranked = sort_for_reading(summarize_current(store))
        return [one.run for one in ranked[:1]] or choose_runs(store, [])
    return choose_runs(store, [] if model == ALL else [model])


def find_reader(store: RunStore) -> Run:
    """The current run of the network that tells what is no digit, and so finds those of a number.

    Raises:
        ReadingError: If there is none.
    """
    for run in _find_judges(store):
        return run
    raise ReadingError("no network that reads numbers is trained: python -m digitnet train reader")


def _find_judges(store: RunStore) -> list[Run]:
    """The current runs of the networks that tell what is no digit."""
    return [run for run in store.current_runs() if run.experiment.refuses]


def _tell_number(pieces: ink.Pieces, server: ModelServer, reader: Run) -> dict[str, Any]:
    evaluate = partial(server.evaluate, reader)
    number = read_number(pieces, evaluate, reader.calibration.temperature)
    drawn = isinstance(pieces, ink.DrawnPieces)
    digits = [
        {
            "digit": one.digit,
            "probability": round(one.probability, 6),
            "box": [round(edge, 2) for edge in one.box],
            "strokes": one.pieces if drawn else [],
        }
        for one in number.digits
    ]
    return {"number": number.text, "digits": digits, "marks": len(number.marks)}


def choose_runs(store: RunStore, names: Sequence[str]) -> list[Run]:
    """The current runs of these experiments, of all that have one if none is named.

    Raises:
        ReadingError: If an experiment that is named has none, or none has.
        UnknownExperimentError: If there is no such experiment.
    """
    wanted = [store.find_experiment(name).name for name in names]
    current = {name: store.current(name) for name in wanted or _names(store)}
    if missing := [name for name in wanted if current[name] is None]:
        raise ReadingError(
            f"not trained yet: {', '.join(missing)}; python -m digitnet train {' '.join(missing)}"
        )
    runs = [run for run in current.values() if run]
    if not runs:
        raise ReadingError("no network is trained yet: python -m digitnet train --all")
    return runs


def _names(store: RunStore) -> list[str]:
    return [one.name for one in store.experiments()]


def _read_images(file: Path) -> Iterator[dict[str, Any]]:
    """What the networks would see of each drawing in a file, or an error in its place."""
    if not file.name.endswith(DRAWINGS):
        yield {"file": str(file), "index": 0} | _seen(partial(ink.find_pieces, file))
        return
    try:
        yield from _read_drawings(file)
    except ink.InkError as error:
        yield {"file": str(file), "index": 0, "error": str(error)}


def _read_drawings(file: Path) -> Iterator[dict[str, Any]]:
    """The same of a file of drawings; raises InkError where the file itself cannot be read."""
    for index, strokes, label, writer in ink.read_drawings(file):
        found = {"file": str(file), "index": index, "label": label, "writer": writer}
        yield found | _seen(partial(_as_pieces, strokes))


def _as_pieces(strokes: ink.Strokes | ink.InkError) -> ink.Pieces:
    if isinstance(strokes, ink.InkError):
        raise strokes
    return ink.DrawnPieces(strokes)


def _seen(find: Callable[[], ink.Pieces]) -> dict[str, Any]:
    try:
        pieces = find()
        return {"pieces": pieces, "image": ink.draw_whole(pieces)}
    except ink.InkError as error:
        return {"error": str(error)}


def _chunks(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _predict_chunk(
    server: ModelServer, runs: Sequence[Run], judges: Sequence[Run], chunk: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    images = [item["image"] for item in chunk if "image" in item]
    answers, verdicts = _read_together(server, runs, judges, images) if images else ({}, iter(()))
    for item in chunk:
        place = {"file": item["file"], "index": item["index"]}
        if "error" in item:
            yield place | {"error": item["error"]}
            continue
        predictions = {name: _prediction(next(rows)) for name, rows in answers.items()}
        yield place | {"is_digit": next(verdicts), "predictions": predictions}


def _read_together(
    server: ModelServer, runs: Sequence[Run], judges: Sequence[Run], images: list[np.ndarray]
) -> tuple[dict[str, Iterator[np.ndarray]], Iterator[bool | None]]:
    """Each network's probabilities by image, and whether each image is a digit."""
    readings = server.read_all(dict.fromkeys([*runs, *judges]), np.stack(images))
    answers = {}
    for run in runs:
        reading = readings[run.experiment]
        if isinstance(reading, InferenceError):
            raise reading
        answers[run.experiment.name] = iter(reading.probabilities)
    verdict = find_verdict(readings)
    return answers, repeat(None) if verdict is None else iter(verdict.tolist())


def _prediction(probabilities: np.ndarray) -> dict[str, Any]:
    rounded = [round(float(one), 6) for one in probabilities]
    return {"digit": int(np.argmax(probabilities)), "probabilities": rounded}


def evaluate_drawings(store: RunStore, file: Path, names: Sequence[str]) -> str:
    """Scores networks on labelled drawings.

    Args:
        store: Whose current runs are scored.
        file: .jsonl[.gz] whose lines carry "strokes", "label" and perhaps "writer".
        names: Experiments; all that are served if empty.

    Returns:
        A table: accuracy with its 95% interval, resampled by writer (by drawing where no writer
        is named), and the worst confusions of each network.

    Raises:
        ReadingError: If no drawing can be scored, the file breaks off, or a network has no run.
    """
    if not file.name.endswith(DRAWINGS):
        raise ReadingError(f"{file}: what is scored are drawings, a .jsonl or .jsonl.gz file")
    server, runs = ModelServer(), choose_runs(store, names)
    try:
        items = list(_read_drawings(file))
    except ink.InkError as error:  # what is left of half a file is not what it says of all
        raise ReadingError(f"{file}: nothing to score: {error}") from None
    scored = [item for item in items if item.get("label") is not None and "image" in item]
    if not scored:
        problem = next((item["error"] for item in items if "error" in item), "no line has a label")
        raise ReadingError(f"{file}: nothing to score: {problem}")
    images = np.stack([item["image"] for item in scored])
    labels = np.array([item["label"] for item in scored])
    writers = np.array([_writer(item, index) for index, item in enumerate(scored)])
    lines = [
        f"{len(scored):,} drawings by {_count(len(set(writers)), 'writer')}; "
        f"{len(items) - len(scored):,} lines left out (no label or no digit)"
    ]
    for run in runs:
        predictions = server.predict(run, images).argmax(axis=1)
        lines.append(_score_line(run.experiment.name, labels, predictions, writers))
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _writer(item: dict[str, Any], index: int) -> str:
    """Who drew it; a drawing without a name counts as a writer of its own."""
    return f"drawing {index}" if item["writer"] is None else str(item["writer"])


def _score_line(name: str, labels: np.ndarray, predictions: np.ndarray, writers: np.ndarray) -> str:
    correct = predictions == labels
    if len(set(writers)) > 1 and len(set(correct)) > 1:  # resampled, no error stays no error
        low, high = clustered_accuracy_interval(correct, writers)
    else:
        low, high = wilson_interval(int(correct.sum()), len(correct))
    worst = ", ".join(
        f"{true} as {read} ({count})"
        for true, read, count in worst_confusions(labels, predictions, most=4)
    )
    misread = f"most often {worst}" if worst else "none misread"
    return f"{name:<11} {correct.mean():.4f} ({low:.4f} to {high:.4f})  {misread}"
