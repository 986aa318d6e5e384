"""The Training curves page without a browser."""

from __future__ import annotations

import json
import shutil
from functools import partial

import numpy as np
import pytest

from digitnet.report import load_report_history
from digitnet.runs import HISTORY_COLUMNS, RunStore, read_history
from tests.made_runs import make_request, make_training
from tests.pages.conftest import open_at


@pytest.fixture
def open_page(checkpoints):
    """Opens the page with parameters of the URL."""

    return partial(open_at, "curves")


@pytest.fixture
def training(checkpoints, tmp_path):
    """A training of lenet5 that holds its lock, one epoch in."""
    store = RunStore.default()
    training = make_training(store, make_request("lenet5"), epochs=1)
    with training.locked():
        training.write_status("running", epoch=1)
        yield training


def chart_of(app):
    return json.loads(app.get("plotly_chart")[0].proto.spec)


def line_of(app, name):
    return next(one for one in chart_of(app)["data"] if one.get("name", "") == name)


def values_of(points):
    """Plotly's numbers, which it may pack into bytes."""
    if not isinstance(points, dict):
        return np.asarray(points)
    import base64

    return np.frombuffer(base64.b64decode(points["bdata"]), points["dtype"])


def reading_of(app):
    return "".join(element.proto.body for element in app.get_by_key("reading").html)


def test_it_begins_with_a_basic_network_and_its_reading(open_page):
    app = open_page()
    assert not app.exception
    assert app.multiselect[0].value == ["cnn/shipped"]  # there is no fc in this store
    assert "Basic CNN · shipped" in reading_of(app)
    assert "By its curves it fits." in reading_of(app)


def test_the_curves_are_those_of_the_run_folder(open_page, checkpoints):
    history = read_history(checkpoints / "cnn_min" / "history.csv")
    app = open_page(run="cnn_min/shipped", measure="Loss", images="Validation")
    line = line_of(app, "A CNN, few filters · shipped")
    np.testing.assert_allclose(values_of(line["y"]), history["val_loss"])


def test_chosen_runs_are_kept_in_the_url_and_found_again(open_page):
    app = open_page()
    app.multiselect[0].set_value(["fc_narrow/shipped", "cnn_min/shipped"]).run()
    assert app.query_params["run"] == ["fc_narrow/shipped", "cnn_min/shipped"]
    again = open_page(run=["fc_narrow/shipped", "cnn_min/shipped"])
    assert again.multiselect[0].value == ["fc_narrow/shipped", "cnn_min/shipped"]
    assert "<b>B</b> CNN, few filters" in reading_of(again)


def test_a_view_is_kept_in_the_url_and_found_again(open_page):
    app = open_page()
    app.segmented_control(key="chosen_measure").set_value("Loss").run()
    assert app.query_params["measure"] == "Loss"
    app.segmented_control(key="chosen_measure").set_value("Accuracy").run()
    assert app.query_params["measure"] == "Accuracy"
    seconds = open_page(along="Seconds", up="Logarithmic", mean="3 epochs", measure="Loss")
    axis = chart_of(seconds)["layout"]["yaxis"]
    assert (axis["type"], axis["title"]["text"]) == ("log", "Loss, mean over 3 epochs")


def test_no_run_chosen_says_what_to_do(open_page):
    app = open_page()
    app.multiselect[0].set_value([]).run()
    assert not app.exception
    assert any("Choose one or more runs" in info.value for info in app.info)


def test_the_reports_curves_are_laid_under(open_page):
    app = open_page(run="cnn/shipped", report="on", images="Validation")
    dashed = [one for one in chart_of(app)["data"] if one.get("line", {}).get("dash") == "dash"]
    values = values_of(dashed[0]["y"])
    np.testing.assert_allclose(values, load_report_history("cnn")["val_accuracy"])


def test_unknown_values_in_the_url_are_told_and_the_rest_is_shown(open_page):
    app = open_page(run=["cnn_min/shipped", "../../etc/passwd"], measure="Beauty")
    assert not app.exception
    told = " ".join(info.value for info in app.info)
    assert "../../etc/passwd" in told
    assert "Beauty" in told
    assert app.multiselect[0].value == ["cnn_min/shipped"]


def test_a_broken_run_is_told_in_its_own_card(open_page, checkpoints):
    (checkpoints / "cnn_min" / "history.csv").write_bytes(b"\xff garbage")
    app = open_page(run=["cnn_min/shipped", "cnn/shipped"])
    assert not app.exception
    assert "Broken." in reading_of(app)
    assert "<b>B</b> Basic CNN" in reading_of(app)


def test_a_running_training_is_shown_as_far_as_it_is(open_page, training):
    app = open_page(run=[training.id, "cnn/shipped"])
    assert not app.exception
    assert "It is training now, after 1 epoch;" in reading_of(app)
    training.append_history(dict.fromkeys(HISTORY_COLUMNS, 0.5) | {"epoch": 2})
    app.run()
    assert "It is training now, after 2 epochs;" in reading_of(app)


def test_the_figures_can_be_downloaded(open_page):
    app = open_page(run="cnn_min/shipped")
    assert [button.label for button in app.get("download_button")] == ["Download as CSV"]


def test_without_runs_the_page_says_how_to_get_them(open_page, checkpoints):
    shutil.rmtree(checkpoints)
    app = open_page()
    assert not app.exception
    assert "checkpoints" in app.info[0].value
