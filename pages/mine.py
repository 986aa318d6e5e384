"""The My hand page: how well one's own drawings are read."""

import streamlit as st

from digitnet.runs import OwnLines, RunError
from digitnet.ui import actions, my_hand, own_drawings, page, teaching


def show_hand(kept: OwnLines) -> None:
    """All that is known of one's own drawings; there is at least one."""
    readings = my_hand.read_drawings(kept.drawings)
    if readings:
        my_hand.show_readings(readings)
        my_hand.show_next_step(kept.drawings)
        teaching.show_teaching([(one.strokes, one.label) for one in kept.drawings])
        my_hand.show_misread(readings, kept.drawings)
    else:
        page.say_what_is_missing([])
    my_hand.show_drawings(kept)
    my_hand.show_files(kept)
    my_hand.show_opened(readings, kept.drawings)


page.apply_style()
st.title("My hand", anchor=False)
try:
    kept = own_drawings.keeper().read()
    if kept.drawings:
        show_hand(kept)
    else:
        my_hand.invite()
        my_hand.show_files(kept)
except RunError as error:
    st.error(f"{error}.")
actions.show_notes()
