"""The page of one's own hand without a browser, and the tap that fills it on the Draw page."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from digitnet.digits import ink, load_samples
from digitnet.runs import OwnDrawing, OwnDrawings, Run, own_drawings
from digitnet.show import own_hand
from digitnet.ui.page import page_file
from tests.pages.conftest import open_at


def text_of(app, key):
    """The HTML inside the container of this key."""
    return "".join(element.proto.body for element in app.get_by_key(key).html)


def strokes_of(digit):
    return [np.array(stroke, float) for stroke in load_samples()[digit]]


def draw(digit, label=None):
    return OwnDrawing.of(strokes_of(digit), digit if label is None else label)


def labels(store):
    return [one.label for one in store.read().drawings]


def said(app):
    """All sentences of the page."""
    return " ".join(one.value for one in [*app.markdown, *app.caption, *app.error, *app.toast])


def tap(app, digit):
    return app.button_group(key="label").set_value(digit).run()


@pytest.fixture
def store(checkpoints, tmp_path, monkeypatch):
    """Where drawings are kept on this machine; no environment says otherwise."""
    for name in ("DIGITNET_READ_ONLY", "DIGITNET_KEEP_DRAWINGS"):
        monkeypatch.delenv(name, raising=False)
    return OwnDrawings(tmp_path / "runs")


@pytest.fixture(params=["DIGITNET_READ_ONLY=1", "DIGITNET_KEEP_DRAWINGS=0"])
def visit_only(store, request, monkeypatch):
    name, _, value = request.param.partition("=")
    monkeypatch.setenv(name, value)
    return store


# --- the tap -------------------------------------------------------------------------------------


def test_nothing_is_kept_without_a_tap(store, open_app):
    app = open_app(begin_with=7)
    assert app.button_group(key="label").value is None
    assert "own_drawings.jsonl" in said(app) and "Without it nothing is kept" in said(app)
    assert not store.path.exists()


def test_one_tap_keeps_the_drawing_and_says_where(store, open_app):
    app = tap(open_app(begin_with=7), 7)
    assert not app.exception
    assert labels(store) == [7]
    assert "Kept as a **7** on this machine" in said(app) and "own_drawings.jsonl" in said(app)
    assert any("1 drawing)" in link.proto.label for link in app.get("page_link"))


def test_another_tap_corrects_the_first(store, open_app):
    app = tap(tap(open_app(begin_with=7), 1), 7)
    assert labels(store) == [7]
    assert app.button_group(key="label").value == 7


def test_where_nothing_may_be_kept_it_is_for_the_visit_alone(visit_only, open_app):
    app = tap(open_app(begin_with=7), 7)
    assert not app.exception
    assert "Kept as a **7** for this visit only." in said(app)
    assert not visit_only.path.parent.exists()
    app.switch_page(str(page_file("mine"))).run()
    assert "1 drawing, kept for this visit only." in said(app)
    assert "A reload forgets them" in said(app)


def test_an_empty_board_a_photo_and_a_test_digit_cannot_be_labelled(store, open_app):
    def is_offered(app):
        return any(one.key == "label" for one in app.button_group)

    assert not is_offered(open_app())
    assert is_offered(open_app(begin_with=7))
    app = open_app(begin_with=7, over="0", of="sample")
    assert not is_offered(app)
    assert "dn-digit" in text_of(app, "prediction")


def test_a_tap_is_meant_for_what_is_on_the_board_then(store, open_app, monkeypatch):
    app = open_app(begin_with=7)
    monkeypatch.setattr(ink, "strokes_from_canvas", lambda *_: strokes_of(5))  # one more stroke
    tap(app, 5)
    assert [one.id for one in store.read().drawings] == [draw(5).id]


def test_a_tap_on_a_board_that_is_empty_by_then_keeps_nothing(store, open_app, monkeypatch):
    app = open_app(begin_with=7)
    monkeypatch.setattr(ink, "strokes_from_canvas", lambda *_: [])
    tap(app, 5)
    assert not app.exception and not store.path.exists()


def test_a_store_that_cannot_be_written_is_told(store, open_app, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_drawings, "write_atomically", fail)
    app = tap(open_app(begin_with=7), 7)
    assert not app.exception
    assert any("cannot be written" in one.value for one in app.toast)


# --- the page ------------------------------------------------------------------------------------


def test_an_empty_page_says_what_to_do(store):
    app = open_at("mine")
    assert not app.exception
    assert "It is a …" in said(app)
    assert "Draw a digit" in {link.proto.label for link in app.get("page_link")}
    assert "Download" not in {one.proto.label for one in app.get("download_button")}


def test_every_network_and_what_is_misread(store):
    store.put([draw(digit) for digit in range(9)])
    store.put([draw(9, label=4)])
    app = open_at("mine")
    assert not app.exception
    assert "**9 of your 10 drawings**" in said(app)
    standings = text_of(app, "own_readings")
    assert standings.count("<li") == 1 + 3 and "Basic CNN" in standings
    assert "1 of your 10 drawings is misread" in said(app)
    assert "Those that the best one misreads come first." in said(app)
    assert "Your <b>4</b>" in text_of(app, "own_misread")
    assert "You have not drawn a 9 yet." in said(app)
    assert len([one for one in app.button if one.key.startswith("all ")]) == 10


def test_a_reader_that_was_taught_is_said_to_be_flattered(store, monkeypatch):
    store.put([draw(7)])
    told = own_hand.LEARNT_FROM_THESE
    assert told not in said(open_at("mine"))
    monkeypatch.setattr(Run, "outcome", "taught")
    assert told in said(open_at("mine"))


def test_who_only_visits_did_not_teach_the_reader(visit_only, open_app, monkeypatch):
    monkeypatch.setattr(Run, "outcome", "taught")
    app = open_app(begin_with=7)
    tap(app, 7)
    app.switch_page(str(page_file("mine"))).run()
    assert own_hand.LEARNT_FROM_THESE not in said(app) and "reads your only drawing" in said(app)


def test_a_drawing_opens_large_with_what_all_networks_say(store):
    store.put([draw(3), draw(4)])
    app = open_at("mine")
    app.button(key=f"all {draw(4).id}").click().run()
    shown = "".join(one.proto.body for one in app.get("html"))
    assert "Your 4" in shown and "All networks that learnt to read say <b>4</b>." in shown


def test_a_drawing_that_another_tab_deleted_is_not_opened(store):
    store.put([draw(3), draw(4)])
    app = open_at("mine")
    store.delete(draw(4).id)
    app.button(key=f"all {draw(4).id}").click().run()
    assert not app.exception
    assert not [one for one in app.button if one.label == "Delete"]


def test_all_are_deleted(store):
    store.put([draw(3), draw(4)])
    store.path.write_bytes(store.path.read_bytes() + b"{\n")
    app = open_at("mine")
    assert "Delete 2 drawings and 1 line that cannot be read for good?" in said(app)
    app.button(key="delete_all").click().run()
    assert not app.exception and not store.path.exists()
    assert "It is a …" in said(app)


def test_damaged_lines_are_told(store):
    store.put([draw(3)])
    store.path.write_bytes(b"\x00\n{\n" + store.path.read_bytes())
    app = open_at("mine")
    assert not app.exception
    assert "2 lines of the file cannot be read" in said(app)


def test_a_file_that_cannot_be_read_is_told_on_both_pages(store, open_app):
    store.path.parent.mkdir()
    store.path.write_bytes(b"\n" * 5000)
    app = open_at("mine")
    assert not app.exception and "too large" in said(app)
    app = open_app(begin_with=7)
    assert not app.exception and "too large" in said(app)
    assert '<p class="dn-digit">7</p>' in text_of(app, "prediction")


def test_without_networks_the_page_says_so(store, monkeypatch, tmp_path):
    store.put([draw(3)])
    monkeypatch.setenv("DIGITNET_CHECKPOINTS", str(tmp_path / "none"))
    app = open_at("mine")
    assert not app.exception
    assert "checkpoints" in app.info[0].value
    assert len([one for one in app.button if one.key.startswith("all ")]) == 1


def upload(app: AppTest, content: bytes) -> AppTest:
    return app.file_uploader[0].set_value(("mine.jsonl", content, "application/jsonl")).run()


def test_a_file_is_taken_in_once_and_told_of(store):
    lines = [draw(3).line, draw(4).line, '{"strokes": []}']
    app = upload(open_at("mine"), "\n".join(lines).encode())
    assert not app.exception and labels(store) == [3, 4]
    assert any("2 drawings added. 1 line held no labelled" in one.value for one in app.toast)
    app.run()
    assert labels(store) == [3, 4]
    app = upload(app, draw(3).line.encode())
    assert any("0 drawings added. 1 drawing was here already." in one.value for one in app.toast)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", b"[" * 50_000, b"\n" * 9000, b'{"strokes": 3, "label": {}}']
)
def test_a_file_that_holds_no_drawing_is_told_in_a_sentence(store, content):
    app = upload(open_at("mine"), content)
    assert not app.exception and not store.path.exists()
    assert app.toast and app.toast[0].value.endswith(".")


def test_files_are_taken_in_for_the_visit_where_nothing_may_be_kept(visit_only):
    app = upload(open_at("mine"), draw(3).line.encode())
    assert "1 drawing, kept for this visit only." in said(app)
    assert not visit_only.path.parent.exists()


def test_another_visitor_sees_nothing_of_a_visit(visit_only):
    upload(open_at("mine"), draw(3).line.encode())
    assert "It is a …" in said(open_at("mine"))
