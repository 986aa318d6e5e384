"""Confusion matrices down to the single digit, over runs that are made up here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from digitnet.digits import ink
from digitnet.experiments import find_experiment
from digitnet.runs import PROBABILITIES, REQUEST, RunError, RunStore
from digitnet.serving import temper
from digitnet.show import confusion as figures
from digitnet.show import reliability
from digitnet.show.pictures import png_url
from digitnet.study import confusion
from digitnet.study.answers import DifferentDigitsError, load_answers
from digitnet.study.confusion import NORMALIZATIONS
from digitnet.study.scores import calibration_error
from digitnet.study.significance import PairedOutcomes
from tests.made_runs import make_request, ship_run, write_calibration

SIZE = 300
LABELS = (np.arange(SIZE) % 10).astype(np.uint8)


def write_run(store, name, seed, split_seed=1):
    """A run that misreads about one digit in five, with confidences of every size."""
    rng = np.random.default_rng(seed)
    scores = rng.random((SIZE, 10))
    scores[np.arange(SIZE), LABELS] += 0.8
    probabilities = (scores**3 / (scores**3).sum(axis=1, keepdims=True)).astype(np.float32)
    index = np.arange(SIZE) + 1000 * split_seed
    request = make_request(name, dataset="mnist", seed=split_seed)
    return ship_run(store, request, answers=(probabilities, LABELS, index))


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs", tmp_path / "shipped")
    write_run(store, "cnn", seed=0)
    write_run(store, "fc", seed=1)
    write_run(store, "lenet5", seed=2, split_seed=2)
    return store


@pytest.fixture
def cnn(store):
    return load_answers(store.find("cnn/shipped"))


@pytest.fixture
def fc(store):
    return load_answers(store.find("fc/shipped"))


@pytest.fixture
def lenet5(store):
    return load_answers(store.find("lenet5/shipped"))


# --- answers ---------------------------------------------------------------------------------


def test_counts_are_scikit_learns(cnn):
    expected = metrics.confusion_matrix(LABELS, cnn.readings)
    np.testing.assert_array_equal(cnn.counts, expected)


@pytest.mark.parametrize(
    ("normalization", "theirs"), list(zip(NORMALIZATIONS, (None, "true", "pred"), strict=True))
)
def test_shares_are_scikit_learns(cnn, normalization, theirs):
    expected = metrics.confusion_matrix(LABELS, cnn.readings, normalize=theirs)
    np.testing.assert_allclose(confusion.normalize(cnn.counts, normalization), expected)


def test_an_empty_row_has_no_shares():
    assert not confusion.normalize(np.zeros((10, 10), int), "Share of the row").any()


def save(store, **changed):
    path = store.shipped / "cnn" / PROBABILITIES
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **(kept | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"labels": np.full(SIZE, 200, np.uint8)},
        {"probabilities": np.full((SIZE, 10), np.nan, np.float32)},
        {"probabilities": np.full((SIZE, 10), 0.5, np.float32)},
        {"index": np.arange(3)},
        {"index": np.full(SIZE, 0.5)},
        {
            "labels": np.zeros(0, np.uint8),
            "probabilities": np.zeros((0, 10)),
            "index": np.arange(0),
        },
    ],
)
def test_answers_that_cannot_be_are_told(store, changed):
    save(store, **changed)
    with pytest.raises(RunError, match=PROBABILITIES):
        load_answers(store.find("cnn/shipped"))


@pytest.mark.parametrize("name", [PROBABILITIES, REQUEST])
def test_a_missing_or_garbled_file_is_told(store, name):
    (store.shipped / "cnn" / name).write_bytes(b"garbage")
    with pytest.raises(RunError, match=name):
        load_answers(store.find("cnn/shipped"))
    (store.shipped / "cnn" / name).unlink()
    with pytest.raises(RunError, match=name):
        load_answers(store.find("cnn/shipped"))


def test_others_are_those_tested_on_the_same_digits(store, cnn):
    assert [one.name for one in confusion.load_others(store, cnn)] == ["cnn", "fc"]
    (store.shipped / "fc" / PROBABILITIES).unlink()
    assert [one.name for one in confusion.load_others(store, cnn)] == ["cnn"]


def test_answers_are_read_anew_when_their_file_is_replaced(cnn):
    path = cnn.run.folder / PROBABILITIES
    assert load_answers(cnn.run) is load_answers(cnn.run)
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **(kept | {"probabilities": np.roll(kept["probabilities"], 1, axis=1)}))
    assert load_answers(cnn.run).readings.tolist() == ((cnn.readings + 1) % 10).tolist()


# --- digits ----------------------------------------------------------------------------------


def test_a_cell_has_its_digits_most_confident_first(cnn):
    total = 0
    for true in range(10):
        for read in range(10):
            places = confusion.find_cell(cnn, true, read)
            assert (cnn.labels[places] == true).all()
            assert (cnn.readings[places] == read).all()
            assert (np.diff(cnn.probabilities[places, read]) <= 0).all()
            total += len(places)
    assert total == SIZE


def test_the_four_lists_hold_each_digit_once(cnn, fc):
    outcomes = confusion.list_outcomes(cnn, fc)
    assert sorted(np.concatenate(outcomes)) == list(range(SIZE))
    assert cnn.correct[outcomes.only_a].all()
    assert not fc.correct[outcomes.only_a].any()
    assert not cnn.correct[outcomes.both_wrong].any()
    assert (np.diff(cnn.probabilities[outcomes.both_right].max(axis=1)) <= 0).all()


def test_runs_tested_on_other_digits_have_no_lists(cnn, lenet5):
    with pytest.raises(DifferentDigitsError, match="not tested on the same digits"):
        confusion.list_outcomes(cnn, lenet5)


def test_readings_are_counted_most_votes_first(cnn, fc):
    place = int(np.flatnonzero(cnn.readings == fc.readings)[0])
    assert confusion.count_readings([cnn, fc], place) == [(int(cnn.readings[place]), 2)]
    assert confusion.count_readings([], place) == []


@pytest.mark.parametrize(
    ("position", "place"),
    [("1000", 0), ("1299", 299), ("0", None), ("-1", None), ("²", None), ("9" * 40, None)],
)
def test_a_digit_is_found_by_its_position(cnn, position, place):
    assert confusion.find_place(cnn, position) == place


# --- drawn -----------------------------------------------------------------------------------


def test_each_cell_takes_clicks_and_says_its_count(cnn):
    figure = figures.matrix_figure(cnn, "Counts", muted=False, cell=None)
    heat, cells = figure.data
    assert cells.marker.opacity == 0
    assert [tuple(one) for one in cells.customdata] == [
        (true, read) for true in range(10) for read in range(10)
    ]
    texts = {(one.y, one.x): one.text for one in figure.layout.annotations}
    assert texts[3, 3] == f"{cnn.counts[3, 3]:,}"
    assert f"{cnn.counts[3, 3]} of 30 3s read as 3" == cells.text[33]
    assert np.asarray(heat.z)[3, 3] > 0


def test_a_muted_diagonal_leaves_the_colours_to_the_mistakes(cnn):
    figure = figures.matrix_figure(cnn, "Counts", muted=True, cell=None)
    z = np.asarray(figure.data[0].z)
    assert not z.diagonal().any()
    assert z.max() == 1
    faint = [one.opacity for one in figure.layout.annotations if one.x == one.y]
    assert max(faint) < 0.5


def test_the_chosen_cell_is_framed(cnn):
    (frame,) = figures.matrix_figure(cnn, "Counts", muted=True, cell=(4, 9)).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (8.5, 9.5, 3.5, 4.5)


def test_the_matrix_has_its_experiments_colour(cnn):
    scale = figures.matrix_figure(cnn, "Counts", muted=True, cell=None).data[0].colorscale
    red, green, blue = (
        int(find_experiment("cnn").colour[place : place + 2], 16) for place in (1, 3, 5)
    )
    assert scale[-1][1].startswith(f"rgba({red},{green},{blue},")


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_difference_is_signed(cnn, fc, normalization):
    figure = figures.difference_figure(cnn, fc, normalization, muted=False, cell=None)
    texts = {(one.y, one.x): one.text for one in figure.layout.annotations}
    difference = confusion.normalize(cnn.counts, normalization) - confusion.normalize(
        fc.counts, normalization
    )
    for cell, value in np.ndenumerate(difference):
        assert texts[cell][:1] == ("+" if value > 0 else "−" if value < 0 else "")


def test_the_commonest_mistakes_are_told(cnn):
    wrong = int((cnn.readings != LABELS).sum())
    sentence = figures.describe_matrix(cnn)
    assert sentence.startswith(f"{wrong} of 300 test digits are misread, most often ")
    mistakes = cnn.counts - np.diag(cnn.counts.diagonal())
    true, read = np.unravel_index(mistakes.argmax(), mistakes.shape)
    assert f"{true} as {read} ({mistakes.max()}×)" in sentence


def test_of_mistakes_made_as_often_none_is_named_before_the_others(cnn):
    labels = np.repeat(np.arange(10), 20)
    readings = labels.copy()
    readings[[0, 1, 2, 20, 21, 40, 41, 60, 61]] = 9  # three of 0 for 9, two of 1, 2 and 3
    answers = replace(cnn, labels=labels, probabilities=np.eye(10)[readings])
    assert figures.describe_matrix(answers).endswith("most often 0 as 9 (3×).")


def test_the_table_has_every_digits_figures(cnn):
    table = figures.digits_html(cnn)
    recall = metrics.recall_score(LABELS, cnn.readings, average=None)
    assert table.count("<tr>") == 11
    for digit in range(10):
        assert f'<th scope="row">{digit}</th>' in table
        assert f"{recall[digit]:.2%}" in table


def test_the_roc_has_one_strong_curve_a_run(cnn, fc):
    figure = figures.roc_figure({"A": cnn, "B": fc}, digit=4)
    assert len(figure.data) == 20
    strong = [one for one in figure.data if one.showlegend]
    assert [one.line.dash for one in strong] == ["solid", "dash"]
    area = metrics.roc_auc_score(LABELS == 4, cnn.probabilities[:, 4])
    assert f"AUC {area:.5f}" in strong[0].hovertemplate
    assert all(min(one.x) > 0 for one in figure.data)


def test_the_reliability_curve_has_intervals_around_it(cnn):
    curve = reliability.reliability_figure({"A": cnn}).data[1]
    low = np.asarray(curve.y) - curve.error_y.arrayminus
    high = np.asarray(curve.y) + curve.error_y.array
    assert ((low >= -1e-9) & (high <= 1 + 1e-9)).all()
    assert sum(curve.customdata) == SIZE


def test_a_calibrated_run_has_a_second_line_and_both_errors_are_told(cnn):
    assert len(reliability.reliability_figure({"A": cnn}).data) == 2
    write_calibration(cnn.run, temperature=2.0)
    calibrated = load_answers(cnn.run)
    _, before, after = reliability.reliability_figure({"A": calibrated}).data
    assert after.name == f"{before.name}, calibrated"
    assert sum(after.customdata) == SIZE and max(after.x) < max(before.x)  # it is less sure
    assert (after.line.dash, after.marker.symbol) == ("dot", "circle-open")
    said = reliability.describe_calibration(calibrated)
    error = calibration_error(LABELS, temper(calibrated.probabilities, 2.0))
    assert f"Calibrated, as the Draw page shows it, it is {100 * error:.2f} points here" in said
    assert "2.00, was fitted" in said and "4.00 points before and 1.00 after" in said


def test_an_answer_names_both_guesses_the_truth_and_the_others(cnn, fc):
    place = int(np.flatnonzero(~cnn.correct)[0])
    html = figures.answer_html({"A": cnn}, place, [fc])
    first, second = np.argsort(-cnn.probabilities[place])[:2]
    assert f"<b>{first}</b>" in html
    assert f", is {LABELS[place]}<" in html
    assert f"<br>{second} " in html
    assert f"{fc.readings[place]} (1×)" in html
    assert f"but it is a {LABELS[place]}." in figures.describe_answer(cnn, place)


def test_of_two_runs_both_answers_are_named(cnn, fc, lenet5):
    place = int(np.flatnonzero(cnn.correct & ~fc.correct)[0])
    html = figures.answer_html({"A": cnn, "B": fc}, place, [lenet5])
    assert f"A: <b>{LABELS[place]}</b> " in html
    assert f"<br>B: <b>{fc.readings[place]}</b> " in html
    assert html.count(f", is {LABELS[place]}<") == 1


def test_outcomes_are_counted_in_words():
    outcomes = PairedOutcomes(*(np.arange(size) for size in (6000, 31, 12, 7)))
    assert figures.describe_outcomes(outcomes) == (
        "Of 6,050 test digits both runs read 6,000 rightly, A alone 31, B alone 12, and neither 7."
    )


def test_a_picture_keeps_its_pixels():
    import base64
    import io

    from PIL import Image

    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    data = base64.b64decode(png_url(image).partition(",")[2])
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image)


# --- drawn over ------------------------------------------------------------------------------


def test_without_strokes_an_image_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    np.testing.assert_array_equal(ink.add_strokes(image, [], 280), image)


def test_strokes_are_added_where_they_are_drawn():
    image = np.zeros((28, 28), np.uint8)
    image[3, 3] = 200
    drawn = ink.add_strokes(image, [np.array([[50.0, 205.0], [150.0, 205.0]])], 280)
    assert drawn[3, 3] == 200
    assert (drawn[20, 5:14] > 200).all()
    assert not drawn[24:].any()
    assert not drawn[5:17].any()


def test_strokes_beyond_the_board_stay_at_its_edge():
    drawn = ink.add_strokes(np.zeros((28, 28), np.uint8), [[[-500, 5], [900, 5]]], 280)
    assert (drawn[0] > 200).all()


def test_a_stroke_that_leaves_the_board_ends_at_its_edge():
    """Out to the right, down beyond the edge, and back: the edge between stays free of ink."""
    there_and_back = [[200, 85], [500, 85], [500, 205], [200, 205]]
    drawn = ink.add_strokes(np.zeros((28, 28), np.uint8), [there_and_back], 280)
    assert (drawn[[8, 20], 20:] > 200).all()
    assert not drawn[11:18].any()


@pytest.mark.parametrize("stroke", [[[300, 5]], [[300, 5], [400, 90]], [[-60, 40], [40, -60]]])
def test_strokes_beside_the_board_leave_no_ink(stroke):
    assert not ink.add_strokes(np.zeros((28, 28), np.uint8), [stroke], 280).any()


@pytest.mark.parametrize("point", [[0, 0], [280, 280], [0, 280]])
def test_a_dot_in_a_corner_is_drawn(point):
    assert ink.add_strokes(np.zeros((28, 28), np.uint8), [[point]], 280).any()


def test_a_stroke_of_the_longest_way_is_drawn_whole():
    drawn = ink.add_strokes(np.zeros((28, 28), np.uint8), [[[-1e6, 145], [1e6, 145]]], 280)
    assert (drawn[14] > 200).all()
