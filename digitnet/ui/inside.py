"""What the Inside page loads and computes, once for each drawing and network; and its film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import streamlit as st

from digitnet.digits import ink, load_samples
from digitnet.experiments import CLASSES, Experiment
from digitnet.runs import Run
from digitnet.serving import InferenceError, Insides, OpenNetwork, open_network
from digitnet.study import alterations
from digitnet.study.alterations import Flips, Way, find_flips, read_sparsely
from digitnet.study.evidence import Evidence, find_evidence
from digitnet.study.growth import LARGE_MOMENTS, MOMENTS, Growth, watch
from digitnet.ui import address, loaders, parameters
from digitnet.ui.page import page_file
from digitnet.ui.scripts import read_asset

FIRST_SAMPLE = 3  # shown to whoever has drawn nothing yet
OPEN = 3  # networks that are kept open; the largest takes 150 MB
UNKEPT = {"kept": "no"}  # the URL's parameter of what has no place in it
NOT_KEPT = (
    "What was looked at here, such as a photo, is kept for one visit and no longer. "
    "This is one of our digits."
)
KEPT = 64  # results; the largest, of cnn_long, takes 2 MB


# --- the drawing -----------------------------------------------------------------------------


def remember(image: np.ndarray, pieces: ink.Pieces | None) -> None:
    """Keeps what was read on the Draw page, for whoever comes to look inside."""
    st.session_state["last_read"] = image, pieces


def forget_drawing() -> None:
    """Keeps no drawing any more, once it was cleared; a photo stays."""
    _, pieces = st.session_state.get("last_read", (None, None))
    if isinstance(pieces, ink.DrawnPieces):
        del st.session_state["last_read"]


def link(network: str) -> None:
    """A link to the Inside page, with the network and the drawing, if that is not too long."""
    _, pieces = st.session_state["last_read"]
    code = st.session_state["last_drawing"] if isinstance(pieces, ink.DrawnPieces) else ""
    parameters = {"drawing": code} if code else UNKEPT
    st.page_link(
        page_file("inside"),
        label="Look inside",
        icon=":material/visibility:",
        query_params={"model": network} | parameters,
    )


def find_drawing() -> tuple[np.ndarray, ink.Pieces | None]:
    """The drawing of the URL, or else the visitor's last one, which it then names, or a sample.

    Returns:
        What the networks see, uint8 (28, 28), and the pieces that it is made of, if any.
    """
    if code := st.query_params.get("drawing"):
        parameters.complete({"kept": None})
        try:
            strokes = ink.decode_strokes(code)
            return ink.render_strokes(strokes), ink.DrawnPieces(strokes)
        except ink.InkError as error:
            st.info(str(error))
            parameters.complete({"drawing": None})
    if "last_read" not in st.session_state:
        if "kept" in st.query_params:
            parameters.complete({"kept": None})
            st.info(NOT_KEPT)
        strokes = sample_strokes(FIRST_SAMPLE)
        return ink.render_strokes(strokes), ink.DrawnPieces(strokes)
    image, pieces = st.session_state["last_read"]
    parameters.complete(_address(pieces))
    return image, pieces


def strokes_of(pieces: ink.Pieces | None) -> ink.Strokes:
    """The strokes of a drawing; of a photo there are none."""
    return pieces.strokes if isinstance(pieces, ink.DrawnPieces) else []


def sample_strokes(digit: int) -> ink.Strokes:
    """One of the project's sample digits."""
    return [np.array(stroke, np.float64) for stroke in load_samples()[digit]]


def find_sample() -> int | None:
    """The sample digit that is looked at: the URL's drawing, or what is there instead of one."""
    code = st.query_params.get("drawing")
    if code is None and "last_read" not in st.session_state:
        return FIRST_SAMPLE
    return next((digit for digit in range(CLASSES) if _sample_code(digit) == code), None)


@cache
def _sample_code(digit: int) -> str:
    return ink.encode_strokes(sample_strokes(digit))


def show_sample() -> None:
    """Puts the sample that is chosen into the URL."""
    digit = st.session_state["inside_sample"]
    if digit is not None:
        st.query_params.update(_address(ink.DrawnPieces(sample_strokes(digit))))


def _address(pieces: ink.Pieces | None) -> dict[str, str]:
    """The URL's parameter of a drawing; of a photo, or one that is too long, that it has none."""
    code = address.encode(strokes_of(pieces))
    return {"drawing": code} if code else UNKEPT


# --- what is computed ------------------------------------------------------------------------


@st.cache_resource(show_spinner=False, max_entries=OPEN)
def _open(run_id: str, signature: tuple, _run: Run) -> OpenNetwork:
    return open_network(_run)


def open_run(run: Run) -> OpenNetwork:
    """A run's network, to be looked into; raises InferenceError where it is broken."""
    return _open(run.id, run.signature, run)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _look(run_id: str, signature: tuple, image: np.ndarray, _run: Run) -> Insides:
    return open_run(_run).look(image[np.newaxis])


def look(run: Run, image: np.ndarray) -> Insides:
    """What every layer of a run's network makes of an image, uint8 (28, 28)."""
    with st.spinner("Opening the network, which takes a moment the first time…"):
        return _look(run.id, run.signature, image, run)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _explain(
    run_id: str, signature: tuple, image: np.ndarray, _run: Run, _insides: Insides
) -> Evidence:
    evaluate = partial(loaders.load_server().evaluate, _run)
    kernel = open_run(_run).kernel
    return find_evidence(_run.experiment, _insides, kernel, image, evaluate)


def explain(run: Run, image: np.ndarray) -> Evidence:
    """Why a run's network reads an image, uint8 (28, 28), as it does."""
    return _explain(run.id, run.signature, image, run, look(run, image))


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _watch(run_id: str, signature: tuple, strokes: ink.Strokes, _run: Run) -> Growth:
    count = LARGE_MOMENTS if _run.experiment.is_large else MOMENTS
    return watch(strokes, partial(loaders.load_server().predict, _run), count)


def watch_growth(run: Run, strokes: ink.Strokes) -> Growth:
    """How a run's reading grew as strokes were drawn."""
    return _watch(run.id, run.signature, strokes, run)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _draw_along(strokes: ink.Strokes, way_name: str, _way: Way) -> np.ndarray:
    return alterations.draw_along(strokes, _way)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _scanned(signatures: str, strokes: ink.Strokes, way_name: str) -> dict[Experiment, Flips]:
    return {}  # until `scan` fills it


def scan(
    runs: Sequence[Run], strokes: ink.Strokes, way: Way
) -> Iterator[dict[Experiment, Flips | None]]:
    """Where each network's reading of strokes flips along a way, as it becomes known.

    Yields:
        At once what the networks say that are not large, and None for each that still reads; then
        with one large network after the other, which leaves a processor to the browser; these
        read at fewer points. What is known from before comes with the first.

    Raises:
        InferenceError: If one of the networks cannot be served.
    """
    # As one text: Streamlit takes its time to hash many numbers.
    signatures = repr(sorted((run.id, run.signature) for run in runs))
    found = _scanned(signatures, strokes, way.name)
    unread = [run for run in runs if run.experiment not in found]
    large = [run for run in unread if run.experiment.is_large]
    images = _draw_along(strokes, way.name, way) if unread else np.empty(0)
    if small := [run for run in unread if not run.experiment.is_large]:
        for network, digits in _read_all(small, images).items():
            found[network] = find_flips(digits, way)
    if found:
        yield _in_order(runs, found)
    for run in large:
        found[run.experiment] = find_flips(read_sparsely(partial(_read, run), images), way)
        yield _in_order(runs, found)


def _in_order(
    runs: Sequence[Run], found: Mapping[Experiment, Flips]
) -> dict[Experiment, Flips | None]:
    return {run.experiment: found.get(run.experiment) for run in runs}


def _read_all(runs: Sequence[Run], images: np.ndarray) -> dict[Experiment, np.ndarray]:
    """The digits (n,) that each network reads; raises InferenceError."""
    found = {}
    for network, one in loaders.load_server().read_all(runs, images).items():
        if isinstance(one, InferenceError):
            raise one
        found[network] = one.probabilities.argmax(axis=1)
    return found


def _read(run: Run, images: np.ndarray) -> np.ndarray:
    return _read_all([run], images)[run.experiment]


# --- the film --------------------------------------------------------------------------------

_film = st.components.v2.component(
    "digitnet_film", html="<div></div>", js=read_asset("film.js"), isolate_styles=False
)


def show_film(data: dict[str, Any]) -> None:
    """A drawing as it grew, to be played and stepped through in the browser alone.

    Args:
        data: As `film_data` makes it.
    """
    _film(key="film", data=data)
