"""What a browser may not have Streamlit do."""

from __future__ import annotations

from types import SimpleNamespace

from streamlit.runtime.app_session import AppSession

from digitnet.ui import loaders, page


def test_no_visitor_empties_what_is_loaded_for_all() -> None:
    assert page.ASSETS.is_dir()  # every page has it, and with it what is refused
    kept = loaders.load_server()
    AppSession._handle_clear_cache_request(SimpleNamespace(_session_state={}))
    assert loaders.load_server() is kept
