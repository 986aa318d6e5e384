"""Visitors who forge clicks, messages and links, who are many, and who leave without a word."""

from __future__ import annotations

import contextlib
import re
import time
from urllib.parse import quote

import psutil
import pytest
import requests
from websockets.exceptions import ConnectionClosed

from digitnet.jobs.queue import MOST_WAITING
from tests.security.attacks import (
    ASKED,
    DROPPED,
    HOSTILE,
    MESSAGES,
    PARAMETERS,
    PATHS,
)
from tests.security.client import ONE, PRESSED, Json

PAGES = (
    ("", ""),
    ("inside", ""),
    ("mine", ""),
    ("curves", ""),
    ("confusion", ""),
    ("compare", ""),
    ("compare", "view=Two+networks"),
    ("compare", "view=Build"),
    ("compare", "view=Retrain"),
)
ACTIONS = {
    *("Retrain", "Cancel", "Move up", "Move down", "Resume", "Delete it", "Make current"),
    *("Go back to the shipped run", "Save", "Save and train", "Delete them all"),
    "Teach the reader my hand",
}
# What MARKUP and MARKDOWN are where they are not escaped, for HTML or for Markdown.
TAKEN = re.compile(r"(?<!\\)<(img src=x|script>alert)|(?<!\\)\]\((javascript:|http://evil)")
KEPT = {
    "": (
        "last_drawing",
        "begun_with",
        "notes",
        "model",
        "own_drawings",
        "code",
        "role",
    ),
    "compare": ("draft", "notes", "networks", "latencies", "start", "epochs", "view"),
    "mine": ("own_drawings", "opened_drawing", "files_taken", "notes"),
}  # names under which a visit keeps something
SECRETS = ("root:x:", "[build-system]", "[project]", "# digitnet")


def test_every_action_forged_changes_nothing(server, twin):
    """The widgets that the owner's pages have are acted on where they are not shown."""
    before = server.contents()
    tried, pressed = 0, set()
    with twin.visit() as owner, server.visit() as visitor:
        for page, query in PAGES:
            widgets = owner.open(page, query).widgets()
            visitor.open(page, query)
            for widget, (kind, label) in widgets.items():
                if kind == "button":
                    visitor.act({widget: PRESSED})
                    tried, pressed = tried + 1, pressed | {label}
            values = {"text_input": "x", "checkbox": True, "number_input": 5}
            visitor.act(
                {
                    widget: values.get(kind, PRESSED if kind == "button" else Json('{"a": 1}'))
                    for widget, (kind, _) in widgets.items()
                    if kind in values or kind in ("button", "bidi_component")
                }
            )
            assert not visitor.faults()
    assert tried > 36 and pressed >= ACTIONS, ACTIONS - pressed
    assert server.contents() == before


def test_the_same_click_counts_where_it_is_allowed(twin):
    """So the forged ones are not merely malformed."""
    before = len(twin.store.unfinished())
    with twin.visit() as owner:
        widgets = owner.open("compare", "view=Retrain").widgets()
        cancel = next(one for one, (_, label) in widgets.items() if label == "Cancel")
        owner.act({cancel: PRESSED})
    assert len(twin.store.unfinished()) == before - 1


def test_messages_that_no_page_sends_change_nothing(server):
    before = server.contents()
    for message in MESSAGES.values():
        with contextlib.suppress(ConnectionClosed), server.visit() as visitor:
            visitor.open()
            visitor.send_bytes(message)
            visitor.act({})
    assert psutil.pid_exists(server.pid) and server.contents() == before
    with server.visit() as visitor:
        assert "dn-digit" in visitor.open().draw(ONE)
        assert not visitor.faults()


def test_what_a_visit_keeps_cannot_be_sent(server, visitor):
    """Values under names that are no widget's are not there for the page."""
    for page, names in KEPT.items():
        visitor.open(page)
        for value in (True, 5, "x", ["x"], Json("[1]")):
            visitor.act(dict.fromkeys(names, value))
            assert not visitor.faults(), (page, value, visitor.faults())


def test_hostile_links_are_told_as_text(server, visitor):
    """Every value for every parameter; those of a page are sent together, each another one."""
    for page, names in PARAMETERS.items():
        for shift in range(len(HOSTILE)):
            values = {
                name: HOSTILE[(shift + place) % len(HOSTILE)] for place, name in enumerate(names)
            }
            query = "&".join(f"{name}={quote(value.encode())}" for name, value in values.items())
            visitor.open(page, query)
            assert not visitor.faults(), (page, values, visitor.faults())
            assert_harmless(visitor)
    assert len(visitor.elements) > 3


def assert_harmless(visitor) -> None:
    """Nothing that a visitor or a file says is taken for HTML or for Markdown."""
    for body in visitor.bodies("html", "markdown", "alert", "toast"):
        assert not TAKEN.search(body), body


def test_no_path_leads_out_of_the_app(server):
    for path in PATHS:
        prepared = requests.Request("GET", server.address).prepare()
        prepared.url = server.address + path  # as it stands
        answer = requests.Session().send(prepared, allow_redirects=False, timeout=30)
        assert not any(secret in answer.text for secret in SECRETS), path
        assert "evil.example" not in answer.headers.get("Location", "")


def test_connections_that_are_dropped_leave_nothing_behind(server):
    with server.visit() as visitor:
        visitor.open()
    process, memory = psutil.Process(server.pid), server.megabytes
    threads = process.num_threads()
    for number in range(DROPPED):
        visitor = server.visit()
        if number % 10 == 0:
            visitor.send({})
        visitor.drop() if number % 2 else visitor.leave()
    started = time.monotonic()
    with server.visit() as visitor:
        assert "dn-digit" in visitor.open().draw(ONE)
    assert time.monotonic() - started < 20
    deadline = time.monotonic() + 30
    while process.num_threads() > threads + 20 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert process.num_threads() <= threads + 20
    assert server.megabytes - memory < 200


def _by_label(visitor) -> dict[str, str]:
    return {label: one for one, (_, label) in visitor.widgets().items()}


def test_one_visitor_cannot_fill_the_queue_without_end(twin):
    """Each click asks for all networks, with a seed of its own."""
    networks = [one.name for one in twin.store.experiments()]
    asked = 0
    with twin.visit() as owner:
        kinds = _by_label(owner.open("compare", "view=Retrain"))
        values = {kinds["Networks"]: networks}
        owner.act(values)
        button = next(one for label, one in _by_label(owner).items() if label[:8] == "Retrain ")
        while asked < ASKED:
            asked += len(networks)
            owner.act({**values, kinds["Seed"]: float(asked), button: PRESSED})
            assert not owner.faults()
        said = " ".join(owner.bodies("toast"))
    waiting = [one for one in twin.store.unfinished() if one.status.state == "queued"]
    assert len(waiting) == MOST_WAITING
    assert f"The queue is full, {MOST_WAITING} wait already" in said
    before = twin.seconds
    with twin.visit() as owner:
        owner.open("compare", "view=Retrain")
        assert len(owner.find("button")) < 100
    assert twin.seconds - before < 2


@pytest.mark.parametrize("page", [page for page, query in PAGES if not query])
def test_a_page_is_whole_after_all_that(server, page):
    with server.visit() as visitor:
        assert not visitor.open(page).faults()
        assert len(visitor.elements) > 5
