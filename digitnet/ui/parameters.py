"""Parameters that a page writes into the address by itself.

They are no step in the browser's way back, as what somebody chooses is: whoever came back to an
address without them would be sent forth again.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import get_session_state

from digitnet.ui.scripts import run_script


def complete(parameters: Mapping[str, str | None]) -> None:
    """Has the address tell what the visit knows; where it does, nothing is done.

    Args:
        parameters: Their values by name; None for one that is to be taken away.
    """
    with get_session_state().query_params() as known:
        untold = {name: one for name, one in parameters.items() if known.get(name) != one}
        if not untold:
            return
        for name, value in untold.items():
            known.discard_param_no_forward_msg(name)
            if value is not None:
                known.set_with_no_forward_msg(name, value)
        whole = urlencode({name: known.get_all(name) for name in known}, doseq=True)
    if context := get_script_run_ctx():
        context.query_string = whole  # if the page is run again before the browser knows
    st.session_state.setdefault("completed", {}).update(untold)


def show_completed() -> None:
    """Writes what was completed into the address that the browser shows; done last in a page."""
    if completed := st.session_state.pop("completed", None):
        run_script("complete.js", again=True, COMPLETED=completed)
