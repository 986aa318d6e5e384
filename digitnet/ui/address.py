"""The drawing in the address, so that it can be shared, reloaded and come back to.

The address is read when the Draw page is opened, and no more while one draws: a stroke may be made
before the browser knows of the one before. It is written by a script in the page, which neither
runs the app again nor fills the browser's way back with strokes.
"""

from __future__ import annotations

import streamlit as st

from digitnet import jobs
from digitnet.digits import CANVAS_SIZE, fit_to_canvas, ink
from digitnet.show.html import tag
from digitnet.ui import parameters, tally
from digitnet.ui.page import page_file
from digitnet.ui.scripts import run_script

COPY_LINK = "Copy the link to this drawing"


def open_drawing() -> None:
    """Takes over the address's drawing when the page is opened; says so if it cannot be read."""
    if "drawing" in st.session_state:  # the board is on the page, and knows better
        return
    try:
        if code := st.query_params.get("drawing"):
            ink.decode_strokes(code)
            st.session_state["last_drawing"] = code
    except ink.InkError as error:
        st.session_state["last_drawing"] = ""
        st.warning(f"{error} The board is empty.", icon=":material/link_off:")
    if is_wide(last_strokes()) or st.session_state.get("last_wide"):
        parameters.complete({"wide": "on"})


def last_strokes() -> ink.Strokes:
    """What was last drawn in this visit, or came with the address; perhaps nothing."""
    code = st.session_state.get("last_drawing")
    return ink.decode_strokes(code) if code else []


def keep(strokes: ink.Strokes) -> None:
    """Keeps what is on the board in the address, and for when one comes back to the page."""
    code = encode(strokes)
    if jobs.is_class():
        tally.count(st.session_state.get("last_drawing", ""), code)
    st.session_state["last_drawing"] = code
    st.session_state["last_wide"] = st.query_params.get("wide") == "on"
    show(st.session_state["last_drawing"])


def show(code: str) -> None:
    """Shows a drawing in the address, or none."""
    # A phone shares the address by itself; but in a class that is the visitor's own.
    kind = "dn-copy dn-own" if jobs.is_class() else "dn-copy"
    button = tag("button", COPY_LINK, class_=kind, hidden="")
    run_script("address.js", button, again=True, CODE=code)


def open_on_board(strokes: ink.Strokes) -> None:
    """Opens the Draw page with strokes on its board; raises InkError if they are too many."""
    strokes, before = fit_to_canvas(strokes), st.session_state.get("on_board", [])
    code = ink.encode_strokes(strokes)
    if encode(before) != code:
        put_away(before, st.session_state.get("last_wide", False))
    st.session_state["last_drawing"] = code
    st.session_state["last_wide"] = passes_edge(strokes)
    st.switch_page(page_file("draw"))


def put_away(strokes: ink.Strokes, was_wide: bool) -> None:
    """Keeps a drawing so that it can be had back; not a sample digit that nothing was added to.

    Args:
        strokes: What was on the board.
        was_wide: Whether that was the wide one.
    """
    if strokes and len(strokes) != st.session_state.get("given"):
        st.session_state["cleared"] = strokes
        st.session_state["cleared_wide"] = was_wide


def encode(strokes: ink.Strokes) -> str:
    """A drawing as the address has it; "" where there is none, or it is too long for one."""
    try:
        return ink.encode_strokes(strokes) if strokes else ""
    except ink.InkError:  # a scribble too long for a link is read, but not kept
        return ""


def is_wide(strokes: ink.Strokes) -> bool:
    """Whether a stroke lies where only the wide board has room."""
    return any(stroke[:, 0].min() > CANVAS_SIZE for stroke in strokes)


def passes_edge(strokes: ink.Strokes) -> bool:
    """Whether a stroke passes the square board's right edge."""
    return any(stroke[:, 0].max() > CANVAS_SIZE for stroke in strokes)
