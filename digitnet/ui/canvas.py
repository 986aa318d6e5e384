"""The ways in: the board to draw on, and pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, ImageOps
from streamlit_drawable_canvas import st_canvas

from digitnet.digits import CANVAS_SIZE, bring_to_middle, canvas_drawing, ink, load_samples
from digitnet.experiments import DATASETS
from digitnet.show.pictures import BOARD, CHALK
from digitnet.ui import address, choices, loaders, parameters
from digitnet.ui.scripts import run_script

DRAW, UPLOAD, CAMERA = "Draw", "Upload", "Camera"  # the ways in

BRUSH = {"stroke_width": 16, "stroke_color": CHALK}


WIDE = 2 * CANVAS_SIZE  # pixels: a board for numbers


INVITATION = "Draw one digit, large. The networks read it while you draw."
WIDE_INVITATION = "Draw a number. The reader reads it while you draw."


UNREADABLE = {"objects": None}  # what is no drawing, for one


IMAGE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"]


def board_width() -> int:
    """How wide the board is, in pixels."""
    return WIDE if is_wide() else CANVAS_SIZE


def is_wide() -> bool:
    """Whether the board has room for numbers: as the URL's `wide` tells; never over an image."""
    return st.query_params.get("wide") == "on" and not is_over()


def is_drawn_from_nothing() -> bool:
    """Whether one draws, and not over an image."""
    return st.session_state.get("way") in (None, DRAW) and not is_over()


def is_over() -> bool:
    """Whether one draws over an image, which the URL names."""
    return "over" in st.query_params


def over(dataset: str, position: int) -> dict[str, str]:
    """The URL's parameters for drawing over an image of a data set."""
    return {"over": str(position), "of": dataset}


def pick_way() -> str:
    """Lets the reader choose how a digit comes in; for drawing, arranges the board's toolbar."""
    way = st.segmented_control(
        "Way in",
        [DRAW, UPLOAD, CAMERA],
        default=DRAW,
        required=True,
        key="way",
        label_visibility="collapsed",
    )
    if way == DRAW:
        run_script("toolbar.js")
    return way


def draw_on_canvas() -> tuple[np.ndarray, ink.DrawnPieces | None]:
    """A board to draw on.

    Returns:
        What the networks see of the drawing as one digit, uint8 (28, 28), and its strokes; None
        where they lie over an image.

    Raises:
        InkError: Nothing is drawn that could be read.
    """
    under = _image_under()
    json_data = _show_canvas(under, _begin())
    _show_way_to_empty()
    # A board that was just fitted tells in this run of what was on it before.
    strokes = st.session_state.pop("fitted", None) or _strokes_of(json_data)
    if under is not None:
        address.keep([])
        return ink.add_strokes(under, strokes, CANVAS_SIZE), None
    _remember(strokes)
    address.keep(strokes)
    if not strokes:
        raise ink.InkError(WIDE_INVITATION if is_wide() else INVITATION)
    return ink.render_strokes(strokes), ink.DrawnPieces(strokes)


def _show_canvas(under: np.ndarray | None, begin_with: dict[str, Any] | None) -> Any:
    """The board, over an image or with a drawing on it; returns what it says was drawn.

    That comes from a browser and may be anything: `ink.strokes_from_canvas` tells whether it can
    be read.
    """
    try:
        return st_canvas(
            **BRUSH,
            background_color=BOARD,
            background_image=None if under is None else _picture_on_board(under),
            width=board_width(),
            height=CANVAS_SIZE,
            initial_drawing=begin_with,
            key="drawing",
        ).json_data
    except (AttributeError, KeyError, TypeError):  # it takes for granted what it is sent
        return UNREADABLE


def strokes_on_board() -> ink.Strokes:
    """What is on the board now, be it newer than what the page shows; raises InkError."""
    return _strokes_of(_newest_json())


def _strokes_of(json_data: Any) -> ink.Strokes:
    return ink.strokes_from_canvas(json_data, (board_width(), CANVAS_SIZE))


def _newest_strokes(width: int) -> ink.Strokes:
    """What is on a board of this width now, be it newer than what the page shows."""
    try:
        return ink.strokes_from_canvas(_newest_json() or UNREADABLE, (width, CANVAS_SIZE))
    except ink.InkError:  # it has told nothing yet, for one
        return address.last_strokes()


def _newest_json() -> Any:
    """What the board told last, of which the page may not know yet; None before it has."""
    board = st.session_state.get("drawing")
    return board and board["drawing"]["raw"]


def _begin() -> dict[str, Any] | None:
    """What the board begins with: a sample digit, or what was on it when one left the page.

    It stays the same while one draws; where it changes, the board is drawn anew.
    """
    if "drawing" not in st.session_state:
        st.session_state.pop("given", None)  # another drawing than the sample's comes now
        st.session_state["begun_with"] = [] if is_over() else address.last_strokes()
    sample = st.session_state.get("sample")
    if sample is not None:
        return canvas_drawing(load_samples()[sample], BRUSH)
    begun_with = st.session_state["begun_with"]
    return canvas_drawing([one.tolist() for one in begun_with], BRUSH) if begun_with else None


def _begin_anew() -> None:
    st.session_state["begun_with"] = []
    if (sample := st.session_state.get("sample")) is not None:
        address.put_away(_newest_strokes(board_width()), is_wide())
        st.session_state["given"] = len(load_samples()[sample])


def _show_way_to_empty() -> None:
    """A button, unseen, that the toolbar's Clear presses: by itself it returns to the beginning."""
    if st.session_state["begun_with"]:
        st.button("Empty the board", key="empty_board", on_click=_begin_anew)


def pick_beginning() -> None:
    """How large a board to draw on, and ten sample digits to begin with."""
    if st.session_state.get("way") not in (None, DRAW):
        return
    if is_over():
        st.button("Take the test digit away", key="take_away", on_click=_take_away)
    else:
        choices.switch("Wide board, for numbers", False, "wide", _fit_board)
        st.pills("Or begin with one of ours", range(10), key="sample", on_change=_begin_anew)


def _fit_board() -> None:
    """Makes a drawing smaller that the board, now that it is square, has no room for."""
    strokes = _newest_strokes(WIDE)
    if not is_wide() and address.passes_edge(strokes):
        _put_on_board(bring_to_middle(strokes))
        st.session_state["sample"] = None


def _put_on_board(strokes: ink.Strokes) -> None:
    st.session_state["begun_with"] = st.session_state["fitted"] = strokes


def _remember(strokes: ink.Strokes) -> None:
    """Keeps what was on the board before it was cleared."""
    if not strokes:
        address.put_away(st.session_state.get("on_board", []), is_wide())
        st.session_state.pop("given", None)
    st.session_state["on_board"] = strokes


def offer_cleared() -> None:
    """A way back to the drawing that was on the board before, while it is empty.

    Where it began with something, it was not emptied by Clear, and Undo leads back.
    """
    has_begun = st.session_state.get("begun_with") or st.session_state.get("sample") is not None
    is_empty = is_drawn_from_nothing() and not (has_begun or st.session_state.get("on_board"))
    if is_empty and "cleared" in st.session_state:
        st.button(
            "Bring the drawing back",
            key="bring_back",
            icon=":material/undo:",
            type="tertiary",
            on_click=_bring_back,
        )


def _bring_back() -> None:
    if strokes := st.session_state.pop("cleared", None):  # not twice, at a double click
        is_square_now = st.session_state["cleared_wide"] and not is_wide()
        is_cut = is_square_now and address.passes_edge(strokes)
        _put_on_board(bring_to_middle(strokes) if is_cut else strokes)


def _image_under() -> np.ndarray | None:
    """The image that is drawn over, uint8 (28, 28); None without one, or where it cannot be had."""
    if not is_over():
        return None
    dataset, position = st.query_params.get("of", ""), st.query_params["over"]
    if dataset in DATASETS and position.isdecimal() and len(position) < 10:
        images = loaders.load_pictures(dataset, "under")
        if images is None:
            return None
        if int(position) < len(images):
            return images[int(position)]
    asked = choices.quote(f"{dataset} {position}".strip())
    st.info(f"The address asks for digit “{asked}”, which there is not.")
    parameters.complete(dict.fromkeys(over("", 0)))
    return None


def _take_away() -> None:
    for name in over("", 0):
        st.query_params.pop(name, None)


def _picture_on_board(image: np.ndarray) -> Image.Image:
    """An image, uint8 (28, 28), in the board's colours and size, every pixel visible."""
    chalk = ImageOps.colorize(Image.fromarray(image), BOARD, CHALK)
    return chalk.resize((CANVAS_SIZE, CANVAS_SIZE), Image.Resampling.NEAREST)


def pick_photo(camera: bool) -> tuple[np.ndarray, ink.PhotoPieces]:
    """A photo or picture of a digit or a number, from a file or the camera.

    Returns:
        What the networks see of it as one digit, uint8 (28, 28), and its pieces.

    Raises:
        InkError: No picture is chosen yet, or it cannot be read.
    """
    address.show("")
    if camera:
        photo = st.camera_input("A photo of one digit, or of a number, written large")
    else:
        photo = st.file_uploader("A picture of a digit, or of a number", type=IMAGE_TYPES)
    if photo is None:
        raise ink.InkError("Dark ink on plain paper is read best.")
    pieces = ink.find_pieces(photo.getvalue())
    return ink.draw_whole(pieces), pieces
