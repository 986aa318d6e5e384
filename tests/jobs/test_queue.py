"""The queue of trainings and its worker; the trainings here are small scripts that act as one."""

import signal
import subprocess
import threading
import time

import psutil
import pytest

from digitnet import jobs
from digitnet.experiments import DATASETS, TrainingSettings, find_experiment, training_bytes
from digitnet.jobs import JobError, estimates, processes, queue, worker
from digitnet.report import load_report_scores
from digitnet.runs import HISTORY, LOG, REQUEST, STATUS, Request, holding
from tests.made_runs import finish_run, make_request, make_row, make_training, use_store

CNN, FC, LENET = (make_request(name) for name in ("cnn", "fc", "lenet5"))

# Trains for ever. Its arguments: the training's id, what SIGTERM does to it.
TRAIN = """
import signal, sys, time
from digitnet.runs import RunStore

def stop(*_):
    training.write_status("stopped", message="stopped")
    raise SystemExit(130)

signal.signal(signal.SIGTERM, {"stops": stop, "ignored": signal.SIG_IGN}[sys.argv[2]])
training = RunStore.default().find_training(sys.argv[1])
with training.locked():
    training.write_status("running", epoch=0, phase="training")
    (training.folder / ".half-written").touch()
    print("training", flush=True)
    time.sleep(60)
"""
# Finishes at once.
FINISH = """
import sys
from digitnet.runs import RunStore
from tests.made_runs import fill, make_row

store = RunStore.default()
training = store.find_training(sys.argv[1])
with training.locked():
    training.append_history(make_row(1))
    fill(training.folder)
    store.finish(training)
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    return use_store(monkeypatch, tmp_path)


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    """No worker is started; the stores for which one was called for."""
    called = []
    monkeypatch.setattr(queue, "ensure_worker", called.append)
    return called


def ids(store, state=None):
    return [job.id for job in jobs.list_jobs(store) if state in (None, job.state)]


def state_of(store, job_id):
    [job] = [job for job in jobs.list_jobs(store) if job.id == job_id]
    return job.state


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_trainings_wait_in_the_order_they_were_asked_for(store, workers):
    submitted = [jobs.submit(store, request) for request in (LENET, CNN, FC)]
    assert all(one.is_new for one in submitted)
    assert ids(store, "queued") == [one.training.id for one in submitted]
    assert workers == [store] * 3


def test_a_second_identical_request_is_recognised(store):
    first = jobs.submit(store, CNN)
    second = jobs.submit(store, CNN)
    assert not second.is_new and second.training.id == first.training.id
    assert jobs.submit(store, make_request("cnn", seed=2)).is_new
    assert len(ids(store)) == 2


def test_many_at_once_are_no_race(store):
    requests = [Request("cnn", TrainingSettings(seed=seed)) for seed in range(6)]
    barrier = threading.Barrier(len(requests) * 3)
    answers = []

    def press(request):
        barrier.wait()
        answers.append(jobs.submit(store, request))

    threads = [threading.Thread(target=press, args=[one]) for one in requests * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.is_new for answer in answers) == len(requests)
    assert len(ids(store, "queued")) == len(set(ids(store))) == len(requests)


def test_a_full_queue_says_so_and_takes_what_it_has(store, monkeypatch):
    monkeypatch.setenv("DIGITNET_QUEUE", "2")
    stopped = make_training(store, LENET, epochs=1, state="stopped")
    for request in (CNN, FC):
        jobs.submit(store, request)
    for more in (lambda: jobs.submit(store, LENET), lambda: jobs.resume(store, stopped.id)):
        with pytest.raises(JobError, match="full, 2 wait already; cancel one"):
            more()
    assert not jobs.submit(store, CNN).is_new
    assert len(ids(store, "queued")) == 2 and len(store.unfinished()) == 3
    jobs.cancel(store, ids(store, "queued")[0])
    jobs.resume(store, stopped.id)
    assert ids(store, "queued")[-1] == stopped.id


@pytest.mark.parametrize("said", ["", "many", "-1", "1.5"])
def test_a_queue_of_no_number_is_as_long_as_by_default(store, monkeypatch, said):
    monkeypatch.setenv("DIGITNET_QUEUE", said)
    monkeypatch.setattr(queue, "MOST_WAITING", 1)
    jobs.submit(store, CNN)
    with pytest.raises(JobError, match="1 wait already"):
        jobs.submit(store, FC)


def test_the_order_can_be_changed(store):
    first, second, third = (jobs.submit(store, one).training.id for one in (CNN, FC, LENET))
    jobs.move(store, third, -2)
    assert ids(store) == [third, first, second]
    jobs.move(store, third, 1)
    assert ids(store) == [first, third, second]
    jobs.move(store, third, 99)
    assert ids(store) == [first, second, third]
    jobs.move(store, second, -99)
    assert ids(store) == [second, first, third]
    with pytest.raises(JobError, match="not in the queue"):
        jobs.move(store, "cnn/20260101-000000-abcd", 0)


def test_what_waits_without_an_epoch_is_forgotten_when_cancelled(store):
    first, second = (jobs.submit(store, one).training for one in (CNN, FC))
    jobs.cancel(store, first.id)
    assert ids(store) == [second.id] and not first.folder.exists()


def test_what_waits_with_epochs_is_kept_when_cancelled_and_continued_when_asked_for(store):
    training = jobs.submit(store, CNN).training
    training.append_history(make_row(1))
    jobs.cancel(store, training.id)
    assert state_of(store, training.id) == "stopped"
    with pytest.raises(JobError, match="neither running nor queued"):
        jobs.cancel(store, training.id)
    again = jobs.submit(store, CNN)
    assert again.is_new and again.training.id == training.id
    assert again.training.status.epoch == 1


def test_stopped_and_failed_trainings_are_resumed_at_the_end_of_the_queue(store, workers):
    stopped = make_training(store, CNN, state="stopped")
    failed = make_training(store, LENET, state="failed", message="the disk is full")
    waiting = jobs.submit(store, FC).training
    assert ids(store) == [waiting.id, stopped.id, failed.id]
    jobs.resume(store, failed.id)
    jobs.resume(store, stopped.id)
    jobs.resume(store, stopped.id)
    assert ids(store, "queued") == [waiting.id, failed.id, stopped.id]
    assert workers


def test_of_two_trainings_of_one_request_only_one_is_queued(store):
    failed = make_training(store, CNN, state="failed", message="the disk is full")
    active = jobs.submit(store, CNN).training
    assert active.id != failed.id
    with pytest.raises(JobError, match=active.id):
        jobs.resume(store, failed.id)


def test_the_one_that_is_queued_is_the_one_that_is_trained(store):
    older, _newer = (make_training(store, CNN, state="stopped") for _ in range(2))
    jobs.resume(store, older.id)
    assert store.begin(CNN).id == older.id


@pytest.mark.parametrize("change", [jobs.cancel, jobs.resume, jobs.delete])
@pytest.mark.parametrize("job_id", ["", "cnn/shipped", "../cnn", "cnn/20260101-000000-abcd"])
def test_unknown_jobs_are_refused_in_a_sentence(store, change, job_id):
    with pytest.raises(JobError):
        change(store, job_id)


def test_read_only_refuses_every_change(store, workers, monkeypatch):
    training = jobs.submit(store, CNN).training
    monkeypatch.setenv("DIGITNET_READ_ONLY", "1")
    assert jobs.is_read_only()
    for change in (
        lambda: jobs.submit(store, FC),
        lambda: jobs.cancel(store, training.id),
        lambda: jobs.resume(store, training.id),
        lambda: jobs.move(store, training.id, 0),
        lambda: jobs.delete(store, training.id),
    ):
        with pytest.raises(JobError, match="read-only"):
            change()
    assert ids(store, "queued") == [training.id]


@pytest.mark.slow
@pytest.mark.parametrize("signal_effect", ["stops", "ignored"])
def test_a_running_training_is_stopped_within_five_seconds(store, scripts, signal_effect):
    training = store.create(CNN)
    process = scripts(TRAIN, training.id, signal_effect)
    wait_for(lambda: state_of(store, training.id) == "running")
    assert not jobs.submit(store, CNN).is_new
    with pytest.raises(JobError, match="stop it first"):
        jobs.delete(store, training.id)
    begin = time.monotonic()
    jobs.cancel(store, training.id)
    assert time.monotonic() - begin < 5
    assert state_of(store, training.id) == "stopped"
    assert process.wait(1) is not None
    assert not list(training.folder.glob(".*"))
    jobs.resume(store, training.id)
    assert ids(store, "queued") == [training.id]


def test_a_killed_training_is_interrupted_and_can_be_resumed(store, scripts):
    training = store.create(CNN)
    process = scripts(TRAIN, training.id, "stops")
    wait_for(lambda: state_of(store, training.id) == "running")
    process.kill()
    process.wait()
    [job] = jobs.list_jobs(store)
    assert job.state == "interrupted" and "can be resumed" in job.message
    assert jobs.submit(store, CNN).training.id == training.id
    assert ids(store, "queued") == [training.id]


def test_a_training_about_to_be_moved_to_the_finished_runs_still_runs(store):
    training = store.create(CNN)
    with training.locked():
        training.write_status("finished", epoch=3)
        assert state_of(store, training.id) == "running"
    assert state_of(store, training.id) == "interrupted"


def test_the_worker_trains_all_that_waits(store, work):
    trainings = [jobs.submit(store, one).training for one in (FC, CNN)]
    work(FINISH)
    assert ids(store) == []
    assert {run.id for run in store.finished()} == {training.id for training in trainings}
    assert store.current("cnn").id == trainings[1].id


def test_a_process_that_ends_without_a_result_is_a_failure(store, work):
    training = jobs.submit(store, CNN).training
    work("import sys; print('loading'); sys.exit('no TensorFlow here')")
    [job] = jobs.list_jobs(store)
    assert job.state == "failed"
    assert job.message == "the process ended with status 1: no TensorFlow here"
    assert "loading" in jobs.read_log(training)


def test_a_process_that_is_killed_is_an_interruption_with_its_cause(store, work):
    jobs.submit(store, CNN)
    work("import os; os.kill(os.getpid(), 9)")
    [job] = jobs.list_jobs(store)
    assert job.state == "interrupted"
    assert "SIGKILL" in job.message and "memory" in job.message


def test_what_a_training_says_of_its_own_failure_stands(store, work):
    training = jobs.submit(store, CNN).training
    script = "import sys; from digitnet.runs.store import RunStore; "
    script += "RunStore.default().find_training(sys.argv[1]).write_status("
    work(script + "'failed', message='the loss is not a number'); sys.exit(1)")
    assert training.status.message == "the loss is not a number"


def test_a_failure_does_not_hold_up_the_queue(store, work):
    broken, last = (jobs.submit(store, one).training for one in (CNN, FC))
    (broken.folder / REQUEST).write_text("{")
    work(FINISH)
    assert state_of(store, broken.id) == "broken"
    assert [run.id for run in store.finished()] == [last.id]


def test_a_training_can_be_cancelled_while_its_process_starts(store, work):
    training = jobs.submit(store, CNN).training
    thread = threading.Thread(target=work, args=["import time; time.sleep(60)"])
    thread.start()
    wait_for(lambda: state_of(store, training.id) == "running")
    assert ids(store, "queued") == [] and not jobs.submit(store, CNN).is_new
    jobs.cancel(store, training.id)
    thread.join(30)
    assert not thread.is_alive()
    assert state_of(store, training.id) == "stopped"


def test_a_training_resumed_right_after_it_was_cancelled_is_trained(store, work):
    training = jobs.submit(store, CNN).training
    again = store.local / "again"
    script = f"import os, time; os.path.exists({str(again)!r}) or time.sleep(60)\n" + FINISH
    thread = threading.Thread(target=work, args=[script])
    thread.start()
    wait_for(lambda: state_of(store, training.id) == "running")
    jobs.cancel(store, training.id)
    again.touch()
    jobs.resume(store, training.id)
    thread.join(30)
    assert [run.id for run in store.finished()] == [training.id]


@pytest.mark.slow
def test_the_worker_waits_while_someone_else_trains(store, work, scripts):
    other = store.create(LENET)
    process = scripts(TRAIN, other.id, "stops")
    wait_for(other.is_locked)
    training = jobs.submit(store, CNN).training
    thread = threading.Thread(target=work, args=[FINISH])
    thread.start()
    time.sleep(3 * jobs.POLL_SECONDS)
    assert state_of(store, training.id) == "queued"
    process.send_signal(signal.SIGTERM)
    thread.join(30)
    assert [run.id for run in store.finished()] == [training.id]
    assert state_of(store, other.id) == "stopped"


def test_a_training_that_cannot_be_started_does_not_hold_up_the_queue(store, work):
    stuck, next_one = (jobs.submit(store, one).training for one in (CNN, LENET))
    (stuck.folder / LOG).mkdir()  # so that its output has nowhere to go
    work(FINISH)
    assert [run.id for run in store.finished()] == [next_one.id]
    [job] = jobs.list_jobs(store)
    assert job.id == stuck.id and job.state == "failed"
    assert "cannot be started: Is a directory" in job.message


def test_a_training_that_another_process_is_at_is_not_called_failed(store, scripts):
    training = store.create(CNN)
    process = scripts(TRAIN, training.id, "stops", stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"training\n"
    worker._record_end(training, 1)  # of a second process, which found it busy
    assert state_of(store, training.id) == "running"
    assert (training.folder / ".half-written").exists()


def test_a_process_of_another_user_is_told_of(store, scripts, monkeypatch):
    training = store.create(CNN)
    process = scripts(TRAIN, training.id, "stops", stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"training\n"

    def refuse(self):
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "terminate", refuse)
    with pytest.raises(JobError, match="another user's"):
        jobs.cancel(store, training.id)


def test_there_is_one_worker_a_store(store, work):
    training = jobs.submit(store, CNN).training
    thread = threading.Thread(target=work, args=["import time; time.sleep(60)"])
    thread.start()
    wait_for(lambda: state_of(store, training.id) == "running")
    begin = time.monotonic()
    jobs.work(store)
    assert time.monotonic() - begin < 3
    jobs.cancel(store, training.id)
    thread.join(30)


def test_a_training_that_is_taken_as_its_turn_comes_does_not_end_the_worker(store, monkeypatch):
    training = jobs.submit(store, CNN).training

    def find_turn(shared):
        training.write_status("running")  # as `train cnn` does, which asks no queue
        return shared

    with holding(store.local / "worker.lock") as lock, monkeypatch.context() as patched:
        patched.setattr(worker, "find_turn", find_turn)
        assert worker._train_next(store, lock)
    assert ids(store, "queued") == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 1}', b'{"format": 1, "trainings": 3}'])
def test_a_queue_that_cannot_be_read_is_put_in_order_by_age(store, content):
    trainings = [jobs.submit(store, one).training for one in (LENET, CNN)]
    (store.local / jobs.QUEUE).write_bytes(content)
    (store.local / jobs.WORKER).write_bytes(content)
    assert sorted(ids(store, "queued")) == sorted(one.id for one in trainings)
    jobs.move(store, trainings[1].id, -1)
    assert ids(store)[0] == trainings[1].id


@pytest.mark.parametrize("name", [REQUEST, HISTORY, STATUS])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"format": 99}', b'{"format": 1}'])
def test_a_broken_training_is_shown_and_can_be_deleted(store, name, content):
    broken, whole = (make_training(store, one, state="stopped") for one in (CNN, FC))
    path = broken.folder / name
    path.unlink() if content is None else path.write_bytes(content)
    first, second = jobs.list_jobs(store)
    assert (first.id, first.state) == (whole.id, "stopped")
    assert (second.id, second.state) == (broken.id, "broken")
    assert name in second.message
    with pytest.raises(JobError):
        jobs.resume(store, broken.id)
    assert jobs.submit(store, CNN).training.id != broken.id
    jobs.delete(store, broken.id)
    assert broken.id not in ids(store)


def test_the_log_is_read_from_its_end(store):
    training = store.create(CNN)
    assert jobs.read_log(training) == ""
    (training.folder / LOG).write_text("é" * 1000 + "the end\n", encoding="utf-8")
    assert jobs.read_log(training, 9) == "éthe end\n"


def test_looking_at_a_training_that_is_gone_does_not_bring_it_back(store):
    training = store.create(CNN)
    store.delete(training.id)
    assert not training.is_locked()
    assert not training.folder.exists()


def record(store, name, seconds, **settings):
    return finish_run(store, Request(name, TrainingSettings(**settings)), seconds=seconds)


def test_an_experiment_that_the_report_does_not_have_is_estimated_too(store, monkeypatch):
    monkeypatch.setattr(estimates, "find_report_epochs", lambda name: None)
    record(store, "cnn", 200.0)
    estimate = jobs.estimate(store, find_experiment("cnn"), TrainingSettings(patience=4))
    assert estimate.seconds == pytest.approx(200 * 15)
    assert "15 epochs (4 after a usual best) of 200 s" in estimate.basis


def test_without_any_record_the_time_is_unknown(store):
    settings = TrainingSettings()
    estimate = jobs.estimate(store, store.find_experiment("cnn"), settings)
    assert estimate.seconds is None and "unknown" in estimate.basis
    assert estimate.bytes == training_bytes(find_experiment("cnn").layers, settings.batch_size)


def test_the_time_is_this_machines_for_the_same(store):
    record(store, "cnn", 3.0)
    record(store, "fc", 100.0)
    record(store, "cnn", 0.1, dataset="sample")
    estimate = jobs.estimate(store, store.find_experiment("cnn"), TrainingSettings(epochs=5))
    assert estimate.seconds == pytest.approx(15)
    assert "this machine" in estimate.basis and "5 epochs" in estimate.basis
    report_epochs = load_report_scores("cnn")["epochs"]
    estimate = jobs.estimate(store, store.find_experiment("cnn"), TrainingSettings())
    assert estimate.seconds == pytest.approx(3.0 * report_epochs)
    assert "the report's" in estimate.basis


@pytest.mark.parametrize(
    ("settings", "epochs", "limit"),
    [
        (TrainingSettings(), 12, "where the report's stopped"),
        (TrainingSettings(patience=1), 10, "1 after the report's best"),
        (TrainingSettings(patience=40), 49, "40 after the report's best"),
        (TrainingSettings(epochs=30, patience=40), 30, "the most allowed"),
        (TrainingSettings(epochs=2000, patience=2000), 2000, "the most allowed"),
    ],
)
def test_the_time_follows_from_epochs_and_patience(store, settings, epochs, limit):
    record(store, "cnn", 200.0)
    estimate = jobs.estimate(store, store.find_experiment("cnn"), settings)
    assert estimate.seconds == pytest.approx(200 * epochs)
    assert f"{epochs:,} epochs ({limit}) of 200 s" in estimate.basis


def test_a_training_that_is_not_finished_counts_too(store):
    store.create(CNN).append_history(make_row(1, seconds=7.0))
    settings = TrainingSettings(dataset="sample", epochs=2)
    assert jobs.estimate(store, store.find_experiment("cnn"), settings).seconds == pytest.approx(14)


def test_another_speed_is_scaled_by_arithmetic(store):
    record(store, "cnn", 3.0)
    ratio = find_experiment("cnn_max").multiply_adds / find_experiment("cnn").multiply_adds
    estimate = jobs.estimate(store, store.find_experiment("cnn_max"), TrainingSettings(epochs=1))
    assert estimate.seconds == pytest.approx(3.0 * ratio)
    assert "cnn" in estimate.basis and "scaled" in estimate.basis


def ship(store, name, seconds):
    run = record(store, name, seconds)
    store.shipped.mkdir(parents=True, exist_ok=True)
    run.folder.rename(store.shipped / name)
    store.roll_back(name)


def test_what_the_sample_took_here_is_compared_with_the_shipped_runs(store):
    """An epoch of the sample is overhead, which arithmetic would multiply by thousands."""
    ship(store, "cnn_min", 2.0)
    ship(store, "cnn_long", 100.0)
    sizes = DATASETS["sample"].size / DATASETS["mnist"].size
    record(store, "cnn_min", 10 * 2.0 * sizes, dataset="sample")  # a tenth of the pace
    settings = TrainingSettings(dataset="sample", epochs=1)
    estimate = jobs.estimate(store, store.find_experiment("cnn_long"), settings)
    assert estimate.seconds == pytest.approx(10 * 100.0 * sizes)
    assert "at the pace of this machine" in estimate.basis
    estimate = jobs.estimate(store, store.find_experiment("cnn_min"), settings)
    assert estimate.seconds == pytest.approx(10 * 2.0 * sizes)
    estimate = jobs.estimate(store, store.find_experiment("cnn_long"), TrainingSettings(epochs=1))
    assert estimate.seconds == pytest.approx(100.0)  # of MNIST nothing is known of this machine


def test_shipped_speeds_are_the_last_resort(store):
    ship(store, "cnn", 3.0)
    estimate = jobs.estimate(store, store.find_experiment("cnn"), TrainingSettings(epochs=1))
    assert estimate.seconds == pytest.approx(3.0)
    assert "shipped" in estimate.basis
    record(store, "cnn_short", 4.0)
    assert (
        "this machine"
        in jobs.estimate(store, store.find_experiment("cnn"), TrainingSettings(epochs=1)).basis
    )


def test_relative_places_of_data_are_those_of_the_app(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGITNET_MNIST", "data/mnist.npz")
    monkeypatch.setenv("DIGITNET_STROKES", "~/strokes")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    seen, popen = {}, subprocess.Popen
    monkeypatch.setattr(
        processes.subprocess, "Popen", lambda *_, env, **__: seen.update(env) or popen(["true"])
    )
    store.local.mkdir()
    processes.spawn(store, store.local / "log", "work").wait()
    assert seen["DIGITNET_MNIST"] == str(tmp_path / "data" / "mnist.npz")
    assert seen["DIGITNET_STROKES"] == str(tmp_path / "home" / "strokes")
