"""Training curves: read, put into words, smoothed and drawn, over runs that are made up here."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from digitnet.experiments import REPORT_EXPERIMENTS, TrainingSettings, find_experiment
from digitnet.report import load_report_history
from digitnet.runs import HISTORY, RESULT, KeptFit, ReadShare, Request, RunError, RunStore
from digitnet.show import curves as curve_figures
from digitnet.show.curves import METRICS, PARTS, SCALES, SPANS, View
from digitnet.study import curves
from digitnet.study.fit import describe_fit
from tests.made_runs import make_request, make_row, ship_run

ACCURACY = [0.90, 0.95, 0.97, 0.98, 0.985]
VAL_ACCURACY = [0.93, 0.96, 0.975, 0.97, 0.972]  # the third is the best


def epoch_row(epoch, accuracy, val_accuracy):
    values = {"seconds": 2.0, "loss": 1 - accuracy, "val_loss": 1 - val_accuracy}
    return make_row(epoch, accuracy=accuracy, val_accuracy=val_accuracy, **values)


def write_shipped(store, name):
    rows = [epoch_row(*one) for one in zip(range(1, 6), ACCURACY, VAL_ACCURACY, strict=True)]
    ship_run(store, make_request(name, dataset="mnist"), rows, best_epoch=3)


@pytest.fixture
def store(tmp_path):
    """Two finished runs and a training that has been interrupted after two epochs."""
    store = RunStore(tmp_path / "runs", tmp_path / "shipped")
    write_shipped(store, "cnn")
    write_shipped(store, "fc")
    training = store.create(Request("lenet5", TrainingSettings()))
    training.append_history(epoch_row(1, 0.9, 0.95))
    training.append_history(epoch_row(2, 0.93, 0.94))
    training.write_status("running", epoch=2)  # by a process that is not there any more
    return store


@pytest.fixture
def cnn(store):
    return curves.load_curves(store, "cnn/shipped", "A")


@pytest.fixture
def unfinished(store):
    return curves.load_curves(store, store.unfinished()[0].id, "B")


# --- from run folders ------------------------------------------------------------------------


def test_every_run_and_training_is_listed_with_its_state(store):
    states = {run_id: one.state for run_id, one in curves.list_trainings(store).items()}
    assert states == {
        "fc/shipped": "finished",
        "cnn/shipped": "finished",
        store.unfinished()[0].id: "interrupted",
    }


def test_the_two_basic_networks_come_first_or_whatever_there_is(store, tmp_path):
    assert curves.choose_first(store) == ["fc/shipped", "cnn/shipped"]
    other = RunStore(tmp_path / "none", tmp_path / "other")
    write_shipped(other, "lenet5")
    assert curves.choose_first(other) == ["lenet5/shipped"]


def test_a_finished_run_keeps_the_epoch_that_its_result_names(cnn):
    assert (cnn.epochs, cnn.best_epoch, cnn.state, cnn.is_alive) == (5, 3, "finished", False)


def test_an_unfinished_training_would_keep_its_best_epoch_so_far(unfinished):
    assert (unfinished.epochs, unfinished.best_epoch) == (2, 1)
    assert unfinished.state == "interrupted"


def test_with_a_cosine_the_last_epoch_is_the_one_to_keep(store):
    training = store.create(Request("cnn", TrainingSettings(schedule="cosine")))
    for epoch, accuracy in enumerate((0.98, 0.991, 0.99), start=1):
        training.append_history(epoch_row(epoch, 0.9, accuracy))
    assert curves.load_curves(store, training.id, "C").best_epoch == 3


def test_a_training_without_an_epoch_has_curves_without_points(store):
    training = store.create(Request("cnn", TrainingSettings(seed=2)))
    empty = curves.load_curves(store, training.id, "A")
    assert (empty.epochs, empty.best_epoch, empty.is_alive) == (0, 0, True)
    assert curves.interpret_curves(empty).verdict == "No epoch has ended yet."
    assert curve_figures.curves_figure([empty], View()).data


@pytest.mark.parametrize("run_id", ["cnn/20260101-000000-abcd", "nonsense", "../cnn/shipped", ""])
def test_an_unknown_run_is_refused(store, run_id):
    with pytest.raises(RunError, match="there is no run"):
        curves.load_curves(store, run_id, "A")


@pytest.mark.parametrize(
    "content", ["{", '{"format": 1, "best_epoch": 9}', '{"format": 1, "best_epoch": "3"}', "{}"]
)
def test_a_result_that_names_no_epoch_is_told(store, content):
    (store.shipped / "cnn" / RESULT).write_text(content)
    with pytest.raises(RunError, match=RESULT):
        curves.load_curves(store, "cnn/shipped", "A")


def test_a_broken_history_is_told(store):
    (store.shipped / "cnn" / HISTORY).write_text("garbage\n")
    with pytest.raises(RunError, match=HISTORY):
        curves.load_curves(store, "cnn/shipped", "A")


def test_the_reports_curves_are_loaded_once_for_an_experiment(store, cnn):
    again = curves.load_curves(store, "cnn/shipped", "C")
    fc = curves.load_curves(store, "fc/shipped", "B")
    loaded = curves.load_report_curves([cnn, fc, again])
    assert [(one.experiment.name, one.letter) for one in loaded] == [("cnn", "A"), ("fc", "B")]
    assert all(one.is_report for one in loaded)
    np.testing.assert_array_equal(loaded[0].history["loss"], load_report_history("cnn")["loss"])


def test_the_table_has_a_line_for_each_epoch_and_marks_the_kept_one(cnn):
    report = curves.load_report_curves([cnn])
    lines = list(csv.DictReader(io.StringIO(curves.write_csv([cnn, *report]))))
    ours = [line for line in lines if line["run"] == "cnn/shipped"]
    assert [float(line["val_accuracy"]) for line in ours] == VAL_ACCURACY
    assert [line["kept"] for line in ours] == ["0", "0", "1", "0", "0"]
    assert len(lines) - len(ours) == len(load_report_history("cnn")["epoch"])


# --- in words --------------------------------------------------------------------------------


def test_the_reading_names_verdict_rule_epochs_gap_and_report(cnn):
    said = curves.interpret_curves(cnn)
    assert said.verdict == f"By its curves it fits. {describe_fit(cnn.history, 3).reason}"
    assert said.epochs == "It stopped after 5 epochs and keeps epoch 3, 2 before the last."
    assert "it read 97.00% of its training images, with dropout, and after it 97.50%" in said.gap
    assert "ahead" not in said.gap  # the two are not taken alike
    fit = KeptFit(ReadShare(990, 1000), ReadShare(97, 100))
    said = curves.interpret_curves(replace(cnn, fit=fit))
    assert said.gap == (
        "As it is kept, without dropout, it reads 99.00% of its 1,000 training images and 97.00% "
        "of the validation images: training is 2.00 percentage points ahead."
    )
    assert find_experiment("cnn").conclusion in said.report


def test_a_training_that_goes_on_is_told_as_such(unfinished):
    said = curves.interpret_curves(unfinished)
    assert said.epochs == "It is interrupted, after 2 epochs; the best so far is 1."
    assert "dropout" not in said.gap  # LeNet-5 has none
    said = curves.interpret_curves(replace(unfinished, keeps_last=True))
    assert said.epochs == "It is interrupted, after 2 epochs; the last of all is kept."


def test_a_lone_sentence_has_one_full_stop(unfinished):
    fresh = replace(unfinished, history={"epoch": np.empty(0)}, best_epoch=0)
    card = curve_figures.interpretation_html(fresh, curves.interpret_curves(fresh))
    assert "<b>No epoch has ended yet.</b>" in card


def test_a_loss_that_is_no_number_is_told(cnn):
    cnn.history["loss"][2] = np.nan
    assert curves.interpret_curves(cnn).verdict.startswith("It came apart")
    assert curve_figures.curves_figure([cnn], View(metric="Loss", part="Both")).data


@pytest.mark.parametrize("experiment", [one.name for one in REPORT_EXPERIMENTS])
def test_the_reports_own_verdict_is_computed(experiment):
    history = load_report_history(experiment)
    best = int(np.argmax(history["val_accuracy"])) + 1
    verdict = describe_fit(history, best).verdict
    said = curves._describe_report(find_experiment(experiment))
    assert f"the report's own curve {verdict};" in said


# --- drawn -----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 3, 5, 9])
def test_smoothing_is_the_mean_of_the_epochs_around(window):
    values = np.random.default_rng(0).random(7)
    half = window // 2
    expected = [values[max(0, at - half) : at + half + 1].mean() for at in range(7)]
    np.testing.assert_allclose(curve_figures.smooth(values, window), expected)


def lines_of(figure, letter):
    return [one for one in figure.data if (one.name or "").startswith(f"{letter} ")]


def test_a_curve_has_its_experiments_colour_and_the_parts_differ_in_dash(cnn):
    lines = lines_of(curve_figures.curves_figure([cnn], View(part="Both")), "A")
    assert {one.line.color for one in lines} == {find_experiment("cnn").colour}
    assert [one.line.dash for one in lines] == ["solid", "dot"]
    np.testing.assert_allclose(lines[0].y, VAL_ACCURACY)
    np.testing.assert_allclose(lines[1].y, ACCURACY)


def test_the_reports_curves_are_dashed_and_named_in_the_legend(cnn):
    report = curves.load_report_curves([cnn])
    figure = curve_figures.curves_figure([cnn, *report], View())
    assert [one.line.dash for one in lines_of(figure, "A")] == ["solid", "dash"]
    shown = {one.name for one in figure.data if one.showlegend is not False}
    assert {"the report's validation", "validation", "kept epoch; the report's best"} <= shown


def test_the_kept_epoch_has_a_ring(cnn):
    figure = curve_figures.curves_figure([cnn], View())
    ring = next(one for one in figure.data if one.marker.symbol == "circle-open")
    assert (list(ring.x), list(ring.y)) == ([3], [0.975])


def test_runs_of_one_experiment_differ_in_letter_and_mark(store, cnn):
    other = curves.load_curves(store, "cnn/shipped", "B")
    figure = curve_figures.curves_figure([cnn, other], View())
    marks = [lines_of(figure, letter)[0].marker.symbol for letter in "AB"]
    assert len(set(marks)) == 2
    assert {"<b>A</b>", "<b>B</b>"} <= {one.text for one in figure.layout.annotations}


def test_labels_of_lines_that_end_together_do_not_cover_each_other(store, cnn):
    several = [curves.load_curves(store, "cnn/shipped", letter) for letter in "ABCD"]
    figure = curve_figures.curves_figure(several, View())
    shifts = sorted(one.yshift for one in figure.layout.annotations if one.yshift is not None)
    assert np.diff(shifts).min() >= 13


def test_smoothing_says_so_and_keeps_the_raw_line_faint(cnn):
    figure = curve_figures.curves_figure([cnn], View(window=3))
    assert figure.layout.yaxis.title.text == "Accuracy, mean over 3 epochs"
    faint = [one for one in figure.data if one.opacity and one.x[0] is not None]
    np.testing.assert_allclose(faint[0].y, VAL_ACCURACY)
    np.testing.assert_allclose(
        lines_of(figure, "A")[0].y, curve_figures.smooth(np.array(VAL_ACCURACY), 3)
    )


def test_seconds_add_up(cnn):
    line = lines_of(curve_figures.curves_figure([cnn], View(by="Seconds")), "A")[0]
    assert list(line.x) == [2, 4, 6, 8, 10]


def test_a_shares_logarithmic_axis_is_one_of_errors_with_fewer_on_top(cnn):
    figure = curve_figures.curves_figure([cnn], View(scale="Logarithmic"))
    np.testing.assert_allclose(lines_of(figure, "A")[0].y, 1 - np.array(VAL_ACCURACY))
    bottom, top = figure.layout.yaxis.range
    assert bottom > top
    labels = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert (labels[0.01], labels[0.002]) == ("99%", "99.8%")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("by", SPANS)
@pytest.mark.parametrize("part", PARTS)
def test_every_view_is_drawn_within_its_axes(cnn, unfinished, metric, scale, by, part):
    view = View(metric, part, by, scale, window=5)
    figure = curve_figures.curves_figure([cnn, unfinished], view)
    low, high = sorted(figure.layout.yaxis.range)
    for one in lines_of(figure, "A") + lines_of(figure, "B"):
        heights = np.log10(one.y) if scale == "Logarithmic" else np.asarray(one.y)
        assert low <= heights.min() <= heights.max() <= high
    json.loads(figure.to_json())


def test_cards_are_escaped_and_a_broken_run_is_named(store, cnn):
    card = curve_figures.interpretation_html(cnn, curves.interpret_curves(cnn))
    assert "<b>A</b> Basic CNN · shipped" in card
    assert "<b>By its curves it fits.</b>" in card
    broken = curve_figures.broken_html(store.find("cnn/shipped"), "B", "history.csv <is> missing")
    assert "Broken." in broken
    assert "&lt;is&gt;" in broken
