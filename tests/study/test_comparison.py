"""The Compare page's tables and sentences, over runs that are made up here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from digitnet.experiments import EXPERIMENTS, READER, TrainingSettings, find_experiment
from digitnet.jobs import Estimate
from digitnet.runs import (
    HISTORY,
    PROBABILITIES,
    REQUEST,
    RESULT,
    SERVED,
    Request,
    Run,
    RunStore,
    Status,
    Teaching,
    write_json,
)
from digitnet.show import comparison as show_comparison
from digitnet.show import trainings
from digitnet.show.costs import COSTS, _place_labels, cost_figure
from digitnet.study import comparison
from digitnet.study.answers import DifferentDigitsError
from digitnet.study.comparison import Comparison
from digitnet.study.differences import Difference, list_differences, list_run_differences
from digitnet.study.scores import evaluate_predictions
from digitnet.study.significance import holm_correction
from digitnet.study.standings import (
    list_whole_runs,
    load_standings,
    rank,
    state_of,
    tabulate_runs,
    tabulate_standings,
)
from digitnet.study.summaries import RunSummary
from tests.made_runs import finish_run, make_request, make_result, ship_run

DIGITS = 400
LABELS = (np.arange(DIGITS) % 10).astype(np.uint8)


def write_run(
    store: RunStore, name: str, wrong: slice, seed: int = 1, dataset: str = "mnist"
) -> Run:
    """A whole run that misreads the given test digits."""
    predictions = LABELS.copy()
    predictions[wrong] = (predictions[wrong] + 1) % 10
    probabilities = np.full((DIGITS, 10), 0.01, np.float32)
    probabilities[np.arange(DIGITS), predictions] = 0.91
    request = make_request(name, dataset=dataset, seed=seed)
    scores = evaluate_predictions(LABELS, probabilities)
    figures_of_run = {"epochs": 7, "seconds_per_epoch": 2.5, "served_bytes": 1_500_000}
    answers = probabilities, LABELS, np.arange(DIGITS) + 1000 * seed
    return ship_run(store, request, answers=answers, scores=scores, **figures_of_run)


@pytest.fixture
def store(tmp_path):
    """A store of four networks: two much alike, one far worse, one tested on other digits."""
    store = RunStore(tmp_path / "runs", tmp_path / "shipped")
    write_run(store, "cnn", slice(0, 4))
    write_run(store, "cnn_long", slice(2, 5))
    write_run(store, "fc", slice(0, 60))
    write_run(store, "lenet5", slice(0, 8), seed=2)
    return store


def standing_of(store, name):
    return next(one for one in load_standings(store, {}) if one.experiment.name == name)


def row_of(store, name):
    rows = tabulate_standings(load_standings(store, {}))
    return next(row for row in rows if row["name"] == name)


# --- tables ----------------------------------------------------------------------------------


def test_the_table_has_every_experiment_with_the_reports_figure_and_ours(store):
    rows = tabulate_standings(load_standings(store, {"cnn/shipped": 0.002}))
    assert [row["name"] for row in rows] == [one.name for one in EXPERIMENTS]
    row = next(row for row in rows if row["name"] == "cnn")
    assert row["report"] == pytest.approx(98.7714, abs=1e-3)
    assert row["accuracy"] == pytest.approx(99.0)
    low, high = stats.binomtest(396, DIGITS).proportion_ci(method="wilson")
    assert row["interval"] == f"{100 * low:.2f}–{100 * high:.2f}%"
    assert row["megabytes"] == pytest.approx(1.5)
    assert row["milliseconds"] == pytest.approx(2)
    assert row["problem"] is None
    assert row_of(store, "fc_wide")["problem"] == "not trained yet"


@pytest.mark.parametrize("name", [REQUEST, RESULT, HISTORY, PROBABILITIES, SERVED])
def test_a_broken_run_is_told_in_its_own_row(store, name):
    assert row_of(store, "cnn")["problem"] is None  # and is remembered
    path = store.shipped / "cnn" / name
    path.unlink() if name in (PROBABILITIES, SERVED) else path.write_text("{")
    row = row_of(store, "cnn")
    assert name in row["problem"]
    assert row["accuracy"] is None
    assert row_of(store, "fc")["problem"] is None
    assert ("cnn/shipped", "fc/shipped") not in comparison.compare_standings(
        load_standings(store, {})
    )


def test_a_result_without_a_figure_is_a_problem(store):
    result = make_result()
    del result["scores"]["loss"]
    write_json(store.shipped / "cnn" / RESULT, result)
    assert "loss" in row_of(store, "cnn")["problem"]


def test_the_runs_are_listed_and_the_current_one_is_marked(store):
    trained = finish_run(store, make_request("cnn"))
    store.roll_back("cnn")
    rows = {row["id"]: row for row in tabulate_runs(store)}
    assert rows["cnn/shipped"]["current"] and rows["cnn/shipped"]["shipped"]
    assert not rows[trained.id]["current"]
    before = state_of(store)
    store.make_current(trained.id)
    rows = {row["id"]: row for row in tabulate_runs(store)}
    assert rows[trained.id]["current"]
    assert state_of(store) != before


def test_a_run_is_called_by_its_network_and_when_it_was_made(store):
    run = Run(find_experiment("cnn"), "20261122-184501-3f2a", store.local)
    made = datetime(2026, 11, 22, 18, 45, 1, tzinfo=UTC).astimezone()
    assert run.title == f"Basic CNN · {made.day} {made:%b, %H:%M:%S}"
    assert store.find("cnn/shipped").title == "Basic CNN · shipped"


def test_current_runs_are_offered_first_and_the_best_of_them_leads(store):
    standings = load_standings(store, {})
    assert list(list_whole_runs(store, standings)) == [
        "cnn_long/shipped",
        "cnn/shipped",
        "lenet5/shipped",
        "fc/shipped",
    ]


# --- two networks ----------------------------------------------------------------------------


def test_a_pair_is_compared_by_the_exact_mcnemar_test(store):
    pair = comparison.compare_pair(store.find("cnn/shipped"), store.find("fc/shipped"))
    assert (pair.size, pair.only_a, pair.only_b) == (DIGITS, 56, 0)
    assert pair.p_value == pytest.approx(stats.binomtest(0, 56).pvalue)
    assert pair.winner == "a"
    assert pair.lead == pytest.approx(100 * 56 / DIGITS)
    assert pair.reversed().winner == "b"


def test_runs_of_other_test_digits_cannot_be_compared(store):
    with pytest.raises(DifferentDigitsError, match="same digits"):
        comparison.compare_pair(store.find("cnn/shipped"), store.find("lenet5/shipped"))


def test_all_pairs_of_the_same_digits_are_corrected_together(store):
    compared = comparison.compare_standings(load_standings(store, {}))
    assert len(compared) == 6  # three networks, in both orders
    fc, cnn, cnn_long = "fc/shipped", "cnn/shipped", "cnn_long/shipped"
    pairs = [(fc, cnn), (fc, cnn_long), (cnn, cnn_long)]
    expected = holm_correction([compared[pair].p_value for pair in pairs])
    assert [compared[pair].corrected for pair in pairs] == pytest.approx(list(expected))
    assert compared[cnn, cnn_long].winner is None
    assert (fc, "lenet5/shipped") not in compared
    sentence = show_comparison.describe_correction(compared[cnn, cnn_long])
    assert sentence.startswith("Corrected for all pairs, those below, p")
    seeming = replace(compared[cnn, cnn_long], p_value=0.01, corrected=0.2)
    sentence = show_comparison.describe_correction(seeming)
    assert sentence.endswith("by chance alone: corrected for all of them, p = 0.2.")
    assert compared[fc, cnn].winner == "b"


def test_the_matrix_shows_that_two_cannot_be_told_apart_as_plainly_as_a_win(store):
    standings = load_standings(store, {})
    compared = comparison.compare_standings(standings)
    runs = [one.summary.run for one in rank(standings)]
    matrix = show_comparison.pairs_html(runs, compared)
    assert matrix.count('class="dn-even"') == 2
    assert matrix.count('class="dn-better"') == matrix.count('class="dn-worse"') == 2
    assert matrix.count('class="dn-untold"') == 6
    assert "+14.00" in matrix and "−14.00" in matrix
    best = show_comparison.describe_standing(runs, compared)
    assert "A dot" in show_comparison.explain_pairs(runs, compared)
    assert "A dot" not in show_comparison.explain_pairs(runs[:2] + runs[3:], compared)
    assert "better than 1 of the 2 others" in best and "told apart from 1." in best
    alone, *others = [run for run in runs if run.experiment.name == "lenet5"]
    assert show_comparison.describe_standing([alone, *others, *runs], compared) == best
    fc, cnn = "fc/shipped", "cnn/shipped"
    two = {pair: compared[pair] for pair in ((fc, cnn), (cnn, fc))}
    said = show_comparison.describe_standing([store.find(cnn), store.find(fc)], two)
    assert said == "Basic CNN is better than the one other that read the same digits."


def test_discordant_counts_in_words():
    pair = Comparison(7000, 31, 12, 0.00498, 0.2)
    assert show_comparison.describe_pair("A", "B", pair) == (
        "Of 7,000 test digits, A alone is right on 31, B alone on 12: p = 0.005."
    )
    assert show_comparison.describe_verdict("A", "B", pair) == "They cannot be told apart"
    sure = Comparison(7000, 31, 2, 1e-7, 1e-7)
    assert show_comparison.describe_verdict("A", "B", sure) == "A is better"
    assert "p < 0.001" in show_comparison.describe_pair("A", "B", sure)


# --- what differs ----------------------------------------------------------------------------


def differences(a, b):
    a, b = find_experiment(a), find_experiment(b)
    lines = list_differences(a, a.settings, b, b.settings)
    return [(line.what, line.a, line.b) for line in lines if not line.is_same]


def test_a_difference_of_settings_alone():
    assert differences("fc", "fc_lr_high") == [("learning rate", "0.001", "0.05")]
    assert differences("cnn", "cnn") == []


def test_what_a_run_was_taught_is_a_difference(tmp_path):
    store = RunStore(tmp_path / "local", tmp_path / "shipped")
    plain = Request("reader", READER.settings)
    runs = [
        finish_run(store, replace(plain, teaching=teaching))
        for teaching in (None, Teaching("reader/shipped", "0123456789" * 6))
    ]
    summaries = [RunSummary(run, settings=READER.settings) for run in runs]
    *same, taught = list_run_differences(*summaries)
    assert all(one.is_same for one in same)
    assert taught == Difference("taught", None, "reader/shipped · drawings 01234567")
    assert list_run_differences(summaries[0], summaries[0]) == same
    assert replace(summaries[0], epochs=2, seconds_per_epoch=3.0).training_seconds == 6
    assert replace(summaries[1], epochs=2, seconds_per_epoch=3.0).training_seconds is None


def test_layers_of_the_same_kind_are_set_beside_each_other():
    assert differences("cnn", "cnn_avg")[:2] == [("layer", "max 2/2", "average 3/3")] * 2
    longer = differences("cnn", "cnn_long")
    assert longer[:3] == [
        ("layer", "max 2/2", "max 2/1"),
        ("layer", "max 2/2", "max 2/1"),
        ("layer", None, "conv 128 · 73,856"),
    ]
    assert ("parameters", "34,826", "17,461,642") in longer


def test_every_layer_of_both_networks_is_listed_once():
    for a in EXPERIMENTS:
        for b in EXPERIMENTS:
            lines = list_differences(a, a.settings, b, b.settings)
            layers = [line for line in lines if line.what == "layer"]
            assert sum(line.a is not None for line in layers) == len(a.layers) + 1
            assert sum(line.b is not None for line in layers) == len(b.layers) + 1


# --- figures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", COSTS)
def test_the_scatter_labels_every_network_that_has_the_figure(store, cost):
    standings = load_standings(store, {"cnn/shipped": 0.002})
    points = cost_figure(standings, cost).data[-1]
    expected = {"cnn"} if cost == "Latency" else {"cnn", "cnn_long", "fc", "lenet5"}
    assert set(points.text) == expected
    assert min(points.x) > 0


def test_labels_of_near_points_do_not_cover_each_other():
    places = _place_labels(
        [1000, 1010, 1020], [0.01, 0.0101, 0.0102], ["cnn_short"] * 3, [2, 4], [-1, -3]
    )
    assert len(set(places)) == 3


REPORT = TrainingSettings()


def history_of(*scores, seconds=10.0):
    return {"val_accuracy": np.array(scores), "seconds": np.full(len(scores), seconds)}


def status_of(phase="training", **values):
    return Status("running", phase, **values)


def test_progress_in_the_middle_of_an_epoch():
    status = status_of(epoch=2, step=200, steps=400)
    share, words = trainings.describe_progress(
        status, REPORT, history_of(0.8, 0.9, seconds=8.0), 12
    )
    assert share == pytest.approx(2.5 / 13)  # the report's 12 epochs, and one in reserve
    assert words == "Epoch 3, step 200 of 400 · about 76 s left"


def test_progress_counts_the_epochs_that_were_asked_for():
    one = TrainingSettings(epochs=1)
    status = status_of(step=99, steps=100)
    share, words = trainings.describe_progress(status, one, history_of(), 12)
    assert (share, words) == (pytest.approx(0.99), "Epoch 1, step 99 of 100")


def test_progress_before_the_first_epoch_and_after_the_last():
    def describe(status, *scores):
        return trainings.describe_progress(status, REPORT, history_of(*scores), None)

    assert describe(Status("queued")) == (0, "Starting…")
    assert describe(status_of("loading")) == (0, "Loading the images…")
    share, _ = describe(status_of("loading", epoch=2), 0.8, 0.9)  # resumed
    assert share == pytest.approx(2 / 15)
    assert describe(status_of("testing", epoch=1), 0.8) == (1, "Testing and exporting…")


def test_progress_leaves_out_an_epoch_that_the_status_does_not_count_yet():
    status = status_of(epoch=1, step=400, steps=400)
    before = trainings.describe_progress(status, REPORT, history_of(0.8), 12)
    assert trainings.describe_progress(status, REPORT, history_of(0.8, 0.9), 12) == before


def test_progress_with_wrong_figures_is_a_share_all_the_same():
    status = status_of(epoch=3, step=9, steps=8)
    for seconds in (0.0, -1.0, np.nan, np.inf):
        history = history_of(np.nan, np.inf, 0.9, seconds=seconds)
        share, words = trainings.describe_progress(status, REPORT, history, 12)
        assert 0 <= share <= 1 and "left" not in words


def test_curves_of_one_epoch_and_of_equal_values_can_be_drawn():
    columns = ("loss", "accuracy", "val_loss", "val_accuracy")
    for epochs in (1, 4):
        html = trainings.progress_html(
            find_experiment("cnn"), dict.fromkeys(columns, np.ones(epochs))
        )
        assert html.count("<figure>") == 2 and f"<span>{epochs}</span>" in html
        assert "nan" not in html


def test_long_or_large_trainings_are_warned_of():
    small, long, large = (
        Estimate(60, 10**6, ""),
        Estimate(7200, 10**6, ""),
        Estimate(60, 10**10, ""),
    )
    assert trainings.warn_of_estimates([small], available=10**9) is None
    assert "2.0 h" in trainings.warn_of_estimates([small, long], available=10**9)
    assert "1.0 GB" in trainings.warn_of_estimates([large], available=10**9)
    assert "7260" not in trainings.describe_estimates([small, long])
    assert "not known" in trainings.describe_estimates([small, Estimate(None, 10**6, "")])


def test_comparing_needs_no_tensorflow():
    check = (
        "import sys, digitnet.show.comparison;"
        "roots = {one.split('.')[0] for one in sys.modules};"
        "sys.exit(bool(roots & {'tensorflow', 'keras', 'plotly'}))"
    )
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
