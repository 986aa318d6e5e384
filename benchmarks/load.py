"""Many people drawing at once: how long they wait, and what they cost the server.

    python -m benchmarks.load                           # six minutes, on a quiet machine
    python -m benchmarks.load --people 50 --seconds 20  # a look, which is not stored

Fifty, a hundred, then two hundred people draw on the Draw page of one server on this machine, each
a stroke every two seconds for a minute, and wait for what all networks read. Exits with 1 if a bar
is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.app_speed import APP, megabytes
from benchmarks.browser import serve, wait_for_server
from benchmarks.record import write_record
from benchmarks.visitors import Stroke, Visitor

RECORD = Path(__file__).with_name("load.json")
PEOPLE = (50, 100, 200)
SECONDS = 60.0  # of drawing
EVERY = 2.0  # seconds between the strokes of one person
ARRIVAL = 0.1  # seconds between two people
SETTLING = 5.0  # seconds after the last of them has come
PATIENCE = 10.0  # seconds for the last readings
LEAVING = 125.0  # seconds: Streamlit keeps those who have left for two minutes, should they return

# Figures and the most they may be, by how many people draw.
BARS: dict[int, dict[str, float]] = {
    50: {"median_ms": 50, "p95_ms": 200},
    100: {"median_ms": 300, "p95_ms": 1000, "unread_share": 0.1},
    200: {"worst_ms": 5000},
}
BARS_OF_ALL: dict[str, float] = {"lost": 0, "processor_ms": 15, "megabytes": 600}
MOST_GROWTH = 1.1  # of the server's memory once all have gone


async def measure(address: str, server: psutil.Process, people: int, seconds: float) -> dict:
    """Has people come, draw and go; returns how that went, as it is stored."""
    visitors = [Visitor(address) for _ in range(people)]
    for visitor in visitors:
        await visitor.open()
        await asyncio.sleep(ARRIVAL)
    await asyncio.sleep(SETTLING)
    received, sent = _count_bytes(visitors)
    spent, watched = processor_seconds(server), asyncio.create_task(_watch_memory(server, seconds))
    own = processor_seconds(psutil.Process())
    await asyncio.gather(*(_draw(one, place, seconds) for place, one in enumerate(visitors)))
    spent, own = processor_seconds(server) - spent, processor_seconds(psutil.Process()) - own
    figures = _tell_waits([stroke for visitor in visitors for stroke in visitor.strokes])
    read = max(1, figures["answered"])
    now_received, now_sent = _count_bytes(visitors)
    for visitor in visitors:
        await visitor.close()
    return {
        **figures,
        "lost": sum(visitor.was_cut_off for visitor in visitors),
        "processor_ms": 1000 * spent / read,
        "driver_share": own / seconds,
        "bytes_received": (now_received - received) / read,
        "bytes_sent": (now_sent - sent) / figures["strokes"],
        "megabytes": await watched,
    }


async def _draw(visitor: Visitor, place: int, seconds: float) -> None:
    """Draws the sample digits one after another, at moments of its own; waits for the last."""
    loop = asyncio.get_running_loop()
    begin = loop.time() + (place * 0.618 % 1) * EVERY  # evenly spread, however many they are
    for stroke in range(round(seconds / EVERY)):
        await asyncio.sleep(begin + stroke * EVERY - loop.time())
        await visitor.draw((place + stroke) % 10)
    end = loop.time() + PATIENCE
    while visitor.strokes[-1].wait is None and loop.time() < end:
        await asyncio.sleep(0.05)


async def _watch_memory(server: psutil.Process, seconds: float) -> float:
    """The most memory, MB, that the server takes meanwhile."""
    most = megabytes(server.pid)
    for _ in range(round(seconds)):
        await asyncio.sleep(1)
        most = max(most, megabytes(server.pid))
    return most


def _tell_waits(strokes: Sequence[Stroke]) -> dict[str, Any]:
    """Milliseconds until strokes, or newer ones of the same person, were read."""
    waits = sorted(1000 * (PATIENCE if one.wait is None else one.wait) for one in strokes)
    unread = sum(one.wait is None for one in strokes)
    superseded = sum(one.is_superseded for one in strokes)
    return {
        "strokes": len(strokes),
        "answered": len(strokes) - unread - superseded,
        "superseded": superseded,
        "unread_share": unread / len(strokes),
        "median_ms": statistics.median(waits),
        "p95_ms": waits[int(0.95 * len(waits))],
        "worst_ms": waits[-1],
    }


def _count_bytes(visitors: Sequence[Visitor]) -> tuple[int, int]:
    return sum(one.received for one in visitors), sum(one.sent for one in visitors)


def processor_seconds(process: psutil.Process) -> float:
    """What a process has taken of the processor so far."""
    times = process.cpu_times()
    return times.user + times.system


async def measure_all(address: str, pid: int, people: Sequence[int], seconds: float) -> dict:
    """Measures each crowd in its turn; the memory before and after, when all have gone."""
    server = psutil.Process(pid)
    await measure(address, server, 1, 10)  # all is loaded, and all code has run
    before, crowds = megabytes(pid), {}
    for count in people:
        crowds[count] = await measure(address, server, count, seconds)
        print(describe(count, crowds[count]), flush=True)
    found = {"crowds": crowds, "megabytes_before": before}
    if seconds == SECONDS:
        await asyncio.sleep(LEAVING)
        await measure(address, server, 1, 10)  # a visitor's coming has Streamlit forget others
        found["megabytes_after"] = megabytes(pid)
    return found


def describe(people: int, found: dict[str, Any]) -> str:
    """A line for a reader at a terminal."""
    return (
        f"{people:>4} people: median {found['median_ms']:.0f} ms, "
        f"95% under {found['p95_ms']:.0f}, worst {found['worst_ms']:.0f}; of "
        f"{found['strokes']:,} strokes {found['answered']:,} answered, "
        f"{found['superseded']} superseded, {found['unread_share']:.1%} unread; "
        f"{found['lost']} people cut off; {found['processor_ms']:.1f} ms of processor and "
        f"{found['bytes_received'] / 1000:.1f} kB a stroke (sent {found['bytes_sent'] / 1000:.1f}),"
        f" {found['megabytes']:.0f} MB; the driver took {found['driver_share']:.0%} of a core"
    )


def find_missed(found: dict[str, Any]) -> list[str]:
    """The bars that were missed, in words."""
    missed = [
        f"{people} people: {name} {figures[name]:.4g} (at most {most})"
        for people, figures in found["crowds"].items()
        for name, most in {**BARS_OF_ALL, **BARS.get(people, {})}.items()
        if figures[name] > most
    ]
    if found.get("megabytes_after", 0) > MOST_GROWTH * found["megabytes_before"]:
        missed.append(
            f"memory: {found['megabytes_before']:.0f} MB before, "
            f"{found['megabytes_after']:.0f} MB after"
        )
    return missed


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each crowd; exit status 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, nargs="+", default=PEOPLE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as runs,
        serve(APP, {"DIGITNET_RUNS": runs}) as (address, pid),
    ):
        wait_for_server(address)
        found = asyncio.run(measure_all(address, pid, asked.people, asked.seconds))
    if (tuple(asked.people), asked.seconds) == (PEOPLE, SECONDS):
        write_record(RECORD, found)
    missed = find_missed(found)
    print("\n".join(missed or ["every bar is kept"]))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
