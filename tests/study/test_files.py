"""Drawings in files are read by the reader, which also tells what is no digit."""

import json
import shutil

import numpy as np
import pytest

from digitnet.cli.reading import format_answer
from digitnet.digits import load_samples
from digitnet.experiments import READER
from digitnet.serving import ModelServer, Reading
from digitnet.study.files import _score_line, predict_files
from tests.made_runs import CHECKPOINTS, use_store


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Two networks: cnn, and cnn_min's bytes in the reader's place."""
    store = use_store(monkeypatch, tmp_path)
    for name, source in (("cnn", "cnn"), ("reader", "cnn_min")):
        shutil.copytree(CHECKPOINTS / source, store.shipped / name)
    request = store.shipped / "reader" / "request.json"
    request.write_text(json.dumps(json.loads(request.read_text()) | {"experiment": "reader"}))
    return store


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "drawings.jsonl"
    good = [json.dumps({"strokes": load_samples()[digit]}) for digit in (3, 7)]
    path.write_text(f"{good[0]}\nnot json\n{good[1]}\n")
    return path


@pytest.fixture
def refuse_the_second(monkeypatch):
    """The reader takes all but the first image of a chunk for no digit."""
    read_all = ModelServer.read_all

    def judge(server, runs, images):
        readings = read_all(server, runs, images)
        if READER in readings:
            verdict = np.arange(len(images)) == 0
            readings[READER] = Reading(readings[READER].probabilities, verdict)
        return readings

    monkeypatch.setattr(ModelServer, "read_all", judge)


def test_the_reader_reads_by_default_though_another_is_more_accurate(store, file):
    answers = list(predict_files(store, [file]))
    assert [list(answer.get("predictions", [])) for answer in answers] == [
        ["reader"],
        [],
        ["reader"],
    ]
    shutil.rmtree(store.shipped / "reader")
    assert list(next(predict_files(store, [file]))["predictions"]) == ["cnn"]


@pytest.mark.parametrize("model", [None, "cnn", "all"])
def test_each_line_tells_whether_it_is_a_digit(store, file, refuse_the_second, model):
    first, broken, last = predict_files(store, [file], model)
    assert (first["is_digit"], last["is_digit"]) == (True, False)
    assert "is_digit" not in broken
    assert "not a digit" in format_answer(last) and "not a digit" not in format_answer(first)
    assert json.loads(json.dumps(last))["is_digit"] is False
    assert (model == "cnn") == ("reader" not in last["predictions"])


def test_five_wrong_of_five_are_no_certain_nought():
    labels, writers = np.zeros(5, int), np.array(list("abcde"))
    assert "0.0000 (0.0000 to 0.4345)" in _score_line("cnn", labels, labels + 1, writers)


def test_where_no_network_tells_nothing_is_said(store, file):
    first, _, last = predict_files(store, [file], "cnn")
    assert first["is_digit"] is None and last["is_digit"] is None
    assert "not a digit" not in format_answer(last)
