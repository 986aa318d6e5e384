"""The Compare page without a browser: what it shows and offers in every state."""

from __future__ import annotations

import shutil
from functools import partial

import pytest

from digitnet import jobs
from digitnet.experiments import EXPERIMENTS, TrainingSettings
from digitnet.jobs import queue
from digitnet.runs import (
    HISTORY,
    LOG,
    PROBABILITIES,
    REQUEST,
    RESULT,
    SERVED,
    TRAINED,
    Request,
    RunStore,
    records,
)
from digitnet.study import comparison, handwriting
from digitnet.ui import job_list, run_list, trainings
from tests.made_runs import finish_run, make_request, make_row, make_training
from tests.pages.conftest import open_at

SAMPLE = TrainingSettings(dataset="sample", epochs=2)


@pytest.fixture
def open_compare(checkpoints, monkeypatch):
    """Opens the page, with parameters of the URL; no worker is started."""
    monkeypatch.setattr(queue, "ensure_worker", lambda store: None)
    monkeypatch.setattr(jobs, "ensure_worker", lambda store: None)
    return partial(open_at, "compare")


@pytest.fixture
def open_retrain(open_compare):
    """Opens the part of the page where trainings are."""
    return partial(open_compare, view="Retrain")


@pytest.fixture
def store(checkpoints):
    return RunStore.default()


def words_of(app):
    """All that the page says, but for its tables."""
    kinds = ("markdown", "caption", "info", "warning", "error", "html", "toast")
    elements = [element for kind in kinds for element in app.get(kind)]
    return "\n".join(getattr(element, "value", None) or element.proto.body for element in elements)


def buttons(app, label):
    return [one for one in app.button if one.label == label]


def table_of(app, key):
    return app.get_by_key(key).dataframe[0].value.set_index("name" if key == "comparison" else "id")


def train_here(store, name="cnn_min", state="stopped", epochs=1, **settings):
    """A training that has ended."""
    request = make_request(name, **settings)
    return make_training(store, request, epochs, state, message=f"{state} for a reason")


def finish_here(store, name="cnn_min"):
    """A finished run, made here, with the shipped run's files."""
    training = train_here(store, name)
    for file in (RESULT, PROBABILITIES, SERVED, HISTORY, REQUEST):
        shutil.copy(store.shipped / name / file, training.folder / file)
    return store.finish(training)


def test_the_page_shows_every_part_and_no_exception(open_compare):
    app = open_compare()
    assert not app.exception
    table = table_of(app, "comparison")
    assert list(table.index) == [one.name for one in EXPERIMENTS]
    assert table.loc["cnn", "accuracy"] > 98
    keys = {
        "Results": ("cost",),
        "Two networks": ("pairs", "difference", "all_pairs"),
        "Build": ("builder",),
        "Retrain": ("retrain", "jobs", "runs"),
    }
    words = ""
    for view in keys:
        app = open_compare(view=view)
        assert not app.exception
        words += words_of(app)
        assert all(app.get_by_key(key) for key in keys[view])
    assert "alone is right on" in words
    assert "dn-pairs" in words


def test_real_drawings_stand_beside_mnist_where_they_were_measured(
    open_compare, store, monkeypatch
):
    scores = {"pendigits": {"accuracy": 0.93, "interval": [0.91, 0.95]}}
    drawn = {"title": "drawings", "drawings": 300, "writers": 30}
    networks = {
        name: {"served_sha256": store.current(name).result["served_sha256"], "sets": scores}
        for name in ("cnn", "cnn_min")
    }
    record = {"sets": {"pendigits": drawn}, "networks": networks}
    monkeypatch.setattr(handwriting, "_load_handwriting", lambda: record)
    app = open_compare()
    table = table_of(app, "comparison")
    assert table.loc["cnn", "drawn"] == 93 and table["drawn"].count() == 2
    assert app.get_by_key("drawn")
    assert "What architecture buys: between the 2 networks" in words_of(app)
    monkeypatch.setattr(handwriting, "_load_handwriting", dict)
    with pytest.raises(KeyError):
        open_compare().get_by_key("drawn")


@pytest.mark.parametrize("file", [REQUEST, RESULT, HISTORY, PROBABILITIES, SERVED])
@pytest.mark.parametrize("content", [b"", b"{", b"\x00\xff garbage"])
def test_a_run_with_a_broken_file_leaves_the_page_whole(open_compare, checkpoints, file, content):
    (checkpoints / "cnn_min" / file).write_bytes(content)
    app = open_compare()
    assert not app.exception
    table = table_of(app, "comparison")
    assert table.loc["cnn", "accuracy"] > 98
    if file in (REQUEST, RESULT, HISTORY):
        assert file in table.loc["cnn_min", "problem"]


def test_without_any_run_the_page_still_offers_to_train(open_compare, checkpoints):
    shutil.rmtree(checkpoints)
    app = open_compare()
    assert not app.exception
    assert "No network is trained yet." in words_of(app)
    assert "two trained networks" in words_of(open_compare(view="Two networks"))
    assert buttons(open_compare(view="Retrain"), "Retrain")


def test_latency_is_measured_on_demand_and_can_be_a_cost(open_compare):
    app = open_compare()
    assert "milliseconds" not in app.get_by_key("comparison").dataframe[0].proto.column_order
    buttons(app, "Measure the time of one image")[0].click().run()
    assert not app.exception
    assert 0 < table_of(app, "comparison").loc["cnn", "milliseconds"] < 1000


def test_two_networks_of_the_url_are_compared(open_compare):
    app = open_compare(view="Two networks", a="cnn_min/shipped", b="fc_narrow/shipped")
    assert "**CNN, few filters** alone" in words_of(app)
    assert "#### CNN, few filters is better" in words_of(app)
    app.selectbox(key="chosen_b").set_value("cnn_min/shipped").run()
    assert "one and the same" in words_of(app)
    assert app.query_params["b"] in ("cnn_min/shipped", ["cnn_min/shipped"])


@pytest.mark.parametrize("name", ["../../etc/passwd", "resnet/shipped", "cnn/20990101-000000-ffff"])
def test_an_unknown_run_in_the_url_is_told(open_compare, name):
    app = open_compare(view="Two networks", a=name)
    assert not app.exception
    assert f"The address asks for “a={name}”" in words_of(app)


def test_the_estimate_follows_the_settings_and_bad_settings_are_told(open_retrain):
    app = open_retrain()
    assert "About **" in words_of(app)
    app.number_input(key="epochs").set_value(0).run()
    assert "epochs must be a whole number" in words_of(app)
    assert buttons(app, "Retrain")[0].disabled


def test_a_training_is_queued_once_with_the_settings_and_the_reports_learning_rate(
    open_retrain, store
):
    app = open_retrain()
    app.multiselect(key="networks").set_value(["cnn_min", "fc_lr_high"]).run()
    app.number_input(key="seed").set_value(7).run()
    buttons(app, "Retrain 2 networks")[0].click().run()
    assert "in the queue" in words_of(app)
    found = {job.experiment.name: job.training.request.settings for job in jobs.list_jobs(store)}
    assert found["cnn_min"] == TrainingSettings(seed=7)
    assert found["fc_lr_high"] == TrainingSettings(seed=7, learning_rate=0.05)
    buttons(app, "Retrain 2 networks")[0].click().run()
    assert "Once is enough" in words_of(app)
    assert len(jobs.list_jobs(store)) == 2


def test_a_setting_that_is_typed_just_before_the_click_counts(open_retrain, store):
    app = open_retrain()
    app.number_input(key="epochs").set_value(2)
    buttons(app, "Retrain")[0].click().run()
    [job] = jobs.list_jobs(store)
    assert job.training.request.settings == TrainingSettings(epochs=2)
    app.number_input(key="epochs").set_value(0)
    buttons(app, "Retrain")[0].click().run()
    assert "epochs must be" in words_of(app)
    assert len(jobs.list_jobs(store)) == 1


def test_the_queue_can_be_changed(open_retrain, store):
    for name in ("cnn", "cnn_min"):
        jobs.submit(store, Request(name, SAMPLE))
    app = open_retrain()
    assert "next in line" in words_of(app)
    sign = app.get_by_key("training_sign").get("page_link")[0]
    assert sign.proto.label == "Training Basic CNN and 1 more"
    next(one for one in buttons(app, "Move up") if not one.disabled).click().run()
    assert [job.experiment.name for job in jobs.list_jobs(store)] == ["cnn_min", "cnn"]
    buttons(app, "Cancel")[0].click().run()
    assert [job.experiment.name for job in jobs.list_jobs(store)] == ["cnn"]


def test_long_lists_show_the_first_few_and_the_rest_on_demand(open_retrain, store):
    for seed in range(40):
        make_training(store, make_request("cnn", seed=seed))
        finish_run(store, make_request("cnn_min", seed=seed))
    app = open_retrain()
    assert len(buttons(app, "Cancel")) == job_list.FEW
    assert len(table_of(app, "runs")) == run_list.FEW
    assert len(app.button) < 60
    app.toggle(key="all trainings").set_value(True).run()
    app.toggle(key="all runs").set_value(True).run()
    assert len(buttons(app, "Cancel")) == 40
    assert len(table_of(app, "runs")) == len(store.finished())


def test_a_running_training_shows_where_it_stands(open_retrain, store):
    training = train_here(store, epochs=2)
    training.write_status("running", phase="training", epoch=2, step=30, steps=120)
    with training.locked():
        app = open_retrain()
    assert not app.exception
    assert "Epoch 3, step 30 of 120" in app.get("progress")[0].proto.text
    assert "dn-progress" in words_of(app)


def test_a_training_that_has_ended_can_be_resumed_or_deleted(open_retrain, store):
    train_here(store, "cnn")
    failed = train_here(store, "cnn_min", "failed", epochs=0)
    (failed.folder / LOG).write_text("it printed this")
    app = open_retrain()
    assert "Stopped for a reason." in words_of(app)
    assert "Failed for a reason." in [one.value for one in app.error]
    app.toggle(key=f"log {failed.id}").set_value(True).run()
    assert any("it printed this" in one.value for one in app.code)
    app.button(key=f"Delete it {failed.id}").click().run()
    assert [job.experiment.name for job in jobs.list_jobs(store)] == ["cnn"]
    buttons(app, "Resume")[0].click().run()
    assert jobs.list_jobs(store)[0].state == "queued"


def test_a_broken_training_leaves_the_others_in_order(open_retrain, store):
    train_here(store, "cnn")
    (train_here(store, "cnn_min").folder / REQUEST).write_text("{")
    app = open_retrain()
    assert not app.exception
    assert any(REQUEST in one.value for one in app.error)
    assert buttons(app, "Resume")


def test_going_back_to_the_shipped_run_is_one_click(open_retrain, store):
    run = finish_here(store)
    app = open_retrain()
    assert table_of(app, "runs").loc[run.id, "current"]
    buttons(app, "Go back to the shipped run")[0].click().run()
    assert store.current("cnn_min").is_shipped
    assert not buttons(app, "Go back to the shipped run")


def test_a_run_is_made_current_and_deleted_but_a_shipped_one_never(open_retrain, store):
    run = finish_here(store)
    store.roll_back("cnn_min")
    app = open_retrain()
    buttons(app, "Make current")[0].click().run()
    assert store.current("cnn_min").id == run.id
    app.selectbox(key="run").set_value(run.id).run()
    buttons(app, "Delete it")[0].click().run()
    assert store.finished("cnn_min")[0].is_shipped and len(store.finished("cnn_min")) == 1
    assert app.selectbox(key="run").value.endswith("/shipped")
    assert not buttons(app, "Delete it")


def test_a_refused_action_is_told(open_retrain, store):
    train_here(store, "cnn")
    app = open_retrain()
    shutil.rmtree(store.local / "unfinished")
    buttons(app, "Resume")[0].click().run()
    assert not app.exception
    assert "no training" in words_of(app)


def test_read_only_shows_everything_and_offers_nothing(open_compare, store, monkeypatch):
    finish_here(store)
    train_here(store, "cnn")
    monkeypatch.setenv("DIGITNET_READ_ONLY", "1")
    app = open_compare()
    assert {one.label for one in app.button} == {"Measure the time of one image"}
    assert [tab.label for tab in app.tabs] == ["Results", "Two networks", "Retrain"]
    assert not app.get_by_key("comparison").dataframe[0].proto.selection_mode
    app = open_compare(view="Retrain")
    assert not app.exception
    assert "read-only" in words_of(app)
    assert not app.button and not app.multiselect
    assert app.get("download_button")  # to read is free


def test_without_tensorflow_the_page_says_what_to_install(open_retrain, monkeypatch):
    monkeypatch.setattr(trainings, "find_spec", lambda name: None)
    app = open_retrain()
    assert "pip install -r requirements.txt" in words_of(app)
    assert not buttons(app, "Retrain")


def test_only_the_open_part_is_computed(open_compare, monkeypatch):
    computed = []

    def count(module, name):
        true = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args: computed.append(name) or true(*args))

    for module, name in ((jobs, "estimate"), (jobs, "read_log"), (comparison, "compare_standings")):
        count(module, name)
    count(job_list, "state_of")
    app = open_compare()
    assert computed == ["state_of"]  # to be drawn anew when a run is finished
    computed.clear()
    app.query_params["view"] = "Two networks"
    app.run()
    assert set(computed) == {"compare_standings", "state_of"}
    computed.clear()
    app.query_params["view"] = "Retrain"
    app.run()
    assert set(computed) == {"estimate", "state_of"}


def test_histories_are_read_once_for_all_estimates(open_compare, store, monkeypatch):
    training = train_here(store)
    read = []
    true = records.read_history
    monkeypatch.setattr(records, "read_history", lambda path: read.append(path) or true(path))
    names = [one.name for one in EXPERIMENTS]
    settings = TrainingSettings()
    for name in names:
        jobs.estimate(store, store.find_experiment(name), settings)
    assert read.count(training.folder / HISTORY) == 1
    training.append_history(make_row(2))
    jobs.estimate(store, store.find_experiment("cnn"), settings)
    assert read.count(training.folder / HISTORY) == 2


@pytest.mark.parametrize("view", ["Results", "Two networks"])
def test_nothing_is_shown_but_what_is_said(open_compare, view):
    assert "`None`" not in words_of(open_compare(view=view))


TABLE = f"table {' '.join(one.name for one in EXPERIMENTS)}"


def tick(app, *rows):
    app.session_state[TABLE] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def test_ticked_rows_are_retrained_with_their_own_settings(open_compare, store):
    names = [one.name for one in EXPERIMENTS]
    app = open_compare()
    [button] = buttons(app, "Retrain")
    assert button.disabled
    assert "Tick networks in the table" in words_of(app)
    tick(app, names.index("fc_lr_high"), names.index("cnn_min"), 99)
    assert "with their own settings" in words_of(app)
    [button] = buttons(app, "Retrain 2 networks")
    button.click().run()
    assert words_of(app).count("in the queue") == 2
    found = {job.experiment.name: job.training.request.settings for job in jobs.list_jobs(store)}
    assert found == {
        "cnn_min": TrainingSettings(),
        "fc_lr_high": TrainingSettings(learning_rate=0.05),
    }
    buttons(app, "Retrain 2 networks")[0].click().run()
    assert words_of(app).count("Once is enough") == 2
    assert len(jobs.list_jobs(store)) == 2
    buttons(app, "Watch it train")[0].click().run()
    assert app.query_params["view"] == "Retrain"
    assert "next in line" in words_of(app)


def test_what_would_fail_for_want_of_memory_is_warned_of_beside_the_table(
    open_compare, monkeypatch
):
    memory = type("Memory", (), {"available": 10_000_000})
    monkeypatch.setattr(trainings.psutil, "virtual_memory", memory)
    app = tick(open_compare(), [one.name for one in EXPERIMENTS].index("fc_large"))
    assert "this would fail" in words_of(app)


def test_the_form_is_kept_while_another_part_is_open(open_retrain):
    app = open_retrain()
    app.multiselect(key="networks").set_value(["cnn", "lenet5"]).run()
    app.number_input(key="epochs").set_value(7).run()
    app.number_input(key="learning_rate").set_value(0.01).run()
    app.segmented_control(key="dataset").set_value("sample").run()
    for view in ("Results", "Retrain"):
        app.query_params["view"] = view
        app.run()
    assert app.multiselect(key="networks").value == ["cnn", "lenet5"]
    assert app.number_input(key="epochs").value == 7
    assert app.number_input(key="learning_rate").value == 0.01
    assert app.segmented_control(key="dataset").value == "sample"
    assert not app.exception and not app.warning


def test_a_run_is_taken_away_as_files(open_retrain, store):
    run = finish_here(store)
    app = open_retrain()
    assert [one.label for one in app.get("download_button")] == [".tflite"]
    (run.folder / TRAINED).write_bytes(b"keras")
    app.run()
    assert [one.label for one in app.get("download_button")] == [".tflite", ".keras"]
    assert not app.exception


def test_settings_that_the_form_does_not_ask_for_are_the_networks_own(open_retrain, store):
    app = open_retrain()
    app.multiselect(key="networks").set_value(["reader"]).run()
    app.number_input(key="seed").set_value(9).run()
    buttons(app, "Retrain")[0].click().run()
    [job] = jobs.list_jobs(store)
    own = store.find_experiment("reader").settings
    asked = job.training.request.settings
    assert (asked.schedule, asked.warm_up, asked.weight_decay) == ("cosine", 250, 0.02)
    assert asked.learning_rate == own.learning_rate and asked.seed == 9
