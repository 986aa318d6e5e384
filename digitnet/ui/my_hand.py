"""The parts of the page of one's own hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from digitnet.errors import DigitnetError
from digitnet.runs import MOST_BYTES, OWN_DRAWINGS, OwnDrawing, OwnLines, take_in
from digitnet.show import own_hand as words
from digitnet.study.own_hand import Misread, OwnReader, OwnReading, list_misread
from digitnet.study.summaries import summarize_current
from digitnet.ui import actions, address, loaders
from digitnet.ui.own_drawings import describe_place, find_file, keeper
from digitnet.ui.page import page_file
from digitnet.ui.teaching import find_last_taught, is_mine

MOST_MISREAD = 12
DRAWINGS_A_PAGE = 24


@st.cache_resource(show_spinner=False)
def load_reader() -> OwnReader:
    """Reads drawings with all networks; remembers what they read, for all visitors."""
    return OwnReader(loaders.load_server())


def read_drawings(drawings: Sequence[OwnDrawing]) -> list[OwnReading]:
    """What every current network reads in drawings, the best first; none where none is here."""
    with st.spinner("Every network reads your drawings…", show_time=False):
        return load_reader().read(summarize_current(loaders.load_store()), drawings)


def invite() -> None:
    """What to do where nothing is kept yet."""
    st.markdown(
        "Which network reads *your* hand best? Draw a digit and tap, under its reading, what it "
        "was: “It is a …”. All networks read here what you have said this of. One of each digit "
        "is a beginning; ten of each tell much."
    )
    st.page_link(page_file("draw"), label="Draw a digit", icon=":material/draw:")


def show_readings(readings: Sequence[OwnReading]) -> None:
    """How well each network reads one's drawings."""
    with st.container(key="own_readings"):
        st.subheader("How well am I read?", anchor=False)
        st.markdown(words.describe_readings(readings))
        st.html(words.standings_html(readings))
        if any(one.run.outcome and is_mine(one.run) for one in loaders.load_current()):
            st.caption(words.LEARNT_FROM_THESE)


def show_next_step(drawings: Sequence[OwnDrawing]) -> None:
    """What the visitor may do next with the drawings that there are."""
    if said := words.describe_next_step([one.label for one in drawings]):
        with st.container(key="next_step", horizontal=True, vertical_alignment="center"):
            st.caption(said, width="content")
            st.page_link(page_file("draw"), label="Draw more", icon=":material/draw:")


def show_misread(readings: Sequence[OwnReading], drawings: Sequence[OwnDrawing]) -> None:
    """The drawings that are misread, with what they were taken for."""
    misread = list_misread(readings, drawings)
    best = next((one for one in readings if one.has_learnt), None)
    by_best = best is not None and not best.correct.all()
    with st.container(key="own_misread"):
        st.subheader("What is misread", anchor=False)
        st.markdown(words.describe_misread(len(misread), len(drawings), by_best))
        with st.container(horizontal=True, key="misread_digits"):
            for one in actions.page_of(misread, MOST_MISREAD, "misread_page"):
                _show_misread(one)
        actions.offer_pages(misread, MOST_MISREAD, "misread_page")


def _show_misread(misread: Misread) -> None:
    with st.container(width=150, gap="xsmall"):
        _show_thumbnail(misread.drawing, "misread")
        st.html(words.misread_html(misread))


def _show_thumbnail(drawing: OwnDrawing, place: str) -> None:
    st.button(
        f"![Your {drawing.label}, large]({words.picture_url(drawing)})",
        key=f"{place} {drawing.id}",
        on_click=_open,
        args=(drawing.id,),
    )


def show_drawings(kept: OwnLines) -> None:
    """All drawings, where they are kept, and what can be done with them."""
    with st.container(key="own_drawings"):
        st.subheader("My drawings", anchor=False)
        st.markdown(words.describe_collection(len(kept.drawings), describe_place()))
        if find_file() is None:
            st.caption("A reload forgets them: download them to have them again.")
        _show_page_of(kept.drawings)


def _show_page_of(drawings: Sequence[OwnDrawing]) -> None:
    """Drawings as pictures to click on, the newest first."""
    newest = drawings[::-1]
    with st.container(horizontal=True, key="all_digits"):
        for one in actions.page_of(newest, DRAWINGS_A_PAGE, "own_page"):
            with st.container(width=88, gap="xsmall"):
                _show_thumbnail(one, "all")
    actions.offer_pages(newest, DRAWINGS_A_PAGE, "own_page")


# --- one drawing, large ----------------------------------------------------------------------


def show_opened(readings: Sequence[OwnReading], drawings: Sequence[OwnDrawing]) -> None:
    """Opens the drawing that was clicked on, if it is still kept."""
    ids = [one.id for one in drawings]
    if (id := st.session_state.get("opened_drawing")) in ids:
        place = ids.index(id)
        _show_large(drawings[place], words.readings_html(readings, place))


@st.dialog("Your drawing", on_dismiss=lambda: _open(None))
def _show_large(drawing: OwnDrawing, said: str) -> None:
    with st.container(horizontal=True, gap="medium", key="opened_drawing_large"):
        with st.container(width=200):
            st.html(words.large_html(drawing))
        with st.container():
            st.html(said)
    with st.container(horizontal=True):
        if st.button("Open on the board", icon=":material/draw:", key="open_on_board"):
            _open(None)
            _do(lambda: address.open_on_board(drawing.strokes))
        if st.button("Delete", icon=":material/delete:", key="delete_one"):
            _open(None)
            _do(lambda: keeper().delete(drawing.id))
            st.rerun()


def _open(id: str | None) -> None:
    st.session_state["opened_drawing"] = id


# --- files -----------------------------------------------------------------------------------


def show_files(kept: OwnLines) -> None:
    """The ways of drawings into a file and out of one, and the way to delete all."""
    with st.container(horizontal=True, key="own_files"):
        if kept.drawings:
            st.download_button(
                "Download",
                OwnLines(kept.drawings).write,
                OWN_DRAWINGS,
                "application/jsonl",
                icon=":material/download:",
                on_click="ignore",
                help="As `python -m digitnet evaluate --drawings` reads them",
            )
        with st.popover("Add from a file", icon=":material/upload:"):
            _offer_upload()
        if kept.drawings or kept.damaged:
            with st.popover("Delete all", icon=":material/delete:"):
                st.markdown(words.ask_to_delete_all(len(kept.drawings), len(kept.damaged)))
                if find_last_taught():
                    st.caption(words.KEPT_BY_TAUGHT)
                st.button("Delete them all", key="delete_all", on_click=_delete_all)
    if kept.damaged:
        st.caption(words.describe_damaged(len(kept.damaged)))


def _offer_upload() -> None:
    """Takes drawings from a file; the box is empty again once they are taken."""
    key = f"own_file_{st.session_state.get('files_taken', 0)}"
    st.file_uploader(
        "Labelled drawings, as downloaded here or as `evaluate --drawings` reads them",
        type="jsonl",
        max_upload_size=MOST_BYTES // 2**20,
        key=key,
        on_change=_take_file,
        args=(key,),
    )


def _take_file(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return
    st.session_state["files_taken"] = st.session_state.get("files_taken", 0) + 1
    _do(lambda: _add(file.getvalue()))


def _add(content: bytes) -> None:
    drawings, left_out = take_in(content)
    before = len(keeper().read().drawings)
    keeper().put(drawings)
    added = len(keeper().read().drawings) - before
    actions.note(words.describe_added(added, len(drawings), left_out), ":material/check:")


def _delete_all() -> None:
    _do(keeper().delete_all)


def _do(action: Callable[[], None]) -> None:
    """Does what a button is for; tells what stands against it."""
    try:
        action()
    except DigitnetError as error:
        actions.note_error(error)
