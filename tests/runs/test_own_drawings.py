"""One's own drawings in the run store: whole or not at all, and whatever a file may hold."""

import json
import math
import os
import threading
import time

import filelock
import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.runs import OwnDrawing, OwnDrawings, OwnLines, RunError, locks, own_drawings


def sample(digit, label=None):
    strokes = [np.array(stroke, float) for stroke in load_samples()[digit]]
    return OwnDrawing.of(strokes, digit if label is None else label)


def labels(store):
    return [one.label for one in store.read().drawings]


@pytest.fixture
def store(tmp_path):
    return OwnDrawings(tmp_path / "runs")


def test_nothing_is_there_and_nothing_is_made_before_the_first_drawing(store):
    assert store.read() == OwnLines()
    assert not store.path.parent.exists()


def test_drawings_are_kept_in_their_order(store):
    store.put([sample(3)])
    store.put([sample(1), sample(4)])
    assert labels(store) == [3, 1, 4]
    assert [one.id for one in store.read().drawings] == [sample(d).id for d in (3, 1, 4)]


def test_a_second_tap_adds_nothing_and_another_digit_takes_the_place_of_the_first(store):
    store.put([sample(3)])
    store.put([sample(3)])
    assert labels(store) == [3]
    store.put([sample(3, label=8)])
    assert labels(store) == [8]


def test_one_is_deleted_or_all(store):
    store.put([sample(digit) for digit in (3, 1, 4)])
    store.delete(sample(1).id)
    assert labels(store) == [3, 4]
    store.delete(sample(1).id)  # another tab was faster
    assert labels(store) == [3, 4]
    killed = store.path.with_name(f".{store.path.name}.abc")  # a write that did not come to its end
    killed.write_text(sample(5).line)
    store.delete_all()
    assert labels(store) == [] and not store.path.exists() and not killed.exists()


def test_evaluate_reads_the_file(store):
    store.put([sample(digit) for digit in range(10)])
    read = list(ink.read_drawings(store.path))
    assert [label for _, _, label, _ in read] == list(range(10))
    assert all(set(json.loads(line)) == {"strokes", "label"} for line in store.path.open())


def test_what_is_kept_looks_as_it_was_drawn(store):
    store.put([sample(5)])
    drawn = [np.array(stroke, float) for stroke in load_samples()[5]]
    seen = store.read().drawings[0].image.astype(int)
    assert np.abs(seen - ink.render_strokes(drawn)).mean() < 2


def test_damaged_lines_are_passed_over_and_stay_in_the_file(store):
    store.put([sample(3)])
    damaged = [b"{", b'{"strokes": [[[1, 2]]], "label": 3}', b'{"strokes": [[[1, 2], [3, 9]]]}']
    store.path.write_bytes(b"\n".join(damaged) + b"\n\n" + store.path.read_bytes())
    assert labels(store) == [3] and store.read().damaged == tuple(damaged)
    store.put([sample(4)])
    assert labels(store) == [3, 4] and store.read().damaged == tuple(damaged)
    store.delete_all()
    assert not store.path.exists()


@pytest.mark.parametrize(
    "content",
    [b"\n" * 2001, b" " * (own_drawings.MOST_BYTES + 1)],
    ids=["many lines", "large"],
)
def test_a_file_too_large_is_told_and_can_be_deleted(store, content):
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    with pytest.raises(RunError, match=r"own_drawings\.jsonl is too large"):
        store.read()
    with pytest.raises(RunError):
        store.put([sample(3)])
    assert store.path.read_bytes() == content
    store.delete_all()
    assert store.read() == OwnLines()


def test_more_than_can_be_kept_is_refused_and_what_is_there_stays(store, monkeypatch):
    monkeypatch.setattr(own_drawings, "MOST_DRAWINGS", 3)
    store.put([sample(digit) for digit in range(3)])
    with pytest.raises(RunError, match="delete some first"):
        store.put([sample(7)])
    assert labels(store) == [0, 1, 2]
    store.put([sample(2, label=7)])  # one that is there may still be told anew
    assert labels(store) == [0, 1, 7]


def test_nothing_is_written_that_could_not_be_read_again(store, monkeypatch):
    monkeypatch.setattr(own_drawings, "MOST_DRAWINGS", 3)
    store.put([sample(3)])
    with store.path.open("ab") as stream:
        stream.write(b"{\n")
    store.put([sample(4)])
    with pytest.raises(RunError, match="no more than 3 drawings"):
        store.put([sample(5)])
    assert labels(store) == [3, 4] and store.read().damaged == (b"{",)


def test_whoever_waits_too_long_for_others_is_told_in_a_sentence(store, monkeypatch):
    monkeypatch.setattr(locks, "LOCK_SECONDS", 0)
    store.put([sample(3)])
    with (
        filelock.FileLock(store.path.with_name(own_drawings.LOCK)),
        pytest.raises(RunError, match="someone else is changing it; try again"),
    ):
        store.put([sample(4)])
    assert labels(store) == [3]


def test_a_write_that_fails_leaves_the_file_as_it_was(store, monkeypatch):
    store.put([sample(3)])
    before = store.path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", fail)
        with pytest.raises(RunError, match="cannot be written"):
            store.put([sample(4)])
    assert store.path.read_bytes() == before
    assert sorted(os.listdir(store.path.parent)) == ["own_drawings.jsonl", "own_drawings.lock"]


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match="cannot be written"):
        OwnDrawings(tmp_path / "runs").put([sample(3)])


def test_many_at_once_lose_nothing(store):
    drawings = [sample(digit) for digit in range(10)]
    threads = [
        threading.Thread(target=OwnDrawings(store.path.parent).put, args=([one],))
        for one in drawings
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(labels(store)) == list(range(10))


def test_what_another_process_writes_is_seen(store):
    store.put([sample(3)])
    assert labels(store) == [3]
    line = sample(9).line
    with store.path.open("a") as stream:
        stream.write(line + "\n")
    assert labels(store) == [3, 9]


# --- what somebody sends -------------------------------------------------------------------------


def test_a_download_comes_back_the_same():
    drawings = [sample(digit) for digit in range(10)]
    taken, left_out = own_drawings.take_in(OwnLines(tuple(drawings)).write())
    assert [(one.id, one.label) for one in taken] == [(one.id, one.label) for one in drawings]
    assert left_out == 0


def test_drawings_of_another_unit_are_brought_to_the_board():
    strokes = [[[x / 1000, y / 1000] for x, y in stroke] for stroke in load_samples()[4]]
    [taken], _ = own_drawings.take_in(json.dumps({"strokes": strokes, "label": 4}).encode())
    points = np.concatenate(taken.strokes)
    assert points.min() >= 0 and 150 < np.ptp(points, axis=0).max() <= 280
    assert np.abs(taken.image.astype(int) - sample(4).image).mean() < 3


HOSTILE = {
    "empty": b"",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "not UTF-8": b'{"strokes": [[[1, 2], [3, 9]]], "label": 3, "writer": "\xff"}',
    "no label": b'{"strokes": [[[1, 2], [3, 9]]]}',
    "no digit": b'{"strokes": [[[1, 2], [3, 9]]], "label": 12}',
    "not a number": b'{"strokes": [[[1, 2], [NaN, 9]]], "label": 3}',
    "endless": b'{"strokes": [[[1, 2], [1e999, 9]]], "label": 3}',
    "a dot": b'{"strokes": [[[1, 2]]], "label": 3}',
    "no strokes": b'{"strokes": [], "label": 3}',
    "nested": b"[" * 100_000,
    "a list": b"[1, 2]",
    "a long line": json.dumps({"strokes": [[[i, i] for i in range(90_000)]], "label": 1}).encode(),
    "many lines": b'{"strokes": [[[1, 2], [3, 9]]], "label": 3}\n' * 2001,
    "large": b"x" * (own_drawings.MOST_BYTES + 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_holds_no_drawing_is_told_in_a_sentence(content):
    start = time.process_time()
    with pytest.raises(RunError) as caught:
        own_drawings.take_in(content)
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)
    assert time.process_time() - start < 5


def test_a_drawing_in_fine_detail_is_taken_in_thinned_and_its_line_not_remembered():
    turn = [[50 + 40 * math.cos(i / 250), 50 + 40 * math.sin(i / 250)] for i in range(1600)]
    line = json.dumps({"strokes": [turn], "label": 0}).encode()
    assert len(line) > own_drawings.LONGEST_LINE
    remembered = own_drawings._remember_line.cache_info().currsize
    [drawing], left_out = own_drawings.take_in(line)
    assert (drawing.label, left_out) == (0, 0)
    assert len(drawing.line) < own_drawings.LONGEST_LINE
    assert own_drawings._remember_line.cache_info().currsize == remembered
    assert own_drawings.read_lines(line).damaged == (line,)  # such a line is never kept


def test_good_lines_among_bad_ones_are_taken():
    content = b"\n".join([b"{", sample(3).line.encode(), b'{"label": 3}', sample(4).line.encode()])
    taken, left_out = own_drawings.take_in(content)
    assert [one.label for one in taken] == [3, 4] and left_out == 2
