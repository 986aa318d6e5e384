"""What networks find alike: made, stored, read back, and asked."""

from __future__ import annotations

import numpy as np
import pytest

from digitnet import cli
from digitnet.digits import load_learnt
from digitnet.experiments import EXPERIMENTS, find_experiment
from digitnet.runs import MAP, Run, RunStore
from digitnet.serving import open_network
from digitnet.study import maps
from digitnet.study.maps import find_neighbours, make_map
from tests.made_runs import CHECKPOINTS, copy_shipped, use_store

FEW = 60


@pytest.fixture(scope="module")
def learnt():
    return load_learnt("sample")


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    monkeypatch.setattr(maps, "LEARNT", FEW)
    monkeypatch.setattr(maps, "TESTED", FEW // 2)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A shipped run's copy, as if it had been trained on the sample, and not mapped yet."""
    run = copy_shipped(use_store(monkeypatch, tmp_path), "cnn_min", MAP)
    assert not (run.folder / MAP).exists()
    return run


def fresh(run):
    return Run(run.experiment, run.stamp, run.folder)


def mapped(run, learnt):
    found = make_map(run.served_model.read_bytes(), run.experiment, learnt)
    found.save(run.folder)
    return found


def test_learnt_and_tested_digits_are_those_of_the_split(learnt):
    assert not set(learnt.train_index) & set(learnt.test_index)
    assert (len(learnt.train_index), len(learnt.test_index)) == (1439, 180)


def test_a_map_is_read_back_as_it_was_made(run, learnt):
    made, found = mapped(run, learnt), fresh(run).digit_map
    assert found.served_sha256 == run.result["served_sha256"]
    for part in ("axes", "learnt", "tested"):
        for name, array in vars(getattr(made, part)).items():
            np.testing.assert_array_equal(vars(getattr(found, part))[name], array)
    assert found.places.shape == (FEW // 2, 2) and np.abs(found.places).max() <= 1
    assert found.learnt.index.tolist() == learnt.train_index[:FEW].tolist()
    assert (found.learnt.labels == learnt.digits.labels[found.learnt.index]).all()


def test_a_digit_that_was_learnt_is_nearest_to_itself(run, learnt):
    found, network = mapped(run, learnt), open_network(run)
    for place in (0, 17, 59):
        position = int(learnt.train_index[place])
        features = network.look(learnt.digits.images[position][None]).features[0]
        near = find_neighbours(found, features)
        assert near.index[0] == position
        assert near.labels[0] == learnt.digits.labels[position]


def test_a_test_digit_lies_where_the_map_has_it(run, learnt):
    found, network = mapped(run, learnt), open_network(run)
    image = learnt.digits.images[learnt.test_index[4]]
    near = find_neighbours(found, network.look(image[None]).features[0])
    assert np.linalg.norm(near.place - found.places[4]) < 0.1


def test_stored_features_are_as_far_apart_as_they_were(run, learnt):
    found, network = mapped(run, learnt), open_network(run)
    images = learnt.digits.images[learnt.train_index[:20]]
    features = network.look(images).features
    projected = found.axes.project(features)
    restored = found.axes.restore(found.learnt.features[:20])
    assert np.abs(restored - projected).max() <= np.ptp(projected, axis=0).max() / 100


def test_a_network_that_always_says_the_same_is_mapped(learnt):
    run = Run(find_experiment("fc_lr_high"), "shipped", CHECKPOINTS / "fc_lr_high")
    found = make_map(run.served_model.read_bytes(), run.experiment, learnt)
    assert np.isfinite(found.places).all()
    near = find_neighbours(found, np.zeros(len(found.axes.mean), np.float32))
    assert np.isfinite(near.place).all()


@pytest.mark.parametrize("damage", ["other model", "garbage", "shapes", "labels", "missing"])
def test_a_map_that_cannot_be_is_none(run, learnt, damage):
    mapped(run, learnt)
    path = run.folder / MAP
    arrays = dict(np.load(path))
    if damage == "other model":
        arrays["served_sha256"] = "0" * 64
    elif damage == "shapes":
        arrays["places"] = arrays["places"][1:]
    elif damage == "labels":
        arrays["learnt_labels"] = arrays["learnt_labels"] + np.uint8(20)
    elif damage == "missing":
        del arrays["axes_low"]
    np.savez(path, **arrays)
    if damage == "garbage":
        path.write_bytes(b"PK not an archive")
    assert fresh(run).digit_map is None


def test_the_command_stores_maps_and_tells_their_size(run, capsys):
    before = RunStore.default().current("cnn_min").signature
    assert cli.main(["map", "cnn_min"]) == cli.OK
    assert "cnn_min" in capsys.readouterr().out
    current = RunStore.default().current("cnn_min")
    assert current.digit_map is not None
    assert current.signature != before  # so that pages see it


def test_the_command_says_in_a_sentence_why_it_cannot(run, capsys):
    run.served_model.write_bytes(b"damaged")
    assert cli.main(["map", "cnn_min"]) == cli.USAGE
    assert "cannot be mapped" in capsys.readouterr().err


@pytest.mark.parametrize("name", [one.name for one in EXPERIMENTS])
def test_every_network_that_ships_has_its_map(name):
    found = Run(find_experiment(name), "shipped", CHECKPOINTS / name).digit_map
    assert found is not None and len(found.learnt.labels) >= 2_000
    assert (CHECKPOINTS / name / MAP).stat().st_size < 500_000
