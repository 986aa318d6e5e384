"""Teaching the reader one's own hand: the button, how it goes, and what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import streamlit as st

from digitnet import jobs
from digitnet.digits import Labelled, find_lack
from digitnet.errors import DigitnetError
from digitnet.experiments import READER
from digitnet.jobs import Job
from digitnet.runs import Run, RunError
from digitnet.show.teaching import describe_outcome
from digitnet.show.words import as_sentence, tell
from digitnet.ui import loaders, roles
from digitnet.ui.actions import button, note, note_error, show_notes
from digitnet.ui.job_list import show_progress
from digitnet.ui.trainings import has_tensorflow

LOOK = 1  # seconds between looks at a teaching that goes on


def show_teaching(drawings: Sequence[Labelled]) -> None:
    """The reader's training goes on with one's own drawings.

    Args:
        drawings: Strokes, y downwards, and the digit that their drawer says they are.
    """
    with st.container(key="teaching"):
        job = find_teaching()
        if job and job.is_busy:
            st.fragment(follow_teaching, run_every=LOOK)(job.id)
        else:
            offer_teaching(drawings)
            show_last(job)


def find_teaching() -> Job | None:
    """The teaching that is under way, or the one that ended last without becoming a run."""
    for job in jobs.list_jobs(loaders.load_store()):
        with contextlib.suppress(RunError):  # it has just been finished and moved, or is broken
            if job.experiment == READER and job.training.request.teaching:
                return job
    return None


def offer_teaching(drawings: Sequence[Labelled]) -> None:
    """The button, and what it takes to press it."""
    if not roles.permissions().trains:
        return
    lack = find_lack(label for _, label in drawings)
    st.button(
        "Teach the reader my hand",
        icon=":material/school:",
        type="primary",
        disabled=bool(lack) or not has_tensorflow(),
        on_click=begin_teaching,
        args=(drawings,),
        key="teach",
    )
    if not has_tensorflow():
        st.caption("Teaching needs TensorFlow: `pip install -r requirements.txt`.")
    elif lack:
        st.caption(as_sentence(lack))
    else:
        st.caption(
            "It learns from half of your drawings, in about a minute, and is tried on the other "
            "half. It replaces the current reader only if it reads those better, or as well and "
            "more surely, and has hardly forgotten anything."
        )


def begin_teaching(drawings: Sequence[Labelled]) -> None:
    """Queues a teaching; tells what stands against it."""
    try:
        jobs.teach(loaders.load_store(), drawings)
    except DigitnetError as error:
        note_error(error)
    else:
        st.session_state["has_taught"] = True
        note("The reader is being taught your hand.", ":material/school:")


def follow_teaching(job_id: str) -> None:
    """How a teaching goes; draws the page anew when it has ended."""
    job = next((one for one in jobs.list_jobs(loaders.load_store()) if one.id == job_id), None)
    if job is None or not job.is_busy:
        st.rerun()
    st.markdown("**The reader learns your hand.**")
    if job.state == "running":
        show_progress(job)
    else:
        st.caption("It waits for its turn.")
    button("Stop", ":material/stop:", job.id, jobs.cancel)
    show_notes()


def show_last(job: Job | None) -> None:
    """What came of the last teaching.

    Args:
        job: The last one that ended without becoming a run, where there is one.
    """
    taught = find_last_taught()
    if job and job.state != "stopped" and not (taught and taught.stamp > job.training.stamp):
        st.error(tell(job.message), icon=":material/error:")
    elif taught and taught.outcome:
        st.markdown(describe_outcome(taught.outcome))
        if taught.outcome.is_adopted and taught != loaders.load_store().current(READER.name):
            st.caption("That is not the reader that reads now: another was chosen since.")


def find_last_taught() -> Run | None:
    """The newest run that was taught; a broken one is told of where runs are listed."""
    for run in filter(is_mine, loaders.load_store().finished(READER.name)):
        with contextlib.suppress(RunError):
            if run.outcome:
                return run
    return None


def is_mine(run: Run) -> bool:
    """Whether it was this visitor, as far as can be told, who taught a run."""
    store = loaders.load_store()
    if store.is_visitors:
        return store.holds(run)
    # Who finds own drawings kept on the machine is the one who draws on it.
    return roles.keeps_drawings() or bool(st.session_state.get("has_taught"))
