"""The pool: batches, turns, and nobody harmed by another's error or leaving."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait

import numpy as np
import pytest

from digitnet.serving import BATCH_SIZE, ModelServer, Pool

PATIENCE = 60  # seconds; what hangs fails


def image(value: int, count: int = 1) -> np.ndarray:
    return np.full((count, 28, 28), value, np.uint8)


class Network:
    """Says of each image its first pixel; holds its worker until it is let go."""

    def __init__(self) -> None:
        self.may_go, self.has_begun = threading.Event(), threading.Event()
        self.batches: list[list[int]] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.has_begun.set()
        assert self.may_go.wait(PATIENCE)
        self.batches.append(images[:, 0, 0].tolist())
        return images[:, 0, 0]


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(workers=1)
    yield pool
    pool.close()


@pytest.fixture
def network(pool: Pool) -> Iterator[Network]:
    """A network that is busy with image 0; others wait."""
    network = Network()
    pool.submit("a", network, "read", image(0))
    assert network.has_begun.wait(PATIENCE)
    yield network
    network.may_go.set()


def test_what_waits_runs_as_one_batch_and_everyone_gets_their_own(pool, network) -> None:
    asked = [pool.submit("a", network, "read", image(value, 2)) for value in (1, 2, 3)]
    network.may_go.set()
    assert [one.result(PATIENCE).tolist() for one in asked] == [[1, 1], [2, 2], [3, 3]]
    assert network.batches == [[0], [1, 1, 2, 2, 3, 3]]


def test_a_batch_holds_no_more_than_it_may_and_only_what_is_alike(pool, network) -> None:
    asked = [pool.submit("a", network, "read", image(1)) for _ in range(BATCH_SIZE + 3)]
    asked.append(pool.submit("a", network, "evaluate", image(2)))
    asked.append(pool.submit("a", network, "read", image(3)))
    network.may_go.set()
    wait(asked, PATIENCE)
    assert network.batches == [[0], [1] * BATCH_SIZE, [1] * 3 + [3], [2]]


def test_a_line_that_is_asked_much_lets_others_take_turns(pool, network) -> None:
    many = [pool.submit("a", network, place, image(1)) for place in range(5)]
    other = pool.submit("b", network, "read", image(9))
    network.may_go.set()
    wait([*many, other], PATIENCE)
    assert network.batches.index([9]) <= 2


def test_what_is_cancelled_is_not_run(pool, network) -> None:
    stale = pool.submit("a", network, "read", image(1))
    newest = pool.submit("a", network, "read", image(2))
    assert stale.cancel()
    network.may_go.set()
    assert newest.result(PATIENCE).tolist() == [2]
    assert network.batches == [[0], [2]]


def test_an_error_is_told_those_who_asked_and_harms_nobody_else(pool, network) -> None:
    def fail(images: np.ndarray) -> np.ndarray:
        raise RuntimeError("broken")

    failing = [pool.submit("a", fail, "fail", image(1)) for _ in range(2)]
    other = pool.submit("b", network, "read", image(2))
    later = pool.submit("a", network, "read", image(3))
    network.may_go.set()
    for one in failing:
        with pytest.raises(RuntimeError, match="broken"):
            one.result(PATIENCE)
    assert (other.result(PATIENCE).tolist(), later.result(PATIENCE).tolist()) == ([2], [3])


def test_closing_cancels_what_waits_and_takes_nothing_more(network, pool) -> None:
    waiting = pool.submit("a", network, "read", image(1))
    closing = threading.Thread(target=pool.close)
    closing.start()
    with pytest.raises(CancelledError):
        waiting.result(PATIENCE)
    assert wait([waiting], PATIENCE).done  # who waits for several is told, too
    with pytest.raises(RuntimeError):
        pool.submit("a", network, "read", image(1))
    network.may_go.set()
    closing.join(PATIENCE)
    assert network.batches == [[0]]


def test_an_empty_server_reads_nothing() -> None:
    server = ModelServer()
    assert server.read_all([], image(0)) == {}
    server.close()
