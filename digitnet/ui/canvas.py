"""The ways in: the board to draw on, and pictures."""

from __future__ import annotations

import numpy as np
import streamlit as st
from PIL import Image, ImageOps
from streamlit_drawable_canvas import st_canvas

from digitnet.digits import CANVAS_SIZE, canvas_drawing, ink, load_samples
from digitnet.ui import choices
from digitnet.ui.page import page_file

# White chalk on a dark board in both themes, as the networks see it.
CHALK_COLOUR = "#f5f2e9"


BRUSH = {"stroke_width": 16, "stroke_color": CHALK_COLOUR}


WIDE = 2 * CANVAS_SIZE  # pixels: a board for numbers


BOARD_COLOUR = "#1c2430"


IMAGE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"]


# The canvas's toolbar shows on hover only, and until then lies unseen over the board's upper right
# corner, where it swallows a finger's touch. So it is laid out below the board, in plain sight.
# Its Reset returns to the drawing that the board began with; with a sample digit that should be
# an empty board, so the sample is put away as well.
_TOOLBAR_SCRIPT = """<script>
{ // a block of its own: whoever comes back to the page runs this again
const style = `
  .dc-root > .dc-toolbar {
    position: static; opacity: 1; padding: 0.5rem 0 0; justify-content: flex-start;
  }
  .dc-toolbar-card { box-shadow: none; background: none; padding: 0; gap: 0.25rem; width: 100%;
    justify-content: space-between; color: inherit; }
  .dc-icon-button { gap: 0.35rem; min-height: 2.5rem; padding: 0 0.3rem; font: inherit;
    font-size: 0.875rem; }
  .dc-icon-button:focus-visible { outline: 2px solid currentColor; }
  .dc-icon-button[aria-label="Undo"]::after { content: "Undo"; }
  .dc-icon-button[aria-label="Redo"]::after { content: "Redo"; }
  .dc-icon-button[aria-label="Edit"]::after { content: "Move"; }
  .dc-icon-button[aria-label^="Reset"]::after { content: "Clear"; }
  .dc-icon-button:is([aria-label^="Update"], [aria-label$="ward"]), /* strokes look alike */
  .dc-toolbar-separator { display: none; }
  .dc-toolbar-contextual .dc-icon-button { padding: 0 0.2rem; }
  .dc-canvas { border-radius: 0.6rem; outline: none; }
  .dc-container { border-radius: 0.6rem; overflow: hidden; }
`;
function arrange() {
  const host = [...document.querySelectorAll(".st-key-canvas *")].find((one) => one.shadowRoot);
  const root = host?.shadowRoot;
  if (!root?.querySelector(".dc-toolbar")) return requestAnimationFrame(arrange);
  if (root.querySelector("#digitnet")) return;
  const board = root.querySelector(".dc-container");
  const width = () => parseFloat(board.style.width);
  const sizes = new ResizeObserver(() => { // a phone is narrower than the wide board
    board.style.zoom = Math.min(1, host.clientWidth / width());
  });
  [host, board].forEach((one) => sizes.observe(one));
  root.append(Object.assign(document.createElement("style"), {id: "digitnet", textContent: style}));
  root.addEventListener("click", (event) => {
    if (event.target.closest('[aria-label^="Reset"]'))
      document.querySelector('.st-key-sample [aria-checked="true"]')?.click();
  });
}
arrange();
}
</script>"""


def board_width() -> int:
    """How wide the board is, in pixels: as the URL's `wide` tells; an image's board is square."""
    is_wide = st.query_params.get("wide") == "on" and "draw_over" not in st.session_state
    return WIDE if is_wide else CANVAS_SIZE


def draw_on_canvas() -> tuple[np.ndarray, ink.Strokes]:
    """A board to draw on, and ten sample digits to begin with.

    Returns:
        What the networks see of the drawing, uint8 (28, 28), and its strokes; no strokes where
        they lie over an image.

    Raises:
        InkError: Nothing is drawn that could be read.
    """
    sample, under = st.session_state.get("sample"), st.session_state.get("draw_over")
    canvas = st_canvas(
        **BRUSH,
        background_color=BOARD_COLOUR,
        background_image=None if under is None else _picture_on_board(under),
        width=board_width(),
        height=CANVAS_SIZE,
        initial_drawing=None if sample is None else canvas_drawing(load_samples()[sample], BRUSH),
        key="drawing",
    )
    if under is None:
        choices.switch("Wide board, for numbers", False, "wide")
        st.pills("Or begin with one of ours", range(10), key="sample")
    else:
        st.button("Take the test digit away", key="take_away", on_click=_take_away)
    st.html(_TOOLBAR_SCRIPT, unsafe_allow_javascript=True)
    strokes = ink.strokes_from_canvas(canvas.json_data, (board_width(), CANVAS_SIZE))
    if under is not None:
        return ink.add_strokes(under, strokes, CANVAS_SIZE), []
    if not strokes:
        raise ink.InkError("Draw one digit, large. The networks read it as you lift the pen.")
    return ink.render_strokes(strokes), strokes


def draw_over(image: np.ndarray) -> None:
    """Opens the Draw page with an image, uint8 (28, 28), on its board, to be drawn over."""
    st.session_state["draw_over"] = image
    st.switch_page(page_file("draw"))


def _take_away() -> None:
    del st.session_state["draw_over"]


def _picture_on_board(image: np.ndarray) -> Image.Image:
    """An image, uint8 (28, 28), in the board's colours and size, every pixel visible."""
    chalk = ImageOps.colorize(Image.fromarray(image), BOARD_COLOUR, CHALK_COLOUR)
    return chalk.resize((CANVAS_SIZE, CANVAS_SIZE), Image.Resampling.NEAREST)


def pick_photo(camera: bool) -> np.ndarray:
    """A photo or picture of one digit, from a file or the camera.

    Returns:
        What the networks see of it, uint8 (28, 28).

    Raises:
        InkError: No picture is chosen yet, or it cannot be read.
    """
    if camera:
        photo = st.camera_input("A photo of one digit, written large")
    else:
        photo = st.file_uploader("A picture of one digit", type=IMAGE_TYPES)
    if photo is None:
        raise ink.InkError("Dark ink on plain paper is read best.")
    return ink.read_image(photo.getvalue())
