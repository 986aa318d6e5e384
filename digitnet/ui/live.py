"""The reading while one draws: what the browser needs to run the networks by itself.

A component of the page's own, in `assets/live`: it listens to the pen and reads before the pen is
lifted. It takes the served models as they are, by their hashes.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

import digitnet
from digitnet.digits import ink, load_samples
from digitnet.runs import RunError, write_atomically
from digitnet.study.summaries import RunSummary
from digitnet.ui.loaders import LOOK_SECONDS, MOST_STORES, load_current, load_seen_store
from digitnet.ui.scripts import ASSETS

LARGEST = 4_000_000  # bytes of a model that a browser is to fetch; larger ones read at pen-up
DEMONSTRATED = 3  # the sample digit, of one stroke, that draws itself on the first visit
KEPT_SECONDS = 24 * 3600  # of what browsers are offered
_turns = count()  # what is sent as before is not told to a component, which may wait to be told
DECIMALS = 1  # of a stroke's coordinates, in pixels of the board: as fine as the screen


def show_live_reading(
    chosen: RunSummary, strokes: ink.Strokes | None, read: str, width: int
) -> None:
    """Reads in the browser what is added to a drawing, until the server has read it, too.

    Where the machine has no room for what browsers fetch, it is read as the pen is lifted alone.

    Args:
        chosen: The network whose reading is shown in large type.
        strokes: What the server has read, perhaps nothing; None where there is no live reading.
        read: What it has read: a digit, a number, or "".
        width: Of the board, in the strokes' unit.
    """
    try:
        description = _offer_description(str(load_seen_store().local))
    except OSError:
        return
    _serve_folder("live", ASSETS / "live")
    with st.container(key="live"):
        _load_component()(
            key="live_reading",
            data={
                "strokes": None if strokes is None else [_rounded(one) for one in strokes],
                "read": read,
                "description": description,
                "chosen": chosen.run.experiment.name,
                "width": width,
                "turn": next(_turns),
            },
        )


@cache
def _load_component() -> Callable[..., Any]:
    return st.components.v2.component(
        "digitnet.live", js="live.js", css="live.css", isolate_styles=False
    )


def _rounded(stroke: np.ndarray) -> list[list[float]]:
    return np.round(stroke, DECIMALS).tolist()


@st.cache_resource(show_spinner=False, ttl=LOOK_SECONDS, max_entries=MOST_STORES)
def _offer_description(seen: str) -> str:
    """The name under which browsers fetch what is the same at each stroke.

    It is the content's hash, so that a browser fetches anew what has changed, and nothing else.

    Args:
        seen: Where the runs lie that the visitor sees: what others keep is not told.
    """
    _clear_shelf(KEPT_SECONDS)
    content = json.dumps(
        {
            "networks": [_describe(one) for one in load_current()],
            "demonstration": load_samples()[DEMONSTRATED][0],
        }
    ).encode()
    return _put_on_shelf(f"{hashlib.sha256(content).hexdigest()}.json", lambda: content)


def _describe(summary: RunSummary) -> dict[str, Any]:
    """A network as the browser is told of it; without a file where it only reads at pen-up."""
    experiment = summary.run.experiment
    return {
        "name": experiment.name,
        "title": experiment.title,
        "colour": experiment.colour,
        "file": _offer_model(summary),
        "bytes": summary.served_bytes,
        "temperature": summary.temperature,
        "threshold": summary.run.calibration.threshold,
        "refuses": experiment.refuses,
    }


def _offer_model(summary: RunSummary) -> str | None:
    """The name under which browsers fetch a served model; None if they do not."""
    if summary.served_sha256 is None or (summary.served_bytes or 0) > LARGEST:
        return None
    try:
        return _put_on_shelf(f"{summary.served_sha256}.tflite", partial(_read_model, summary))
    except (OSError, RunError):
        return None  # the page tells what is wrong where it reads it


def _read_model(summary: RunSummary) -> bytes:
    """What a run serves; raises RunError if its bytes are not those that were exported."""
    content = summary.run.served_model.read_bytes()
    if hashlib.sha256(content).hexdigest() != summary.served_sha256:
        raise RunError(f"the served model of {summary.run.id} is damaged")
    return content


def _clear_shelf(kept_seconds: float) -> None:
    """Takes away what has lain longer: what is still wanted is put back at the next look."""
    with suppress(OSError):  # they are only copies
        for path in _open_shelf().iterdir():
            if time.time() - path.stat().st_mtime > kept_seconds:
                path.unlink(missing_ok=True)


def _put_on_shelf(name: str, read: Callable[[], bytes]) -> str:
    """Offers browsers a file, which is read only if it is not there yet; returns its name."""
    copy = _open_shelf() / name
    if not copy.exists():
        write_atomically(copy, read())
    return name


def empty_shelf() -> None:
    """Forgets what browsers were offered."""
    _offer_description.clear()
    _clear_shelf(-math.inf)  # whatever the clock says


def _open_shelf() -> Path:
    """The folder that browsers may fetch from: the run folders hold more than models."""
    folder = Path(_shelf().name)
    folder.mkdir(mode=0o700, exist_ok=True)  # a temporary folder may have been tidied up
    _serve_folder("networks", folder)
    return folder


@st.cache_resource(show_spinner=False)
def _shelf() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="digitnet-")


def _serve_folder(name: str, folder: Path) -> None:
    """Has the server serve a folder as the assets of a component, `digitnet.NAME`.

    Streamlit looks for such folders in installed packages only, and a clone is none.
    """
    manager = get_bidi_component_manager()
    if manager.get_component_path(f"digitnet.{name}") is None:
        component = ComponentConfig(name=name, asset_dir=folder.name)
        manifest = ComponentManifest("digitnet", digitnet.__version__, [component])
        manager.register_from_manifest(manifest, folder.parent)
