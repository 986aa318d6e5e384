"""What a browser may not have Streamlit do."""

from __future__ import annotations

from types import SimpleNamespace

import streamlit as st
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.caching.ttl_cache import TTLCache

from digitnet.ui import loaders, page


def test_no_visitor_empties_what_is_loaded_for_all() -> None:
    assert page.ASSETS.is_dir()  # every page has it, and with it what is refused
    kept = loaders.load_server()
    AppSession._handle_clear_cache_request(SimpleNamespace(_session_state={}))
    assert loaders.load_server() is kept


def test_what_grows_too_old_while_it_is_looked_up_is_made_anew(monkeypatch) -> None:
    made = []

    @st.cache_resource(show_spinner=False, ttl=60)
    def make() -> int:
        made.append(None)
        return len(made)

    assert make() == 1
    has = TTLCache.__contains__

    def grow_old(cache: TTLCache, key: str) -> bool:
        """Whether it is there; if so, it is too old from now on."""
        found = has(cache, key)
        if found and len(made) == 1:
            cache._expirations[key] = 0
        return found

    monkeypatch.setattr(TTLCache, "__contains__", grow_old)
    assert page.ASSETS.is_dir()
    assert make() == 2
