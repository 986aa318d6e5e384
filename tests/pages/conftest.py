"""Runs the app's pages without a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from digitnet.ui.page import page_file

REPOSITORY = Path(__file__).resolve().parents[2]
VISIT = REPOSITORY / "digitnet" / "ui" / "visit.py"


@pytest.fixture(scope="session", autouse=True)
def scan_packages_once() -> Iterator[None]:
    """Spares each AppTest the search for components in all that is installed, half its time."""
    scan = cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own copy of three shipped runs, for a page to be run on and a test to break."""
    shipped = Path(os.environ.get("DIGITNET_CHECKPOINTS") or REPOSITORY / "checkpoints")
    copied = tmp_path / "checkpoints"
    for name in ("fc_narrow", "cnn", "cnn_min"):
        shutil.copytree(shipped / name, copied / name)
    monkeypatch.setenv("DIGITNET_CHECKPOINTS", str(copied))
    monkeypatch.setenv("DIGITNET_RUNS", str(tmp_path / "runs"))
    st.cache_resource.clear()
    yield copied
    st.cache_resource.clear()


def open_at(page: str, **parameters: str) -> AppTest:
    """Opens a page by its own address, with parameters of the URL."""
    app = AppTest.from_file(VISIT, default_timeout=60)
    app.switch_page(str(page_file(page)))
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


@pytest.fixture
def open_app(checkpoints: Path) -> Callable[..., AppTest]:
    """Opens the app, with a sample digit on the canvas or none, and parameters of the URL."""

    def open_with(begin_with: int | None = None, **parameters: str) -> AppTest:
        app = AppTest.from_file(VISIT, default_timeout=60)
        app.session_state["sample"] = begin_with
        for name, value in parameters.items():
            app.query_params[name] = value
        return app.run()

    return open_with
