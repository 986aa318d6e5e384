"""The report's figures are whole, and agree with themselves and with our records."""

import numpy as np
import pytest

from digitnet.experiments import REPORT_EXPERIMENTS
from digitnet.report import load_report_history, load_report_scores

EPOCHS = {
    "fc": 9,
    "fc_small": 14,
    "fc_large": 17,
    "fc_narrow": 15,
    "fc_wide": 14,
    "fc_lr_high": 8,
    "fc_lr_low": 57,
    "cnn": 12,
    "cnn_short": 25,
    "cnn_long": 9,
    "cnn_min": 19,
    "cnn_max": 10,
    "cnn_pool5": 12,
    "cnn_avg": 31,
    "cnn_fc": 14,
    "lenet5": 16,
}


def test_the_reports_sixteen_are_ours():
    assert [experiment.name for experiment in REPORT_EXPERIMENTS] == list(EPOCHS)


@pytest.mark.parametrize("experiment", REPORT_EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_scores_and_history_belong_together(experiment):
    history, scores = load_report_history(experiment.name), load_report_scores(experiment.name)
    assert scores["parameters"] == experiment.parameters
    assert scores["epochs"] == EPOCHS[experiment.name]
    assert history["epoch"].tolist() == list(range(1, scores["epochs"] + 1))
    assert {len(column) for column in history.values()} == {scores["epochs"]}
    assert all(np.isfinite(column).all() for column in history.values())
    assert scores["f1_micro"] == pytest.approx(scores["accuracy"], abs=1e-6)
    assert len(scores["auc"]) == 10 and all(0.9 < area < 1 for area in scores["auc"])
    # Validation and test images are alike, so a row under the wrong name would show here.
    assert scores["accuracy"] == pytest.approx(history["val_accuracy"].max(), abs=0.01)


@pytest.mark.parametrize("name", EPOCHS)
def test_every_training_stopped_three_epochs_after_its_best(name):
    validation_accuracy = load_report_history(name)["val_accuracy"]
    assert len(validation_accuracy) - (validation_accuracy.argmax() + 1) == 3


def test_only_four_logs_say_that_the_best_weights_were_restored():
    restored = [name for name in EPOCHS if load_report_scores(name)["best_weights_restored"]]
    assert restored == ["fc", "fc_lr_high", "cnn_long", "lenet5"]


def test_figures_as_printed():
    history, scores = load_report_history("fc"), load_report_scores("fc")
    assert {column: values[0] for column, values in history.items()} == {
        "epoch": 1,
        "seconds": 6,
        "ms_per_step": 13,
        "loss": 0.5066,
        "accuracy": 0.8487,
        "precision": 0.9149,
        "recall": 0.7786,
        "val_loss": 0.1463,
        "val_accuracy": 0.9586,
        "val_precision": 0.9667,
        "val_recall": 0.9504,
    }
    assert scores["accuracy"] == 0.973714292049408
    assert scores["auc"][5] == 0.9781305833322657


def test_a_caller_cannot_spoil_the_next_ones_figures():
    load_report_history("cnn")["loss"][:] = 0
    load_report_scores("cnn")["auc"].clear()
    assert load_report_history("cnn")["loss"].min() > 0
    assert len(load_report_scores("cnn")["auc"]) == 10


@pytest.mark.parametrize("load", [load_report_history, load_report_scores])
def test_an_experiment_that_the_report_does_not_have(load):
    assert load("resnet") is None
