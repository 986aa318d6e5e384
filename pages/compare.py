"""The Compare page: all networks side by side, and trainings started and watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import fields, replace
from importlib.util import find_spec
from typing import Any

import psutil
import streamlit as st

from digitnet import jobs
from digitnet.digits import DataError, is_here
from digitnet.experiments import (
    DATASETS,
    Experiment,
    SettingsError,
    TrainingSettings,
)
from digitnet.jobs import Job
from digitnet.report import find_report_epochs
from digitnet.runs import Request, Run, RunError, RunStore
from digitnet.serving import InferenceError
from digitnet.show import comparison as show_comparison
from digitnet.show.costs import COSTS, cost_figure
from digitnet.show.trainings import (
    describe_estimates,
    describe_place,
    describe_progress,
    describe_settings,
    progress_html,
    warn_of_estimates,
)
from digitnet.show.words import as_sentence
from digitnet.study import comparison
from digitnet.study.answers import DifferentDigitsError
from digitnet.study.differences import list_run_differences
from digitnet.study.standings import (
    Standing,
    list_whole_runs,
    load_standings,
    measure_latency,
    rank,
    state_of,
    tabulate_runs,
    tabulate_standings,
)
from digitnet.study.summaries import RunSummary
from digitnet.ui import choices, loaders, page

REPORT = TrainingSettings()  # the report's
REMARK = 360  # pixels, that most of them are seen whole
PERCENT, NUMBER = "%.2f%%", "localized"
TABLE_COLUMNS = {
    "network": st.column_config.TextColumn("Network", pinned=True),
    "problem": st.column_config.TextColumn("Remark", width=REMARK),
    "report": st.column_config.NumberColumn(
        "Report", format=PERCENT, width=72, help="The report's own accuracy, on its own test digits"
    ),
    "accuracy": st.column_config.NumberColumn(
        "Here",
        format=PERCENT,
        width=72,
        help="Accuracy of the current run: its share of digits read rightly",
    ),
    "interval": st.column_config.TextColumn(
        "95% interval", width=108, help="Wilson's, of our accuracy"
    ),
    "loss": st.column_config.NumberColumn(
        "Loss", format="%.4f", width=68, help="Cross-entropy, in nats"
    ),
    "f1": st.column_config.NumberColumn("Macro F1", format=PERCENT, width=82),
    "parameters": st.column_config.NumberColumn("Parameters", format=NUMBER, width=96),
    "megabytes": st.column_config.NumberColumn("Served", format="%.2f MB", width=82),
    "epochs": st.column_config.NumberColumn("Epochs", width=66),
    "seconds": st.column_config.NumberColumn(
        "An epoch",
        format="%.1f s",
        width=78,
        help="On the clock where it was trained, with all else that ran there",
    ),
    "milliseconds": st.column_config.NumberColumn("One image", format="%.2f ms", width=86),
    "dataset": st.column_config.TextColumn("Digits", width=70),
    "name": st.column_config.TextColumn(
        "Short name", width=90, help="As in the charts and on a terminal"
    ),
}
RUN_COLUMNS = {
    "network": st.column_config.TextColumn("Network", pinned=True),
    "id": st.column_config.TextColumn("Run"),
    "problem": st.column_config.TextColumn("Remark", width=REMARK),
    "current": st.column_config.CheckboxColumn("Current"),
    "accuracy": st.column_config.NumberColumn("Accuracy", format=PERCENT),
    "epochs": st.column_config.NumberColumn("Epochs"),
    "dataset": st.column_config.TextColumn("Digits"),
    "learning_rate": st.column_config.NumberColumn("Learning rate", format="%g"),
    "batch_size": st.column_config.NumberColumn("Batch size"),
    "patience": st.column_config.NumberColumn("Patience"),
    "seed": st.column_config.NumberColumn("Seed"),
}
STATES = {"running": "training"}  # the other states are called what they are
LIVELY, CALM = 1, 5  # seconds between looks at the trainings, while one runs and otherwise


# --- all networks ----------------------------------------------------------------------------


def show_table(standings: list[Standing]) -> None:
    rows = tabulate_standings(standings)
    unused = {name for name in ("milliseconds", "problem") if not any(row[name] for row in rows)}
    if {row["dataset"] for row in rows} <= {REPORT.dataset, None}:
        unused.add("dataset")
    shown = [name for name in TABLE_COLUMNS if name not in unused]
    with st.container(key="comparison"):
        st.dataframe(
            rows,
            hide_index=True,
            column_order=shown,
            column_config=TABLE_COLUMNS,
            height="content",
            placeholder="—",
        )
        st.caption(
            "Report: the accuracy that the report prints, on its own test digits. All else is of "
            "the run that is current here. A click on a heading sorts."
        )
        if rank(standings):
            st.button(
                "Measure the time of one image",
                icon=":material/timer:",
                on_click=measure_latencies,
                args=(standings,),
            )


def measure_latencies(standings: list[Standing]) -> None:
    """Measures every network on this machine; kept for this visit only."""
    latencies = st.session_state.setdefault("latencies", {})
    for standing in standings:
        if standing.summary and not standing.problem:
            run = standing.summary.run
            with contextlib.suppress(InferenceError):  # the Draw page tells of it
                latencies[run.id] = measure_latency(loaders.load_server(), run)


def show_costs(standings: list[Standing]) -> None:
    measured = any(standing.latency for standing in standings)
    with st.container(key="cost"):
        st.subheader("What accuracy costs", anchor=False)
        costs = [name for name in COSTS if measured or name != "Latency"]
        cost = choices.choose("Against", costs, "Parameters", "against")
        st.plotly_chart(
            cost_figure(standings, cost),
            config={"displayModeBar": False},
            alt=f"Accuracy of each network against {cost.lower()}; the table above has the figures",
        )
        st.caption("Up: more test digits read rightly; left: cheaper. Both scales are logarithmic.")


# --- two networks ----------------------------------------------------------------------------


def show_two(standings: list[Standing]) -> None:
    """Two runs that the reader chooses: which is better, and what differs."""
    summaries = list_whole_runs(loaders.load_store(), standings)
    if len(summaries) < 2:
        st.info("It takes two trained networks to compare; the next tab trains one.")
        return
    with st.container(key="pairs"):
        labels = {run_id: one.run.title for run_id, one in summaries.items()}
        first, second, *_ = labels
        columns = st.columns(2)
        with columns[0]:
            a = choices.pick("A", labels, first, "a")
        with columns[1]:
            b = choices.pick("B", labels, second, "b")
        show_pair(summaries[a].run, summaries[b].run, standings)
    with st.container(key="difference"):
        show_differences(summaries[a], summaries[b])
    with st.container(key="all_pairs"):
        show_all_pairs(standings)


def show_pair(a: Run, b: Run, standings: list[Standing]) -> None:
    """Whether one of two runs is the better one, or chance alone may have made the difference."""
    if a == b:
        st.info("These are one and the same run. Choose another to compare it with.")
        return
    try:
        pair = comparison.compare_pair(a, b)
    except (DifferentDigitsError, RunError) as error:
        st.info(str(error))
        return
    a_title, b_title = show_comparison.name_both(a, b)
    st.markdown(f"#### {show_comparison.describe_verdict(a_title, b_title, pair)}")
    st.markdown(show_comparison.describe_pair(f"**{a_title}**", f"**{b_title}**", pair))
    if among_all := comparison.compare_standings(standings).get((a.id, b.id)):
        st.markdown(show_comparison.describe_correction(a_title, b_title, among_all))


def show_differences(a: RunSummary, b: RunSummary) -> None:
    st.subheader("What differs", anchor=False)
    lines = list_run_differences(a, b)
    if not st.toggle("Only what differs", value=True, key="diff_only"):
        st.html(show_comparison.differences_html(lines))
    elif different := [line for line in lines if not line.is_same]:
        st.html(show_comparison.differences_html(different))
    else:
        st.caption("Nothing: the same network, trained with the same settings.")
        return
    st.caption(
        "After the point: how many parameters a layer has. max 2/1: the largest value of each "
        "2x2 window, which moves on by 1; average likewise. conv 32: 32 filters of 3x3."
    )


def show_all_pairs(standings: list[Standing]) -> None:
    compared = comparison.compare_standings(standings)
    if not compared:
        return
    runs = [one.summary.run for one in rank(standings) if one.summary]
    st.subheader("Every network against every other", anchor=False)
    st.markdown(show_comparison.describe_standing(runs[0], compared))
    st.html(show_comparison.pairs_html(runs, compared))
    st.caption(show_comparison.explain_pairs(runs, compared))


# --- training --------------------------------------------------------------------------------


def show_retrain() -> None:
    """The way to a new training: networks, settings, what it will cost, and the button."""
    with st.container(key="retrain"):
        st.subheader("A new training", anchor=False)
        if not (find_spec("tensorflow") and find_spec("keras")):
            st.info(
                "Training needs TensorFlow, which is not installed here. "
                "`pip install -r requirements.txt` installs it; then start the app anew."
            )
            return
        show_form()
        try:
            requests = read_form()
        except SettingsError as error:
            st.error(f"The {error}")
            requests = []
        if requests:
            show_estimates(requests)
        st.button(
            f"Retrain {len(requests)} networks" if len(requests) > 1 else "Retrain",
            type="primary",
            icon=":material/model_training:",
            disabled=not requests,
            on_click=submit_form,
        )


def show_form() -> None:
    """The networks and settings to choose, kept under the names of the settings."""
    st.multiselect(
        "Networks",
        [one.name for one in loaders.load_store().experiments()],
        default=[min(loaders.load_store().experiments(), key=lambda one: one.parameters).name],
        format_func=lambda name: find(name).title,
        key="networks",
    )
    st.segmented_control(
        "Digits",
        list(DATASETS),
        default=REPORT.dataset,
        required=True,
        format_func=lambda name: DATASETS[name].title,
        key="dataset",
    )
    if is_missing(dataset := st.session_state["dataset"]):
        title = DATASETS[dataset].title
        st.caption(f"{title} is not on this machine yet; the training downloads it first.")
    with st.container(horizontal=True):
        show_number("Most epochs", "epochs")
        show_number("Patience", "patience", "Epochs without a better one, then stop")
        show_number("Batch size", "batch_size", "Images a step")
        show_learning_rate()
        show_number("Seed", "seed", "Of the weights, dropout and the order of images")


def show_number(label: str, setting: str, explanation: str | None = None) -> None:
    default = getattr(REPORT, setting)
    st.number_input(label, value=default, step=1, width=130, help=explanation, key=setting)


def find(name: str) -> Experiment:
    return loaders.load_store().find_experiment(name)


def show_learning_rate() -> None:
    """A learning rate; empty for the report's, which is not the same for every network."""
    rates = {find(name).learning_rate for name in st.session_state["networks"]}
    st.number_input(
        "Learning rate",
        value=None,
        step=0.0001,
        format="%g",
        placeholder=f"{rates.pop():.10g}" if len(rates) == 1 else "the report's",
        width=150,
        help="Adam's; the report's if left empty",
        key="learning_rate",
    )


def read_form() -> list[Request]:
    """A request for each chosen network; SettingsError while a setting is out of its range."""
    names = (one.name for one in fields(TrainingSettings))
    values = {name: st.session_state[name] for name in names if name in st.session_state}
    if values["learning_rate"] is None:
        del values["learning_rate"]
    return [
        Request(name, replace(find(name).settings, **values))
        for name in st.session_state["networks"]
    ]


def is_missing(dataset: str) -> bool:
    with contextlib.suppress(DataError):
        return not is_here(dataset)
    return True


def show_estimates(requests: list[Request]) -> None:
    """What the trainings will cost, on what ground, and a warning where it is much."""
    estimates = [
        jobs.estimate(loaders.load_store(), request.experiment, request.settings)
        for request in requests
    ]
    st.markdown(describe_estimates(estimates))
    for request, estimate in zip(requests, estimates, strict=True):
        title = f"{find(request.experiment).title}: " if len(requests) > 1 else ""
        st.caption(title + estimate.basis)
    if warning := warn_of_estimates(estimates, psutil.virtual_memory().available):
        st.warning(warning, icon=":material/hourglass_top:")


def submit_form() -> None:
    """Queues what the form says now, which may be newer than what the page last drew."""
    try:
        requests = read_form()
    except SettingsError as error:
        note(f"The {error}", ":material/error:")
        return
    for request in requests:
        submit(request)


def submit(request: Request) -> None:
    title = find(request.experiment).title
    try:
        submitted = jobs.submit(loaders.load_store(), request)
    except (jobs.JobError, RunError) as error:
        note(f"{title}: {as_sentence(str(error))}", ":material/error:")
        return
    if submitted.is_new:
        note(f"{title} is in the queue.", ":material/check:")
    else:
        note(f"{title}: just this is queued or running already. Once is enough.", ":material/info:")


def note(words: str, icon: str) -> None:
    """Keeps what is to be said of an action until the page is drawn again."""
    st.session_state.setdefault("notes", []).append((words, icon))


def show_notes() -> None:
    for words, icon in st.session_state.pop("notes", []):
        st.toast(words, icon=icon, duration="long")


def show_jobs(listed: list[Job], state: tuple[str, ...]) -> None:
    """The trainings that are not finished; looks again by itself.

    Args:
        listed: The trainings when the page was drawn.
        state: The finished runs then; when they change, so does the rest of the page.
    """
    store = loaders.load_store()
    found = jobs.list_jobs(store)
    if state_of(store) != state or is_busy(found) != is_busy(listed):
        st.rerun()
    show_notes()
    if not found:
        st.caption("Nothing is being trained.")
    queued = [job.id for job in found if job.state == "queued"]
    for job in found:
        show_job(job, queued)


def is_busy(listed: list[Job]) -> bool:
    return any(job.state in ("running", "queued") for job in listed)


def show_job(job: Job, queued: list[str]) -> None:
    with st.container(border=True, key=f"job {job.id}"):
        state = describe_place(queued.index(job.id)) if job.id in queued else job.state
        st.markdown(f"**{job.experiment.title}** · {STATES.get(state, state)}")
        with contextlib.suppress(RunError):
            st.caption(describe_settings(job.training.request.settings))
        if job.state == "running":
            show_progress(job)
        elif job.state in ("failed", "broken"):
            st.error(as_sentence(job.message), icon=":material/error:")
        elif job.state != "queued":
            st.markdown(as_sentence(job.message))
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
        if not jobs.is_read_only():
            show_job_actions(job, queued)
        wants_log = bool(log) and st.toggle("Log", key=f"log {job.id}")
    if wants_log:
        st.code(log, language=None, height=240)


def show_job_actions(job: Job, queued: list[str]) -> None:
    if job.state in ("running", "queued"):
        button("Cancel", ":material/stop:", job.id, jobs.cancel)
    if job.id in queued and len(queued) > 1:
        place = queued.index(job.id)
        last = place == len(queued) - 1
        button("Move up", ":material/arrow_upward:", job.id, jobs.move, -1, place > 0)
        button("Move down", ":material/arrow_downward:", job.id, jobs.move, 1, not last)
    if job.state in ("interrupted", "stopped", "failed"):
        button("Resume", ":material/play_arrow:", job.id, jobs.resume)
    if job.state not in ("running", "queued"):
        ask_to_delete(job.id, job.training.title)


def button(
    label: str,
    icon: str,
    run_id: str,
    action: Callable[..., None],
    places: int | None = None,
    enabled: bool = True,
) -> None:
    """A button that does something with a run or a training."""
    arguments = (run_id,) if places is None else (run_id, places)
    st.button(
        label,
        icon=icon,
        key=f"{label} {run_id}",
        disabled=not enabled,
        on_click=act,
        args=(action, *arguments),
    )


def ask_to_delete(run_id: str, title: str) -> None:
    """A button that deletes a run or a training once it is confirmed."""
    with st.popover("Delete", icon=":material/delete:", key=f"ask {run_id}"):
        st.markdown(f"Delete {title} for good?")
        button("Delete it", ":material/delete:", run_id, jobs.delete)


def act(action: Callable[..., None], *arguments: object) -> None:
    """Does what a button is for; tells what stands against it."""
    try:
        if jobs.is_read_only():
            raise jobs.JobError("this laboratory is read-only")
        action(loaders.load_store(), *arguments)
    except (jobs.JobError, RunError) as error:
        note(as_sentence(str(error)), ":material/error:")


def show_runs() -> None:
    """All finished runs, which of them are current, and the way back."""
    st.subheader("Finished runs", anchor=False)
    rows = tabulate_runs(loaders.load_store())
    if not rows:
        st.caption("There are none yet.")
        return
    if not jobs.is_read_only():
        show_ways_back(rows)
    unused = set() if any(row["problem"] for row in rows) else {"problem"}
    st.dataframe(
        rows,
        hide_index=True,
        column_order=[name for name in RUN_COLUMNS if name not in unused],
        column_config=RUN_COLUMNS,
        height="content",
        placeholder="—",
    )
    if not jobs.is_read_only():
        show_run_buttons(rows)


def show_ways_back(rows: list[dict[str, Any]]) -> None:
    """For each network whose current run was made here, the shipped one in a click."""
    shipped = {row["experiment"] for row in rows if row["shipped"] and not row["problem"]}
    for row in rows:
        if row["current"] and not row["shipped"] and row["experiment"] in shipped:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{row['title']} is current.")
                st.button(
                    "Go back to the shipped run",
                    icon=":material/undo:",
                    key=f"back {row['experiment']}",
                    on_click=act,
                    args=(RunStore.roll_back, row["experiment"]),
                )


def show_run_buttons(rows: list[dict[str, Any]]) -> None:
    """Makes another run current, or deletes one that was made here."""
    choices = {row["id"]: row for row in rows if not (row["shipped"] and row["current"])}
    if not choices:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run_id = st.selectbox(
            "Run", choices, format_func=lambda one: choices[one]["title"], key="run", width=340
        )
        row = choices[run_id]
        useful = not row["current"] and not row["problem"]
        button(
            "Make current", ":material/check_circle:", run_id, RunStore.make_current, enabled=useful
        )
        if not row["shipped"]:
            ask_to_delete(run_id, row["title"])


def show_trainings() -> None:
    store = loaders.load_store()
    if jobs.is_read_only():
        st.info("This laboratory is read-only: nothing can be trained or deleted here.")
    else:
        show_retrain()
    with st.container(key="jobs"):
        st.subheader("Trainings", anchor=False)
        listed = jobs.list_jobs(store)
        pause = LIVELY if is_busy(listed) else CALM
        st.fragment(show_jobs, run_every=pause)(listed, state_of(store))
    with st.container(key="runs"):
        show_runs()


page.apply_style()
st.title("Compare and retrain", anchor=False)
results, two, trainings = st.tabs(
    ["Results", "Two networks", page.TRAIN_VIEW], key="view", bind="query-params"
)
standings = load_standings(loaders.load_store(), st.session_state.get("latencies", {}))
with results:
    show_table(standings)
    if rank(standings):
        show_costs(standings)
    else:
        st.info(
            f"No network is trained yet. Under “{page.TRAIN_VIEW}” is the way to the first one."
        )
with two:
    show_two(standings)
with trainings:
    show_trainings()
