"""The yardstick of `app_speed`: a page that only holds the canvas and writes a number."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas


@st.fragment
def draw() -> None:
    canvas = st_canvas(
        stroke_width=16,
        stroke_color="#f5f2e9",
        background_color="#1c2430",
        width=280,
        height=280,
        key="drawing",
    )
    strokes = canvas.json_data["objects"] if canvas.json_data else []
    with st.container(key="prediction"):
        st.write(len(strokes))


draw()
