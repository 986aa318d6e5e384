"""What the browser is told of the networks, to run them by itself."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.caching import cache_utils
from streamlit.testing.v1 import AppTest

from digitnet.digits import ink, load_samples
from digitnet.runs import Classroom, RunStore, visitor_of
from digitnet.study.summaries import summarize_current
from digitnet.ui import live
from tests.made_runs import finish_run, make_request

TWENTY = ink.encode_strokes(
    [np.array(load_samples()[digit][0]) + [right, 0] for digit, right in ((2, 0), (0, 280))]
)
VISIT = Path(__file__).resolve().parents[2] / "digitnet" / "ui" / "visit.py"


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_RUNS", str(tmp_path / "runs"))
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def told(sample: int | None = None, **parameters: str) -> dict:
    """The data that the component gets on the Draw page."""
    app = AppTest.from_file(str(VISIT), default_timeout=60)
    app.session_state["sample"] = sample
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    [component] = [
        one.proto
        for one in app.get("bidi_component")
        if one.proto.component_name == "digitnet.live"
    ]
    return json.loads(component.mixed.json or component.json)


def described(data: dict) -> dict:
    """What the component fetches of the networks."""
    return json.loads((live._open_shelf() / data["description"]).read_text())


@pytest.mark.slow
def test_the_browser_is_told_of_every_network_and_what_was_read():
    data = told(sample=3)
    assert [one["name"] for one in described(data)["networks"]] == [
        one.run.experiment.name for one in summarize_current(RunStore.default())
    ]
    assert data["read"] == "3"
    assert len(data["strokes"]) == len(load_samples()[3])
    assert data["chosen"] == "reader"


@pytest.mark.slow
def test_the_browser_is_told_how_wide_the_board_is_and_of_a_number_on_it():
    empty, number = told(), told(wide="on", drawing=TWENTY)
    assert (empty["strokes"], empty["read"], empty["width"]) == ([], "", 280)
    assert (len(number["strokes"]), number["read"], number["width"]) == (2, "20", 560)


@pytest.mark.slow
def test_what_is_the_same_for_all_is_not_told_at_each_stroke():
    first, second = told(sample=3), told(sample=4)
    assert first["description"] == second["description"]
    assert len(json.dumps(second)) < 2_000


@pytest.mark.slow
def test_what_a_visitor_of_a_class_keeps_is_told_to_nobody_else(monkeypatch):
    monkeypatch.setenv("DIGITNET_CLASS", "1")
    monkeypatch.setattr(cache_utils, "TTLCACHE_TIMER", lambda: 0)  # all is remembered
    st.cache_resource.clear()
    mine, another = (Classroom(RunStore.default()).issue_code() for _ in range(2))
    finish_run(RunStore.default().of_visitor(visitor_of(mine)), make_request("cnn_min"))
    own, shared = (described(told(code=code))["networks"] for code in (mine, another))
    [differs] = [one for one, other in zip(own, shared, strict=True) if one != other]
    assert differs["name"] == "cnn_min"


def test_models_are_offered_as_they_are_served_but_not_the_largest():
    offered = {one.run.experiment.name: live._describe(one) for one in summaries()}
    assert offered["fc_large"]["file"] is None
    assert offered["cnn_long"]["file"] is None
    run = RunStore.default().current("reader")
    reader = offered["reader"]
    assert reader["file"] == f"{run.result['served_sha256']}.tflite"
    assert (live._open_shelf() / reader["file"]).read_bytes() == run.served_model.read_bytes()
    assert reader["temperature"] == run.calibration.temperature
    assert reader["threshold"] == run.calibration.threshold
    assert [name for name, one in offered.items() if one["refuses"]] == ["reader"]


def test_a_damaged_model_is_not_offered_until_it_is_mended(monkeypatch, tmp_path):
    [summary] = [one for one in summaries() if one.run.experiment.name == "cnn_min"]
    good, copy = summary.run.served_model.read_bytes(), tmp_path / "served.tflite"
    copy.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    monkeypatch.setattr(type(summary.run), "served_model", copy)
    live.empty_shelf()
    assert live._describe(summary)["file"] is None
    copy.write_bytes(good)
    name = live._describe(summary)["file"]
    assert (live._open_shelf() / name).read_bytes() == good


def test_what_browsers_fetch_outlives_a_tidied_temporary_folder():
    [summary] = [one for one in summaries() if one.run.experiment.name == "cnn_min"]
    shutil.rmtree(live._open_shelf())
    live.empty_shelf()
    assert (live._open_shelf() / live._describe(summary)["file"]).is_file()


def test_what_has_lain_long_on_the_shelf_is_taken_away():
    old, new = (live._open_shelf() / f"{name}.tflite" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"model")
    long_ago = time.time() - 2 * live.KEPT_SECONDS
    os.utime(old, (long_ago, long_ago))
    live._clear_shelf(live.KEPT_SECONDS)
    assert new.exists() and not old.exists()
    new.unlink()


def test_a_model_that_is_gone_is_not_offered(monkeypatch, tmp_path):
    [summary] = [one for one in summaries() if one.run.experiment.name == "cnn_min"]
    monkeypatch.setattr(type(summary.run), "served_model", tmp_path / "gone.tflite")
    assert live._describe(summary)["file"] is None


@pytest.mark.slow
def test_without_room_for_what_browsers_fetch_the_page_reads_as_the_pen_is_lifted(monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(live, "write_atomically", fail)
    live._offer_description.clear()
    live.empty_shelf()
    app = AppTest.from_file(str(VISIT), default_timeout=60)
    app.session_state["sample"] = 3
    app.run()
    assert not app.exception
    shown = [one.proto.component_name for one in app.get("bidi_component")]
    assert shown and "digitnet.live" not in shown


def test_strokes_are_told_as_finely_as_the_screen():
    assert live._rounded(np.array([[1.234567, 2.0]])) == [[1.2, 2.0]]


def summaries():
    return summarize_current(RunStore.default())
