"""Whether the server's memory stays bounded, stroke after stroke.

    python -m benchmarks.memory                  # a minute, a look which is not stored
    python -m benchmarks.memory --strokes 1800   # as many as one person draws in an hour

Streamlit can search for garbage after each run of the script (`runner.postScriptGC`), among all
that its visitors have. The app switches that off and leaves it to Python, and keeps out of it what
is loaded once. Both are measured, each with a server of its own that some people draw on, without a
pause. Exits with 1 if the memory of the app as it is grows by more than it may.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.app_speed import APP, megabytes
from benchmarks.browser import serve, wait_for_server
from benchmarks.load import processor_seconds
from benchmarks.record import write_record
from benchmarks.visitors import Visitor

RECORD = Path(__file__).with_name("memory.json")
HOUR = 1_800  # strokes, one every two seconds
STROKES, WARMING, PEOPLE = 300, 100, 4
MOST_GROWTH = 1.1  # of the memory, in an hour's strokes
OURS, THEIRS = "as it is", "with a collection after each run"
WAYS = {OURS: {}, THEIRS: {"STREAMLIT_RUNNER_POST_SCRIPT_GC": "true"}}


async def measure(address: str, pid: int, strokes: int) -> dict[str, Any]:
    """Has people draw so many strokes; the memory, MB, before and after, and what one costs."""
    visitors = [Visitor(address) for _ in range(PEOPLE)]
    for visitor in visitors:
        await visitor.open()
    await _draw_all(visitors, WARMING)
    server = psutil.Process(pid)
    before, spent = megabytes(pid), processor_seconds(server)
    await _draw_all(visitors, strokes)
    spent = processor_seconds(server) - spent
    for visitor in visitors:
        await visitor.close()
    return {
        "strokes": strokes,
        "megabytes_before": before,
        "megabytes_after": megabytes(pid),
        "processor_ms": 1000 * spent / strokes,
    }


async def _draw_all(visitors: Sequence[Visitor], strokes: int) -> None:
    await asyncio.gather(*(_draw(one, strokes // len(visitors)) for one in visitors))


async def _draw(visitor: Visitor, strokes: int) -> None:
    """Draws one stroke after another, each as soon as the one before is read."""
    for number in range(strokes):
        await visitor.draw(number % 10)
        while visitor.strokes[-1].wait is None and not visitor.was_cut_off:
            await asyncio.sleep(0.005)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each way; exit status 1 if the memory grows too much."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strokes", type=int, default=STROKES)
    strokes = parser.parse_args(arguments).strokes
    found = {}
    for way, environment in WAYS.items():
        with (
            tempfile.TemporaryDirectory() as runs,
            serve(APP, {"DIGITNET_RUNS": runs, **environment}) as (address, pid),
        ):
            wait_for_server(address)
            found[way] = asyncio.run(measure(address, pid, strokes))
        print(describe(way, found[way]), flush=True)
    if strokes == HOUR:
        write_record(RECORD, {"ways": found})
    ours = found[OURS]
    return int(ours["megabytes_after"] > MOST_GROWTH * ours["megabytes_before"])


def describe(way: str, found: dict[str, Any]) -> str:
    """A line for a reader at a terminal."""
    return (
        f"{way}: {found['megabytes_before']:.0f} MB, after {found['strokes']:,} strokes "
        f"{found['megabytes_after']:.0f} MB; {found['processor_ms']:.1f} ms of processor a stroke"
    )


if __name__ == "__main__":
    sys.exit(main())
