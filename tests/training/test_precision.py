"""The precision is found by trying, kept with the training, and recorded with its run."""

import math

import pytest

from digitnet.experiments import (
    TrainingSettings,
    find_experiment,
    make_network,
    parse_layers,
)
from digitnet.runs import STATE, Request, RunStore
from digitnet.training import precision
from digitnet.training.pipeline import run_training
from digitnet.training.precision import (
    PRECISIONS,
    TRIAL,
    Trial,
    choose_precision,
    count_multiply_adds,
    pick_precision,
    try_precisions,
)

MNIST_IMAGES = 56_000
CNN = find_experiment("cnn")
FASTER = Trial("mixed_bfloat16", {"float32": 2.0, "mixed_bfloat16": 1.0})


@pytest.fixture
def trials(monkeypatch):
    """The batch sizes of the trials made, which all find bfloat16 faster."""
    made = []
    monkeypatch.setattr(
        precision, "try_precisions", lambda one, batch_size: made.append(batch_size) or FASTER
    )
    return made


def test_bfloat16_must_be_faster_by_a_margin():
    assert pick_precision({"float32": 1.2, "mixed_bfloat16": 1.0}) == "mixed_bfloat16"
    assert pick_precision({"float32": 1.05, "mixed_bfloat16": 1.0}) == "float32"
    assert pick_precision({"float32": 1.0, "mixed_bfloat16": 3.0}) == "float32"


@pytest.mark.parametrize("name", ["fc_narrow", "reader"])
def test_a_trial_times_every_precision(name, monkeypatch):
    monkeypatch.setattr(precision, "TRIAL_SECONDS", 0.0)
    trial = try_precisions(find_experiment(name), 8)
    assert list(trial.seconds) == list(PRECISIONS[:2])
    assert all(0 < one < math.inf for one in trial.seconds.values())
    assert trial.precision == pick_precision(trial.seconds)


def test_a_trial_times_winograds_way_where_a_network_has_wide_convolutions(monkeypatch):
    monkeypatch.setattr(precision, "TRIAL_SECONDS", 0.0)
    wide = make_network("mine", parse_layers("conv 64 7/4, conv 128, flatten"))
    assert list(try_precisions(wide, 8).seconds) == list(PRECISIONS)


def test_a_training_that_goes_on_keeps_the_precision_it_began_with(trials, tmp_path):
    folder = tmp_path / STATE
    for _ in range(2):
        assert choose_precision(CNN, TrainingSettings(), MNIST_IMAGES, folder) == FASTER
    assert trials == [128]
    (folder / TRIAL).write_text("{")
    assert choose_precision(CNN, TrainingSettings(), MNIST_IMAGES, folder) == FASTER
    assert len(trials) == 2


def test_a_short_training_has_no_trial(trials, tmp_path):
    sample = TrainingSettings(dataset="sample")
    assert choose_precision(CNN, sample, 1_439, tmp_path) == Trial("float32", {})
    assert trials == []
    assert count_multiply_adds(CNN, TrainingSettings(epochs=2), MNIST_IMAGES) == (
        CNN.multiply_adds * MNIST_IMAGES * 2
    )


def test_the_trial_is_recorded_with_the_run(trials, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "LEAST_MULTIPLY_ADDS", 0)
    store = RunStore(tmp_path / "runs", tmp_path / "shipped")
    settings = TrainingSettings(dataset="sample", epochs=1)
    run = run_training(store.begin(Request("cnn_min", settings)), store, lambda line: None)
    provenance = run.result["provenance"]
    assert provenance["precision"] == "mixed_bfloat16"
    assert provenance["trial_seconds"] == FASTER.seconds
    assert run.problem() is None
