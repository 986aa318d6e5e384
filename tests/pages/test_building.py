"""Networks of one's own without a browser: built on the Compare page, and seen on every page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial

import pytest

from digitnet import jobs
from digitnet.experiments import (
    COLOURS,
    TrainingSettings,
    find_experiment,
    format_layers,
    parse_layers,
)
from digitnet.jobs import queue
from digitnet.runs import RunStore, add_network
from digitnet.ui import builder
from tests.pages.conftest import open_at
from tests.pages.test_compare import buttons, table_of, words_of

pytestmark = pytest.mark.slow  # the builder is the page with most to draw

LAYERS = "conv 4 same norm, max 4/4, flatten, dense 8 norm, dropout 0.25"


@pytest.fixture
def store(checkpoints, monkeypatch):
    """A store without a worker."""
    monkeypatch.setattr(queue, "ensure_worker", lambda store: None)
    monkeypatch.setattr(jobs, "ensure_worker", lambda store: None)
    return RunStore.default()


@pytest.fixture
def open_builder(store):
    return partial(open_at, "compare", view="Build")


def text_of(app):
    return app.text_area(key="layers_text").value


def write(app, text):
    return app.text_area(key="layers_text").set_value(text).run()


def widgets(app, kind, name):
    """The widgets of all layers for one of their values."""
    return [one for one in app.get(kind) if one.key and one.key.startswith(f"{name}_")]


def names_of(store):
    return [one.name for one in store.experiments() if one.is_own]


def test_text_and_rows_follow_each_other(open_builder):
    app = open_builder()
    assert text_of(app) == "conv 32, max 2/2, conv 64, max 2/2, flatten, dropout 0.5"
    widgets(app, "selectbox", "kind")[1].set_value("Average pooling").run()
    widgets(app, "number_input", "filters")[0].set_value(8).run()
    widgets(app, "checkbox", "normalized")[0].check().run()
    widgets(app, "number_input", "rate")[0].set_value(0.15000000000000002).run()
    assert text_of(app) == "conv 8 norm, average 2/2, conv 64, max 2/2, flatten, dropout 0.15"
    write(app, "CONV 16 5/1 same,flatten , dense 32")
    assert text_of(app) == "conv 16 5/1 same, flatten, dense 32"
    kinds = [one.value for one in widgets(app, "selectbox", "kind")]
    assert kinds == ["Convolution", "Flatten", "Dense"]
    assert widgets(app, "number_input", "window")[0].value == 5
    assert widgets(app, "checkbox", "same")[0].value
    assert not app.exception


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("filters", 0, 5000, "Filters must be a whole number from 1 to 1,024: 5000, so 32 stays."),
        ("window", 1, 0, "The window must be a whole number from 1 to 28: 0, so 2 stays."),
        ("rate", 0, 1.5, "Dropout must be from 0 to below 1: 1.5, so 0.5 stays."),
    ],
)
def test_a_value_that_cannot_be_is_said_at_its_layer(open_builder, name, place, value, said):
    app = open_builder()
    text = text_of(app)
    kept = widgets(app, "number_input", name)[place].value
    widgets(app, "number_input", name)[place].set_value(value).run()
    assert words_of(app).count(said) == 1 and text_of(app) == text
    assert widgets(app, "number_input", name)[place].value == kept
    widgets(app, "number_input", "filters")[1].set_value(8).run()
    assert said not in words_of(app)


def test_layers_are_added_moved_and_removed(open_builder):
    app = write(open_builder(), "conv 16, flatten")
    app.button(key="add_layer").click().run()
    assert text_of(app) == "conv 16, flatten, dense 64"
    rows = app.session_state["draft"].rows
    app.button(key=f"Insert above {rows[1].id}").click().run()
    app.button(key=f"Move up {rows[1].id}").click().run()
    assert text_of(app) == "conv 32, conv 16, flatten, dense 64"
    app.button(key=f"Remove {rows[0].id}").click().run()
    assert text_of(app) == "conv 16, flatten, dense 64"
    assert app.button(key=f"Move up {rows[0].id}").disabled


def test_one_can_start_over_from_the_same_network(open_builder):
    app = open_builder()
    for _ in range(2):
        app.selectbox(key="start").set_value("cnn").run()
        assert text_of(app) == format_layers(find_experiment("cnn").layers)
        app = write(app, "conv 16, flatten")
    assert app.selectbox(key="start").value is None


def test_shapes_and_parameters_are_those_of_the_experiment(open_builder):
    app = open_builder()
    app.selectbox(key="start").set_value("lenet5").run()
    words = words_of(app)
    for cost in find_experiment("lenet5").costs:
        if cost.parameters:
            assert f"{cost.parameters:,}" in words
    assert "→ 26 × 26 × 6" in words and "→ 400 values" in words
    assert "<b>60,074</b> parameters" in words
    assert "About **" in words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("conv 8, max 9/9, max 5/3, flatten", "Layer 3, max 5/3: it needs at least 5x5"),
        ("flatten, conv 8", "Layer 2, conv 8: it needs an image"),
    ],
)
def test_what_cannot_stand_is_said_once_and_at_its_layer(open_builder, text, said):
    app = write(open_builder(), text)
    place = int(said.split()[1].strip(","))
    row = app.session_state["draft"].rows[place - 1]
    bodies = [one.proto.body for one in app.get_by_key(f"layer_{row.id}").html]
    assert any(said in body for body in bodies)
    assert words_of(app).count(said) == 1
    assert buttons(app, "Save")[0].disabled and buttons(app, "Save and train")[0].disabled


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Mine!", "flatten", "A network's name has 1 to 24 lower-case letters"),
        ("cnn", "flatten", "one of the project's own networks'"),
        ("mine", "conv 8", "Flatten is missing"),
        ("mine", "conv 8, max 2", "Layer 2, max 2: it is written like max 2/2"),
        ("mine", "dense 64, flatten, dense 8192", "at most 50,000,000 parameters"),
    ],
)
def test_what_cannot_be_kept_is_said_in_a_sentence(open_builder, name, text, said):
    app = write(open_builder(), text)
    app.text_input(key="network_name").set_value(name).run()
    assert not app.exception
    assert any(said in error.value for error in app.error)
    assert buttons(app, "Save")[0].disabled


def test_a_bad_text_survives_another_tab_and_keeps_the_last_good_rows(open_builder):
    app = write(open_builder(), "conv 16, flatten")
    write(app, "conv 16, lstm 4")
    for view in ("Results", "Build"):
        app.query_params["view"] = view
        app.run()
    assert text_of(app) == "conv 16, lstm 4"
    assert [one.value for one in widgets(app, "selectbox", "kind")] == ["Convolution", "Flatten"]


def test_a_network_is_saved_and_a_name_that_is_taken_becomes_a_version(open_builder, store):
    app = write(open_builder(), LAYERS)
    app.text_input(key="network_name").set_value("mine").run()
    app.text_input(key="network_reason").set_value("Does <b>norm</b> help?").run()
    buttons(app, "Save")[0].click().run()
    assert "mine is kept." in words_of(app)
    assert "&lt;b&gt;norm" in words_of(app)
    assert store.find_experiment("mine").layers == parse_layers(LAYERS)
    buttons(app, "Save")[0].click().run()
    assert "kept already, as mine" in words_of(app)
    write(app, "conv 4, flatten")
    assert "this will be kept as mine_2" in words_of(app)
    buttons(app, "Save")[0].click().run()
    assert "so this is kept as mine_2." in words_of(app)
    assert names_of(store) == ["mine", "mine_2"]
    buttons(app, "Start from this")[0].click().run()
    assert text_of(app) == LAYERS


def test_save_and_train_queues_it_with_the_settings(open_builder, store):
    app = write(open_builder(), LAYERS)
    app.segmented_control(key="dataset").set_value("sample").run()
    app.number_input(key="epochs").set_value(1).run()
    buttons(app, "Save and train")[0].click().run()
    assert "in the queue" in words_of(app)
    [job] = jobs.list_jobs(store)
    assert job.experiment.name == "my_cnn"
    assert job.training.request.settings == TrainingSettings(dataset="sample", epochs=1)
    app.number_input(key="epochs").set_value(0).run()
    assert "epochs must be a whole number" in words_of(app)
    assert buttons(app, "Save and train")[0].disabled and not buttons(app, "Save")[0].disabled


def test_a_network_is_deleted_with_its_runs_and_the_queue_forgets_it(open_builder, store):
    add_network(store.local, "mine", parse_layers(LAYERS))
    request = jobs.submit(store, builder.Request("mine", TrainingSettings(dataset="sample")))
    app = open_builder()
    assert "mine and all its runs" in words_of(app)
    app.button(key="Delete it mine").click().run()
    assert not app.exception
    assert names_of(store) == [] and not request.training.folder.exists()
    assert jobs.list_jobs(store) == []


def test_a_network_that_is_gone_by_now_is_told_in_a_sentence(open_builder, store):
    add_network(store.local, "mine", parse_layers(LAYERS))
    app = open_builder()
    retrain = open_at("compare", view="Retrain")
    retrain.multiselect(key="networks").set_value(["mine"]).run()
    jobs.delete_network(store, "mine")
    app.selectbox(key="start").set_value("mine").run()
    assert not app.exception and "No experiment is named 'mine'" in words_of(app)
    buttons(retrain, "Retrain")[0].click().run()
    assert not retrain.exception


def test_a_text_of_too_many_layers_is_refused_at_once(open_builder):
    app = write(open_builder(), ", ".join(["dropout 0"] * 2000))
    assert "A network has at most 30 layers: 2000." in words_of(app)
    assert len(widgets(app, "selectbox", "kind")) == 6  # those of before


def test_a_network_that_trains_is_not_deleted(open_builder, store):
    add_network(store.local, "mine", parse_layers(LAYERS))
    training = store.create(builder.Request("mine", TrainingSettings(dataset="sample")))
    app = open_builder()
    with training.locked():
        app.button(key="Delete it mine").click().run()
    assert "The network mine is training now; stop it first." in words_of(app)
    assert names_of(store) == ["mine"]


# --- a trained one, on every page ------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of runs with a network that was defined and trained on the command line."""
    runs = tmp_path_factory.mktemp("own")
    environment = os.environ | {"DIGITNET_RUNS": str(runs)}
    command = [sys.executable, "-m", "digitnet", "train", "mine", "--layers", LAYERS]
    command += ["--dataset", "sample", "--epochs", "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "\nmine: test accuracy" in done.stdout
    return runs


@pytest.fixture
def own_store(store, trained):
    """A store with the trained network of one's own, and three of the project's."""
    shutil.copytree(trained, store.local, dirs_exist_ok=True)
    return store


def test_a_trained_network_votes_on_drawings_and_can_be_chosen(own_store, open_app):
    app = open_app(begin_with=3, model="mine")
    assert not app.exception
    assert app.selectbox(key="model").value == "mine"
    votes = "".join(one.proto.body for one in app.get_by_key("all_models").html)
    yours = votes.partition("<h4>Yours</h4>")[2]
    assert f"--colour:{COLOURS[0]}" in yours and "mine" in yours and "sure" in yours
    assert "the report’s three networks that learnt" in votes  # among which it is not counted


def test_a_trained_network_is_compared(own_store):
    app = open_at("compare")
    assert not app.exception
    table = table_of(app, "comparison")
    assert list(table.index)[-1] == "mine" and table.loc["mine", "accuracy"] > 0
    assert COLOURS[0] in app.get("plotly_chart")[0].proto.spec
    run = own_store.current("mine")
    app = open_at("compare", view="Two networks", a=run.id, b="cnn/shipped")
    assert not app.exception
    words = words_of(app)
    assert "were not tested on the same digits" in words
    assert "conv 4 same norm · 44" in words
    assert f"--colour:{COLOURS[0]}" in words.partition("dn-pairs")[2]
    app = open_at("compare", view="Retrain")
    assert "mine" in app.multiselect(key="networks").options
    app.selectbox(key="run").set_value(run.id).run()
    assert [one.label for one in app.get("download_button")] == [".tflite", ".keras"]


@pytest.mark.parametrize(("page", "parameter"), [("curves", "run"), ("confusion", "a")])
def test_a_trained_network_is_on_the_other_pages(own_store, page, parameter):
    run = own_store.current("mine")
    app = open_at(page, **{parameter: run.id})
    assert not app.exception and not app.error
    assert run.title in words_of(app)
