"""The trainings that are not finished, watched live."""

from __future__ import annotations

import contextlib

import streamlit as st

from digitnet import jobs
from digitnet.jobs import Job
from digitnet.report import find_report_epochs
from digitnet.runs import RunError
from digitnet.show.trainings import (
    describe_place,
    describe_progress,
    describe_request,
    progress_html,
)
from digitnet.show.words import tell
from digitnet.study.standings import state_of
from digitnet.ui import loaders, roles
from digitnet.ui.actions import ask_to_delete, button, few_of, offer_all, show_notes

STATES = {"running": "training"}  # the other states are called what they are
FEW = 10  # trainings that are shown at first: each has a row of buttons, drawn anew every second
LIVELY, CALM = 1, 5  # seconds between looks at the trainings, while one runs and otherwise


@st.fragment(run_every=CALM)
def follow_runs(state: tuple[str, ...]) -> None:
    """Draws the page anew once the finished runs are others than when it was drawn.

    Args:
        state: The finished runs then.
    """
    if state_of(loaders.load_store()) != state:
        st.rerun()


def show_jobs() -> None:
    """The trainings that are not finished; looks again by itself."""
    store = loaders.load_store()
    with st.container(key="jobs"):
        st.subheader("Trainings", anchor=False)
        is_busy = any(job.is_busy for job in jobs.list_jobs(store))
        st.fragment(_follow_jobs, run_every=LIVELY if is_busy else CALM)(is_busy, state_of(store))


def _follow_jobs(was_busy: bool, state: tuple[str, ...]) -> None:
    """Lists the jobs; draws the whole page anew when more than the list changes.

    Args:
        was_busy: Whether one trained or waited when the page was drawn.
        state: The finished runs then.
    """
    store = loaders.load_store()
    found = jobs.list_jobs(store)
    if state_of(store) != state or any(job.is_busy for job in found) != was_busy:
        st.rerun()
    show_notes()
    if not found:
        st.caption("Nothing is being trained.")
    queued = [job.id for job in found if job.state == "queued"]
    for job in few_of(found, FEW, "all trainings"):
        show_job(job, queued)
    offer_all(found, FEW, "trainings", "all trainings")


def show_job(job: Job, queued: list[str]) -> None:
    with st.container(border=True, key=f"job {job.id}"):
        # Visitors of a class take turns with others, whose trainings they do not see.
        is_placed = job.id in queued and not loaders.load_store().is_visitors
        state = describe_place(queued.index(job.id)) if is_placed else job.state
        st.markdown(f"**{job.experiment.title}** · {STATES.get(state, state)}")
        with contextlib.suppress(RunError):
            st.caption(describe_request(job.training.request))
        if job.state == "running":
            show_progress(job)
        elif job.state in ("failed", "broken"):
            st.error(tell(job.message), icon=":material/error:")
        elif job.state != "queued":
            st.markdown(tell(job.message))
        show_job_buttons(job, queued)


def show_progress(job: Job) -> None:
    try:
        history, settings = job.training.history(), job.training.request.settings
    except RunError:  # it has just been finished, and moved
        return
    report_epochs = find_report_epochs(job.experiment.name)
    share, words = describe_progress(job.status, settings, history, report_epochs)
    st.progress(share, words)
    if history["epoch"].size:
        st.html(progress_html(job.experiment, history))


def show_job_buttons(job: Job, queued: list[str]) -> None:
    log = jobs.read_log(job.training)
    with st.container(horizontal=True, vertical_alignment="center"):
        if roles.permissions().changes:
            show_job_actions(job, queued)
        wants_log = bool(log) and st.toggle("Log", key=f"log {job.id}")
    if wants_log:
        st.code(log, language=None, height=240)


def show_job_actions(job: Job, queued: list[str]) -> None:
    if job.is_busy:
        button("Cancel", ":material/stop:", job.id, jobs.cancel)
    if job.id in queued and len(queued) > 1:
        place = queued.index(job.id)
        last = place == len(queued) - 1
        button("Move up", ":material/arrow_upward:", job.id, jobs.move, -1, place > 0)
        button("Move down", ":material/arrow_downward:", job.id, jobs.move, 1, not last)
    if job.state in ("interrupted", "stopped", "failed"):
        button("Resume", ":material/play_arrow:", job.id, jobs.resume)
    if not job.is_busy:
        ask_to_delete(job.id, job.training.title)
