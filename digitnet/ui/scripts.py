"""The app's own scripts in the page, and its other assets."""

from __future__ import annotations

import json
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import streamlit as st

ASSETS = Path(__file__).with_name("assets")
_turns = count()  # the browser runs a script when it differs from the one before


def run_script(name: str, beside: str = "", again: bool = False, **values: Any) -> None:
    """Runs one of the app's own scripts in the page.

    Args:
        name: Of a file among the assets.
        beside: HTML to put into the page with it.
        again: Whether it is run though it is the same as before.
        values: By the words that stand for them in the script, as JSON knows them.
    """
    script = read_asset(name)
    for word, value in values.items():
        script = script.replace(word, json.dumps(value).replace("<", r"\u003c"))
    turn = f" // {next(_turns)}" if again else ""
    st.html(f"{beside}<script>\n{script}{turn}</script>", unsafe_allow_javascript=True)


@cache
def read_asset(name: str) -> str:
    """The text of a file among the assets."""
    return (ASSETS / name).read_text(encoding="utf-8")
