"""From a request to a finished run, on the offline sample."""

import json
import shutil
from dataclasses import replace
from itertools import groupby

import numpy as np
import psutil
import pytest

from digitnet.digits import Digits, Unlearnt, load_digits, material, split_digits
from digitnet.digits.handwriting import STROKE_FILES, Mixture
from digitnet.experiments import READER, TrainingSettings, find_experiment
from digitnet.runs import CALIBRATION, UNCALIBRATED, Request, RunStore, Training
from digitnet.serving import InferenceError, ModelServer, ServedNetwork
from digitnet.study.calibration import fit_temperature
from digitnet.study.scores import evaluate_predictions
from digitnet.training import pipeline, results, watcher
from digitnet.training.loop import TrainingError
from digitnet.training.pipeline import run_training, steps_per_execution
from tests.made_digits import ALL, TRAIN, put_sample_for_mnist
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


@pytest.fixture(scope="module")
def drawn():
    """Digits that a training finds to be calibrated on."""
    digits = load_digits("sample")
    return Digits(digits.images[:300], digits.labels[:300])


@pytest.fixture(scope="module")
def other_run(tmp_path_factory, drawn):
    """A run of another seed, that was calibrated on drawings and of which no map could be made."""
    folder = tmp_path_factory.mktemp("other")

    def fail(*_):
        raise InferenceError("the model does not have the layers that its record names")

    with pytest.MonkeyPatch.context() as monkeypatch:
        unlearnt = Unlearnt({"drawings": drawn}, {}, [])
        monkeypatch.setattr(pipeline, "load_unlearnt", lambda dataset: unlearnt)
        monkeypatch.setattr(results, "make_map", fail)
        store = RunStore(folder / "runs", folder / "shipped")
        return train(store, settings=replace(SETTINGS, seed=7))


def test_a_training_is_calibrated_on_drawings(other_run, drawn):
    served = ServedNetwork(other_run.served_model).predict(drawn.images)
    assert other_run.calibration.temperature == fit_temperature(drawn.labels, served)
    assert other_run.calibration.threshold is None


def test_a_training_stores_how_its_network_sees_digits(watched):
    run, digits = watched[1], load_digits("sample")
    found = run.digit_map
    assert found is not None and found.served_sha256 == run.result["served_sha256"]
    assert (digits.labels[found.learnt.index] == found.learnt.labels).all()
    _, _, tested = run.test_predictions()
    assert set(found.tested.index) == set(tested)
    assert not set(found.learnt.index) & set(tested)


def test_a_training_ends_without_a_map_where_none_can_be_made(other_run):
    assert other_run.problem() is None and other_run.digit_map is None


def test_provenance_is_enough_to_repeat_a_run(watched):
    provenance = watched[1].result["provenance"]
    assert provenance["split"] == {"seed": 1, "train": 1439, "validation": 178, "test": 180}
    assert provenance["settings"]["seed"] == SETTINGS.seed
    assert {"tensorflow", "keras", "numpy", "python"} <= set(provenance["versions"])


def test_another_seed_trains_another_network_and_tests_it_on_the_same_digits(watched, other_run):
    (one, _, digits), (other, _, same) = (run.test_predictions() for run in (watched[1], other_run))
    assert other_run.result["seed"] == 7 and (one != other).any()
    split = split_digits("sample", load_digits("sample"))
    assert other_run.result["provenance"]["split"]["seed"] == split.seed == 1
    assert digits.tolist() == same.tolist() == split.test_index.tolist()


def test_the_same_request_resumes_what_was_stopped_and_moves_what_was_killed_at_its_end(
    store, monkeypatch
):
    """Stopped by Ctrl-C in its second epoch; and again, when all was written but not yet moved."""

    def stop_in_the_second(line):
        if "epoch 2" in line:
            raise KeyboardInterrupt

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(store, say=stop_in_the_second)
    [training] = store.unfinished()
    assert training.status.state == "stopped"
    assert store.finished() == []

    said = []
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(RunStore, "finish", stop)
        train(store, say=said.append)
    assert [one.id for one in store.unfinished()] == [training.id]
    assert training.status.state == "stopped"
    assert store.finished() == []
    assert len(said) == 2 and "resumes after epoch 1" in said[0] and "epoch 2" in said[1]

    run = train(store, say=pytest.fail)
    assert run.id == training.id and store.current("cnn_min") == run
    assert run.problem() is None and run.history()["epoch"].tolist() == [1, 2]


def test_a_failed_training_says_why_and_leaves_the_current_run(watched, store, monkeypatch):
    shutil.copytree(watched[0].local, store.local)
    good = store.current("cnn_min")
    assert good.id == watched[1].id
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
    mnist = put_sample_for_mnist(monkeypatch, held_out=500)
    mixture = Mixture(images=500, drawings=200, rare=20, letters=50, made_outliers=50)
    monkeypatch.setattr(material, "Mixture", lambda: mixture)
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
    assert official["size"] == ALL - TRAIN
    assert official["interval"][0] <= official["accuracy"] <= official["interval"][1]
    names = [one["name"] for one in run.result["provenance"]["data"]]
    assert {file.name for file in STROKE_FILES} <= set(names)
    found = run.digit_map
    np.testing.assert_array_equal(found.learnt.labels, mnist.labels[found.learnt.index])
    assert not set(found.learnt.index) & {*found.tested.index, *index}
    assert set(found.tested.index) <= set(index)
    sizes = json.loads((run.folder / CALIBRATION).read_text())["validation"]["size"]
    assert sizes["mnist"] == 500 and sizes["drawings"] > 0
    assert {kind for kind, *_ in run.calibration.refused} >= {"letters", "scribbles"}
