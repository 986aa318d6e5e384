"""Handwriting to learn from: honestly dealt, made anew each epoch, drawn as the app draws it."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitnet.digits import (
    DataError,
    Digits,
    load_material,
    load_samples,
    load_unlearnt,
    material,
    split_digits,
    unlearnt,
)
from digitnet.digits.handwriting import (
    OUTLIER,
    STROKE_FILES,
    Drawing,
    Epochs,
    Mixture,
    Sources,
    deal_images,
    hold_out_writers,
    load_drawings,
    stroke_files,
)
from digitnet.digits.handwriting.doodles import make_doodle
from digitnet.digits.handwriting.drawings import fit
from digitnet.digits.handwriting.paths import sample_paths
from digitnet.digits.handwriting.rare_forms import make_rare
from digitnet.digits.handwriting.rendering import draw
from digitnet.digits.ink import PEN_WIDTH, render_strokes
from digitnet.digits.ink.strokes import PEN_EDGE
from digitnet.experiments import READER, TrainingSettings, find_experiment
from tests.made_strokes import write_strokes

MIXTURE = Mixture(images=40, drawings=30, rare=8, letters=12, made_outliers=10)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_strokes(tmp_path)
    monkeypatch.setenv("DIGITNET_STROKES", str(tmp_path))
    return tmp_path


@pytest.fixture
def drawings(folder):
    return stroke_files.load_collections()


@pytest.fixture
def sources(drawings):
    images = np.random.default_rng(0).integers(0, 256, (50, 28, 28)).astype(np.uint8)
    return Sources(
        images,
        np.arange(50, dtype=np.uint8) % 10,
        [one for one in drawings if one.label != OUTLIER],
        [one for one in drawings if one.label == OUTLIER],
    )


# --- files ---------------------------------------------------------------------------------------


def test_drawings_are_read_with_who_drew_them(drawings):
    assert len(drawings) == 405
    assert {one.collection for one in drawings} == {"abc", "uji"}
    assert {one.sign for one in drawings if one.label == OUTLIER} == {"x"}
    extents = [np.ptp(np.concatenate(one.strokes), axis=0).max() for one in drawings]
    np.testing.assert_allclose(extents, 1)


def test_what_is_left_out_is_not_read(folder, drawings):
    path = folder / STROKE_FILES[0].name
    assert drawings[0].key not in {one.key for one in load_drawings(path, {drawings[0].key})}


def test_every_drawing_that_is_left_out_has_a_reason():
    path = Path(stroke_files.__file__).with_name("left_out.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    reasons = {reason.split()[0] for reason in values["left_out"].values()}
    assert reasons == set(values["reasons"])
    assert all(len(key) == 16 for key in values["left_out"])


def test_without_the_folder_it_is_said_what_is_missing(monkeypatch):
    monkeypatch.delenv("DIGITNET_STROKES", raising=False)
    with pytest.raises(
        DataError, match="needs drawings. Set DIGITNET_STROKES .*uji_digits.*strokes unipen"
    ):
        load_material(READER, READER.settings)


def test_a_missing_file_is_named(folder):
    (folder / "uji_digits.jsonl.gz").unlink()
    with pytest.raises(DataError, match="where uji_digits.jsonl.gz cannot be found"):
        load_material(READER, READER.settings)


@pytest.mark.parametrize(
    "content", [b"garbage", gzip.compress(b"{", mtime=0), gzip.compress(b"[]\n", mtime=0)]
)
def test_a_broken_file_is_named(folder, content):
    (folder / "uji_digits.jsonl.gz").write_bytes(content)
    with pytest.raises(DataError, match="uji_digits.jsonl.gz is no file of drawings"):
        stroke_files.load_collections()


# --- the deal ------------------------------------------------------------------------------------


def test_of_mnist_only_training_images_are_learnt_that_the_report_does_not_test_on():
    labels = np.zeros(70_000, np.uint8)
    report_test = split_digits("mnist", Digits(labels, labels)).test_index
    learnt, held_out = deal_images(report_test, 5_000, seed=1)
    assert len(held_out) == 5_000 and len(set(held_out)) == 5_000
    assert not set(learnt) & set(held_out)
    assert max(learnt.max(), held_out.max()) < 60_000
    assert not set(report_test) & (set(learnt) | set(held_out))
    assert len(learnt) + 5_000 == 60_000 - (report_test < 60_000).sum()


def test_writers_are_held_out_with_all_that_they_drew(drawings):
    learnt, held_out = hold_out_writers(drawings, 0.1, seed=3)
    assert len(learnt) + len(held_out) == len(drawings)
    writers = {(one.collection, one.writer) for one in held_out}
    assert sorted(collection for collection, _ in writers) == ["abc"] * 2 + ["uji"] * 2
    assert not writers & {(one.collection, one.writer) for one in learnt}


@pytest.fixture
def small_mnist(monkeypatch):
    """MNIST's shape, with images that tell their positions."""
    images = np.zeros((70_000, 28, 28), np.uint8)
    images[:, 10:18, 10:18] = 200
    images[:, 0, :4] = np.arange(70_000, dtype=np.uint32)[:, None].view(np.uint8).reshape(-1, 4)
    digits = Digits(images, (np.arange(70_000) % 10).astype(np.uint8))
    monkeypatch.setattr(material, "load_digits", lambda name: digits)
    return digits


def test_the_readers_material_is_honest(folder, small_mnist):
    found = load_material(READER, READER.settings)
    split = split_digits("mnist", small_mnist)
    np.testing.assert_array_equal(found.test_index, split.test_index)
    np.testing.assert_array_equal(found.test.images, split.test.images)
    np.testing.assert_array_equal(found.official_test.images, small_mnist.images[60_000:])
    held = found.validation.images[:5_000, 0, :4].copy().view(np.uint32).ravel()
    learnt = found.lessons._sources.images[:, 0, :4].copy().view(np.uint32).ravel()
    assert max(held.max(), learnt.max()) < 60_000
    assert not (set(held) | set(learnt)) & set(split.test_index)
    assert not set(held) & set(learnt)
    assert found.validation.labels.max() < 10
    assert {one["licence"] for one in found.sources if "licence" in one} == {"CC BY 4.0"}
    assert found.counts["validation"] == len(found.validation.labels) == 5_000 + 20


def test_a_network_of_ten_outputs_learns_digits_alone(folder, small_mnist, monkeypatch):
    monkeypatch.setattr(material, "Mixture", lambda: MIXTURE)
    settings = TrainingSettings(dataset="handwriting")
    assert load_material(find_experiment("cnn"), settings).lessons.make_epoch(0).labels.max() == 9
    assert load_material(READER, settings).lessons.make_epoch(0).labels.max() == OUTLIER


# --- what is not learnt from ---------------------------------------------------------------------


def pictures_in(digits):
    return {image.tobytes() for image in digits.images}


@pytest.mark.slow
def test_the_reader_is_calibrated_on_what_its_training_holds_out(folder, small_mnist, monkeypatch):
    monkeypatch.setattr(unlearnt, "load_digits", material.load_digits)
    found = load_unlearnt("handwriting")
    validation = load_material(READER, READER.settings).validation
    assert {part: len(one.labels) for part, one in found.digits.items()} == {
        "mnist": 5_000,
        "drawings": 20,
    }
    judged = np.concatenate([one.labels for one in found.digits.values()])
    assert judged.tolist() == validation.labels.tolist()
    assert set.union(*map(pictures_in, found.digits.values())) == pictures_in(validation)
    assert len(found.outliers["scribbles"]) == unlearnt.SCRIBBLES
    assert {one["licence"] for one in found.sources if "licence" in one} == {"CC BY 4.0"}


def test_other_networks_are_calibrated_on_drawings_alone(folder, monkeypatch):
    monkeypatch.setattr(unlearnt, "DRAWINGS", 50)
    found, again = load_unlearnt("mnist"), load_unlearnt("sample")
    assert list(found.digits) == ["drawings"] and found.outliers == {}
    assert found.digits["drawings"].images.shape == (50, 28, 28)
    assert found.digits["drawings"].labels.max() < 10
    assert pictures_in(found.digits["drawings"]) == pictures_in(again.digits["drawings"])


def test_every_doodle_is_a_drawing():
    drawn = [fit(make_doodle(np.random.default_rng(seed))) for seed in range(200)]
    for strokes in drawn:
        assert np.abs(np.concatenate(strokes)).max() == pytest.approx(0.5)
        assert np.ptp(render_strokes([140 + 180 * stroke for stroke in strokes])) > 100
    assert {len(strokes) for strokes in drawn} >= {1, 2, 3}


# --- rare forms ----------------------------------------------------------------------------------


def one_stroke(*points):
    """A drawing of a single stroke, as a data set's: 40 points along straight lines."""
    corners = np.array(points, float)
    at = np.linspace(0, len(corners) - 1, 40)
    columns = [np.interp(at, np.arange(len(corners)), column) for column in corners.T]
    [stroke] = fit([np.stack(columns, axis=1)])
    return Drawing([stroke], 0, "", "", "", "")


PLAIN = {
    0: [(0.5, 0), (0, 0.5), (0.5, 1), (1, 0.5), (0.5, 0)],
    1: [(0.5, 0), (0.45, 1)],
    4: [(0.4, 0), (0, 0.6), (0.8, 0.6), (0.8, 0), (0.7, 1)],
    5: [(0.7, 0), (0, 0), (0, 0.4), (0.7, 0.6), (0.5, 1), (0, 0.9)],
    7: [(0, 0), (0.7, 0), (0.2, 1)],
    8: [(0.4, 0), (0, 0.3), (0.6, 0.7), (0.3, 1), (0, 0.7), (0.6, 0.3), (0.4, 0)],
}


@pytest.fixture(scope="module")
def rare():
    """Many forms of each digit that has rare ones, each made of one plain drawing."""
    plain = [[one_stroke(*PLAIN[digit])] if digit in PLAIN else [] for digit in range(10)]
    made = make_rare(plain, 600, np.random.default_rng(0))
    return {digit: [strokes for strokes, label in made if label == digit] for digit in PLAIN}


def test_every_rare_form_is_made_and_fits(rare):
    assert sum(map(len, rare.values())) == 600 and all(rare.values())
    for strokes in (one for forms in rare.values() for one in forms):
        everything = np.concatenate(strokes)
        assert np.isfinite(everything).all()
        assert np.ptp(everything, axis=0).max() == pytest.approx(1)


def test_zeros_are_slashed_and_fives_have_their_tops_apart(rare):
    assert {len(strokes) for strokes in rare[0]} == {len(strokes) for strokes in rare[5]} == {2}
    tops = [top for _, top in rare[5]]
    assert all(np.ptp(top[:, 0]) > 3 * np.ptp(top[:, 1]) for top in tops)  # level


def test_sevens_are_crossed_or_begin_with_a_serif(rare):
    has_serif = np.array([one[0, 1] > one[:20, 1].min() + 0.05 for one, *_ in rare[7]])
    is_crossed = np.array([len(strokes) == 2 for strokes in rare[7]])
    assert (has_serif | is_crossed).all()
    assert 0.3 < has_serif.mean() < 0.7 and (has_serif & is_crossed).any()
    bars = [bar for _, *bars in rare[7] for bar in bars]
    assert all(np.ptp(bar[:, 0]) > np.ptp(bar[:, 1]) for bar in bars)


def test_eights_stay_open_and_fours_have_other_proportions(rare):
    assert all(np.linalg.norm(one[0] - one[-1]) > 0.04 for [one] in rare[8])
    shapes = [np.divide(*np.ptp(one, axis=0)) for [one] in rare[4]]
    plain = np.divide(*np.ptp(np.array(PLAIN[4]), axis=0))
    assert min(shapes) < 0.7 * plain and max(shapes) > 1.4 * plain
    assert all(abs(np.log(shape / plain)) > 0.2 for shape in shapes)


# --- epochs --------------------------------------------------------------------------------------


def test_an_epoch_follows_from_its_seed_and_number_alone(sources):
    def make(seed, epoch):
        return Epochs(sources, MIXTURE, seed, calm_from=2).make_epoch(epoch)

    one, again = make(5, 3), make(5, 3)
    np.testing.assert_array_equal(one.images, again.images)
    np.testing.assert_array_equal(one.labels, again.labels)
    assert (one.images != make(5, 4).images).any() and (one.images != make(6, 3).images).any()


def test_an_epoch_has_what_its_mixture_says(sources):
    lessons = Epochs(sources, MIXTURE, seed=1, calm_from=9)
    digits = lessons.make_epoch(0)
    assert digits.images.shape == (lessons.size, 28, 28) == (100, 28, 28)
    assert digits.images.dtype == np.uint8 and digits.images.max(axis=(1, 2)).min() > 100
    assert (digits.labels == OUTLIER).sum() == MIXTURE.letters + MIXTURE.made_outliers


def test_every_image_comes_up_in_turn(sources):
    """Five epochs of ten images each: all fifty, once, where none is altered."""
    only_images = replace(MIXTURE, images=10, drawings=0, rare=0, letters=0, made_outliers=0)
    lessons = Epochs(sources, only_images, seed=1, calm_from=9)
    labels = np.concatenate([lessons.make_epoch(epoch).labels for epoch in range(5)])
    assert np.bincount(labels).tolist() == [5] * 10


def test_paths_are_drawn_nearly_as_the_app_draws_them():
    for digit, strokes in load_samples().items():
        drawing = [np.array(stroke, float) for stroke in strokes]
        scaled = [stroke / np.ptp(np.concatenate(drawing), axis=0).max() for stroke in drawing]
        paths = sample_paths([(scaled, digit)])
        pen, edge, box = (np.array([size]) for size in (PEN_WIDTH, PEN_EDGE, 20.0))
        [image] = draw(paths.points, paths.stroke >= 0, pen, edge, box, np.zeros((1, 2)))
        difference = np.abs(image.astype(float) - render_strokes(drawing))
        assert difference.mean() < 6, digit  # of 255; a shift by a pixel makes 20 or more
