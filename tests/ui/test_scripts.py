"""The app's own scripts in the page."""

from __future__ import annotations

import pytest
import streamlit as st

from digitnet.ui.scripts import read_asset, run_script


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """What is put into the page."""
    bodies: list[str] = []
    monkeypatch.setattr(st, "html", lambda body, **_: bodies.append(body))
    return bodies


def test_a_script_is_the_same_unless_it_is_to_run_again(shown) -> None:
    for again in (False, False, True, True):
        run_script("owner.js", again=again, COOKIE="name=1")
    assert shown[0] == shown[1] != shown[2] != shown[3]


def test_values_are_json_and_end_no_script(shown) -> None:
    run_script("address.js", "<b></b>", CODE="</script>")
    assert shown[0].startswith("<b></b><script>") and shown[0].count("</script>") == 1
    assert len(shown[0]) > len(read_asset("address.js"))
