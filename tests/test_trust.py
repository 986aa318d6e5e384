"""How far confidence can be trusted: counted by class, told of the very model that was measured."""

import numpy as np
import pytest

from digitnet import trust
from digitnet.figures import describe_trust
from digitnet.runs import RunStore
from digitnet.trust import CLASSES_FROM, Trust, count_by_confidence, find_trust

RECORD = {
    "confidence": {
        "cnn": {
            "served_sha256": "abc",
            "drawings": [29, 30, 100, 0, 400],
            "right": [9, 18, 90, 0, 399],
        }
    }
}


@pytest.fixture
def record(monkeypatch):
    monkeypatch.setattr(trust, "_load_drawings", lambda: RECORD)


def certain(digit, confidence):
    row = np.full(10, (1 - confidence) / 9)
    row[digit] = confidence
    return row


def test_drawings_are_counted_in_the_class_of_their_confidence():
    confidences = [0.2, 0.5, 0.89, 0.9, 0.9989, 0.999, 1.0]
    probabilities = np.stack([certain(7, one) for one in confidences])
    counts = count_by_confidence([7, 7, 1, 7, 1, 7, 1], probabilities)
    assert counts == {"drawings": [1, 2, 1, 1, 2], "right": [1, 1, 1, 0, 1]}


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
        (0.5, Trust(0.5, 0.9, 30, 18)),
        (0.95, Trust(0.9, 0.99, 100, 90)),
        (1, Trust(0.999, 1, 400, 399)),
    ],
)
def test_the_class_of_a_confidence_is_found(record, confidence, expected):
    assert find_trust("cnn", "abc", confidence) == expected


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
    assert find_trust(name, served, confidence) is None


def test_the_sentence_names_the_class_and_the_share():
    assert describe_trust(Trust(0.9, 0.99, 1234, 987)) == (
        "Of 1,234 pen drawings that it was 90 to 99% sure of, it read <b>80.0%</b> rightly."
    )
    assert "less than 50% sure" in describe_trust(Trust(0, 0.5, 40, 20))
    assert "more than 99.9% sure" in describe_trust(Trust(0.999, 1, 40, 40))


def test_the_networks_that_ship_are_those_that_were_measured():
    store = RunStore.default()
    measured = {
        name: one["served_sha256"] for name, one in trust._load_drawings()["confidence"].items()
    }
    shipped = {
        name: RunStore(store.shipped / "none", store.shipped).current(name).result["served_sha256"]
        for name in measured
    }
    assert measured == shipped and len(shipped) == 16
