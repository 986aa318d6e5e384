"""Models that cannot be served are refused with a sentence, and take nothing else down."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from digitnet.runs import CALIBRATION, RunStore
from digitnet.serving import InferenceError, ModelServer, Reading, checks, make_current, try_runs
from digitnet.serving.pool import WORKERS
from tests.made_models import BREAKERS, break_model
from tests.made_runs import fill, finish_run, make_request, write_calibration

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
WHOLE = (CHECKPOINTS / "cnn_min" / "served.tflite").read_bytes()
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
PATIENCE = 20  # seconds
# A byte that stands for the size of something: LiteRT computes on and on.
ENDLESS = WHOLE[:20966] + b"\x81" + WHOLE[20967:]
# Speaks of models as the trial does, but is ended by one of them.
ENDED_BY_FC = """
import json, os, signal, sys
for path, packed in json.load(sys.stdin):
    if "/fc/" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps(None), flush=True)
"""


@pytest.fixture(autouse=True)
def forget_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_verdicts", {})


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """A whole network, which was trained here and not measured, and one that is shipped."""
    store = RunStore(tmp_path / "runs", tmp_path / "checkpoints")
    keep_model(store, "cnn", break_model(WHOLE, rename))
    (store.shipped / "cnn_min").mkdir(parents=True)
    fill(store.shipped / "cnn_min", served=WHOLE)
    return store


def rename(model) -> None:
    model.description = b"trained here"


def keep_model(store: RunStore, name: str, content: bytes) -> str:
    """Finishes a run that serves this model; returns its id."""
    run = finish_run(store, make_request(name))
    fill(run.folder, served=content)
    return run.id


@pytest.mark.parametrize("fault", BREAKERS)
def test_a_model_that_cannot_be_served_is_told_and_the_others_read_on(store, fault):
    keep_model(store, "lenet5", break_model(WHOLE, BREAKERS[fault]))
    told = ModelServer().read_all(store.current_runs(), IMAGES)
    told = {network.name: reading for network, reading in told.items()}
    assert isinstance(told["cnn"], Reading) and isinstance(told["cnn_min"], Reading)
    assert isinstance(told["lenet5"], InferenceError)
    assert "train it again" in str(told["lenet5"]) and "\n" not in str(told["lenet5"])


@pytest.mark.parametrize("fault", BREAKERS)
def test_a_model_that_cannot_be_served_does_not_become_current(store, fault):
    good = store.current("cnn").id
    bad = keep_model(store, "cnn", break_model(WHOLE, BREAKERS[fault]))
    make_current(store, good)
    with pytest.raises(InferenceError, match=f"{bad} cannot be served"):
        make_current(store, bad)
    assert store.current("cnn").id == good


def test_altered_bytes_do_not_become_current(store):
    good = store.current("cnn").id
    bad = keep_model(store, "cnn", WHOLE)
    make_current(store, good)
    (store.find(bad).served_model).write_bytes(WHOLE[:-1] + b"x")
    with pytest.raises(InferenceError, match="not those that were exported"):
        make_current(store, bad)


@pytest.mark.slow
def test_a_model_that_never_answers_is_given_up(store, monkeypatch):
    monkeypatch.setattr(checks, "TRIAL_SECONDS", 3)
    keep_model(store, "lenet5", ENDLESS)
    told = list(ModelServer().read_all(store.current_runs(), IMAGES).values())
    assert [isinstance(one, InferenceError) for one in told] == [False, False, True]
    assert checks.CRASHED in str(told[-1])


def test_a_model_that_ends_the_process_is_found_among_others(store, monkeypatch):
    monkeypatch.setattr(checks, "TRIAL", (sys.executable, "-c", ENDED_BY_FC))
    for name in ("fc", "fc_small", "lenet5"):
        keep_model(store, name, break_model(WHOLE, lambda model: None) + name.encode())
    try_runs(store.current_runs())
    problems = {}
    for run in store.current_runs():
        digest = hashlib.sha256(run.served_model.read_bytes()).hexdigest()
        problems[run.experiment.name] = checks._verdicts.get(digest)
    assert problems.pop("fc") == checks.CRASHED
    assert set(problems.values()) == {None} and len(problems) == 4


def test_a_trial_that_the_machine_had_no_room_for_is_made_once_more(store, monkeypatch):
    tries = []

    def try_in_vain_at_first(runs):
        tries.append([run.experiment.name for run in runs])
        return [None for _ in runs] if len(tries) > 1 else []

    monkeypatch.setattr(checks, "_try_in_process", try_in_vain_at_first)
    keep_model(store, "fc", fresh_model())
    keep_model(store, "lenet5", fresh_model())
    try_runs(store.current_runs())
    assert len(tries[0]) == 3 and tries[1:] == [tries[0][:1], tries[0][1:]]
    assert set(checks._verdicts.values()) == {None}


def test_a_model_is_tried_once_and_a_measured_one_never(store, monkeypatch):
    tried = []
    monkeypatch.setattr(
        checks, "_try_in_process", lambda runs: tried.extend(runs) or [None for _ in runs]
    )
    for _ in range(2):
        ModelServer().read_all(store.current_runs(), IMAGES)
        try_runs(store.current_runs())
    assert [run.experiment.name for run in tried] == ["cnn"]


def test_while_visitors_fresh_models_are_tried_others_read_on(store, monkeypatch):
    """As many visitors as there are workers, and more, wait for their trials."""
    begun, may_end = threading.Event(), threading.Event()

    def try_slowly(runs):
        begun.set()
        assert may_end.wait(PATIENCE)
        return [None for _ in runs]

    server = ModelServer()
    server.read_all(store.current_runs(), IMAGES)
    monkeypatch.setattr(checks, "_try_in_process", try_slowly)
    visitors = [store.of_visitor(f"{place:032x}") for place in range(WORKERS + 1)]
    own = [visitor.find(keep_model(visitor, "lenet5", fresh_model())) for visitor in visitors]
    with ThreadPoolExecutor(len(own) + 1) as pool:
        waiting = [pool.submit(server.read, run, IMAGES) for run in own]
        try:
            assert begun.wait(PATIENCE)
            others = pool.submit(server.read_all, store.current_runs(), IMAGES)
            assert len(others.result(PATIENCE / 2)) == 2
            assert not any(one.done() for one in waiting)
        finally:
            may_end.set()
        assert all(isinstance(one.result(PATIENCE), Reading) for one in waiting)
    server.close()


def fresh_model() -> bytes:
    """A model that nobody has tried."""

    def sign(model) -> None:
        model.description = uuid.uuid4().bytes

    return break_model(WHOLE, sign)


def test_probabilities_that_are_none_are_told_whenever_they_come_up():
    for outputs in ([[np.nan] * 10], [[0.2] * 10], [[2.0, -1.0] + [0.0] * 8]):
        with pytest.raises(InferenceError, match="no probabilities"):
            checks.require_probabilities(np.array(outputs, np.float32))
    even = np.full((2, 10), 0.1, np.float32)
    assert checks.require_probabilities(even) is even
    assert checks.require_probabilities(even[:0]).shape == (0, 10)


@pytest.mark.parametrize("temperature", [1e-300, 1e300])
def test_a_temperature_that_makes_probabilities_vanish_is_none(store, temperature):
    run = store.current("cnn_min")
    write_calibration(run, temperature=temperature)
    assert temperature in json.loads((run.folder / CALIBRATION).read_text()).values()
    assert np.isfinite(ModelServer().predict(run, IMAGES)).all()


def test_a_model_is_hashed_once_and_anew_once_its_file_is_another(store, monkeypatch):
    read = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: read.append(args) or digest(*args))
    run = store.current("cnn")
    for _ in range(3):
        checks.require_sound(run)
    assert len(read) == 1
    run.served_model.write_bytes(WHOLE + b"more")
    with pytest.raises(InferenceError, match="not those that were exported"):
        checks.require_sound(run)
