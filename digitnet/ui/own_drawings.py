"""Drawings of which the visitor said what they are: kept here or for the visit, by a tap alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import streamlit as st

from digitnet.digits import ink
from digitnet.errors import DigitnetError
from digitnet.places import home
from digitnet.runs import OwnDrawing, OwnDrawings, OwnLines, RunError, put, without
from digitnet.show import own_hand as words
from digitnet.ui import actions, address, canvas, giving, loaders, roles
from digitnet.ui.page import page_file

WIDEST = 2.5  # times a drawing's height; one that is wider and taken for no digit cannot be told


class Keeper(Protocol):
    """Where drawings are kept: `OwnDrawings`, or the visit."""

    def read(self) -> OwnLines: ...
    def put(self, drawings: Iterable[OwnDrawing]) -> None: ...
    def delete(self, id: str) -> None: ...
    def delete_all(self) -> None: ...


class _Visit:
    """Drawings that are kept until the visitor closes or reloads the page."""

    def read(self) -> OwnLines:
        return st.session_state.get("own_drawings", OwnLines())

    def put(self, drawings: Iterable[OwnDrawing]) -> None:
        st.session_state["own_drawings"] = put(self.read(), drawings)

    def delete(self, id: str) -> None:
        st.session_state["own_drawings"] = without(self.read(), id)

    def delete_all(self) -> None:
        st.session_state["own_drawings"] = OwnLines()


def find_file() -> Path | None:
    """The file that drawings are kept in; None where they are kept for the visit alone."""
    return OwnDrawings(loaders.load_store().local).path if roles.keeps_drawings() else None


def keeper() -> Keeper:
    """Where this visitor's drawings are kept."""
    return OwnDrawings(loaders.load_store().local) if find_file() else _Visit()


def describe_place() -> str:
    """Where drawings are kept, in a few words of Markdown."""
    path = find_file()
    if path is None:
        return "for this visit only"
    is_near = path.is_relative_to(home())
    return f"on this machine, in `{path.relative_to(home()) if is_near else path}`"


def _is_too_wide(strokes: ink.Strokes) -> bool:
    """Whether strokes, which are taken for no digit, are rather several."""
    width, height = np.ptp(np.concatenate(strokes), axis=0)
    return bool(width > WIDEST * height)


def show_label_choice(pieces: ink.Pieces | None, is_digit: bool) -> None:
    """Lets the visitor say, in one tap, which digit was drawn.

    Args:
        pieces: What is read; only strokes on the board can be kept.
        is_digit: Whether it is not taken for none.
    """
    actions.show_notes()
    if not isinstance(pieces, ink.DrawnPieces) or not (drawn := address.last_strokes()):
        return
    if not is_digit and _is_too_wide(pieces.strokes):
        return
    try:
        kept = keeper().read().drawings
    except RunError as error:
        st.caption(f"{error}.")
        return
    id = OwnDrawing(drawn, 0).id if kept else ""
    found = next((one for one in kept if one.id == id), None)
    with st.container(key="label_choice", gap="xsmall"):
        st.session_state["label"] = found and found.label
        st.pills("It is a …", range(10), key="label", required=True, on_change=_keep_label)
        st.caption(words.describe_kept(found, describe_place()))
        if found:
            st.page_link(page_file("mine"), label=words.invite_to_hand(len(kept)))
            giving.show_giving(found)


def _keep_label() -> None:
    """Keeps what is on the board now, for a stroke may have come after what the page shows."""
    if (label := st.session_state["label"]) is None:
        return
    try:
        keeper().put([OwnDrawing.of(canvas.strokes_on_board(), label)])
    except DigitnetError as error:
        actions.note_error(error)
