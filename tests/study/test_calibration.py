"""Temperatures and thresholds: fitted rightly, on what was not learnt from, and stored whole."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import brier_score_loss

from digitnet.digits import Digits, Unlearnt
from digitnet.experiments import READER, find_experiment
from digitnet.runs import CALIBRATION, RunError
from digitnet.serving import temper
from digitnet.study import calibration
from digitnet.study.calibration import calibrate, calibrate_runs, choose_threshold, fit_temperature
from tests.made_runs import make_request, ship_run, use_store


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def draw_labels(probabilities, rng):
    """Labels that occur as often as the probabilities say."""
    return (probabilities.cumsum(axis=1) < rng.random((len(probabilities), 1))).sum(axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.2])
def test_the_temperature_that_was_taken_away_is_found_again(temperature, rng):
    calibrated = rng.dirichlet(np.full(10, 0.1), 20_000)
    labels = draw_labels(calibrated, rng).clip(0, 9)
    found = fit_temperature(labels, temper(calibrated, 1 / temperature))
    assert found == pytest.approx(temperature, rel=0.05)


def test_the_temperature_is_where_scikit_learn_finds_the_least_brier_score(rng):
    probabilities = rng.dirichlet(np.full(10, 0.2), 500)
    labels = np.where(rng.random(500) < 0.6, probabilities.argmax(axis=1), 0)
    right = probabilities.argmax(axis=1) == labels

    def score(temperature):
        return brier_score_loss(right, temper(probabilities, temperature).max(axis=1))

    best = minimize_scalar(score, bounds=(0.2, 5), method="bounded").x
    assert fit_temperature(labels, probabilities) == pytest.approx(best, rel=2e-2)


@pytest.mark.slow
def test_a_few_that_are_misread_with_certainty_do_not_make_all_others_unsure(rng):
    calibrated = rng.dirichlet(np.full(10, 0.1), 20_000)
    labels = draw_labels(calibrated, rng).clip(0, 9)
    calibrated[:40], labels[:40] = np.eye(10)[0], 1
    assert fit_temperature(labels, calibrated) == pytest.approx(1, rel=0.1)


def test_a_network_that_is_always_right_has_a_temperature_that_can_be():
    found = fit_temperature(np.arange(10), np.eye(10) * 0.9 + 0.01)
    assert found == calibration.TEMPERATURES[0]


def test_no_part_is_refused_more_often_than_it_may_be_and_no_lower_threshold_is_so(rng):
    easy, hard = rng.random(1000) / 2, rng.random(500)
    threshold = choose_threshold([easy, hard])
    shares = [(part > threshold).mean() for part in (easy, hard)]
    assert max(shares) <= calibration.MOST_REFUSED
    lower = np.nextafter(threshold, 0)
    assert max((part > lower).mean() for part in (easy, hard)) > calibration.MOST_REFUSED


class Given:
    """A served network whose outputs are the images' first pixels."""

    def __init__(self, *_):
        pass

    def evaluate(self, images):
        outputs = images[:, 0, :11].astype(np.float32)
        return outputs / outputs.sum(axis=1, keepdims=True)


def pictures(outputs):
    images = np.zeros((len(outputs), 28, 28), np.uint8)
    images[:, 0, : outputs.shape[1]] = np.maximum(1, 255 * outputs)
    return images


@pytest.fixture
def unlearnt():
    labels = np.arange(200) % 10
    outputs = np.full((200, 11), 0.04)
    outputs[np.arange(200), labels] = 0.7
    outputs[:1, 10] = 0.9  # one digit that looks like none
    letters = np.full((50, 11), 0.01)
    letters[:40, 10], letters[40:, 0] = 0.9, 0.9
    return Unlearnt({"drawings": Digits(pictures(outputs), labels)}, {"x": pictures(letters)}, [])


def test_what_is_fitted_is_told_with_what_it_was_fitted_to(unlearnt, monkeypatch):
    monkeypatch.setattr(calibration, "ServedNetwork", Given)
    found = calibrate(b"model", READER, unlearnt)
    assert found["temperature"] < 1  # it was right more often than it was sure
    error = found["validation"]["calibration_error"]
    assert error["after"] < 0.02 < error["before"]
    assert found["validation"]["refused"] == {"drawings": [1, 200], "x": [40, 50]}
    assert {"data", "versions", "date"} <= set(found["provenance"])
    json.dumps(found)


def test_a_network_that_has_not_learnt_what_is_no_digit_refuses_none(unlearnt, monkeypatch):
    monkeypatch.setattr(calibration, "ServedNetwork", Given)
    found = calibrate(b"model", READER, Unlearnt(unlearnt.digits, {}, []))
    assert found["threshold"] is None and "refused" not in found["validation"]
    found = calibrate(b"model", find_experiment("cnn"), unlearnt)  # has no output for it
    assert found["threshold"] is None and "refused" not in found["validation"]


def test_a_run_is_calibrated_beside_its_files_and_seen_at_once(tmp_path, monkeypatch, unlearnt):
    store = use_store(monkeypatch, tmp_path)
    run = ship_run(store, make_request("cnn"))
    monkeypatch.setattr(calibration, "ServedNetwork", Given)
    monkeypatch.setattr(calibration, "load_unlearnt", lambda dataset: unlearnt)
    before = run.signature
    [(_, found)] = calibrate_runs([run])
    assert found.temperature < 1 and found == store.current("cnn").calibration
    assert run.signature != before
    assert [path.name for path in run.folder.glob(".*")] == []
    assert find_experiment("cnn") == run.experiment


def test_a_model_that_cannot_be_served_is_told_by_its_run(tmp_path, monkeypatch, unlearnt):
    run = ship_run(use_store(monkeypatch, tmp_path), make_request("cnn"))
    monkeypatch.setattr(calibration, "load_unlearnt", lambda dataset: unlearnt)
    with pytest.raises(RunError, match="cnn/shipped cannot be calibrated: "):
        list(calibrate_runs([run]))


def test_a_run_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path, monkeypatch, unlearnt):
    run = ship_run(use_store(monkeypatch, tmp_path), make_request("cnn"))
    monkeypatch.setattr(calibration, "ServedNetwork", Given)
    monkeypatch.setattr(calibration, "load_unlearnt", lambda dataset: unlearnt)
    (run.folder / CALIBRATION).mkdir()
    with pytest.raises(RunError, match="cnn/shipped cannot be calibrated: "):
        list(calibrate_runs([run]))
