"""What is loaded once for all visitors, and what each of them sees of the runs."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from threading import Thread

import numpy as np
import streamlit as st

from digitnet.digits import DataError, ink, is_here, load_digits
from digitnet.experiments import DATASETS, IMAGE_SHAPE, Experiment
from digitnet.runs import Run, RunStore
from digitnet.serving import (
    Crowd,
    InferenceError,
    ModelServer,
    Number,
    find_untried,
    find_verdict,
    read_number,
    try_runs,
)
from digitnet.study.summaries import RunSummary, summarize_current
from digitnet.ui import roles

LOOK_SECONDS = 1.0  # between looks at the disk, however many people draw
MOST_STORES = 300  # of visitors who have something of their own


def load_store() -> RunStore:
    """The run folders that this visitor may see."""
    return roles.store()


def load_seen_store() -> RunStore:
    """The run folders whose runs are current for this visitor."""
    store = load_store()
    if store.is_visitors and not store.local.is_dir():
        return store.shared  # who keeps nothing of their own sees what all see
    return store


def load_current() -> list[RunSummary]:
    """The whole current runs, in their order, as they were a second ago at most."""
    store = load_seen_store()
    return _load_current(str(store.local), str(store.shipped))


def load_tried() -> list[RunSummary]:
    """The same, once the models of what this visitor has trained were tried: by this very visit."""
    current = load_current()
    own = [one.run for one in current if one.run.is_visitors]
    if find_untried(own):
        st.toast("What you trained is tried before it reads.", icon=":material/hourglass_top:")
        try_runs(own)
    return current


def forget_current() -> None:
    """Has what is current be looked up anew."""
    _load_current.clear()


@st.cache_resource(show_spinner=False, ttl=LOOK_SECONDS, max_entries=MOST_STORES)
def _load_current(local: str, shipped: str) -> list[RunSummary]:  # texts are hashed soonest
    return summarize_current(RunStore(Path(local), Path(shipped)))


@st.cache_resource(show_spinner=False)
def load_server() -> ModelServer:
    """The served networks, loaded once for all readers."""
    server = ModelServer(LOOK_SECONDS)
    runs = [one.run for one in summarize_current(RunStore.default())]
    try_runs(runs)
    for run in runs:  # loads one after another: the browser that waits has something to do as well
        server.read_all([run], np.zeros((1, *IMAGE_SHAPE[:2]), np.uint8))
    # What is loaded by now is no garbage, and no collection need go through it.
    gc.collect()
    gc.freeze()
    return server


@st.cache_resource(show_spinner=False)
def _load_crowd() -> Crowd:
    return Crowd()


def count_reading(waited: float) -> bool:
    """Counts a reading that waited so many seconds; returns whether it is one of a crowd's."""
    return _load_crowd().count(waited)


def choose_runs(runs: Sequence[Run], chosen: Run, is_crowd: bool) -> list[Run]:
    """The runs that read a stroke: all, but the large ones while a crowd draws.

    Args:
        runs: Of each network one.
        chosen: The one whose reading is shown in large type, which always reads.
        is_crowd: As `count_reading` told.
    """
    return [run for run in runs if not is_crowd or run == chosen or not run.experiment.is_large]


def read_with_all(
    runs: Iterable[Run], image: np.ndarray | None
) -> tuple[dict[Experiment, np.ndarray | InferenceError], bool | None]:
    """What every network says of an image.

    Args:
        runs: Of each network one.
        image: uint8 (28, 28), 0 background to 255 ink; None if there is nothing to read yet.

    Returns:
        The probabilities of each network, float32 (10,), or what keeps it from being served; and
        whether it is a digit, None if no network tells.
    """
    if image is None:
        return {}, None
    readings = load_server().read_all(runs, image[None], _heed_visitor)
    verdict = find_verdict(readings)
    answers = {
        network: one if isinstance(one, InferenceError) else one.probabilities[0]
        for network, one in readings.items()
    }
    return answers, None if verdict is None else bool(verdict[0])


def _heed_visitor() -> None:
    """Lets Streamlit end the run of a visitor who has left, or gone on to another page."""
    st.session_state.get("model")


def find_number(runs: Iterable[Run], pieces: ink.Pieces | None) -> Number | None:
    """The number of two or more digits that was drawn or pictured; None if there is none.

    Args:
        runs: Those served; the one that tells what is no digit reads. None without it.
        pieces: Of the drawing or picture; None if it has none to be parted.
    """
    reader = next((run for run in runs if run.experiment.refuses), None)
    if reader is None or pieces is None or len(pieces.boxes) < 2:
        return None
    try:
        evaluate = partial(load_server().evaluate, reader)
        number = read_number(pieces, evaluate, reader.calibration.temperature)
    except InferenceError:  # which the page tells where the network's reading would be
        return None
    return number if len(number.digits) > 1 else None


@st.cache_resource(show_spinner=False, max_entries=len(DATASETS))
def _load_images(dataset: str) -> np.ndarray:
    return load_digits(dataset).images


@st.cache_resource(show_spinner=False)
def load_pictures_ahead(dataset: str) -> None:
    """Loads the images of a data set that is on this machine, beside all else, once.

    That takes half a second, for which whoever asks for them later need not wait.
    """
    Thread(target=_load_quietly, args=(dataset,), daemon=True).start()


def _load_quietly(dataset: str) -> None:
    with contextlib.suppress(DataError):  # who asks for them is told
        if is_here(dataset):
            _load_images(dataset)


def load_pictures(dataset: str, place: str) -> np.ndarray | None:
    """The images of a data set, uint8 (n, 28, 28), where it is on this machine.

    Where it is not, says so, and offers to fetch it.

    Args:
        dataset: Its name.
        place: Where on the page they are shown, for a page may show them in several.
    """
    try:
        if st.session_state.pop("fetch", None) == dataset:
            _fetch(dataset)
        if is_here(dataset):
            return _load_images(dataset)
    except DataError as error:
        st.warning(str(error))
    title, megabytes = DATASETS[dataset].title, DATASETS[dataset].download_bytes / 1e6
    st.caption(f"The pictures of these digits are {title}'s, which is not on this machine yet.")
    st.button(
        f"Fetch {title}, {megabytes:.0f} MB",
        icon=":material/download:",
        on_click=_ask_to_fetch,
        args=(dataset,),
        key=f"fetch {place}",
    )
    return None


def _ask_to_fetch(dataset: str) -> None:
    st.session_state["fetch"] = dataset


def _fetch(dataset: str) -> None:
    """Downloads a data set; raises DataError if that fails."""
    title = DATASETS[dataset].title
    bar = st.progress(0.0, f"Fetching {title}…")

    def show_progress(done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, f"Fetched {done / 1e6:.1f} MB of {title}…")

    try:
        load_digits(dataset, show_progress)
    finally:
        bar.empty()
