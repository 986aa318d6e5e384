"""Streamlit's settings, at no cost to a stroke.

Streamlit looks some up at every message of a run, and all of them six times over for the theme at
the beginning of each, behind one lock for all visits. They do not change while an app runs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

_get_option = config.get_option
_populate_theme = app_session._populate_theme_msg


def look_up_quickly() -> None:
    """Has Streamlit look its settings up without a lock; done once for all sessions."""
    config.get_option = _look_up
    app_session._populate_theme_msg = _copy_theme


def _look_up(key: str) -> Any:
    known = config._config_options or {}
    return known[key].value if key in known else _get_option(key)


def _copy_theme(msg: CustomThemeConfig, section: str = "theme") -> None:
    theme = _theme_of(section)
    if theme.ByteSize():  # else it would be there, and empty
        msg.MergeFrom(theme)


@cache
def _theme_of(section: str) -> CustomThemeConfig:
    theme = CustomThemeConfig()
    _populate_theme(theme, section)
    return theme
