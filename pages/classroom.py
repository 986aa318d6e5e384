"""The page of a class: a visitor's code; for its owner the wall to project, and the desk."""

import streamlit as st

from digitnet import jobs
from digitnet.runs import RunError
from digitnet.ui import actions, classroom, page, roles

DESK = {
    "Wall": classroom.show_wall,
    "Drawings": classroom.show_given,
    "Visitors": classroom.show_visitors,
    "Rules": classroom.show_rules,
}


def show_desk() -> None:
    """The owner's tabs; the one that is open is drawn, and no other."""
    tabs = dict(zip(DESK, st.tabs(list(DESK), key="desk", bind="query-params"), strict=True))
    for name, tab in tabs.items():
        if tab.open:
            with tab:
                DESK[name]()


page.apply_style()
st.title("Class", anchor=False)
try:
    if jobs.is_class():
        classroom.tell_browser()
    if roles.is_owner():
        show_desk()
    elif jobs.is_class():
        classroom.show_code()
        classroom.show_sign_in()
    else:
        st.info("There is no class here.")
except RunError as error:
    st.error(f"{error}.")
actions.show_notes()
