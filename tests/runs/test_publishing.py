"""A run is shipped whole or not at all, at whatever moment the process is killed."""

import errno
import itertools
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from digitnet.experiments import TrainingSettings, parse_layers
from digitnet.runs import (
    CALIBRATION,
    FIT,
    HISTORY_COLUMNS,
    MAP,
    RESULT,
    TRAINED,
    Request,
    RunError,
    RunStore,
    add_network,
    holding,
    publishing,
)
from digitnet.runs.publishing import publish
from tests.made_runs import fill, make_result, write_calibration

CHANGES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}  # what Python tells of


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs", tmp_path / "shipped")


def train(store, epochs, keras=b"keras", dataset="mnist"):
    """A finished run that is current, known by its epochs."""
    training = store.create(Request("cnn", TrainingSettings(dataset=dataset)))
    training.append_history(dict.fromkeys(HISTORY_COLUMNS, 0.5))
    fill(training.folder)
    (training.folder / RESULT).write_text(json.dumps(make_result(epochs=epochs)))
    if keras is not None:
        (training.folder / TRAINED).write_bytes(keras)
    return store.finish(training)


def shipped_epochs(store):
    """The epochs of the shipped run, as a clone would have it; None if there is none."""
    run = RunStore(store.local / "none", store.shipped).current("cnn")
    if run is None:
        return None
    assert run.problem() is None
    return run.result["epochs"]


def hidden(store):
    return sorted(path.name for path in store.shipped.glob(".*"))


def publish_and_kill(store, changes):
    """Publishes in a process that is killed before it changes the disk once more.

    Returns:
        Whether it was killed; it is not if it has no more changes to make.
    """
    child = os.fork()
    if child == 0:
        left = itertools.count(changes, -1)

        def kill(event, arguments):
            reads = event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if event in CHANGES and not reads and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        try:
            publish(store, "cnn")
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_published_run_is_the_shipped_one(store):
    run = train(store, 3)
    assert publish(store, "cnn") == f"cnn: {run.id} is shipped"
    assert shipped_epochs(store) == 3 and store.current("cnn").is_shipped
    assert (store.shipped / "cnn" / TRAINED).read_bytes() == b"keras"
    train(store, 4)
    publish(store, "cnn")
    assert shipped_epochs(store) == 4 and hidden(store) == []


def test_a_calibration_is_shipped_with_its_run(store):
    run = train(store, epochs=3)
    write_calibration(run, temperature=1.5)
    publish(store, "cnn")
    assert (store.shipped / "cnn" / CALIBRATION).read_bytes() == (
        run.folder / CALIBRATION
    ).read_bytes()
    train(store, epochs=4)  # which has none: the old one goes
    publish(store, "cnn")
    assert not (store.shipped / "cnn" / CALIBRATION).exists()


def test_a_map_is_shipped_with_its_run(store):
    run = train(store, epochs=3)
    (run.folder / MAP).write_bytes(b"map")
    publish(store, "cnn")
    assert (store.shipped / "cnn" / MAP).read_bytes() == b"map"
    train(store, epochs=4)  # which has none: the old one goes
    publish(store, "cnn")
    assert not (store.shipped / "cnn" / MAP).exists()


@pytest.mark.parametrize("keras", [None, bytes(publishing.MAX_TRAINED_BYTES)])
def test_a_run_is_shipped_without_a_keras_model_that_is_missing_or_too_large(store, keras):
    train(store, 3, keras)
    publish(store, "cnn")
    assert shipped_epochs(store) == 3 and hidden(store) == []
    assert not (store.shipped / "cnn" / TRAINED).exists()


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, 3])
def test_a_kill_at_any_moment_leaves_the_old_run_or_the_new_one(store, before):
    if before:
        train(store, before)
        publish(store, "cnn")
    seen = []
    for changes in itertools.count():
        run = train(store, 4)
        if not publish_and_kill(store, changes):
            break
        seen.append(shipped_epochs(store))
        assert store.current("cnn").problem() is None
        store.make_current(run.id)
        publish(store, "cnn")  # tidies up what the kill left
        assert shipped_epochs(store) == 4 and hidden(store) == []
        _ship_again(store, before)
    assert set(seen) == {before, 4} and seen == sorted(seen, key=lambda epochs: epochs == 4)
    assert len(seen) > 10


def _ship_again(store, epochs):
    if epochs:
        train(store, epochs)
        publish(store, "cnn")
    else:
        (store.shipped / "cnn").rename(store.local / f"shipped-{os.urandom(4).hex()}")


def test_what_was_set_aside_is_put_back_by_the_next_publish_of_any_run(store):
    train(store, 3)
    publish(store, "cnn")
    (store.shipped / "cnn").rename(store.shipped / ".aside-fc")
    train(store, 4)
    publish(store, "cnn")
    assert (store.shipped / "fc").is_dir() and hidden(store) == []


def test_a_full_disk_is_a_sentence_and_leaves_the_old_run(store, monkeypatch):
    train(store, 3)
    publish(store, "cnn")
    run = train(store, 4)

    def write(path, content):
        path.write_bytes(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publishing, "write_atomically", write)
    with pytest.raises(RunError, match="cannot be shipped: No space left on device"):
        publish(store, "cnn")
    assert shipped_epochs(store) == 3 and hidden(store) == []
    assert store.current("cnn") == run


def test_a_run_that_vanishes_meanwhile_is_a_sentence(store, monkeypatch):
    train(store, 3)
    monkeypatch.setattr(publishing, "_files_to_ship", lambda run: ["gone.json"])
    with pytest.raises(RunError, match="cannot be shipped: No such file"):
        publish(store, "cnn")
    assert shipped_epochs(store) is None and hidden(store) == []


def test_two_do_not_publish_at_once(store):
    train(store, 3)
    with (
        holding(store.local / publishing.LOCK),
        pytest.raises(RunError, match="another publish is at work"),
    ):
        publish(store, "cnn")
    assert shipped_epochs(store) is None


def test_only_what_was_trained_on_mnist_is_shipped(store):
    train(store, 3, dataset="sample")
    with pytest.raises(RunError, match="not on mnist"):
        publish(store, "cnn")
    assert not Path(store.shipped).exists()


def test_a_network_of_ones_own_is_not_shipped(store):
    layers = parse_layers("flatten, dense 8")
    add_network(store.local, "mine", layers)
    training = store.create(Request("mine", TrainingSettings()))
    training.append_history(dict.fromkeys(HISTORY_COLUMNS, 0.5))
    fill(training.folder)
    store.finish(training)
    with pytest.raises(RunError, match="of a network of your own, which no other clone knows"):
        publish(store, "mine")
    assert not Path(store.shipped).exists()


def test_what_is_kept_of_a_fit_is_shipped_with_its_run(store):
    run = train(store, 3)
    (run.folder / FIT).write_text("{}")
    publish(store, "cnn")
    assert (store.shipped / "cnn" / FIT).read_text() == "{}"
