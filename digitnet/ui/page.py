"""What every page has: the style, the menu and the sign of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from digitnet import jobs
from digitnet.experiments import EXPERIMENTS, Experiment
from digitnet.places import home
from digitnet.runs import RunStore
from digitnet.ui import roles, tally
from digitnet.ui.forgiving import forgive_expiry, forgive_unreadable_values, keep_caches
from digitnet.ui.loaders import LOOK_SECONDS, MOST_STORES, load_store
from digitnet.ui.scripts import ASSETS, run_script

TRAIN_VIEW = "Retrain"  # the part of the Compare page where trainings are watched


SIGN_SECONDS = 10  # between looks, each a run of the script, at whether a training runs


forgive_unreadable_values()
keep_caches()
forgive_expiry()


def page_file(name: str) -> Path:
    """A page's file, wherever the script lies that Streamlit was told to run."""
    return home() / "pages" / f"{name}.py"


def apply_style() -> None:
    """Adds the app's style sheet to the page."""
    st.html(ASSETS / "style.css")


def heed_taps() -> None:
    """Lets a finger choose a point of the page's charts as a mouse does."""
    run_script("taps.js")


def say_what_is_missing(present: Collection[Experiment]) -> None:
    """Tells which networks are not here and how to come by them; nothing if all are.

    Args:
        present: Those that are here.
    """
    missing = [one.name for one in EXPERIMENTS if one not in present]
    if missing:
        st.info(
            f"{len(missing)} of {len(EXPERIMENTS)} networks {'is' if len(missing) == 1 else 'are'} "
            "missing. A clone brings them in "
            "`checkpoints/`: `git checkout -- checkpoints` restores them. Or train them yourself: "
            f"`python -m digitnet train {' '.join(missing)}`"
        )
        if roles.permissions().trains:
            st.page_link(
                page_file("compare"),
                label="Train one here",
                icon=":material/model_training:",
                query_params={"view": TRAIN_VIEW},
            )


def show_menu(pages: Sequence[st.Page]) -> None:
    """The pages in a row, for phones, where Streamlit hides its own menu behind an arrow."""
    with st.container(key="menu", horizontal=True, gap=None):
        for page in pages:
            st.page_link(page)


@st.fragment(run_every=SIGN_SECONDS)
def show_training_sign(page: st.Page) -> None:
    """A small sign, on every page, that a training runs; it leads to where it is watched.

    Also sees to it that a worker is at the queue, whichever page is open.

    Args:
        page: Where trainings are watched.
    """
    store = load_store()
    active = _find_active(store.local, store.shipped)
    with st.container(key="training_sign"):
        if active:
            title = active[0].experiment.title
            waiting = f" and {len(active) - 1} more" if len(active) > 1 else ""
            st.page_link(
                page,
                label=f"Training {title}{waiting}",
                icon=":material/model_training:",
                query_params={"view": TRAIN_VIEW},
            )


@st.cache_resource(show_spinner=False, ttl=LOOK_SECONDS, max_entries=MOST_STORES)
def _find_active(local: Path, shipped: Path) -> list[jobs.Job]:
    """The trainings that run or wait, looked up for all together who see the same."""
    store = RunStore(local, shipped)
    _see_to_worker(store.shared.local, shipped)
    return [job for job in jobs.list_jobs(store) if job.is_busy]


@st.cache_resource(show_spinner=False, ttl=LOOK_SECONDS, max_entries=1)
def _see_to_worker(local: Path, shipped: Path) -> None:
    store = RunStore(local, shipped)
    tally.write(store)
    with contextlib.suppress(jobs.JobError):
        jobs.ensure_worker(store)


def picture_config(file_name: str) -> dict[str, Any]:
    """Settings of a chart that stays still and can be saved as a picture.

    Args:
        file_name: What the picture is called, without ending.
    """
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"filename": file_name, "scale": 2},
    }
