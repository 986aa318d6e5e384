"""Run folders: whole or not at all, listed, served, rolled back, deleted."""

import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
import uuid
import zipfile
from pathlib import Path

import numpy as np
import pytest

from digitnet import jobs
from digitnet.experiments import NetworkError, parse_layers
from digitnet.runs import (
    HISTORY,
    LOCK,
    PROBABILITIES,
    REQUEST,
    RESULT,
    SERVED,
    STATE,
    STATUS,
    RunError,
    RunStore,
    TrainingBusyError,
    add_network,
    networks,
    read_history,
    replacing,
    write_atomically,
)
from digitnet.runs import store as runs
from tests.made_runs import fill, finish_run, make_request, make_result, make_row, ship_run

LOOK = """
import pathlib, sys
from digitnet.runs import is_locked

print("looking", flush=True)
while True:
    is_locked(pathlib.Path(sys.argv[1]))
"""
REQUEST_CNN = make_request("cnn", epochs=2)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs", tmp_path / "shipped")


def finished_run(store):
    return finish_run(store, REQUEST_CNN)


def shipped_run(store):
    return ship_run(store, REQUEST_CNN)


def test_empty_store_has_no_runs(store):
    assert store.finished() == [] and store.unfinished() == []
    assert store.current("cnn") is None


def test_trainings_of_the_same_moment_keep_apart(store, monkeypatch):
    ids = iter([uuid.UUID("abcd0000" + "0" * 24), uuid.UUID("abcd0001" + "0" * 24)])
    monkeypatch.setattr(runs.uuid, "uuid4", lambda: next(ids))
    first, second = (store.create(make_request("cnn", seed=seed)) for seed in (1, 2))
    assert {one.request.settings.seed for one in store.unfinished("cnn")} == {1, 2}
    assert first.id != second.id


def test_a_training_becomes_the_current_run(store):
    training = store.create(REQUEST_CNN)
    (training.folder / STATE).mkdir()
    assert store.finished() == []
    training.append_history(make_row(1, val_accuracy=0.75))
    fill(training.folder)
    run = store.finish(training)
    assert store.unfinished() == []
    assert [one.id for one in store.finished()] == [run.id]
    assert store.current("cnn") == run
    assert run.problem() is None
    assert run.request == REQUEST_CNN
    assert run.history()["val_accuracy"].tolist() == [0.75]
    assert not (run.folder / STATE).exists()


@pytest.mark.parametrize("others", [[], [shipped_run], [shipped_run, finished_run]])
def test_a_kill_while_a_training_is_finished_leaves_a_current_run(store, monkeypatch, others):
    for make_other in others:
        make_other(store)
    before = store.current("cnn")
    training = store.create(REQUEST_CNN)
    (training.folder / STATE).mkdir()
    training.append_history(make_row(1))
    fill(training.folder)

    def kill(path, *_):
        if {"unfinished", "finished"} & set(path.parts):  # not while a pointer is written
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "rename", kill)  # just before it is finished
        store.finish(training)
    assert store.current("cnn") == before and training.lacks() is None
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(runs, "sync_folder", kill)  # just after
        store.finish(training)
    current = store.current("cnn")
    assert current.id == training.id and not (current.folder / STATE).exists()


def test_shipped_run_is_served_until_one_is_trained_and_after_rolling_back(store):
    shipped = shipped_run(store)
    assert shipped.is_shipped
    trained = finished_run(store)
    assert store.current("cnn") == trained
    store.roll_back("cnn")
    assert store.current("cnn") == shipped
    store.make_current(trained.id)
    assert store.current("cnn") == trained
    assert [one.id for one in store.finished("cnn")] == [shipped.id, trained.id]


def test_deleting_the_current_run_serves_the_shipped_one(store):
    shipped, trained = shipped_run(store), finished_run(store)
    store.delete(trained.id)
    assert store.current("cnn") == shipped
    with pytest.raises(RunError, match="no run"):
        store.find(trained.id)


def test_a_delete_that_was_killed_is_completed_by_the_next(store, monkeypatch):
    first, second = finished_run(store), finished_run(store)

    def kill(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", kill)
        store.delete(first.id)
    assert store.finished() == [second]
    store.delete(second.id)
    assert list(store.local.glob(".*")) == []


def test_shipped_run_cannot_be_deleted(store):
    shipped_run(store)
    with pytest.raises(RunError, match="shipped"):
        store.delete("cnn/shipped")
    assert store.current("cnn").problem() is None


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "cnn",
        "nope/shipped",
        "cnn/../../etc",
        "../cnn/shipped",
        "cnn/20260101-000000-abcd/../..",
        "cnn/20260101-000000-abcd\n",
        "cnn/20260101-000000-abcd",
    ],
)
def test_ids_that_name_no_run_are_refused(store, run_id):
    shipped_run(store)
    with pytest.raises(RunError, match="no run"):
        store.find(run_id)
    with pytest.raises(RunError):
        store.delete(run_id)


def test_a_broken_run_cannot_be_made_current(store):
    shipped, broken = shipped_run(store), finished_run(store)
    store.roll_back("cnn")
    (broken.folder / SERVED).unlink()
    with pytest.raises(RunError, match="served.tflite is missing"):
        store.make_current(broken.id)
    assert store.current("cnn") == shipped


@pytest.mark.parametrize("name", [REQUEST, RESULT, HISTORY, PROBABILITIES, SERVED])
def test_a_missing_file_is_named(store, name):
    run = finished_run(store)
    (run.folder / name).unlink()
    assert store.find(run.id).problem() == f"{name} is missing"


@pytest.mark.parametrize("name", [REQUEST, RESULT, HISTORY])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 99}', b"\xff\xfe\x00"])
def test_a_garbled_file_is_named(store, name, content):
    run = finished_run(store)
    (run.folder / name).write_bytes(content)
    assert name in store.find(run.id).problem()


def test_a_garbled_pointer_serves_the_shipped_run(store):
    shipped, _ = shipped_run(store), finished_run(store)
    for content in (b"", b"\xff", b"fc/shipped", b"cnn/../../x"):
        (store.local / "current" / "cnn").write_bytes(content)
        assert store.current("cnn") == shipped


def test_garbled_probabilities_raise_a_sentence(store):
    run = finished_run(store)
    (run.folder / PROBABILITIES).write_bytes(b"garbage")
    with pytest.raises(RunError, match=PROBABILITIES):
        run.test_predictions()


@pytest.mark.parametrize(
    "arrays",
    [
        {"labels": np.uint8(3)},
        {"labels": np.zeros((3, 1), np.uint8)},
        {"labels": np.array([0, 1, 10])},
        {"labels": np.array([0, 1, -1])},
        {"labels": np.array(["0", "1", "2"])},
        {"index": np.array(["0", "1", "2"])},
        {"index": np.array([1, 1, 2])},
        {"index": np.array([0, 1, 1797])},
        {"index": np.arange(2)},
        {"probabilities": np.full((3, 9), 0.1)},
        {"probabilities": np.full((3, 10), "0.1")},
        {"probabilities": np.ones((3, 10), np.int64)},
        {"probabilities": np.zeros((3, 10), [("a", "f4")])},
        {"probabilities": np.full((3, 10), np.nan)},
    ],
)
def test_arrays_that_cannot_be_are_a_sentence(store, arrays):
    run = finished_run(store)
    with np.load(run.folder / PROBABILITIES) as whole:
        np.savez(run.folder / PROBABILITIES, **dict(whole) | arrays)
    with pytest.raises(RunError, match=PROBABILITIES):
        run.test_predictions()


@pytest.mark.parametrize("name", ["epochs", "best_epoch", "served_bytes", "seconds_per_epoch"])
@pytest.mark.parametrize("figure", [None, "x", -1, float("nan"), float("inf"), 10**30, True, [1]])
def test_a_wrong_figure_is_named(store, name, figure):
    run = finished_run(store)
    (run.folder / RESULT).write_text(json.dumps(make_result(**{name: figure})))
    assert f"wrong {name}" in store.find(run.id).problem()


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("size", 0),
        ("accuracy", 1.5),
        ("accuracy", None),
        ("accuracy_interval", [0.1]),
        ("accuracy_interval", [0.1, 2]),
        ("accuracy_interval", "ab"),
        ("loss", float("nan")),
        ("f1_macro", "x"),
    ],
)
def test_a_wrong_score_is_named(store, name, figure):
    run = finished_run(store)
    scores = make_result()["scores"] | {name: figure}
    (run.folder / RESULT).write_text(json.dumps(make_result(scores=scores)))
    assert f"wrong scores.{name}" in store.find(run.id).problem()


@pytest.mark.parametrize("scores", [None, [], "x", {}])
def test_a_result_without_scores_is_a_problem(store, scores):
    run = finished_run(store)
    (run.folder / RESULT).write_text(json.dumps(make_result(scores=scores)))
    assert "wrong scores.size" in store.find(run.id).problem()


def test_files_that_overcome_a_reader_are_a_sentence(store):
    training = store.create(REQUEST_CNN)
    (training.folder / STATUS).write_text("[" * 200_000)
    with pytest.raises(RunError, match=STATUS):
        _ = training.status
    with (training.folder / HISTORY).open("a") as stream:
        stream.write("1" * 200_000 + "\n")
    with pytest.raises(RunError, match=HISTORY):
        training.history()


def test_answers_that_unpack_to_more_than_memory_holds_are_not_unpacked(store):
    run = finished_run(store)
    with zipfile.ZipFile(run.folder / PROBABILITIES, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("probabilities", "labels", "index"):
            with packed.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array_header_1_0(
                    stream, {"descr": "|u1", "fortran_order": False, "shape": (2**26,)}
                )
                for _ in range(64):
                    stream.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(RunError, match=PROBABILITIES):
        run.test_predictions()
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("name", [RESULT, REQUEST, HISTORY])
def test_a_file_without_end_is_a_sentence(store, name):
    run = finished_run(store)
    (run.folder / name).unlink()
    (run.folder / name).symlink_to("/dev/zero")
    assert f"{name} cannot be read" in store.find(run.id).problem()


def test_a_training_is_read_anew_when_its_files_have_changed(store):
    training = store.create(REQUEST_CNN)
    assert training.status.state == "queued"
    training.check()
    training.write_status("stopped")
    assert training.status.state == "stopped"
    (training.folder / REQUEST).write_text("{")
    with pytest.raises(RunError, match=REQUEST):
        training.check()


def test_networks_are_read_anew_only_where_their_folder_has_changed(store, monkeypatch):
    add_network(store.local, "mine", parse_layers("flatten, dense 8"))
    folder = store.local / networks.FOLDER
    read = []
    whole = networks._read_folder
    monkeypatch.setattr(networks, "_read_folder", lambda one: read.append(one) or whole(one))
    networks._remember_folder.cache_clear()
    assert [one.name for one in networks.read_networks(store.local)] == ["mine"]
    assert len(read) == 1  # a moment ago it was changed, and may be changed again
    long_ago = time.time() - 60
    os.utime(folder, (long_ago, long_ago))
    for _ in range(3):
        assert [one.name for one in networks.read_networks(store.local)] == ["mine"]
    assert len(read) == 2
    add_network(store.local, "yours", parse_layers("flatten, dense 4"))
    assert [one.name for one in networks.read_networks(store.local)] == ["mine", "yours"]


def test_a_network_that_cannot_be_read_just_now_is_read_later(store, monkeypatch):
    add_network(store.local, "mine", parse_layers("flatten, dense 8"))
    long_ago = time.time() - 60
    os.utime(store.local / networks.FOLDER, (long_ago, long_ago))
    networks._read_network.cache_clear()
    with monkeypatch.context() as fault:
        fault.setattr(networks, "read_json", lambda path: (_ for _ in ()).throw(RunError("stale")))
        assert networks.read_networks(store.local) == []
    assert [one.name for one in networks.read_networks(store.local)] == ["mine"]
    assert add_network(store.local, "mine", parse_layers("flatten, dense 4")).name == "mine_2"


def test_a_reason_has_an_end(store):
    with pytest.raises(NetworkError, match="at most 200 characters: 201"):
        add_network(store.local, "mine", parse_layers("flatten"), "x" * 201)


def test_there_is_an_end_to_networks_of_ones_own(store, monkeypatch):
    monkeypatch.setattr(networks, "MOST_NETWORKS", 2)
    for name in ("one", "two"):
        add_network(store.local, name, parse_layers("flatten"))
    add_network(store.local, "two", parse_layers("flatten"))  # which is there
    for name in ("two", "three"):
        with pytest.raises(NetworkError, match="2 networks of your own are kept; delete one"):
            add_network(store.local, name, parse_layers("conv 4, flatten"))
    assert len(list((store.local / "networks").iterdir())) == 2


def test_history_leaves_out_a_line_that_is_still_written(store):
    training = store.create(REQUEST_CNN)
    training.append_history(make_row(1))
    with (training.folder / HISTORY).open("a") as stream:
        stream.write("2,0.5,0.")
    assert training.history()["epoch"].tolist() == [1]


def test_history_is_cut_to_the_epochs_that_count(store):
    training = store.create(REQUEST_CNN)
    for epoch in (1, 2, 3):
        training.append_history(make_row(epoch))
    training.cut_history(2)
    training.append_history(make_row(3, loss=0.25))
    assert read_history(training.folder / HISTORY)["loss"].tolist() == [0.5, 0.5, 0.25]


def test_a_training_is_held_by_one_process_at_a_time(store):
    training = store.create(REQUEST_CNN)
    assert not training.is_locked()
    with training.locked():
        assert training.is_locked()
        with pytest.raises(TrainingBusyError), store.find_training(training.id).locked():
            pass
        with pytest.raises(RunError, match="stop it first"):
            store.delete(training.id)
    assert not training.is_locked()


def files_of(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_to_look_at_a_training_writes_nothing(store):
    training = store.create(REQUEST_CNN)
    before = files_of(store.local)
    assert not training.is_locked()
    assert training.status.state == "queued"
    assert jobs.list_jobs(store) and store.begin(REQUEST_CNN) == training
    assert files_of(store.local) == before
    with training.locked():
        training.write_status("running", epoch=1)
        before = files_of(store.local)
        assert training.is_locked() and training.status.state == "running"
        assert files_of(store.local) == before
    assert training.status.state == "interrupted"
    assert files_of(store.local) == before


def test_no_lock_survives_into_a_finished_run(store):
    training = store.create(REQUEST_CNN)
    (training.folder / "lock.gate").touch()  # by an earlier version
    training.append_history(make_row(1))
    fill(training.folder)
    with training.locked():
        assert training.is_locked()
        run = store.finish(training)
    assert not [path.name for path in run.folder.iterdir() if "lock" in path.name]


def test_those_who_look_at_a_training_do_not_keep_it_from_being_continued(store):
    training = store.create(REQUEST_CNN)
    with training.locked():
        training.write_status("running", epoch=1)
    command = [sys.executable, "-c", LOOK, str(training.folder / LOCK)]
    looker = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert looker.stdout.readline() == b"looking\n"
        begun = {store.begin(REQUEST_CNN).id for _ in range(500)}
        with training.locked():
            assert all(training.is_locked() for _ in range(500))
    finally:
        looker.kill()
        looker.communicate()
    assert begun == {training.id}


def test_a_running_status_without_a_process_is_an_interruption(store):
    training = store.create(REQUEST_CNN)
    with training.locked():
        training.write_status("running", epoch=1)
        assert training.status.state == "running"
    assert training.status.state == "interrupted"


def test_the_same_request_continues_what_was_interrupted(store):
    training = store.create(REQUEST_CNN)
    training.write_status("running", epoch=1)
    assert store.begin(REQUEST_CNN).id == training.id
    other = make_request("cnn", epochs=3)
    assert store.begin(other).id != training.id


def test_what_is_being_trained_is_not_begun_a_second_time(store):
    training = store.create(REQUEST_CNN)
    with training.locked():
        training.write_status("running", epoch=1)
        with pytest.raises(TrainingBusyError, match=training.id), store.begin(REQUEST_CNN).locked():
            pass
    assert [one.id for one in store.unfinished()] == [training.id]


def test_a_failed_training_is_not_continued(store):
    training = store.create(REQUEST_CNN)
    training.write_status("failed", message="out of memory")
    assert store.begin(REQUEST_CNN).id != training.id


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(OSError, match="disk"), replacing(path) as stream:
        stream.write(b"new")
        raise OSError("no space left on disk")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unreadable_status_is_a_sentence(store):
    training = store.create(REQUEST_CNN)
    (training.folder / STATUS).write_text("{")
    with pytest.raises(RunError, match=STATUS):
        _ = training.status
