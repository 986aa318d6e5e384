"""Giving a drawing to the class."""

from __future__ import annotations

import streamlit as st

from digitnet import jobs
from digitnet.errors import DigitnetError
from digitnet.runs import Classroom, Donations, OwnDrawing
from digitnet.ui import actions, loaders, roles


def show_giving(drawing: OwnDrawing) -> None:
    """Lets a visitor give a drawing, whose digit they have told, to the class in one tap."""
    if not jobs.is_class() or roles.is_owner():
        return
    store = loaders.load_store()
    given = {one.id: one.drawing.label for one in Donations(store).read()}
    if given.get(drawing.id) == drawing.label:
        st.caption("Given to the class, without a name. It is shown once it is approved.")
    elif Classroom(store).rules().collects:
        st.button(
            "Give it to the class",
            icon=":material/volunteer_activism:",
            key="give",
            on_click=_give,
            args=(drawing,),
        )


def _give(drawing: OwnDrawing) -> None:
    try:
        jobs.give(loaders.load_store(), drawing)
    except DigitnetError as error:
        actions.note_error(error)
