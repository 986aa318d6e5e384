"""A crowd is told by how much is read, and by how long that waits."""

from __future__ import annotations

import pytest

from digitnet.serving import Crowd, crowd


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(crowd.time, "monotonic", lambda: now[0])
    return now


def count(one: Crowd, clock: list[float], readings: int, seconds: float) -> list[bool]:
    told = []
    for _ in range(readings):
        clock[0] += seconds / readings
        told.append(one.count(waited=0))
    return told


def test_a_class_of_thirty_is_no_crowd(clock: list[float]) -> None:
    assert not any(count(Crowd(), clock, 30 * 60, 120))  # each a stroke every two seconds


def test_fifty_people_are_a_crowd_until_most_have_gone(clock: list[float]) -> None:
    one = Crowd()
    assert count(one, clock, 500, 20)[-1]
    assert not count(one, clock, 100, 20)[-1]


def test_where_one_waits_long_there_are_too_many_however_few(clock: list[float]) -> None:
    one = Crowd()
    assert not one.count(waited=0.1)
    assert one.count(waited=0.5)
    clock[0] += 9
    assert one.count(waited=0)  # the votes do not come and go at every stroke
    clock[0] += 2
    assert not one.count(waited=0)
