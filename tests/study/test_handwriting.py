"""Real drawings: what was measured of a model is told of this model alone, and not of others."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import handwriting as benchmark
from digitnet.digits import ink, load_samples
from digitnet.runs import RunStore
from digitnet.serving import ModelServer, Reading, load_handwriting, measured
from digitnet.show.handwriting import drawn_figure, list_drawn
from digitnet.study import handwriting
from digitnet.study.handwriting import (
    Answered,
    describe_gains,
    describe_sets,
    find_answered,
    find_drawn,
    list_collections,
)
from digitnet.study.measured import format_handwriting, format_reader
from digitnet.study.standings import load_standings, tabulate_standings
from digitnet.study.summaries import summarize_run
from tests.made_runs import make_request, ship_run, use_store

SIZES = {
    "pendigits": 900,
    "unipen": 800,
    "abc": 500,
    "abd": 200,
    "tiny": 20,
    "uji": 300,
    "few": 900,
}
WRITERS = {"few": 3}


def measure(*accuracies):
    names = SIZES if len(accuracies) == len(SIZES) else ("pendigits",)
    return {
        name: {"accuracy": one, "interval": [one - 0.01, one + 0.005]}
        for name, one in zip(names, accuracies, strict=True)
    }


@pytest.fixture
def store(tmp_path, monkeypatch):
    """cnn and fc, which learnt from MNIST, and reader, which learnt from drawings; all measured."""
    store = use_store(monkeypatch, tmp_path)
    networks = {}
    for name, dataset, sets in (
        ("cnn", "mnist", measure(0.95, 0.94, 0.97, 0.9, 0.5, 0.96, 0.2)),
        ("fc", "mnist", measure(0.92, 0.9, 0.91, 0.93, 0.5, 0.94, 0.2)),
        ("reader", "handwriting", measure(0.99)),
    ):
        run = ship_run(store, make_request(name, dataset=dataset), served=name.encode())
        networks[name] = {"served_sha256": run.result["served_sha256"], "sets": sets}
    sets = {
        name: {"title": f"set {name}", "drawings": size, "writers": WRITERS.get(name, 40)}
        for name, size in SIZES.items()
    }
    record = {"sets": sets, "networks": networks}
    monkeypatch.setattr(handwriting, "_load_handwriting", lambda: record)
    return store


def summaries(store):
    return [summarize_run(run) for name in ("cnn", "fc", "reader") if (run := store.current(name))]


def forget(store, name):
    """Puts another model in a network's place."""
    ship_run(store, make_request(name, dataset="mnist"), served=b"another")


def test_what_was_measured_is_told_of_the_very_model(store):
    cnn, _, reader = (find_drawn(one) for one in summaries(store))
    assert cnn["pendigits"].accuracy == 0.95 and cnn["pendigits"].interval == (0.94, 0.955)
    assert (cnn["pendigits"].drawings, cnn["pendigits"].writers) == (900, 40)
    assert list(reader) == ["pendigits"]
    assert [one.name for one in list_collections(cnn)] == ["abd", "abc"]  # tiny and few tell little
    forget(store, "cnn")
    assert find_drawn(summaries(store)[0]) == {}
    assert find_drawn(None) == {}


def test_the_table_of_networks_has_drawings_where_they_were_measured(store):
    forget(store, "fc")
    rows = {row["name"]: row for row in tabulate_standings(load_standings(store, {}))}
    assert (rows["cnn"]["drawn"], rows["fc"]["drawn"], rows["lenet5"]["drawn"]) == (95, None, None)


def test_gains_are_told_of_those_that_learnt(store):
    said = describe_gains([one for one in summaries(store)])
    assert said == ""  # half of the three test digits: none has learnt
    for name in ("cnn", "fc", "reader"):
        scores = {
            "size": 3,
            "accuracy": 0.99 if name == "cnn" else 0.97,
            "accuracy_interval": [0.4, 1],
            "loss": 1.25,
            "f1_macro": 0.5,
        }
        dataset = "handwriting" if name == "reader" else "mnist"
        request = make_request(name, dataset=dataset)
        ship_run(store, request, served=name.encode(), scores=scores)
    said = describe_gains(summaries(store))
    assert "2.0 points on MNIST's test and 3.0 points on pen drawings" in said
    assert "from fc (92.00%) to cnn (95.00%)" in said
    assert (
        "reader, which learnt from drawings by other people as well, misreads 1.00% of the pen"
        in said
    )
    assert "reader" not in describe_gains(summaries(store)[:2])
    assert describe_gains(summaries(store)[1:]) == ""


def test_the_readme_table_leaves_out_what_was_learnt_from(store):
    table = format_handwriting(summaries(store))
    assert (
        "| cnn | 50.00% | 95.00% (94.0% to 95.5%) | 94.00% (93.0% to 94.5%) | "
        "abd 90.0%, abc 97.0% | 96.00% (95.0% to 96.5%) |" in table
    )
    assert "99.00% (98.0% to 99.5%) | learnt from | learnt from | learnt from |" in table
    assert "set pendigits: 900 drawings by 40 writers." in table


def test_nothing_measured_is_said_and_not_shown(store, monkeypatch):
    monkeypatch.setattr(handwriting, "_load_handwriting", dict)
    assert "Not measured" in format_handwriting(summaries(store))
    assert list_drawn(load_standings(store, {})) == []
    assert describe_sets() == ""


def test_another_ink_silences_what_was_measured(monkeypatch):
    record = {"ink": ink.INK_VERSION, "sets": {}, "networks": {}}
    monkeypatch.setattr(measured, "load_measured", lambda name: record)
    assert load_handwriting() == record
    monkeypatch.setattr(ink, "INK_VERSION", ink.INK_VERSION + 1)
    assert load_handwriting() == {}


def test_the_chart_has_a_row_a_network_the_best_on_top(store):
    drawn = list_drawn(load_standings(store, {}))
    assert [one.experiment.name for one, _ in drawn] == ["fc", "cnn", "reader"]
    parts, mnist, _, pendigits = drawn_figure(drawn).data
    assert list(parts.y) == ["fc", "fc", "cnn", "cnn"] and len(mnist.y) == 3
    assert np.allclose(pendigits.x, [0.08, 0.05, 0.01])
    assert np.allclose(pendigits.error_x.array, 0.01)  # towards the worse
    assert np.allclose(pendigits.error_x.arrayminus, 0.005)


def draw_some(collection, writers):
    return [
        (strokes, digit, f"{collection}-{writer}", collection)
        for writer in range(writers)
        for digit, strokes in load_samples().items()
    ]


def test_the_benchmark_never_shows_what_was_learnt_from():
    unipen = benchmark.make_source("unipen", draw_some("abc", 2) + draw_some("abd", 3))
    sources = [benchmark.make_source("pendigits", draw_some("pendigits", 2)), unipen]
    cnn = RunStore.default().current("cnn")
    asked = []

    class Server(ModelServer):
        def predict(self, run, images):
            asked.append(len(images))
            return super().predict(run, images)

    found = benchmark.score(Server(), cnn, sources)
    assert list(found["sets"]) == ["pendigits", "unipen", "abc", "abd"]
    assert found["sets"]["unipen"]["accuracy"] == found["sets"]["abc"]["accuracy"] > 0.8
    assert asked == [20, 50]  # once each, and its parts with it
    reader = SimpleNamespace(
        experiment=cnn.experiment,
        request=make_request("reader", dataset="handwriting"),
        result=cnn.result,
        signature=cnn.signature,
        served_model=cnn.served_model,
    )
    asked.clear()
    server = SimpleNamespace(
        predict=lambda _, images: (
            asked.append(len(images)) or np.eye(10)[np.zeros(len(images), int)]
        )
    )
    assert list(benchmark.score(server, reader, sources)["sets"]) == ["pendigits"]
    assert asked == [20]


def test_the_benchmark_says_what_a_source_is_made_of():
    unipen = benchmark.make_source("unipen", draw_some("abc", 2) + draw_some("abd", 3))
    described = benchmark.describe(unipen)
    assert {name: (one["drawings"], one["writers"]) for name, one in described.items()} == {
        "unipen": (50, 5),
        "abc": (20, 2),
        "abd": (30, 3),
    }


def test_the_benchmark_counts_what_a_network_takes_for_no_digit():
    source = benchmark.make_source("pendigits", draw_some("pendigits", 1))
    probabilities = np.eye(10)[[0, 1, 2, 3, 4, 5, 6, 7, 8, 0]]  # the 9 is misread
    is_digit = np.array([False] + [True] * 9)
    server = SimpleNamespace(read=lambda *_: Reading(probabilities, is_digit))
    found = benchmark.count_answers(server, None, source)
    assert found == {"digits": 10, "refused": 1, "right": 8}


def test_what_a_network_refuses_stands_beside_its_accuracy(store):
    answered = {"pendigits": {"digits": 1000, "refused": 4, "right": 990}}
    handwriting._load_handwriting()["networks"]["reader"]["answered"] = answered
    *_, reader = summaries(store)
    assert find_answered(reader) == {"pendigits": Answered(1000, 4, 990)}
    said = format_reader([reader])
    assert "it refuses 0.40% of the pen drawings, which leaves 99.00% read rightly." in said
    forget(store, "reader")
    assert find_answered(summaries(store)[2]) == {}
