"""The Compare page's tables and sentences, over runs that are made up here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from digitnet.experiments import EXPERIMENTS, TrainingSettings, find_experiment
from digitnet.jobs import Estimate, Job
from digitnet.runs import (
    HISTORY,
    HISTORY_COLUMNS,
    PROBABILITIES,
    REQUEST,
    RESULT,
    SERVED,
    Request,
    Run,
    RunStore,
    write_json,
)
from digitnet.show import comparison as show_comparison
from digitnet.show import trainings
from digitnet.show.costs import COSTS, _place_labels, cost_figure
from digitnet.study import comparison
from digitnet.study.answers import DifferentDigitsError
from digitnet.study.comparison import Comparison
from digitnet.study.differences import list_differences
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
from tests.made_runs import make_result

DIGITS = 400
LABELS = (np.arange(DIGITS) % 10).astype(np.uint8)


def write_run(folder: Path, wrong: slice, seed: int = 1, dataset: str = "mnist") -> Run:
    """A whole run that misreads the given test digits."""
    experiment = folder.name
    folder.mkdir(parents=True, exist_ok=True)
    predictions = LABELS.copy()
    predictions[wrong] = (predictions[wrong] + 1) % 10
    probabilities = np.full((DIGITS, 10), 0.01, np.float32)
    probabilities[np.arange(DIGITS), predictions] = 0.91
    Request(experiment, TrainingSettings(dataset=dataset, seed=seed)).save(folder)
    (folder / HISTORY).write_text(",".join(HISTORY_COLUMNS) + "\n1,2,1,1,1,1,1,1,1,1\n")
    scores = evaluate_predictions(LABELS, probabilities)
    figures_of_run = {"epochs": 7, "seconds_per_epoch": 2.5, "served_bytes": 1_500_000}
    write_json(folder / RESULT, make_result(scores=scores, **figures_of_run))
    index = np.arange(DIGITS) + 1000 * seed
    np.savez(folder / PROBABILITIES, probabilities=probabilities, labels=LABELS, index=index)
    (folder / SERVED).write_bytes(b"model")
    return Run(find_experiment(experiment), "shipped", folder)


@pytest.fixture
def store(tmp_path):
    """A store of four networks: two much alike, one far worse, one tested on other digits."""
    shipped = tmp_path / "shipped"
    write_run(shipped / "cnn", slice(0, 4))
    write_run(shipped / "cnn_long", slice(2, 5))
    write_run(shipped / "fc", slice(0, 60))
    write_run(shipped / "lenet5", slice(0, 8), seed=2)
    return RunStore(tmp_path / "runs", shipped)


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
    stamp = store.local / "finished" / "cnn" / "20261122-184501-3f2a"
    write_run(stamp.parent.parent / "cnn", slice(0, 4)).folder.rename(stamp.parent.parent / "x")
    stamp.parent.mkdir()
    (stamp.parent.parent / "x").rename(stamp)
    rows = {row["id"]: row for row in tabulate_runs(store)}
    assert rows["cnn/shipped"]["current"] and rows["cnn/shipped"]["shipped"]
    assert not rows["cnn/20261122-184501-3f2a"]["current"]
    before = state_of(store)
    store.make_current("cnn/20261122-184501-3f2a")
    rows = {row["id"]: row for row in tabulate_runs(store)}
    assert rows["cnn/20261122-184501-3f2a"]["current"]
    assert state_of(store) != before
    assert "22 Nov" in store.find("cnn/20261122-184501-3f2a").title


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
    sentence = show_comparison.describe_correction("A", "B", compared[cnn, cnn_long])
    assert sentence.endswith("they cannot be told apart.")
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
    best = show_comparison.describe_standing(store.find("cnn_long/shipped"), compared)
    assert "A dot" in show_comparison.explain_pairs(runs, compared)
    assert "A dot" not in show_comparison.explain_pairs(runs[:2] + runs[3:], compared)
    assert "better than 1 of the 2 others" in best and "told apart from 1." in best


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


def job(message="training", **status):
    return Job(None, "running", message, status)


def test_progress_in_the_middle_of_an_epoch():
    seconds = np.array([10.0, 10.0])
    share, words = trainings.describe_progress(
        job(step=200, steps=400, seconds_left=80), seconds, expected_epochs=99
    )
    assert share == pytest.approx(0.25)
    assert words == "Epoch 3, step 200 of 400 · about 75 s left"


def test_progress_before_the_first_epoch_and_after_the_last():
    share, words = trainings.describe_progress(job(step=5, steps=10), np.array([]), 10)
    assert (share, words) == (pytest.approx(0.05), "Epoch 1, step 5 of 10")
    assert trainings.describe_progress(job("loading the images"), np.array([]), 10)[0] == 0
    assert trainings.describe_progress(job("testing and exporting"), np.ones(3), 10)[0] == 1


@pytest.mark.parametrize("name", ["step", "steps", "seconds_left"])
@pytest.mark.parametrize("figure", ["x", -1, float("nan"), float("inf"), 10**400, [], {}])
def test_progress_with_a_wrong_figure_is_a_share_all_the_same(name, figure):
    status = {"step": 9, "steps": 8, "seconds_left": 5} | {name: figure}
    for seconds in (np.array([]), np.ones(3), np.full(3, np.nan)):
        assert 0 <= trainings.describe_progress(job(**status), seconds, 10)[0] <= 1


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
