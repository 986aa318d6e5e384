"""The Compare page: all networks side by side, and trainings started and watched."""

from __future__ import annotations

import contextlib

import streamlit as st

from digitnet.experiments import DATASETS, Experiment, TrainingSettings
from digitnet.runs import Run, RunError
from digitnet.serving import InferenceError
from digitnet.show import comparison as show_comparison
from digitnet.show import handwriting as show_handwriting
from digitnet.show.costs import COSTS, cost_figure
from digitnet.show.words import as_plain, as_sentence
from digitnet.study import comparison, handwriting
from digitnet.study.answers import DifferentDigitsError
from digitnet.study.differences import list_run_differences
from digitnet.study.standings import (
    Standing,
    list_whole_runs,
    load_standings,
    measure_latency,
    rank,
    state_of,
    tabulate_standings,
)
from digitnet.study.summaries import RunSummary
from digitnet.ui import (
    actions,
    builder,
    choices,
    job_list,
    loaders,
    page,
    roles,
    run_list,
    trainings,
)

RESULTS, TWO, BUILD = "Results", "Two networks", "Build"
TIME_AS_IT_WAS = (
    " A training's time is what it took where it was trained, with all else that ran there: README "
    "has epochs that were timed alone, one network after another, on one machine."
)
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
    "drawn": st.column_config.NumberColumn(
        "Real drawings",
        format=PERCENT,
        width=104,
        help="Share of pen drawings by people unseen in training that it read rightly: nearer to "
        "what one meets when one draws than MNIST's digits; more of it below",
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
        help="In the mean, on the clock where it was trained, with all else that ran there",
    ),
    "milliseconds": st.column_config.NumberColumn("One image", format="%.2f ms", width=86),
    "dataset": st.column_config.TextColumn("Learnt from", width=140),
    "name": st.column_config.TextColumn(
        "Short name", width=90, help="As in the charts and on a terminal"
    ),
}


# --- all networks ----------------------------------------------------------------------------


def show_results(standings: list[Standing]) -> None:
    show_table(standings)
    if rank(standings):
        show_costs(standings)
        show_drawn(standings)
    else:
        st.info(
            f"No network is trained yet. Under “{page.TRAIN_VIEW}” is the way to the first one."
        )


def show_table(standings: list[Standing]) -> None:
    rows = tabulate_standings(standings)
    optional = ("milliseconds", "problem", "drawn")
    unused = {name for name in optional if not any(row[name] for row in rows)}
    if {row["dataset"] for row in rows} <= {DATASETS[TrainingSettings().dataset].title, None}:
        unused.add("dataset")
    shown = [name for name in TABLE_COLUMNS if name not in unused]
    with st.container(key="comparison"):
        above = st.container()
        st.dataframe(
            rows,
            hide_index=True,
            column_order=shown,
            column_config=TABLE_COLUMNS,
            height="content",
            placeholder="—",
            key=key_of(standings),
            on_select="rerun" if trainings.can_train() else "ignore",
            selection_mode="multi-row",
        )
        if trainings.can_train():
            with above:
                trainings.offer_retrain(chosen_networks(standings))
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


def key_of(standings: list[Standing]) -> str:
    """Of the table: ticks are places, and must not move to others where rows come or go."""
    return f"table {' '.join(one.experiment.name for one in standings)}"


def chosen_networks(standings: list[Standing]) -> list[Experiment]:
    """Those whose rows of the table are ticked."""
    ticked = st.session_state[key_of(standings)]["selection"]["rows"]
    return [one.experiment for place, one in enumerate(standings) if place in ticked]


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
        st.caption(
            "Up: more test digits read rightly; left: cheaper. Both scales are logarithmic."
            + TIME_AS_IT_WAS * (cost == "Training time")
        )


def show_drawn(standings: list[Standing]) -> None:
    """Real drawings beside MNIST's test; nothing where none of these models was measured."""
    drawn = show_handwriting.list_drawn(standings)
    if not drawn:
        return
    with st.container(key="drawn"):
        st.subheader("On real drawings", anchor=False)
        summaries = [one.summary for one, _ in drawn if one.summary]
        st.markdown(handwriting.describe_gains(summaries))
        st.plotly_chart(
            show_handwriting.drawn_figure(drawn),
            config={"displayModeBar": False},
            alt="Accuracy of each network on MNIST's test and on drawings by other people",
        )
        st.caption(
            "What one meets when one draws is the accuracy on drawings, not MNIST's. No network "
            f"has learnt from what it reads here. Pen drawings: {handwriting.describe_sets()}"
        )


# --- two networks ----------------------------------------------------------------------------


def show_two(standings: list[Standing]) -> None:
    """Two runs that the reader chooses: which is better, and what differs."""
    summaries = list_whole_runs(loaders.load_store(), standings)
    if len(summaries) < 2:
        st.info(f"It takes two trained networks to compare; “{page.TRAIN_VIEW}” trains one.")
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
        alone = comparison.compare_pair(a, b)
    except (DifferentDigitsError, RunError) as error:
        st.info(as_plain(str(error)))
        return
    a_title, b_title = show_comparison.name_both(a, b)
    among_all = comparison.compare_standings(standings).get((a.id, b.id))
    st.markdown(f"#### {show_comparison.describe_verdict(a_title, b_title, among_all or alone)}")
    st.markdown(show_comparison.describe_pair(f"**{a_title}**", f"**{b_title}**", alone))
    if among_all:
        st.markdown(show_comparison.describe_correction(among_all))
    st.caption("This is of these two trainings: with another seed either network may do otherwise.")


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
    st.markdown(show_comparison.describe_standing(runs, compared))
    st.html(show_comparison.pairs_html(runs, compared))
    st.caption(show_comparison.explain_pairs(runs, compared))


# --- training --------------------------------------------------------------------------------


def show_trainings() -> None:
    allowed = roles.permissions()
    if allowed.trains:
        trainings.show_retrain()
    else:
        st.info(as_sentence(allowed.reason))
    job_list.show_jobs()
    run_list.show_runs()


def open_tab() -> None:
    """Draws the tab that is open, and no other."""
    views = [RESULTS, TWO, BUILD, page.TRAIN_VIEW]
    if not roles.permissions().trains:
        views.remove(BUILD)
    tabs = dict(zip(views, st.tabs(views, key="view", bind="query-params"), strict=True))
    [view] = [name for name, tab in tabs.items() if tab.open]
    with tabs[view]:
        if view == BUILD:
            builder.show_builder()
        elif view == page.TRAIN_VIEW:
            show_trainings()
        else:
            latencies = st.session_state.get("latencies", {})
            standings = load_standings(loaders.load_store(), latencies)
            show = show_results if view == RESULTS else show_two
            show(standings)
            job_list.follow_runs(state_of(loaders.load_store()))


page.apply_style()
st.title("Compare and retrain", anchor=False)
trainings.keep_form()
open_tab()
actions.show_notes()
