"""From a request to a finished run, on the offline sample."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import psutil
import pytest

from digitnet.digits import Digits, Unlearnt, load_digits, material, split_digits
from digitnet.digits.handwriting import STROKE_FILES, Mixture
from digitnet.experiments import READER, TrainingSettings, find_experiment
from digitnet.runs import UNCALIBRATED, Request, RunStore, Training
from digitnet.serving import InferenceError, ModelServer, ServedNetwork
from digitnet.study.calibration import fit_temperature
from digitnet.study.scores import evaluate_predictions
from digitnet.training import pipeline, results, watcher
from digitnet.training.loop import TrainingError
from digitnet.training.pipeline import run_training, steps_per_execution
from tests.made_strokes import write_strokes

pytestmark = pytest.mark.slow  # each trains for seconds

SETTINGS = TrainingSettings(dataset="sample", epochs=2, batch_size=64)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs", tmp_path / "shipped")


def train(store, name="cnn_min", say=lambda line: None, settings=SETTINGS):
    """Trains as the command line does: what was asked for before is continued."""
    return run_training(store.begin(Request(name, settings)), store, say)


@pytest.mark.parametrize("threads", ["four", "0", "-1", "1.5"])
def test_threads_that_are_no_number_are_told_in_a_sentence(store, monkeypatch, threads):
    monkeypatch.setenv("DIGITNET_THREADS", threads)
    with pytest.raises(TrainingError, match="DIGITNET_THREADS must be a whole number above 0"):
        train(store)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """The store after one training, the run, the lines that were said and the statuses written."""
    folder = tmp_path_factory.mktemp("watched")
    store = RunStore(folder / "runs", folder / "shipped")
    lines, statuses = [], []
    write = Training.write_status

    def watch(training, state, **values):
        write(training, state, **values)
        statuses.append(training.status)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("DIGITNET_STROKES", raising=False)
        monkeypatch.setattr(watcher, "STATUS_INTERVAL", 0)
        monkeypatch.setattr(Training, "write_status", watch)
        return store, train(store, say=lines.append), lines, statuses


def test_a_request_becomes_a_current_run_that_predicts(watched):
    store, run, lines, _ = watched
    assert store.current("cnn_min") == run and run.problem() is None
    assert len(lines) == 2 and "epoch 2" in lines[1]
    assert run.history()["epoch"].tolist() == [1, 2]
    assert run.result["parameters"] == find_experiment("cnn_min").parameters
    probabilities, labels, index = run.test_predictions()
    digits = load_digits("sample")
    assert (digits.labels[index] == labels).all()
    assert run.result["scores"] == evaluate_predictions(labels, probabilities)
    served = ModelServer().predict(store.current("cnn_min"), digits.images[index])
    np.testing.assert_allclose(served, probabilities, atol=1e-3)
    assert (served.argmax(axis=1) == probabilities.argmax(axis=1)).all()


def test_a_dense_network_becomes_a_run_that_predicts(store):
    run = train(store, "fc_narrow")
    probabilities, labels, index = run.test_predictions()
    assert run.result["scores"] == evaluate_predictions(labels, probabilities)
    served = ModelServer().predict(run, load_digits("sample").images[index])
    np.testing.assert_allclose(served, probabilities, atol=1e-3)


def test_a_training_without_drawings_is_not_calibrated(watched):
    assert watched[1].calibration == UNCALIBRATED


def test_a_training_is_calibrated_on_drawings(store, monkeypatch):
    digits = load_digits("sample")
    unlearnt = Unlearnt({"drawings": Digits(digits.images[:300], digits.labels[:300])}, {}, [])
    monkeypatch.setattr(pipeline, "load_unlearnt", lambda dataset: unlearnt)
    run = train(store)
    served = ServedNetwork(run.served_model).predict(digits.images[:300])
    assert run.calibration.temperature == fit_temperature(digits.labels[:300], served)
    assert run.calibration.threshold is None


def test_a_training_stores_how_its_network_sees_digits(watched):
    run, digits = watched[1], load_digits("sample")
    found = run.digit_map
    assert found is not None and found.served_sha256 == run.result["served_sha256"]
    assert (digits.labels[found.learnt.index] == found.learnt.labels).all()
    _, _, tested = run.test_predictions()
    assert set(found.tested.index) == set(tested)
    assert not set(found.learnt.index) & set(tested)


def test_a_training_ends_without_a_map_where_none_can_be_made(store, monkeypatch):
    def fail(*_):
        raise InferenceError("the model does not have the layers that its record names")

    monkeypatch.setattr(results, "make_map", fail)
    run = train(store)
    assert run.problem() is None and run.digit_map is None


def test_provenance_is_enough_to_repeat_a_run(watched):
    provenance = watched[1].result["provenance"]
    assert provenance["split"] == {"seed": 1, "train": 1439, "validation": 178, "test": 180}
    assert provenance["settings"]["seed"] == SETTINGS.seed
    assert {"tensorflow", "keras", "numpy", "python"} <= set(provenance["versions"])


def test_another_seed_trains_another_network_and_tests_it_on_the_same_digits(watched, store):
    run = train(store, settings=replace(SETTINGS, seed=7))
    (one, _, digits), (other, _, same) = watched[1].test_predictions(), run.test_predictions()
    assert run.result["seed"] == 7 and (one != other).any()
    split = split_digits("sample", load_digits("sample"))
    assert run.result["provenance"]["split"]["seed"] == split.seed == 1
    assert digits.tolist() == same.tolist() == split.test_index.tolist()


def test_ctrl_c_leaves_a_training_that_the_same_request_resumes(store):
    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(store, say=stop)
    [training] = store.unfinished()
    assert training.status.state == "stopped"
    assert store.finished() == []
    run = train(store)
    assert run.id == training.id
    assert run.history()["epoch"].tolist() == [1, 2]


def test_a_training_that_was_killed_when_all_was_written_only_needs_to_be_moved(store, monkeypatch):
    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(RunStore, "finish", kill)
        train(store)
    [training] = store.unfinished()
    assert training.status.state == "stopped"
    run = train(store, say=pytest.fail)
    assert run.id == training.id and store.current("cnn_min") == run


def test_a_failed_training_says_why_and_leaves_the_current_run(store, monkeypatch):
    good = train(store)
    memory = psutil.virtual_memory()._replace(available=1_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(TrainingError, match="GiB"):
        train(store)
    [training] = store.unfinished()
    assert training.status.state == "failed" and "GiB" in training.status.message
    assert store.current("cnn_min") == good


def test_large_networks_are_asked_about_more_often():
    assert steps_per_execution(find_experiment("fc_large")) == 1
    assert steps_per_execution(find_experiment("cnn_min")) == 32


def test_the_status_tells_every_phase_and_step_of_a_training(watched):
    written = [status for status in watched[3] if status.state == "running"]
    assert [key for key, _ in groupby(written, lambda one: one.phase)] == [
        "loading",
        "training",
        "testing",
    ]
    steps = [(one.epoch, one.step) for one in written if one.phase == "training"]
    assert steps == sorted(steps) and steps[0] == (0, 0) and steps[-1] == (2, 0)
    assert {one.steps for one in written if one.step} == {23}  # 1,439 images by 64


def test_the_reader_is_trained_resumed_and_judged_beside_the_sixteen(store, tmp_path, monkeypatch):
    """On made strokes, and on the offline sample in the place of MNIST."""
    write_strokes(tmp_path)
    monkeypatch.setenv("DIGITNET_STROKES", str(tmp_path))
    sample = load_digits("sample")
    at = np.arange(70_000) % len(sample.labels)
    mnist = Digits(sample.images[at], sample.labels[at])
    monkeypatch.setattr(material, "load_digits", lambda name: mnist)
    mixture = Mixture(images=500, drawings=200, rare=20, letters=50, made_outliers=50)
    monkeypatch.setattr(material, "Mixture", lambda: mixture)
    monkeypatch.setattr(material, "HELD_OUT_IMAGES", 500)
    request = Request("reader", replace(READER.settings, epochs=2, warm_up=5))

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(store.begin(request), store, stop)
    run = run_training(store.begin(request), store, lambda line: None)
    assert run.problem() is None and run.history()["epoch"].tolist() == [1, 2]
    assert run.result["parameters"] == READER.parameters
    assert run.result["best_epoch"] == 2  # of a cosine the last
    probabilities, labels, index = run.test_predictions()
    np.testing.assert_array_equal(index, split_digits("mnist", mnist).test_index)
    np.testing.assert_array_equal(labels, mnist.labels[index])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    served = ServedNetwork(store.current("reader").served_model)  # as it is, not calibrated
    np.testing.assert_allclose(
        served.predict(mnist.images[index[:500]]), probabilities[:500], atol=0.01
    )
    official = run.result["official_test"]
    assert official["size"] == 10_000
    assert official["interval"][0] <= official["accuracy"] <= official["interval"][1]
    names = [one["name"] for one in run.result["provenance"]["data"]]
    assert {file.name for file in STROKE_FILES} <= set(names)
