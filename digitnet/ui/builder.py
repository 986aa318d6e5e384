"""The builder of networks of one's own: rows of layers, the same as text, and what they cost."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import streamlit as st

from digitnet import jobs
from digitnet.errors import DigitnetError
from digitnet.experiments import (
    MOST_LAYERS,
    Experiment,
    LayerCost,
    LayerError,
    NetworkError,
    SettingsError,
    UnknownExperimentError,
    make_network,
    walk_layers,
)
from digitnet.runs import Request, find_version
from digitnet.show.building import cost_html, kept_html, network_html, problem_html
from digitnet.show.trainings import describe_estimates
from digitnet.show.words import tell, tell_setting
from digitnet.ui import loaders, trainings
from digitnet.ui.actions import ask_to_delete, note, note_error
from digitnet.ui.drafts import KINDS, Draft, Row, kind_of

FIRST = "cnn"  # what the first draft begins with

NUMBERS = {"filters": "Filters", "units": "Units", "window": "Window", "stride": "Stride"}
OPTIONS = {"same": "Same", "normalized": "Norm"}
NUMBER_WIDTH = 76  # pixels
WHAT_LAYERS_DO = """
- **Convolution**: each filter looks at the image through a square window that moves on by the
  stride, and says at each place how much of its own pattern it sees. `conv 32 5/2`: 32 filters,
  window 5, stride 2; `conv 32` is one of 3/1.
- **Max** and **average pooling**: keep the largest value of each window, or their mean. `max 2/2`
- **Flatten**: puts all values in one row. Every network needs it once. `flatten`
- **Dense**: each unit looks at all values of the row. `dense 64`
- **Dropout**: in training only, leaves out a share of the values at random. `dropout 0.25`
- **Same**: the window may reach over the edge, so that the border counts, too. `conv 32 same`
- **Norm**: batch normalization, before the layer's ReLU. `dense 64 norm`

A softmax over the ten digits follows your layers.
"""


def draft() -> Draft:
    """The network that this visitor is building, whichever tab or page is open."""
    if "draft" not in st.session_state:
        st.session_state["draft"] = Draft.of(loaders.load_store().find_experiment(FIRST))
    return st.session_state["draft"]


def show_builder() -> None:
    with st.container(key="builder"):
        layers, network = st.columns([8, 5], gap="large")
        with layers:
            show_start()
            show_text()
            costs, problem = cost_rows()
            show_rows(costs, problem)
            with st.expander("What do the layers do?"):
                st.markdown(WHAT_LAYERS_DO)
        with network:
            show_network(costs, problem)
    with st.container(key="own_networks"):
        show_own_networks()


# --- layers ----------------------------------------------------------------------------------


def show_start() -> None:
    """Takes the layers of a network over; then another can be chosen, or the same once more."""
    titles = {one.name: one.title for one in loaders.load_store().experiments()}
    st.selectbox(
        "Start from",
        titles,
        index=None,
        placeholder="the layers of a network…",
        format_func=lambda name: titles[name],
        key="start",
        on_change=lambda: start_from(st.session_state["start"]),
    )


def start_from(name: str | None) -> None:
    if name is not None:
        try:
            st.session_state["draft"] = Draft.of(loaders.load_store().find_experiment(name))
        except UnknownExperimentError as error:  # it was deleted elsewhere
            note_error(error)
    st.session_state["start"] = None


def show_value_of(key: str, value: Any) -> None:
    """Lets the widget of this key show what the draft says; the draft is the one truth."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def show_text() -> None:
    show_value_of("layers_text", draft().text)
    st.text_area("Layers as text", key="layers_text", height=80, on_change=take_text)
    if problem := draft().problem:
        st.error(tell(problem))
        st.caption("The layers below are those of the last text that could be read.")


def take_text() -> None:
    draft().read(st.session_state["layers_text"])


def cost_rows() -> tuple[list[LayerCost], str | None]:
    """The costs of the layers up to the first that cannot stand where it is, and why it cannot."""
    costs: list[LayerCost] = []
    try:
        for cost in walk_layers(draft().layers):
            costs.append(cost)
    except LayerError as error:
        return costs, str(error)
    return costs, None


def show_rows(costs: list[LayerCost], problem: str | None) -> None:
    rows = draft().rows
    for place, row in enumerate(rows):
        with st.container(border=True, key=f"layer_{row.id}", gap="xsmall"):
            show_values(place, row)
            if why := draft().refused.get(row.id):
                st.html(problem_html(why))
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                with st.container():
                    if place < len(costs):
                        st.html(cost_html(costs[place]))
                    elif place == len(costs) and problem:
                        st.html(problem_html(problem))
                    else:
                        st.caption("Shown once the layers above are valid.")
                show_row_buttons(place, row)
    st.button(
        "Add a layer",
        icon=":material/add:",
        key="add_layer",
        disabled=len(rows) >= MOST_LAYERS,
        on_click=draft().add,
    )


def show_values(place: int, row: Row) -> None:
    """A layer's kind and its values."""
    key = f"kind_{row.id}"
    show_value_of(key, kind_of(row.layer))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        label = f"Layer {place + 1}"
        st.selectbox(label, KINDS, key=key, width=150, on_change=take_kind, args=(row.id, key))
        for name in (one.name for one in fields(row.layer)):
            show_value(row, name)


def show_value(row: Row, name: str) -> None:
    key = f"{name}_{row.id}"
    show_value_of(key, getattr(row.layer, name))
    changed: dict[str, Any] = {"key": key, "on_change": take_value, "args": (row.id, name, key)}
    if name in NUMBERS:  # without bounds, beyond which the browser would keep it to itself
        st.number_input(NUMBERS[name], step=1, width=NUMBER_WIDTH, **changed)
    elif name in OPTIONS:
        st.checkbox(OPTIONS[name], width="content", **changed)
    else:
        st.number_input("Share", step=0.05, format="%.2f", width=NUMBER_WIDTH, **changed)


def take_kind(row_id: int, key: str) -> None:
    draft().set_kind(row_id, st.session_state[key])


def take_value(row_id: int, name: str, key: str) -> None:
    value = st.session_state[key]
    exact = round(value, 2) if isinstance(value, float) else value  # 0.15 is 0.15000000000000002
    draft().set_value(row_id, name, exact)


def show_row_buttons(place: int, row: Row) -> None:
    one, last = draft(), len(draft().rows) - 1
    with st.container(horizontal=True, gap=None, width="content", key=f"icons {row.id}"):
        for label, icon, enabled, action, *arguments in (
            ("Move up", "arrow_upward", place > 0, one.move, -1),
            ("Move down", "arrow_downward", place < last, one.move, 1),
            ("Insert above", "add_row_above", last + 1 < MOST_LAYERS, one.insert),
            ("Remove", "delete", True, one.remove),
        ):
            words = f"{label} (layer {place + 1})"
            st.button(
                words,
                icon=f":material/{icon}:",
                help=words,
                type="tertiary",
                key=f"{label} {row.id}",
                disabled=not enabled,
                on_click=action,
                args=(row.id, *arguments),
            )


# --- the network -----------------------------------------------------------------------------


def show_network(costs: list[LayerCost], problem: str | None) -> None:
    """What the whole network is and costs, its name, and the ways to keep and train it."""
    st.subheader("Your network", anchor=False)
    if not problem:
        st.html(network_html(costs))
    show_words()
    network = make_draft(problem)
    requests = show_training(network) if network and trainings.has_tensorflow() else []
    is_whole = bool(network) and not draft().problem
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Save", icon=":material/save:", disabled=not is_whole, on_click=save)
        st.button(
            "Save and train",
            type="primary",
            icon=":material/model_training:",
            disabled=not (is_whole and requests),
            on_click=save_and_train,
        )
        trainings.show_way_to_trainings()


def show_words() -> None:
    show_value_of("network_name", draft().name)
    st.text_input("Name", key="network_name", max_chars=24, on_change=take_words)
    show_value_of("network_reason", draft().reason)
    st.text_input(
        "What do you want to learn from it?",
        key="network_reason",
        max_chars=200,
        placeholder="Is averaging as good as taking the maximum?",
        on_change=take_words,
    )


def take_words() -> None:
    draft().name = st.session_state["network_name"].strip()
    draft().reason = st.session_state["network_reason"].strip()


def make_draft(problem: str | None) -> Experiment | None:
    """The network as it would be kept; where it cannot be, says why.

    Args:
        problem: Why a layer cannot stand where it is, which is said there.
    """
    if problem:
        st.caption("It can be saved once each layer can stand where it is.")
        return None
    one, store = draft(), loaders.load_store()
    try:
        network = make_network(one.name, one.layers, reason=one.reason)
        kept_as = find_version(store.local, one.name, one.layers)
    except (LayerError, NetworkError) as error:
        st.error(tell(error))
        return None
    if any(kept_as == kept.name for kept in store.experiments()):
        st.caption(f"Just these layers are kept already, as {kept_as}.")
    elif kept_as != one.name:
        st.caption(f"{one.name} is taken by other layers: this will be kept as {kept_as}.")
    return network


def show_training(network: Experiment) -> list[Request]:
    """The settings of its training, and what it will cost."""
    trainings.show_settings([network])
    try:
        settings = trainings.read_settings(network)
    except SettingsError as error:
        st.error(tell_setting(error))
        return []
    estimate = jobs.estimate(loaders.load_store(), network, settings)
    st.markdown(describe_estimates([estimate]))
    st.caption(estimate.basis)
    trainings.warn([estimate])
    return [Request(network.name, settings)]


def save() -> None:
    keep()


def save_and_train() -> None:
    if network := keep():
        try:
            trainings.submit([Request(network.name, trainings.read_settings(network))])
        except SettingsError as error:
            note(tell_setting(error), ":material/error:")


def keep() -> Experiment | None:
    """Keeps the network, and tells under which name; None where it cannot be kept."""
    one, store = draft(), loaders.load_store()
    names = {kept.name for kept in store.experiments()}
    try:
        network = jobs.keep_network(store, one.name, one.layers, one.reason)
    except DigitnetError as error:
        note_error(error)
        return None
    if network.name in names:
        note(f"Just these layers are kept already, as {network.name}.", ":material/info:")
    elif network.name == one.name:
        note(f"{network.name} is kept.", ":material/check:")
    else:
        words = f"{one.name} is taken by other layers, so this is kept as {network.name}."
        note(words, ":material/check:")
    return network


# --- those that are kept ---------------------------------------------------------------------


def show_own_networks() -> None:
    """The user's own networks, to go on with or to delete."""
    own = loaders.load_store().networks()
    if not own:
        return
    st.subheader("Kept here", anchor=False)
    for network in own:
        with st.container(border=True, key=f"own_{network.name}"):
            st.html(kept_html(network))
            with st.container(horizontal=True):
                st.button(
                    "Start from this",
                    icon=":material/edit:",
                    key=f"edit {network.name}",
                    on_click=start_from,
                    args=(network.name,),
                )
                title = f"{network.title} and all its runs"
                ask_to_delete(network.name, title, jobs.delete_network)
