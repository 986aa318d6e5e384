"""How far networks can be trusted: counted, and told of the very models that were measured."""

import json

import numpy as np
import pytest

from digitnet.digits import ink
from digitnet.experiments import REPORT_EXPERIMENTS
from digitnet.runs import RunStore
from digitnet.serving import (
    CLASSES_FROM,
    Trust,
    count_by_agreement,
    count_by_confidence,
    find_agreement,
    find_trust,
    load_drawings,
    measured,
    trust,
)
from digitnet.show.draw import count_votes, describe_agreement, describe_trust
from digitnet.study.measured import NOT_MEASURED, format_confidence, format_drawings
from digitnet.study.summaries import summarize_current

RECORD = {
    "classes_from": list(CLASSES_FROM),
    "confidence": {
        "cnn": {
            "served_sha256": "abc",
            "drawings": [29, 30, 60, 100, 0, 400],
            "right": [9, 18, 45, 90, 0, 399],
        },
        "fc": {"served_sha256": "def", "drawings": [0] * 6, "right": [0] * 6},
        "reader": {"served_sha256": "ghi", "drawings": [100] * 6, "right": [99] * 6},
    },
    "agreement": {
        "served_sha256": {"cnn": "abc", "fc": "def"},
        "drawings": [0, 40, 500],
        "right": [0, 22, 490],
    },
}


@pytest.fixture
def record(monkeypatch):
    monkeypatch.setattr(trust, "_load_drawings", lambda: RECORD)


def certain(digit, confidence):
    row = np.full(10, (1 - confidence) / 9)
    row[digit] = confidence
    return row


def test_drawings_are_counted_in_the_class_of_their_confidence():
    confidences = [0.2, 0.5, 0.69, 0.71, 0.9, 0.9989, 0.999, 1.0]
    probabilities = np.stack([certain(7, one) for one in confidences])
    counts = count_by_confidence([7, 7, 1, 1, 7, 1, 7, 1], probabilities)
    assert counts == {"drawings": [1, 2, 1, 1, 1, 2], "right": [1, 1, 0, 1, 0, 1]}


def test_all_drawings_are_counted_once():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.full(10, 0.1), 500)
    labels = rng.integers(0, 10, 500)
    counts = count_by_confidence(labels, probabilities)
    assert len(counts["drawings"]) == len(CLASSES_FROM) and sum(counts["drawings"]) == 500
    assert sum(counts["right"]) == (probabilities.argmax(axis=1) == labels).sum()


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0.5, Trust(30, 18)),
        (0.7, Trust(60, 45)),
        (0.95, Trust(100, 90)),
        (1, Trust(400, 399)),
    ],
)
def test_the_class_of_a_confidence_is_found(record, confidence, expected):
    assert find_trust("cnn", "abc", 1.0, confidence) == expected


@pytest.mark.parametrize(
    ("name", "served", "confidence"),
    [
        ("cnn", "another model", 0.95),
        ("cnn", None, 0.95),
        ("fc", "abc", 0.95),
        ("cnn", "abc", 0.3),  # of 29 drawings nothing is told
        ("cnn", "abc", 0.995),
    ],
)
def test_nothing_is_told_of_what_was_not_measured(record, name, served, confidence):
    assert find_trust(name, served, 1.0, confidence) is None


def test_what_was_counted_at_another_temperature_is_not_told(record, monkeypatch):
    assert find_trust("cnn", "abc", 1.2, 0.95) is None
    counted = RECORD["confidence"]["cnn"] | {"temperature": 1.2}
    monkeypatch.setattr(trust, "_load_drawings", lambda: {"confidence": {"cnn": counted}})
    assert find_trust("cnn", "abc", 1.2, 0.95) == Trust(100, 90)
    assert find_trust("cnn", "abc", 1.0, 0.95) is None


def test_majorities_are_counted_by_their_size():
    readings = np.array([[1, 1, 2, 3, 0], [1, 1, 2, 4, 0], [1, 2, 3, 5, 9]])
    probabilities = np.where(readings[..., None] == np.arange(10), 0.6, 0.04)
    probabilities[2, 3] = certain(5, 0.9)  # among equals the surest
    counts = count_by_agreement([1, 1, 3, 5, 0], probabilities)
    assert counts == {"drawings": [0, 1, 3, 1], "right": [0, 1, 2, 1]}
    votes = [count_votes(dict(enumerate(each)))[0] for each in probabilities.swapaxes(0, 1)]
    assert votes == [(1, 3), (1, 2), (2, 2), (5, 1), (0, 2)]


def test_an_agreement_is_found_for_the_networks_that_were_measured(record):
    served = {"cnn": "abc", "fc": "def"}
    assert find_agreement(served, 2) == Trust(500, 490)
    assert find_agreement(served, 1) == Trust(40, 22)
    assert find_agreement(served, 0) is None
    assert find_agreement({"cnn": "abc"}, 1) is None
    assert find_agreement(served | {"fc": "another"}, 2) is None


def test_nothing_is_told_before_anything_is_measured(monkeypatch):
    monkeypatch.setattr(trust, "_load_drawings", dict)
    assert find_trust("cnn", "abc", 1.0, 0.95) is None
    assert find_agreement({}, 1) is None and find_agreement({"cnn": "abc"}, 1) is None


@pytest.fixture
def measured_record(tmp_path, monkeypatch):
    """Writes what was measured, and forgets what was read of it before."""
    monkeypatch.setattr(measured, "home", lambda: tmp_path)
    (tmp_path / "benchmarks").mkdir()

    def write(**stamp):
        (tmp_path / "benchmarks" / "drawings.json").write_text(json.dumps(RECORD | stamp))
        trust._load_drawings.cache_clear()

    yield write
    trust._load_drawings.cache_clear()


def test_what_was_measured_with_this_ink_is_told(measured_record):
    measured_record(ink=ink.INK_VERSION)
    assert find_trust("cnn", "abc", 1.0, 0.95) == Trust(100, 90)
    assert find_agreement({"cnn": "abc", "fc": "def"}, 2) == Trust(500, 490)


def test_nothing_is_told_of_what_was_counted_in_other_classes(measured_record):
    measured_record(ink=ink.INK_VERSION, classes_from=[0.0, 0.5, 0.9, 0.99, 0.999])
    assert find_trust("cnn", "abc", 1.0, 0.95) is None
    assert find_agreement({"cnn": "abc", "fc": "def"}, 2) is None


@pytest.mark.parametrize("stamp", [{}, {"ink": ink.INK_VERSION + 1}])
def test_nothing_is_told_of_what_was_measured_with_another_ink(measured_record, stamp):
    measured_record(**stamp)
    assert load_drawings() == {}
    assert find_trust("cnn", "abc", 1.0, 0.95) is None
    assert find_agreement({"cnn": "abc", "fc": "def"}, 2) is None
    assert format_drawings(["abc"]) == format_confidence(["abc"]) == NOT_MEASURED


def test_the_sentences_name_the_class_and_the_share():
    assert describe_trust(Trust(1234, 987), 0.93) == (
        'When it is this sure, it is right <b title="Counted: of 1,234 pen drawings that it was '
        '90 to 99% sure of, 987 were read rightly">8 times in 10</b>.'
    )
    assert "less than 50% sure" in describe_trust(Trust(40, 20), 0.3)
    assert "more than 99.9% sure" in describe_trust(Trust(40, 40), 1.0)
    assert ">6 times in 10</b>" in describe_agreement(Trust(40, 22))


def test_the_networks_that_ship_are_those_that_were_measured():
    store, record = RunStore.default(), trust._load_drawings()
    measured = {name: one["served_sha256"] for name, one in record["confidence"].items()}
    only_shipped = RunStore(store.shipped / "none", store.shipped)
    shipped = {name: only_shipped.current(name).result["served_sha256"] for name in measured}
    assert measured == shipped
    learnt = [
        one.run.experiment.name
        for one in summarize_current(only_shipped)
        if one.run.experiment in REPORT_EXPERIMENTS and one.has_learnt
    ]
    assert len(learnt) == 15
    assert record["agreement"]["served_sha256"] == {name: shipped[name] for name in learnt}
