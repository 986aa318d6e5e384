"""Buttons that do something with runs and trainings, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitnet import jobs
from digitnet.errors import DigitnetError
from digitnet.show.words import tell
from digitnet.ui import loaders

Item = TypeVar("Item")


def note(words: str, icon: str) -> None:
    """Keeps what is to be said of an action until the page is drawn again."""
    st.session_state.setdefault("notes", []).append((words, icon))


def note_error(error: DigitnetError) -> None:
    note(tell(error), ":material/error:")


def show_notes() -> None:
    for words, icon in st.session_state.pop("notes", []):
        st.toast(words, icon=icon, duration="long")


def button(
    label: str,
    icon: str,
    name: str,
    action: Callable[..., None],
    places: int | None = None,
    enabled: bool = True,
) -> None:
    """A button that does something with a run, a training or a network.

    Args:
        label: What it says.
        icon: Beside that.
        name: Of what is acted on.
        action: Takes the store, the name and, where they are given, the places.
        places: By how many to move it.
        enabled: Whether it can be pressed now.
    """
    arguments = (name,) if places is None else (name, places)
    st.button(
        label,
        icon=icon,
        key=f"{label} {name}",
        disabled=not enabled,
        on_click=act,
        args=(action, *arguments),
    )


def few_of(items: Sequence[Item], few: int, key: str) -> Sequence[Item]:
    """The first of a list, or all once the reader asked for them by `offer_all`."""
    return items if st.session_state.get(key) else items[:few]


def offer_all(items: Sequence[object], few: int, kind: str, key: str) -> None:
    """A switch below a list of which `few_of` shows the first; nothing below a short one."""
    if len(items) > few:
        st.toggle(f"All {len(items)} {kind}", key=key)


def page_of(items: Sequence[Item], most: int, key: str) -> Sequence[Item]:
    """What of a list is on the page that the reader turned to by `offer_pages`."""
    if st.session_state.get(key, 1) > -(-len(items) // most):  # of a longer list before
        st.session_state[key] = 1
    start = (st.session_state.get(key, 1) - 1) * most
    return items[start : start + most]


def offer_pages(items: Sequence[object], most: int, key: str) -> None:
    """The pages of a list of which `page_of` shows one; nothing below one of a single page."""
    if len(items) > most:
        st.pagination(-(-len(items) // most), key=key)


def ask_to_delete(name: str, title: str, action: Callable[..., None] = jobs.delete) -> None:
    """A button that deletes something once it is confirmed."""
    with asking("Delete", f"ask {name}", title):
        button("Delete it", ":material/delete:", name, action)


def asking(label: str, key: str, what: str) -> DeltaGenerator:
    """Where the deletion of something is confirmed, behind a button."""
    asked = st.popover(label, icon=":material/delete:", key=key)
    asked.markdown(f"Delete {what} for good?")
    return asked


def act(action: Callable[..., None], *arguments: object) -> None:
    """Does what a button is for; tells what stands against it."""
    try:
        store = loaders.load_store()
        jobs.require_writable(store)
        action(store, *arguments)
    except DigitnetError as error:
        note_error(error)
    finally:
        loaders.forget_current()  # what has been chosen is read with at once
