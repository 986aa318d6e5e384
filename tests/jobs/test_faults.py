"""What may befall a training: kills of it, its worker and its app, a full disk, broken files.

Real processes train on the offline sample. DIGITNET_KILLS sets how often they are killed, and
DIGITNET_KILL_SEED the moments: a test that fails says which seed repeats its own.
"""

import contextlib
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from filelock import FileLock

from digitnet import cli, jobs
from digitnet.experiments import TrainingSettings
from digitnet.runs import HISTORY, REQUEST, STATE, Request, RunError, RunStore
from tests.conftest import WORKERS, missing
from tests.made_runs import make_request, make_training, use_store

pytestmark = pytest.mark.slow

resource = pytest.importorskip("resource", reason="limits of a process, and kill -9, need Unix")

VICTIMS = range(2)  # trainings that are killed, side by side where tests are
KILLS = math.ceil(int(os.environ.get("DIGITNET_KILLS", "20")) / len(VICTIMS))  # of each
KILL_SEED = int(os.environ.get("DIGITNET_KILL_SEED") or random.randrange(2**32))
LONG = TrainingSettings(dataset="sample", epochs=20, patience=20)
SHORT = TrainingSettings(dataset="sample", epochs=2)
APP = """
import sys, time
from digitnet import jobs
from digitnet.experiments import TrainingSettings
from digitnet.runs import Request, RunStore

for name, epochs in (("cnn_min", 20), ("lenet5", 2)):
    settings = TrainingSettings(dataset="sample", epochs=epochs, patience=20)
    jobs.submit(RunStore.default(), Request(name, settings))
time.sleep(600)
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store for this process and all that it starts; its processes end with the test."""
    monkeypatch.setenv("DIGITNET_THREADS", "1")
    yield use_store(monkeypatch, tmp_path)
    for process in processes_of(tmp_path):
        process.kill()


def processes_of(folder, command="digitnet"):
    """The living processes of the store in a folder that have this word in their command."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_ours = process.environ().get("DIGITNET_RUNS") == str(folder / "runs")
            if is_ours and command in process.cmdline():
                found.append(process)
    return found


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A finished run of LONG that nothing has befallen; the first who needs it trains it for all.

    It is not to be changed.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if WORKERS else own) / "unbroken"  # workers' folders lie side by side
    with FileLock(f"{folder}.lock"), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DIGITNET_THREADS", "1")
        store = use_store(monkeypatch, folder)
        if store.current("cnn_min") is None:
            assert start_training().wait() == 0
        return store.current("cnn_min")


def arguments_of(settings):
    """What asks the command line to train the smallest network with these settings."""
    given = ["train", "cnn_min", "--dataset", settings.dataset]
    return given + ["--epochs", str(settings.epochs), "--patience", str(settings.patience)]


def start_training(settings=LONG, **options):
    command = [sys.executable, "-m", "digitnet", *arguments_of(settings)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )


@pytest.fixture(scope="module")
def loaded():
    """Forks processes that have TensorFlow already: to load it takes longer than the rest."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["digitnet.training.pipeline"])
    return context


def train_long(environment):
    os.environ.update(environment)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        sys.exit(cli.main(arguments_of(LONG)))


def fork_training(loaded):
    """The same training as `start_training` starts."""
    process = loaded.Process(target=train_long, args=(dict(os.environ),), daemon=True)
    process.start()
    return process


def wait_for(condition, seconds=240, pause=0.2):
    """Looks now and then: to look takes the processor from what is waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)


def epochs_of(store):
    """How many epochs the one training has; 0 before it begins."""
    try:
        return store.unfinished()[0].history()["epoch"].size
    except (IndexError, RunError):
        return 0


def states(store):
    return {job.experiment.name: job.state for job in jobs.list_jobs(store)}


def assert_same_run(run, expected):
    """Two runs agree in all but the time that they took."""
    assert run.problem() is None
    for name, values in expected.history().items():
        if name != "seconds":
            np.testing.assert_array_equal(run.history()[name], values, err_msg=name)
    for key in ("epochs", "best_epoch", "scores"):
        assert run.result[key] == expected.result[key]
    np.testing.assert_array_equal(run.test_predictions()[0], expected.test_predictions()[0])
    left = {path.name for path in run.folder.iterdir()} - {"log.txt"}
    assert left == {path.name for path in expected.folder.iterdir()}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_training_killed_at_random_moments_ends_as_if_unbroken(store, unbroken, loaded, victim):
    print(f"these moments are repeated by DIGITNET_KILL_SEED={KILL_SEED}")
    moments = random.Random(KILL_SEED + victim)
    span = unbroken.history()["seconds"].sum() / KILLS
    process = start_training()
    time.sleep(moments.uniform(0, 10))  # the first dies at any moment, while TensorFlow loads too
    process.kill()
    process.wait()
    for _ in range(KILLS - 1):
        process = fork_training(loaded)
        wait_for(lambda: any(one.is_locked() for one in store.unfinished()), pause=0.02)
        time.sleep(moments.uniform(0, span))
        process.kill()
        process.join()
        if store.finished():
            break
        assert set(states(store).values()) <= {"interrupted", "queued"}
    assert store.finished() or start_training().wait() == 0
    assert states(store) == {}
    assert_same_run(store.current("cnn_min"), unbroken)


def test_training_survives_app_and_worker_and_is_resumed_when_killed_itself(
    store, unbroken, tmp_path
):
    app = subprocess.Popen([sys.executable, "-c", APP], start_new_session=True)
    wait_for(lambda: states(store) == {"cnn_min": "running", "lenet5": "queued"})
    os.killpg(app.pid, signal.SIGKILL)
    app.wait()
    wait_for(lambda: epochs_of(store) >= 2)
    [worker] = processes_of(tmp_path, "work")
    assert worker.nice() >= jobs.NICENESS
    worker.kill()
    wait_for(lambda: not processes_of(tmp_path, "work"))
    assert states(store) == {"cnn_min": "running", "lenet5": "queued"}

    jobs.ensure_worker(store)  # as the next app does
    [training] = processes_of(tmp_path, "train")
    assert training.nice() >= jobs.NICENESS
    [first] = store.unfinished("cnn_min")
    training.kill()
    wait_for(lambda: states(store).get("cnn_min") == "interrupted")
    jobs.resume(store, first.id)
    wait_for(lambda: jobs.list_jobs(store) == [] and not processes_of(tmp_path))
    assert "resumes after epoch" in (store.find(first.id).folder / "log.txt").read_text()
    assert_same_run(store.current("cnn_min"), unbroken)
    assert store.current("lenet5").problem() is None


def test_cancel_stops_a_real_training_and_a_kill_is_told(store, tmp_path):
    training = jobs.submit(store, Request("cnn_min", LONG)).training
    wait_for(lambda: epochs_of(store) >= 2)
    begin = time.monotonic()
    jobs.cancel(store, training.id)
    assert time.monotonic() - begin < 5
    [job] = jobs.list_jobs(store)
    assert job.state == "stopped" and not training.is_locked()
    assert not list(training.folder.rglob(".*"))
    epochs = epochs_of(store)
    jobs.resume(store, training.id)
    wait_for(lambda: epochs_of(store) > epochs)
    [process] = processes_of(tmp_path, "train")
    process.kill()
    wait_for(lambda: not processes_of(tmp_path))
    [job] = jobs.list_jobs(store)
    assert job.state == "interrupted" and "SIGKILL" in job.message
    assert epochs_of(store) > epochs


def test_a_write_that_fails_ends_in_a_sentence_and_the_next_training_works(store):
    def limit_file_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = start_training(settings=SHORT, preexec_fn=limit_file_size)
    assert process.wait() == 1
    [job] = jobs.list_jobs(store)
    assert job.state == "failed" and "the disk is full" in job.message
    assert not list(job.training.folder.rglob(".*"))
    assert store.current("cnn_min") is None
    assert start_training(settings=SHORT).wait() == 0
    assert store.current("cnn_min").problem() is None
    assert states(store) == {"cnn_min": "failed"}


def test_a_training_goes_on_when_a_full_disk_has_room_again(store):
    store.local.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(store.local)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        missing("a small disk can be mounted by an administrator only")
    try:
        training = jobs.submit(store, Request("cnn_min", SHORT)).training
        wait_for(lambda: states(store) not in ({"cnn_min": "queued"}, {"cnn_min": "running"}))
        [job] = jobs.list_jobs(store)
        assert job.state == "failed" and "disk is full" in job.message
        subprocess.run(["mount", "-o", "remount,size=64m", str(store.local)], check=True)
        jobs.resume(store, training.id)
        wait_for(lambda: not processes_of(store.local.parent))
        assert store.current("cnn_min").id == training.id
    finally:
        for process in processes_of(store.local.parent):
            process.kill()
        subprocess.run(["umount", "--lazy", str(store.local)], check=True)


def test_a_training_is_seen_from_where_nothing_can_be_written(store, tmp_path):
    training = make_training(store, Request("cnn_min", SHORT))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    commands = (["mount", "--bind"], ["mount", "-o", "remount,ro,bind"])
    with training.locked():
        training.write_status("running", epoch=0)
        try:
            for command in commands:
                whole = [*command, str(store.local), str(elsewhere)]
                if (
                    not shutil.which("mount")
                    or subprocess.run(whole, capture_output=True).returncode
                ):
                    missing("a folder can be mounted by an administrator only")
            [job] = jobs.list_jobs(RunStore(elsewhere, store.shipped))
            assert job.state == "running"
        finally:
            subprocess.run(["umount", "--lazy", str(elsewhere)], capture_output=True)


def damages(path):
    """Leaves a file damaged in one way after the other."""
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"\x00\xff garbage\n", b'{"format": 99}'):
        path.write_bytes(content)
        yield
    path.unlink()
    yield
    path.write_bytes(whole)


def test_a_broken_file_of_a_run_harms_no_other_run(store, unbroken):
    broken, whole = "cnn_min/20260101-000000-aaaa", "cnn_min/20260102-000000-bbbb"
    for run_id in (broken, whole):
        shutil.copytree(unbroken.folder, store.local / "finished" / run_id)
    store.make_current(whole)
    folder = store.find(broken).folder
    for path in sorted(folder.iterdir()):
        for _ in damages(path):
            problems = {run.id: run.problem() for run in store.finished()}
            assert set(problems) == {broken, whole} and problems[whole] is None
            assert store.current("cnn_min").id == whole
            assert jobs.list_jobs(store) == []
            assert jobs.estimate(store, store.find_experiment("cnn_min"), LONG).seconds > 0
        assert store.find(broken).problem() is None
    (folder / REQUEST).write_text("{")
    jobs.delete(store, broken)
    assert [run.id for run in store.finished()] == [whole]


def test_a_broken_file_of_a_training_does_not_hold_up_the_next(store):
    """Each file that a stopped training leaves is damaged in turn, then it is asked for again."""
    pipeline = pytest.importorskip("digitnet.training.pipeline", reason="training needs TensorFlow")
    request = make_request("cnn_min", epochs=3)

    def train(say=lambda line: None):
        return pipeline.run_training(store.begin(request), store, say)

    def train_twice_at_most():
        """What fails when it is resumed is begun anew by the next request."""
        try:
            return train()
        except Exception as error:
            assert str(error)
            return train()

    def stop_after_two(line):
        if "epoch 2" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(stop_after_two)
    [training] = store.unfinished()
    kept_files = [training.folder / HISTORY, *sorted((training.folder / STATE).iterdir())]
    assert len(kept_files) >= 3
    kept = store.local / "kept"
    shutil.copytree(training.folder, kept)
    for path in kept_files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert len(jobs.list_jobs(store)) == 1
        run = train_twice_at_most()
        assert run.problem() is None and run.history()["epoch"].tolist() == [1, 2, 3], path.name
        shutil.rmtree(store.local / "unfinished")
        store.delete(run.id)
        shutil.copytree(kept, training.folder)
