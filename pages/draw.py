"""The Draw page: one drawing, read by every network."""

import numpy as np
import streamlit as st

from digitnet import figures, ui
from digitnet.experiments import EXPERIMENTS
from digitnet.ink import InkError

DRAW, UPLOAD, CAMERA = "Draw", "Upload", "Camera"

WHY_MISREAD = """
The networks never see your strokes, only the small picture beside the reading. They learnt from
digits that Americans wrote by pen in the 1990s, so that customs of other places are rare to them:
a crossed 7, a 1 with a long flag, a 9 with a hook. Nor did they ever see anything that is not a
digit: whatever you draw, they name one of ten, and can be very sure of it.

What helps: one digit, its lines joined, drawn upright and as large as you like.
"""


@st.fragment
def draw_and_read() -> None:
    """All that a stroke changes, so that a stroke redraws nothing else."""
    with st.container(key="draw", horizontal=True, gap="large"):
        with st.container(key="canvas", width=ui.CANVAS_SIZE):
            image, notice = pick_image()
        with st.container(key="reading"):
            results = ui.load_results()
            model = ui.pick_model(results)
            show_reading(model, image, notice)
            st.caption(figures.describe_accuracy(results[model]))
    with st.container(key="all_models"):
        if image is None:
            st.html(figures.all_accuracies_html(results))
        else:
            st.html(figures.all_readings_html(ui.read_with_all(results, image), model))


def pick_image() -> tuple[np.ndarray | None, str]:
    """What the networks see, or why there is nothing to see."""
    way = st.segmented_control(
        "Way in",
        [DRAW, UPLOAD, CAMERA],
        default=DRAW,
        required=True,
        key="way",
        label_visibility="collapsed",
    )
    try:
        if way == DRAW:
            return ui.draw_on_canvas(), ""
        return ui.pick_photo(camera=way == CAMERA), ""
    except InkError as error:
        return None, str(error)


def show_reading(model: str, image: np.ndarray | None, notice: str) -> None:
    if image is None:
        with st.container(key="prediction"):
            st.html(figures.invitation_html(notice))
        return
    probabilities = ui.read_with(model, image)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key="prediction"):
            st.html(figures.reading_html(probabilities))
        with st.container(key="seen"):
            st.html(figures.seen_html(image))
    st.html(figures.probability_bars_html(probabilities))


def explain() -> None:
    with st.expander("Why is mine misread?"):
        st.markdown(WHY_MISREAD)


ui.apply_style()
st.title("Draw a digit", anchor=False)
if ui.load_results():
    draw_and_read()
    explain()
    ui.load_server()  # now, so that the first reading need not wait for it
else:
    ui.say_what_is_missing()
