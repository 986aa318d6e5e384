"""What kept networks read of what they learnt from: counted, stored, read back, and asked for."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from digitnet import cli
from digitnet.digits import load_digits, split_digits
from digitnet.experiments import REPORT_EXPERIMENTS
from digitnet.runs import FIT, KeptFit, ReadShare, Run, RunStore
from digitnet.serving import ServedNetwork
from digitnet.study.fitting import measure_fit
from tests.made_runs import CHECKPOINTS, copy_shipped, use_store


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A shipped run's copy, as if it had been trained on the sample, and not measured yet."""
    run = copy_shipped(use_store(monkeypatch, tmp_path), "cnn_min", FIT)
    assert not (run.folder / FIT).exists()
    return run


def fresh(run):
    return Run(run.experiment, run.stamp, run.folder)


def test_it_counts_the_very_images_that_were_learnt_and_validated_on(run):
    split = split_digits("sample", load_digits("sample"))
    model = run.served_model.read_bytes()
    network = ServedNetwork(model, packed=True)
    found = measure_fit(model, run.experiment, split)
    for part in ("training", "validation"):
        digits = split.train if part == "training" else split.validation
        right = (network.predict(digits.images).argmax(axis=1) == digits.labels).sum()
        assert found[part] == {"right": right, "images": len(digits.labels)}
    assert found["training"]["images"] == 1439


def test_the_command_stores_it_beside_the_run(run, capsys):
    assert run.fit is None
    assert cli.main(["fit", "cnn_min"]) == 0
    fit = fresh(run).fit
    assert fit and fit.training.images == 1439 and 0.8 < fit.training.share < 1
    assert f"training {fit.training.share:.2%} of 1,439" in capsys.readouterr().out


def test_what_learnt_from_ever_new_images_has_none(run, tmp_path, capsys):
    shutil.copytree(CHECKPOINTS / "reader", tmp_path / "shipped" / "reader")
    assert cli.main(["fit", "reader"]) == 0
    assert "reader      learnt from ever new images" in capsys.readouterr().out
    assert not (tmp_path / "shipped" / "reader" / FIT).exists()


@pytest.mark.parametrize(
    "damage",
    [
        "no json",
        '{"format": 1}',
        '{"format": 1, "served_sha256": "another"}',
        '{"training": {"right": 9, "images": 5}}',
        '{"training": {"right": NaN, "images": 5}}',
        '{"training": {"right": 0, "images": 0}}',
        '{"training": []}',
    ],
)
def test_a_damaged_or_foreign_file_is_as_none(run, damage):
    good = {"format": 1, "served_sha256": run.result["served_sha256"]}
    good |= {part: {"right": 4, "images": 5} for part in ("training", "validation")}
    (run.folder / FIT).write_text(json.dumps(good))
    assert fresh(run).fit == KeptFit(ReadShare(4, 5), ReadShare(4, 5))
    changed = damage
    if damage.startswith('{"training"'):
        changed = json.dumps(good | json.loads(damage))
    (run.folder / FIT).write_text(changed)
    assert fresh(run).fit is None


@pytest.mark.parametrize("name", [one.name for one in REPORT_EXPERIMENTS])
def test_what_ships_was_measured_and_learnt_as_much_as_it_is_tested_for(name):
    store = RunStore.default()
    run = RunStore(store.shipped / "none", store.shipped).current(name)
    assert run and run.fit and (run.fit.training.images, run.fit.validation.images) == (56070, 6930)
    assert abs(run.fit.validation.share - run.result["scores"]["accuracy"]) < 0.01
    logged = run.history()["val_accuracy"][run.result["best_epoch"] - 1]
    assert np.isclose(run.fit.validation.share, logged, atol=0.001)
