"""What is loaded once for all visitors."""

from __future__ import annotations

import contextlib
from functools import lru_cache

import numpy as np
import streamlit as st

from digitnet.digits import DataError, find_mnist, load_digits, load_mnist
from digitnet.experiments import DATASETS, EXPERIMENTS
from digitnet.runs import Run, RunError, RunStore
from digitnet.serving import ModelServer


@st.cache_resource(show_spinner=False)
def load_store() -> RunStore:
    """The project's run folders."""
    return RunStore.default()


@st.cache_resource(show_spinner=False)
def load_server() -> ModelServer:
    """The served networks, loaded once for all readers."""
    server = ModelServer(load_store())
    server.predict_all(np.zeros((1, 28, 28), np.uint8))  # loads every network
    return server


def load_results() -> dict[str, dict]:
    """The result of each experiment's current run, most accurate first; broken runs left out."""
    results = {}
    for experiment in EXPERIMENTS:
        run = load_store().current(experiment.name)
        with contextlib.suppress(RunError):
            if run:
                results[experiment.name] = _load_result(run)
    return dict(sorted(results.items(), key=lambda item: -item[1]["scores"]["accuracy"]))


@lru_cache(maxsize=256)
def _load_result(run: Run) -> dict:
    return run.result


def read_with(model: str, image: np.ndarray) -> np.ndarray:
    """One network's probabilities, float32 (10,), for an image, uint8 (28, 28).

    Raises:
        InferenceError: If the network cannot be served.
    """
    return load_server().predict(model, image[None])[0]


def read_with_all(image: np.ndarray) -> dict[str, np.ndarray]:
    """The probabilities of each network that can be served, as `read_with` returns them."""
    return {name: rows[0] for name, rows in load_server().predict_all(image[None]).items()}


@st.cache_resource(show_spinner=False, max_entries=len(DATASETS))
def _load_images(dataset: str) -> np.ndarray:
    return load_digits(dataset).images


def load_pictures(dataset: str) -> np.ndarray | None:
    """The images of a data set, uint8 (n, 28, 28), where it is on this machine.

    Where it is not, says so, and offers to fetch it.
    """
    try:
        if st.session_state.pop("fetch_mnist", False):
            _fetch_mnist()
        if dataset != "mnist" or find_mnist():
            return _load_images(dataset)
    except DataError as error:
        st.warning(str(error))
    st.caption("The pictures of these digits are MNIST's, which is not on this machine yet.")
    st.button("Fetch MNIST, 11 MB", icon=":material/download:", on_click=_ask_for_mnist)
    return None


def _ask_for_mnist() -> None:
    st.session_state["fetch_mnist"] = True


def _fetch_mnist() -> None:
    """Downloads MNIST; raises DataError if that fails."""
    bar = st.progress(0.0, "Fetching MNIST…")

    def show_progress(done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, f"Fetched {done / 1e6:.1f} MB of MNIST…")

    try:
        load_mnist(show_progress)
    finally:
        bar.empty()
