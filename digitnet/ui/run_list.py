"""All finished runs: which of them are current, the way back, and their files to take away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from digitnet.runs import SERVED, TRAINED, RunStore
from digitnet.serving import make_current
from digitnet.study.standings import tabulate_runs
from digitnet.ui import loaders, roles
from digitnet.ui.actions import act, ask_to_delete, button, few_of, offer_all

REMARK = 360  # pixels, that most of them are seen whole
FEW = 20  # runs that are shown at first: the shipped ones and a few
RUN_COLUMNS = {
    "network": st.column_config.TextColumn("Network", pinned=True),
    "id": st.column_config.TextColumn("Run"),
    "problem": st.column_config.TextColumn("Remark", width=REMARK),
    "current": st.column_config.CheckboxColumn("Current"),
    "accuracy": st.column_config.NumberColumn("Accuracy", format="%.2f%%"),
    "epochs": st.column_config.NumberColumn("Epochs"),
    "dataset": st.column_config.TextColumn("Digits"),
    "learning_rate": st.column_config.NumberColumn("Learning rate", format="%g"),
    "batch_size": st.column_config.NumberColumn("Batch size"),
    "patience": st.column_config.NumberColumn("Patience"),
    "seed": st.column_config.NumberColumn("Seed"),
}


def show_runs() -> None:
    """All finished runs, which of them are current, and the way back."""
    with st.container(key="runs"):
        st.subheader("Finished runs", anchor=False)
        rows = tabulate_runs(loaders.load_store())
        if not rows:
            st.caption("There are none yet.")
            return
        if roles.permissions().changes:
            show_ways_back(rows)
        unused = set() if any(row["problem"] for row in rows) else {"problem"}
        st.dataframe(
            few_of(rows, FEW, "all runs"),
            hide_index=True,
            column_order=[name for name in RUN_COLUMNS if name not in unused],
            column_config=RUN_COLUMNS,
            height="content",
            placeholder="—",
        )
        offer_all(rows, FEW, "runs", "all runs")
        show_run_buttons(rows)


def show_ways_back(rows: list[dict[str, Any]]) -> None:
    """For each network whose current run was made here, the one before in a click."""
    is_mine = loaders.load_store().is_visitors
    shipped = {row["experiment"] for row in rows if row["shipped"] and not row["problem"]}
    for row in rows:
        if row["current"] and row["held"] and row["experiment"] in shipped:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{row['title']} is current.")
                st.button(
                    "Go back to the shipped run" if not is_mine else "Go back to what all see",
                    icon=":material/undo:",
                    key=f"back {row['experiment']}",
                    on_click=act,
                    args=(RunStore.roll_back, row["experiment"]),
                )


def show_run_buttons(rows: list[dict[str, Any]]) -> None:
    """What can be done with the one run that is chosen."""
    by_id = {row["id"]: row for row in rows}
    if st.session_state.get("run") not in by_id:
        st.session_state.pop("run", None)  # it has been deleted
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run_id = st.selectbox(
            "Run", by_id, format_func=lambda one: by_id[one]["title"], key="run", width=340
        )
        if roles.permissions().changes:
            change_run(by_id[run_id])
        offer_files(run_id)


def change_run(row: dict[str, Any]) -> None:
    """Makes a run current, or deletes one that was made here."""
    useful = not row["current"] and not row["problem"]
    icon = ":material/check_circle:"
    button("Make current", icon, row["id"], make_current, enabled=useful)
    if row["held"]:
        ask_to_delete(row["id"], row["title"])


def offer_files(run_id: str) -> None:
    """A run's network as files, for LiteRT and for Keras, where they are there."""
    run = loaders.load_store().find(run_id)
    for name in (SERVED, TRAINED):
        path = run.folder / name
        if path.is_file():
            st.download_button(
                path.suffix,
                path.read_bytes,
                f"{run_id.replace('/', '-')}{path.suffix}",
                "application/octet-stream",
                icon=":material/download:",
                on_click="ignore",
                key=f"{name} {run_id}",
                help="The network for LiteRT" if name == SERVED else "The network for Keras",
            )
