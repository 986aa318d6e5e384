"""A reader is taught one person's hand: on made runs, and the offline sample in MNIST's place."""

from __future__ import annotations

import json
from dataclasses import asdict

import keras
import numpy as np
import pytest

from digitnet import cli, jobs
from digitnet.digits import load_digits, load_samples, teaching
from digitnet.digits.handwriting import Mixture
from digitnet.digits.teaching import deal_drawings, load_lesson, read_labelled
from digitnet.experiments import READER
from digitnet.jobs import JobError
from digitnet.runs import DRAWINGS, TRAINED, Outcome, Request, RunError, RunStore, Teaching, publish
from digitnet.show.teaching import describe_outcome
from digitnet.training.architectures import build_model
from digitnet.training.export import export_served_model
from digitnet.training.teaching import teach_model
from tests.made_digits import put_sample_for_mnist
from tests.made_runs import fill, make_row, ship_run, use_store

DRAWN = [
    ([np.array(stroke) * [1 + time / 20, 1] for stroke in strokes], digit)
    for time in range(4)
    for digit, strokes in load_samples().items()
]


@pytest.fixture(scope="module")
def untaught(tmp_path_factory):
    """A reader that has learnt nothing yet: as it is served, and the file that Keras keeps."""
    keras.utils.set_random_seed(1)
    model, file = build_model(READER), tmp_path_factory.mktemp("untaught") / "trained.keras"
    model.save(file)
    return export_served_model(model, load_digits("sample").images[:50]).tflite, file.read_bytes()


@pytest.fixture
def store(tmp_path, monkeypatch, untaught):
    """A store that ships this reader, where the offline sample is in MNIST's place."""
    store = use_store(monkeypatch, tmp_path)
    put_sample_for_mnist(monkeypatch, held_out=200)
    monkeypatch.setattr(teaching, "OWN_IMAGES", 400)
    known = Mixture(images=300, drawings=0, rare=0, letters=0, made_outliers=50)
    monkeypatch.setattr(teaching, "KNOWN", known)
    served, kept = untaught
    run = ship_run(store, Request("reader", READER.settings), served=served)
    (run.folder / TRAINED).write_bytes(kept)
    return store


def write_drawings(file, drawings=DRAWN):
    """Writes drawings as `teach` reads them."""
    lines = [
        json.dumps({"strokes": [one.tolist() for one in strokes], "label": label})
        for strokes, label in drawings
    ]
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


@pytest.mark.slow
def test_a_taught_reader_is_a_run_that_says_what_came_of_it(store, tmp_path, capsys):
    """By the command, as a user teaches."""
    assert cli.main(["teach", write_drawings(tmp_path / "mine.jsonl")]) == cli.OK
    [run] = (one for one in store.finished("reader") if not one.is_shipped)
    outcome = run.outcome
    assert f"{run.id}: {describe_outcome(outcome)}" in capsys.readouterr().out.splitlines()
    assert run.problem() is None and run.request.teaching.base == "reader/shipped"
    assert (outcome.learnt, outcome.held_out) == (20, 20)
    assert (store.current("reader") == run) == outcome.is_adopted
    assert dict((kind, one) for kind, one, _ in run.calibration.refused)["scribbles"] == round(
        1000 * outcome.refused_after
    )
    assert run.history()["epoch"].tolist() == [1, 2]
    assert run.calibration.threshold is not None
    assert [kind for kind, *_ in run.calibration.refused] == ["mnist", "scribbles"]
    assert run.calibration.refused[0][2] == 200
    assert set(run.digit_map.tested.index) <= set(run.test_predictions()[2])
    lines = [json.loads(line) for line in (run.folder / DRAWINGS).read_text().splitlines()]
    assert [line["label"] for line in lines] == [label for _, label in DRAWN]
    store.make_current(run.id)
    again, _ = jobs.ask_to_teach(store, DRAWN[:30])
    assert again.teaching.base == "reader/shipped"  # not from what was taught
    with pytest.raises(RunError, match="one person's hand"):
        publish(store, "reader")
    store.roll_back("reader")
    assert store.current("reader").is_shipped


@pytest.mark.parametrize("misread_after", [2, 4])
def test_only_a_reader_that_reads_better_takes_the_place_of_the_former(store, misread_after):
    request, files = jobs.ask_to_teach(store, DRAWN)
    training = store.begin(request, files)
    training.append_history(make_row(1))
    outcome = Outcome(20, 20, 3, misread_after, 0.5, 0.4, 0.99, 0.99, 0.9, 0.9)
    fill(training.folder, teaching=asdict(outcome))
    run = store.finish(training)
    assert (store.current("reader") == run) == (misread_after == 2)
    assert store.current("reader").is_shipped == (misread_after == 4)
    assert run in store.finished("reader") and run.problem() is None


@pytest.mark.slow
def test_only_the_layers_behind_flatten_learn_and_the_drawings_are_learnt(store, tmp_path):
    request, files = jobs.ask_to_teach(store, DRAWN)
    (tmp_path / DRAWINGS).write_bytes(files[DRAWINGS])
    lesson = load_lesson(tmp_path / DRAWINGS, seed=1)
    model = build_model(READER)
    before = [weights.copy() for weights in model.get_weights()]
    rows = []
    settings = type(request.settings).from_dict(
        vars(request.settings) | {"epochs": 10, "learning_rate": 0.003}
    )
    teach_model(
        model,
        lesson,
        settings,
        lambda progress: None,
        lambda step, steps: None,
        lambda row, progress: rows.append(row),
    )
    changed = [
        bool((one != old).any()) for one, old in zip(model.get_weights(), before, strict=True)
    ]
    names = [weights.path for weights in model.weights]
    assert [name for name, moved in zip(names, changed, strict=True) if moved] == [
        name for name in names if "dense" in name
    ]
    assert all(layer.trainable for layer in model.layers)
    assert rows[-1]["accuracy"] > rows[0]["accuracy"]


def test_every_digits_drawings_are_dealt_in_turn_and_stay_where_they_were(store, tmp_path):
    drawn = [teaching._as_drawing(*one) for one in DRAWN]
    learnt, held_out = deal_drawings(drawn)
    assert len(learnt) == len(held_out) == 20
    assert {one.label for one in learnt} == {one.label for one in held_out} == set(range(10))
    assert deal_drawings(drawn[:25])[1] == [one for one in held_out if one in drawn[:25]]


@pytest.mark.parametrize(
    ("drawings", "message"),
    [(DRAWN[:19], "at least 20 drawings"), (DRAWN[:4] * 5, "at least 5 of the ten digits")],
)
def test_too_few_drawings_are_refused_in_a_sentence(store, drawings, message):
    with pytest.raises(JobError, match=message):
        jobs.ask_to_teach(store, drawings)


def test_nothing_is_taught_where_all_is_read_only_or_no_reader_is(store, monkeypatch, tmp_path):
    with pytest.raises(JobError, match="no reader"):
        jobs.ask_to_teach(RunStore(tmp_path / "none", tmp_path / "none"), DRAWN)
    monkeypatch.setenv("DIGITNET_READ_ONLY", "1")
    with pytest.raises(JobError, match="read-only"):
        jobs.teach(store, DRAWN)
    assert store.unfinished() == []


def test_the_same_drawings_are_queued_once_and_the_folder_holds_them(store, monkeypatch):
    monkeypatch.setattr("digitnet.jobs.queue.ensure_worker", lambda store: None)
    first, second = jobs.teach(store, DRAWN), jobs.teach(store, DRAWN)
    assert first.is_new and not second.is_new and first.training.id == second.training.id
    assert isinstance(first.training.request.teaching, Teaching)
    assert (first.training.folder / DRAWINGS).is_file()
    assert jobs.teach(store, DRAWN[:30]).is_new


def test_a_drawing_of_too_many_points_is_left_out(tmp_path):
    line = {"strokes": [[[x % 200, x % 199] for x in range(100_001)]], "label": 1}
    (tmp_path / DRAWINGS).write_text(json.dumps(line) + "\n")
    assert read_labelled(tmp_path / DRAWINGS) == ([], 1)


def test_a_drawing_that_comes_twice_is_taken_once(tmp_path):
    """Else it could be learnt, and be judged on."""
    lines = [
        {"strokes": [[[x, 100] for x in range(9 + place % 2)]], "label": 1} for place in range(5)
    ]
    (tmp_path / DRAWINGS).write_text("\n".join(map(json.dumps, lines)))
    labelled, left_out = read_labelled(tmp_path / DRAWINGS)
    assert [len(strokes[0]) for strokes, _ in labelled] == [9, 10] and left_out == 3
