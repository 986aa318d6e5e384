"""Choices that the URL keeps.

The URL is read before each widget is drawn and written when the reader changes it, so that a link,
a reload and the browser's way back all find what was chosen.

"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from digitnet.show.words import describe_share
from digitnet.study.summaries import RunSummary
from digitnet.ui import parameters


def find_model(summaries: Sequence[RunSummary]) -> RunSummary:
    """The network that reads, as the URL's `model` or else the visit tells.

    Args:
        summaries: The current runs to choose from; the first is the default.
    """
    by_name = {one.run.experiment.name: one for one in summaries}
    last = st.session_state.get("last_model")
    if (said := st.query_params.get("model")) in by_name:
        st.session_state["last_model"] = said  # the next page's address does not tell it
    elif said is None and last in by_name:  # it may have been deleted
        parameters.complete({"model": last})
    return by_name.get(st.query_params.get("model", ""), summaries[0])


def pick_model(summaries: Sequence[RunSummary]) -> None:
    """Lets the reader choose the network that `find_model` finds from then on.

    Args:
        summaries: As in `find_model`.
    """
    by_name = {one.run.experiment.name: one for one in summaries}
    chosen = find_model(summaries).run.experiment.name
    if (requested := st.query_params.get("model", chosen)) not in by_name:
        st.info(
            f"There is no trained network “{quote(requested)}” here; the best one reads instead."
        )
    st.session_state["model"] = chosen  # else the browser's way back would leave what was clicked
    st.selectbox(
        "Read by",
        by_name,
        format_func=lambda name: _label_network(by_name[name]),
        key="model",
        on_change=_keep_model_in_url,
    )


def _label_network(summary: RunSummary) -> str:
    return f"{summary.run.experiment.title} · {describe_share(summary)}"


def _keep_model_in_url() -> None:
    st.query_params["model"] = st.session_state["last_model"] = st.session_state["model"]


def choose(label: str, options: Collection[str], default: str, key: str) -> str:
    """Lets the reader choose one of a few options.

    Args:
        label: The widget's label.
        options: What can be chosen.
        default: The option to begin with, which the URL need not name.
        key: The parameter's name in the URL.
    """
    return st.segmented_control(
        label, list(options), required=True, **_kept_in_url(key, default, options)
    )


def pick(
    label: str, labels: Mapping[str, str], default: str, key: str, width: int | None = None
) -> str:
    """Lets the reader pick one of many.

    Args:
        label: The widget's label.
        labels: What can be picked, and what the reader is told of it.
        default: The one to begin with, which the URL need not name.
        key: The parameter's name in the URL.
        width: In pixels, if not as wide as there is room.
    """
    return st.selectbox(
        label,
        labels,
        format_func=lambda one: labels[one],
        width=width or "stretch",
        **_kept_in_url(key, default, labels),
    )


def switch(
    label: str, default: bool, key: str, on_change: Callable[[], None] | None = None
) -> bool:
    """Lets the reader switch something on or off.

    Args:
        label: The widget's label.
        default: How it is to begin with, which the URL need not tell.
        key: The parameter's name in the URL.
        on_change: What else is to be done at each switch, once the URL tells of it.
    """
    words = {True: "on", False: "off"}
    kept = _kept_in_url(key, words[default], words.values())
    st.session_state[kept["key"]] = st.session_state[kept["key"]] == "on"

    def change() -> None:
        kept["on_change"]()
        if on_change:
            on_change()

    return st.toggle(label, key=kept["key"], on_change=change)


def pick_runs(labels: Mapping[str, str], default: Sequence[str], most: int) -> list[str]:
    """Lets the reader pick several runs, kept in the URL as `run`.

    Args:
        labels: What can be picked: run ids and what to call them.
        default: The ids to begin with.
        most: How many can be picked at once.
    """
    requested = st.query_params.get_all("run")
    _tell_unknown("run", labels)
    known = [run_id for run_id in dict.fromkeys(requested) if run_id in labels][:most]
    is_chosen = bool(known) or requested == [""]
    st.session_state["chosen_runs"] = known if is_chosen else list(default)

    def keep() -> None:
        st.query_params["run"] = st.session_state["chosen_runs"] or ""

    return st.multiselect(
        "Runs",
        labels,
        format_func=lambda run_id: labels[run_id],
        key="chosen_runs",
        on_change=keep,
        max_selections=most,
    )


def _kept_in_url(key: str, default: str, options: Collection[str]) -> dict[str, Any]:
    """What makes a widget show the URL's choice and keep the reader's there."""
    _tell_unknown(key, options)
    requested, widget = st.query_params.get(key, default), f"chosen_{key}"
    st.session_state[widget] = requested if requested in options else default

    def keep() -> None:
        value = st.session_state[widget]
        st.query_params[key] = {True: "on", False: "off"}.get(value, value)

    return {"key": widget, "on_change": keep}


def _tell_unknown(key: str, options: Collection[str]) -> None:
    if unknown := [one for one in st.query_params.get_all(key) if one and one not in options]:
        named = ", ".join(f"“{key}={quote(one)}”" for one in unknown[:3])
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        st.info(f"The address asks for {named}{more}, which is not here; it is ignored.")


def quote(value: str) -> str:
    """What an address or a file holds, short, and as plain text where Markdown is shown."""
    short = value if len(value) <= 60 else f"{value[:59]}…"
    return re.sub(r"([\\`*_\[\]()<>#!|$~:])", r"\\\1", short)
