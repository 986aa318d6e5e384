"""The part of a page that teaches the reader one's own hand, on a small page of its own."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from digitnet import jobs
from digitnet.experiments import READER
from digitnet.jobs import queue
from digitnet.runs import DRAWINGS, Outcome, Request, Teaching
from digitnet.show.teaching import describe_outcome
from tests.made_runs import fill, make_row, ship_run, use_store

BETTER = Outcome(20, 20, 3, 1, 0.5, 0.2, 0.9960, 0.9958)


def page(drawings: int) -> None:
    import numpy as np

    from digitnet.digits import load_samples
    from digitnet.ui.teaching import show_teaching

    samples = [([np.array(one) for one in strokes], d) for d, strokes in load_samples().items()]
    show_teaching((samples * 10)[:drawings])


@pytest.fixture
def store(tmp_path, monkeypatch):
    store = use_store(monkeypatch, tmp_path)
    monkeypatch.setattr(queue, "ensure_worker", lambda store: None)
    run = ship_run(store, Request("reader", READER.settings))
    (run.folder / "trained.keras").touch()
    st.cache_resource.clear()
    yield store
    st.cache_resource.clear()


def open_page(drawings: int) -> AppTest:
    app = AppTest.from_function(page, args=(drawings,), default_timeout=60).run()
    assert not app.exception
    return app


def test_the_button_waits_for_enough_drawings(store):
    app = open_page(7)
    assert app.button[0].disabled
    assert app.caption[0].value == "At least 20 drawings are needed; so far: 7."


def test_a_press_queues_a_teaching_which_can_be_stopped(store):
    app = open_page(20)
    app.button[0].click().run()
    [training] = store.unfinished("reader")
    assert training.request.teaching and (training.folder / DRAWINGS).is_file()
    assert [one.value for one in app.caption] == ["It waits for its turn."]
    app.button[0].click().run()
    assert store.unfinished("reader") == []


def test_what_came_of_it_is_told(store):
    training = store.create(Request("reader", READER.settings, Teaching("reader/shipped", "")))
    training.append_history(make_row(1))
    fill(training.folder, teaching=vars(BETTER))
    assert store.finish(training) == store.current("reader")
    assert describe_outcome(BETTER) in [one.value for one in open_page(20).markdown]


def test_a_read_only_page_offers_nothing(store, monkeypatch):
    monkeypatch.setenv("DIGITNET_READ_ONLY", "1")
    assert jobs.is_read_only() and not open_page(20).button


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, "it misreads 1, before 3"),
        ({"misread_before": 1}, "1 as before, and is surer"),
        ({"misread_before": 0}, "no better"),
        ({"mnist_after": 0.9949}, "forgotten too much"),
        ({"mnist_after": 0.9950}, "has learnt your hand"),
        ({"refused_before": 0.981, "refused_after": 0.9755}, "scribbles it would refuse 97.55%"),
        ({"refused_before": 0.981, "refused_after": 0.976}, "has learnt your hand"),
    ],
)
def test_an_outcome_is_told_as_it_is(figures, words):
    outcome = Outcome(**vars(BETTER) | figures)
    assert words in describe_outcome(outcome)
    assert outcome.is_adopted == ("has learnt your hand" in describe_outcome(outcome))
