"""Streamlit's settings are found as Streamlit finds them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import NewSession

from digitnet.ui import options

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.dark.sidebar")


def fill(populate, section: str) -> NewSession:
    """The first message of a run with a section's settings where it has them."""
    message = NewSession()
    part = message.custom_theme
    for name in section.split(".")[1:]:
        part = getattr(part, name)
    populate(part, section)
    return message


@pytest.mark.parametrize("section", SECTIONS)
def test_the_theme_is_streamlits(section: str) -> None:
    expected = fill(options._populate_theme, section)
    assert expected.ByteSize() or "sidebar" in section
    for _ in range(2):  # looked up, and then known
        assert fill(options._copy_theme, section) == expected


def test_settings_are_found_as_they_stand(monkeypatch) -> None:
    name = "server.maxUploadSize"
    assert options._look_up(name) == options._get_option(name)
    monkeypatch.setitem(config.get_config_options(), name, SimpleNamespace(value=7))
    assert options._look_up(name) == options._get_option(name) == 7


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(RuntimeError, match="not defined"):
        options._look_up("server.none")
