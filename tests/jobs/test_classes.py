"""What may be done in a store: by visitors of a class, by its owner, and where all is read-only."""

import os
from dataclasses import replace

import numpy as np
import pytest

from digitnet import jobs
from digitnet.experiments import parse_layers
from digitnet.jobs import JobError, processes, queue, worker
from digitnet.jobs.queue import find_turn
from digitnet.runs import (
    Classroom,
    Donations,
    OwnDrawing,
    Quota,
    Rules,
    add_network,
    visitor_of,
)
from tests.made_runs import finish_run, make_request, make_training, use_store

CNN, LENET = (make_request(name, epochs=5) for name in ("cnn", "lenet5"))
LAYERS = parse_layers("conv 4, flatten")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_CLASS", "1")
    return use_store(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    """No worker is started."""
    monkeypatch.setattr(queue, "ensure_worker", lambda store: None)


@pytest.fixture
def ann(store):
    return store.of_visitor(visitor_of("ann"))


@pytest.fixture
def bob(store):
    return store.of_visitor(visitor_of("bob"))


def set_rules(store, trains=True, **quota):
    Classroom(store).set_rules(Rules(trains=trains, quota=replace(Quota(), **quota)))


def changes(store, training_id, run_id):
    """All that can be asked of a store."""
    return {
        "submit": lambda: jobs.submit(store, make_request("cnn_min", epochs=3)),
        "resume": lambda: jobs.resume(store, training_id),
        "cancel": lambda: jobs.cancel(store, training_id),
        "move": lambda: jobs.move(store, training_id, 0),
        "delete": lambda: jobs.delete(store, run_id),
        "delete network": lambda: jobs.delete_network(store, "mine"),
        "keep network": lambda: jobs.keep_network(store, "other", LAYERS),
        "choose": lambda: jobs.require_writable(store),
    }


def files_of(store):
    return {
        path: path.read_bytes()
        for path in store.local.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


# --- who may do what -------------------------------------------------------------------------


def test_outside_of_a_class_everything_is_allowed(store, monkeypatch):
    monkeypatch.delenv("DIGITNET_CLASS")
    allowed = jobs.permissions_of(store)
    assert allowed.changes and allowed.trains and allowed.quota is None


def test_read_only_goes_before_a_class(store, ann, monkeypatch):
    monkeypatch.setenv("DIGITNET_READ_ONLY", "1")
    assert not jobs.is_class()
    for one in (store, ann):
        assert jobs.permissions_of(one) == jobs.NOTHING


def test_what_visitors_kept_is_locked_once_the_class_is_over(store, ann, monkeypatch):
    monkeypatch.delenv("DIGITNET_CLASS")
    assert jobs.permissions_of(ann) == jobs.NOTHING


def test_everything_is_refused_in_read_only_and_nothing_changes(store, ann, monkeypatch):
    for one in (store, ann):
        training = jobs.submit(one, CNN).training
        run = finish_run(one, LENET)
        add_network(one.local, "mine", LAYERS)
        with monkeypatch.context() as patched:
            patched.setenv("DIGITNET_READ_ONLY", "1")
            before = files_of(store)
            for name, change in changes(one, training.id, run.id).items():
                with pytest.raises(JobError, match="read-only"):
                    change()
                assert files_of(store) == before, name


def test_a_visitor_can_change_nothing_of_others(store, ann, bob):
    """Every id that others have is asked for in one's own store."""
    add_network(bob.local, "mine", LAYERS)
    theirs = [jobs.submit(one, CNN).training.id for one in (store, bob)]
    runs = [finish_run(one, LENET).id for one in (store, bob)]
    before = files_of(store)
    for training_id, run_id in zip(theirs, runs, strict=True):
        asked = changes(ann, training_id, run_id)
        for name in ("resume", "cancel", "move", "delete", "delete network"):
            with pytest.raises(JobError):
                asked[name]()
            assert files_of(store) == before, name


def test_a_visitor_changes_what_is_their_own(ann):
    first, second = (jobs.submit(ann, one).training.id for one in (CNN, LENET))
    jobs.move(ann, second, -1)
    assert [job.id for job in jobs.list_jobs(ann)] == [second, first]
    jobs.cancel(ann, first)
    jobs.delete(ann, second)
    assert not jobs.list_jobs(ann)
    assert jobs.keep_network(ann, "mine", LAYERS).name == "mine"
    jobs.delete_network(ann, "mine")
    assert not ann.networks()


def test_closed_means_that_nothing_new_is_trained_and_all_else_goes_on(store, ann):
    waiting = jobs.submit(ann, CNN).training
    stopped = make_training(ann, LENET, epochs=1, state="stopped")
    set_rules(store, trains=False)
    asked = changes(ann, stopped.id, stopped.id)
    for name in ("submit", "resume", "keep network"):
        with pytest.raises(JobError, match="closed"):
            asked[name]()
    assert find_turn(store) is None
    assert jobs.submit(store, CNN).is_new  # the owner's own
    assert find_turn(store).local == store.local
    jobs.cancel(ann, waiting.id)
    jobs.delete(ann, stopped.id)


# --- quotas ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quota, request_, said",
    [
        ({"epochs": 4}, CNN, "4 epochs"),
        ({"parameters": 34_825}, CNN, "34,825 parameters"),
        ({"multiplications": 2_000_000}, CNN, "2,000,000 multiplications"),
        ({"trainings": 0}, CNN, "most trainings .* is 0"),
        ({"megabytes": 1}, make_request("cnn_fc", epochs=2), "1 MB"),
        ({}, make_request("cnn", epochs=2, batch_size=15), "16 images"),
    ],
)
def test_more_than_the_quota_is_refused(store, ann, quota, request_, said):
    set_rules(store, **quota)
    with pytest.raises(JobError, match=said):
        jobs.submit(ann, request_)
    assert not ann.local.exists()
    assert jobs.submit(store, request_).is_new  # of the owner nothing is asked


def test_finished_and_unfinished_trainings_count_and_a_deleted_one_does_not(store, ann):
    set_rules(store, trainings=2)
    run = finish_run(ann, CNN)
    training = jobs.submit(ann, LENET).training
    with pytest.raises(JobError, match="you have 2"):
        jobs.submit(ann, make_request("cnn_min", epochs=2))
    jobs.delete(ann, run.id)
    assert jobs.submit(ann, make_request("cnn_min", epochs=2)).is_new
    assert not jobs.submit(ann, LENET).is_new
    jobs.cancel(ann, training.id)


def test_a_training_that_goes_on_needs_no_room_but_stays_within_the_rules(store, ann):
    set_rules(store, trainings=1)
    training = make_training(ann, CNN, epochs=1, state="stopped")
    jobs.resume(ann, training.id)
    jobs.cancel(ann, training.id)
    set_rules(store, trainings=1, epochs=2)
    with pytest.raises(JobError, match="2 epochs"):
        jobs.resume(ann, training.id)


def test_a_stopped_training_is_not_counted_twice_when_it_goes_on(store, ann):
    set_rules(store, megabytes=12, trainings=9)
    requests = [make_request("cnn_fc", epochs=2, seed=seed) for seed in range(2)]
    first, second = (make_training(ann, one, epochs=1, state="stopped") for one in requests)
    for training in (first, second):  # 228,202 parameters: a state of 3.7 MB each
        (training.folder / "state.npz").write_bytes(bytes(16 * 228_202))
    jobs.resume(ann, first.id)
    jobs.cancel(ann, first.id)
    (ann.local / "large").write_bytes(bytes(5 * 2**20))
    with pytest.raises(JobError, match="12 MB"):
        jobs.resume(ann, first.id)


def test_what_a_training_is_given_counts_against_the_disk(store, ann):
    set_rules(store, megabytes=2)
    with pytest.raises(JobError, match="2 MB"):
        jobs.submit(ann, CNN, {"drawings.jsonl": bytes(2 * 2**20)})
    assert ann.unfinished() == []
    jobs.submit(ann, CNN, {"drawings.jsonl": bytes(1000)})


def test_what_is_kept_counts_against_the_disk(store, ann):
    set_rules(store, megabytes=2)
    jobs.submit(ann, CNN)
    (ann.local / "large").write_bytes(bytes(3 * 2**20))
    with pytest.raises(JobError, match="2 MB"):
        jobs.submit(ann, LENET)


def test_what_waits_to_be_trained_counts_against_the_disk(store, ann):
    set_rules(store, megabytes=6, trainings=9)
    requests = [make_request("cnn_fc", epochs=2, seed=seed) for seed in range(9)]
    with pytest.raises(JobError, match="6 MB"):
        for request in requests:
            jobs.submit(ann, request)
    assert len(ann.unfinished()) == 2  # 4.4 MB while one trains, and 1.3 of each that waits


def test_no_more_visitors_than_may_be_keep_something(store, ann, bob, monkeypatch):
    monkeypatch.setattr("digitnet.runs.classroom.MOST_VISITORS", 1)
    jobs.submit(ann, CNN)
    for change in (
        lambda: jobs.submit(bob, CNN),
        lambda: jobs.keep_network(bob, "mine", LAYERS),
        lambda: jobs.require_writable(bob),
    ):
        with pytest.raises(JobError, match="no more visitors"):
            change()
    assert not bob.local.exists()


def test_the_queue_of_all_visitors_together_has_an_end(store, ann, bob, monkeypatch):
    monkeypatch.setenv("DIGITNET_QUEUE", "2")
    jobs.submit(ann, CNN)
    jobs.submit(bob, CNN)
    for one in (store, ann, bob):
        with pytest.raises(jobs.QueueFullError):
            jobs.submit(one, LENET)


# --- turns -----------------------------------------------------------------------------------


def test_visitors_take_turns(store, ann, bob):
    for name in ("cnn", "lenet5", "cnn_min"):
        jobs.submit(ann, make_request(name, epochs=2))
    jobs.submit(bob, CNN)
    order = []
    while turn := find_turn(store):
        order.append("ann" if turn.local == ann.local else "bob")
        with queue.changing_queue(turn) as waiting:
            training = turn.find_training(waiting.pop(0))
        turn.delete(training.id)
        (turn.local / "worker.json").write_text("{}")
        os.utime(turn.local / "worker.json", (len(order), len(order)))
    assert sorted(order) == ["ann"] * 3 + ["bob"]
    assert order[:2] in (["ann", "bob"], ["bob", "ann"])


def test_one_worker_trains_what_all_visitors_wait_for(store, ann, bob, monkeypatch):
    started = []

    class Ended:
        def wait(self):
            return 0

    def start(where, training):
        started.append(where.local)
        where.delete(training.id)
        return Ended()

    monkeypatch.setattr(worker, "start", start)
    for one in (store, ann, bob):
        jobs.submit(one, CNN)
    jobs.work(store)
    assert set(started) == {store.local, ann.local, bob.local} and find_turn(store) is None


@pytest.mark.slow
def test_a_visitors_training_is_trained_into_their_own_store(store, ann, monkeypatch):
    """By the true worker and a true training, which need not wait for other tests."""
    monkeypatch.setattr(processes, "_make_yielding", lambda pid: None)
    add_network(ann.local, "mine", LAYERS)
    jobs.submit(ann, make_request("mine", epochs=1))
    jobs.work(store)
    [run] = ann.finished("mine")
    assert run.problem() is None and ann.current("mine") == run and run.is_visitors
    assert not store.finished() and not (store.local / "finished").exists()


# --- the owner -------------------------------------------------------------------------------


def test_the_owner_stops_and_deletes_what_a_visitor_keeps(store, ann, bob):
    jobs.submit(ann, CNN)
    kept = finish_run(bob, CNN)
    jobs.delete_visitor(ann)
    assert not ann.local.exists() and bob.finished("cnn") == [kept] and find_turn(store) is None


def test_the_end_of_a_class_leaves_nothing_of_its_visitors(store, ann, bob):
    shared = finish_run(store, CNN)
    jobs.submit(ann, CNN)
    finish_run(bob, CNN)
    jobs.end_class(store)
    assert not store.of_visitors() and store.finished("cnn") == [shared]


def test_only_a_visitor_gives_and_only_while_drawings_are_taken(store, ann, monkeypatch):
    drawing = OwnDrawing.of([np.array([[100.0, 40.0], [104, 240]])], 1)
    with pytest.raises(JobError):
        jobs.give(store, drawing)
    Classroom(store).set_rules(Rules(collects=False))
    with pytest.raises(JobError):
        jobs.give(ann, drawing)
    Classroom(store).set_rules(Rules())
    jobs.give(ann, drawing)
    monkeypatch.delenv("DIGITNET_CLASS")
    with pytest.raises(JobError):
        jobs.give(ann, OwnDrawing.of([np.array([[100.0, 40.0], [104, 200]])], 1))
    assert len(Donations(store).read()) == 1
