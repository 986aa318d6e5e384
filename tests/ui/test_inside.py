"""What the Inside page computes: as much as before, and what is quick first."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from digitnet.digits import ink
from digitnet.runs import RunStore
from digitnet.serving import InferenceError, ModelServer
from digitnet.study import alterations
from digitnet.study.growth import LARGE_MOMENTS, MOMENTS
from digitnet.ui import inside, loaders

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
SMALL, LARGE, OTHER_LARGE = "cnn_min", "cnn_max", "fc_wide"


class Listener:
    """A server that tells which networks were asked of how many images."""

    def __init__(self) -> None:
        self.server = ModelServer()
        self.asked: list[tuple[list[str], int]] = []

    def read_all(self, runs, images):
        self.asked.append(([run.experiment.name for run in runs], len(images)))
        return self.server.read_all(runs, images)

    def names(self) -> list[list[str]]:
        """Which were asked, one after the other; who is asked again at once counts once."""
        return [names for names, _ in groupby(names for names, _ in self.asked)]

    def predict(self, run, images):
        self.asked.append(([run.experiment.name], len(images)))
        return self.server.predict(run, images)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch):
    st.cache_resource.clear()
    listener = Listener()
    monkeypatch.setattr(loaders, "load_server", lambda: listener)
    yield listener
    listener.server.close()
    st.cache_resource.clear()


@pytest.fixture
def runs(tmp_path):
    found = {run.experiment.name: run for run in RunStore(tmp_path, CHECKPOINTS).current_runs()}
    return [found[LARGE], found[SMALL], found[OTHER_LARGE]]


@pytest.mark.parametrize("digit", [2, 5, 8])
@pytest.mark.parametrize("way", alterations.WAYS, ids=lambda way: way.name)
def test_flips_are_found_as_where_every_network_reads_at_every_point(listener, runs, digit, way):
    strokes = inside.sample_strokes(digit)
    *_, found = inside.scan(runs, strokes, way)
    readings = listener.server.read_all(runs, alterations.draw_along(strokes, way))
    for network, one in readings.items():
        whole = one.probabilities.argmax(axis=1)
        if network.is_large:  # may overlook another digit between two points that it reads alike
            digits = np.array(found[network].readings)
            others = np.flatnonzero(digits != whole)
            assert (others % 2 == 1).all() and (digits[others - 1] == digits[others + 1]).all()
            whole[others] = digits[others]
        assert found[network] == alterations.find_flips(whole, way)


def test_large_networks_read_little_more_than_every_second_point(listener, runs):
    list(inside.scan(runs[:1], inside.sample_strokes(3), alterations.WAYS[0]))
    (_, first), *rest = listener.asked
    assert first == alterations.POINTS // 2 + 1
    assert sum(count for _, count in rest) < alterations.POINTS // 2


def test_what_is_quick_is_told_first_and_nothing_is_read_twice(listener, runs):
    strokes, way = inside.sample_strokes(3), alterations.WAYS[0]
    large, small, other = (run.experiment for run in runs)
    stages = inside.scan(runs, strokes, way)
    first = next(stages)
    assert list(first) == [large, small, other]
    assert first[small] and first[large] is first[other] is None
    assert listener.asked == [([SMALL], alterations.POINTS)]
    second, last = stages
    assert second == first | {large: last[large]} and all(last.values())  # in their order
    assert listener.names() == [[SMALL], [LARGE], [OTHER_LARGE]]
    [again] = inside.scan(runs[::-1], strokes, way)  # another network is looked into
    assert again == last and listener.names() == [[SMALL], [LARGE], [OTHER_LARGE]]


def test_a_scan_that_was_left_is_gone_on_with(listener, runs):
    strokes, way = inside.sample_strokes(3), alterations.WAYS[0]
    first = next(inside.scan(runs, strokes, way))
    stages = list(inside.scan(runs, strokes, way))
    assert stages[0] == first and all(stages[-1].values())
    assert listener.names() == [[SMALL], [LARGE], [OTHER_LARGE]]


def test_where_all_networks_are_large_the_first_is_told_first(listener, runs):
    large, _, other = runs
    stages = list(inside.scan([large, other], inside.sample_strokes(3), alterations.WAYS[0]))
    assert [sum(map(bool, one.values())) for one in stages] == [1, 2]


def test_a_network_that_breaks_meanwhile_is_told(listener, runs, monkeypatch):
    broken = InferenceError("broken")
    monkeypatch.setattr(listener, "read_all", lambda runs, images: {runs[0].experiment: broken})
    with pytest.raises(InferenceError, match="broken"):
        list(inside.scan(runs, inside.sample_strokes(3), alterations.WAYS[0]))


def test_a_large_network_reads_a_shorter_film_of_the_same_drawing(listener, runs):
    strokes = inside.sample_strokes(3)
    large, small = (inside.watch_growth(run, strokes) for run in runs[:2])
    assert (len(large.strokes), len(small.strokes)) == (LARGE_MOMENTS, MOMENTS)
    assert [count for _, count in listener.asked] == [LARGE_MOMENTS, MOMENTS]
    whole = ink.render_strokes(strokes)
    assert all((ink.render_strokes(one.strokes[-1]) == whole).all() for one in (large, small))
    np.testing.assert_array_equal(large.strokes[0][0][0], small.strokes[0][0][0])
