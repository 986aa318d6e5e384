"""A class: whoever has not its key changes nothing but what is their own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_plus

import numpy as np
import pytest

from digitnet.experiments import REPORT_EXPERIMENTS, parse_layers
from digitnet.runs import (
    KEY_GROUPS,
    Classroom,
    Donations,
    OwnDrawing,
    OwnLines,
    Quota,
    RunStore,
    add_network,
    make_code,
    visitor_of,
)
from digitnet.ui.roles import COOKIE
from tests.made_runs import make_request, make_training
from tests.security.attacks import ASKED, FORGED, GUESSED, HOSTILE, INVENTED
from tests.security.client import PRESSED, Json, Visitor
from tests.security.conftest import STAMPS, Server, copy_run, draw_digits, run_server
from tests.security.test_visitors import PAGES as LINKED
from tests.security.test_visitors import assert_harmless

DESK = tuple(("classroom", tab) for tab in ("Wall", "Drawings", "Visitors", "Rules"))
PAGES = tuple((page, unquote_plus(query.removeprefix("view="))) for page, query in LINKED)
UNTOLD = re.compile(r"\.lock$|class/counts\.json$")
LINKS = 20  # invented codes that come by links
OWN = {"Delete them all", "Teach the reader my hand"}  # buttons of who keeps drawings
OWNERS = {"Show them all", "Delete them", "Stop", "Share with the class", "Save", "End it"}


@dataclass(frozen=True)
class ClassServer(Server):
    """A class.

    Args:
        attacker: The code of one who has no other, and no key.
        victim: That of another visitor.
    """

    attacker: str
    victim: str


def furnish_visitor(store: RunStore) -> None:
    """What a visitor may keep, and a drawing that waits to be approved."""
    for state in ("queued", "stopped"):
        make_training(store, make_request("cnn_min", epochs=9), epochs=2, state=state)
    copy_run(store.shipped / "cnn_min", store.local / "finished" / "cnn_min" / STAMPS[0])
    store.make_current(f"cnn_min/{STAMPS[0]}")
    add_network(store.local, "theirs", parse_layers("conv 4, flatten"))
    drawing = OwnDrawing.of([np.array([[100.0, 40.0], [104.0, 240.0]])], 1)
    Donations(store).give(drawing, store.local.name)


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory, furnished: Path) -> Iterator[ClassServer]:
    """A class in which another visitor keeps something of every kind."""
    with ExitStack() as stack:
        environment = {"DIGITNET_CLASS": "1", "DIGITNET_READ_ONLY": "0"}
        server = run_server(tmp_path_factory.mktemp("class"), furnished, environment, stack)
        room = Classroom(server.store)
        codes = {"attacker": room.issue_code(), "victim": room.issue_code()}
        furnish_visitor(server.store.of_visitor(visitor_of(codes["victim"])))
        with server.visit() as visitor:
            visitor.open()  # loads the networks
        yield ClassServer(**vars(server), **codes)


def of_others(server: ClassServer) -> dict[str, str]:
    """All files but the attacker's own, and those that change as somebody draws."""
    own = f"visitors/{visitor_of(server.attacker)}/"
    found = server.contents().items()
    return {name: one for name, one in found if own not in name and not UNTOLD.search(name)}


def find(visitor: Visitor, label: str) -> str:
    return next(one for one, (_, said) in visitor.widgets().items() if said == label)


def sign_in(server: Server, visitor: Visitor, key: str) -> Visitor:
    visitor.go("classroom")
    visitor.act({find(visitor, "Key"): key, find(visitor, "Sign in"): PRESSED})
    return visitor


def is_asked_for_key(visitor: Visitor) -> bool:
    """Whether the Class page takes one for a visitor, who may have the key."""
    return "Key" in {label for _, label in visitor.widgets().values()}


def enter(server: Server, visitor: Visitor, code: str) -> Visitor:
    return visitor.open("", f"code={code}")


def keep_drawings(visitor: Visitor) -> Visitor:
    """Takes drawings in from a file; of a class they are kept for the visit."""
    visitor.go("mine")
    [box] = [one for one, (kind, _) in visitor.widgets().items() if kind == "file_uploader"]
    visitor.act({box: visitor.upload("mine.jsonl", OwnLines(tuple(draw_digits())).write())})
    assert has_drawings(visitor)
    return visitor


def has_drawings(visitor: Visitor) -> bool:
    labels = {label for _, label in visitor.go("mine").widgets().values()}
    return labels >= OWN


def forge(seen: Visitor, attacker: Visitor, pages: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Acts on every widget that somebody else sees; returns the buttons that were pressed."""
    tried = {}
    for page, tab in pages:
        widgets = seen.go(page, tab).widgets()
        attacker.go(page, tab)
        own = set(attacker.widgets())
        for widget, (kind, label) in widgets.items():
            if kind == "button" and widget not in own:
                attacker.act({widget: PRESSED})
                tried[widget] = label
        values = {"text_input": "x", "checkbox": False, "number_input": 1.0, "button": PRESSED}
        attacker.act(
            {widget: values[kind] for widget, (kind, _) in widgets.items() if kind in values}
        )
        assert not attacker.faults(), attacker.faults()
    return tried


def test_what_the_owner_and_others_may_do_is_refused_to_a_visitor(classroom):
    """Every widget of theirs is acted on by one who has neither the key nor their code."""
    key = Classroom(classroom.store).make_key()
    with classroom.visit() as owner, classroom.visit() as victim, classroom.visit() as attacker:
        enter(classroom, attacker, classroom.attacker)
        sign_in(classroom, owner.open(), key)
        assert {label for page in DESK for _, label in owner.go(*page).widgets().values()} >= OWNERS
        keep_drawings(enter(classroom, victim, classroom.victim))
        before = of_others(classroom)
        tried = forge(owner, attacker, (*PAGES, *DESK)) | forge(victim, attacker, PAGES)
        assert has_drawings(victim) and not has_drawings(attacker)
    assert len(tried) >= FORGED, len(tried)
    assert set(tried.values()) >= OWNERS | OWN, OWNERS | OWN - set(tried.values())
    assert of_others(classroom) == before


def test_no_guess_is_the_key_and_tries_have_an_end(classroom):
    room = Classroom(classroom.store)
    key = room.make_key()
    guesses = [make_code(KEY_GROUPS) for _ in range(GUESSED - 4)] + ["", "x" * 60, key[:-1], "../x"]
    with classroom.visit() as visitor:
        enter(classroom, visitor, classroom.attacker)
        for guess in guesses:
            sign_in(classroom, visitor, guess)
            assert not visitor.faults() and is_asked_for_key(visitor)
        sign_in(classroom, visitor, key)  # even the right one, in this visit
        assert "too often" in " ".join(visitor.bodies("toast"))
        for sent in (True, "owner", 1, ["owner"], Json('{"role": true}')):
            visitor.act({"token": sent, "code": classroom.victim})
            assert not visitor.faults()
            assert is_asked_for_key(visitor)


def test_no_cookie_but_the_owners_own_lets_anybody_in(classroom):
    """And that no longer once it was signed out, nor with a new key."""
    room = Classroom(classroom.store)
    key = room.make_key()
    signed_out, old = room.sign_in(key), room.sign_in(key)
    room.sign_out(signed_out)
    with classroom.visit(f"{COOKIE}={old}") as owner:
        assert not is_asked_for_key(owner.open("classroom"))
        key = room.make_key()
        assert is_asked_for_key(owner.go("classroom"))
    kept = json.loads((room.folder / "key.json").read_text())["hash"]
    for sent in (signed_out, old, key, kept, "", "0" * 64, "x" * 4000, r'"\355\240\200"'):
        with classroom.visit(f"{COOKIE}={sent}") as visitor:
            assert is_asked_for_key(visitor.open("classroom")) and not visitor.faults()


def test_nobody_learns_another_code_or_key_from_the_disk(classroom):
    key = Classroom(classroom.store).make_key()
    token = Classroom(classroom.store).sign_in(key)
    with classroom.visit() as visitor:
        enter(classroom, visitor, classroom.attacker).go("compare", "Retrain")
        visitor.act({find(visitor, "Retrain"): PRESSED})
    assert visitor_of(classroom.attacker) in {
        one.local.name for one in classroom.store.of_visitors()
    }
    for path in classroom.folder.rglob("*"):
        secrets = (key, token, classroom.attacker, classroom.victim)
        assert not any(one in str(path) for one in secrets)
        if path.is_file():
            content = path.read_bytes()
            assert not any(one.encode() in content for one in secrets), path


def test_others_are_not_seen(classroom):
    """Neither names, nor runs, nor trainings; nor are they read by their address."""
    run = quote(f"cnn_min/{STAMPS[0]}", safe="")
    shutil.rmtree(classroom.store.local / "finished" / "cnn_min")  # else it is everyone's
    with classroom.visit() as visitor:
        enter(classroom, visitor, classroom.attacker)
        addresses = (("curves", f"run={run}"), ("confusion", f"a={run}"))
        for page, where in (*PAGES, *addresses):
            if "=" in where:
                visitor.open(page, f"code={classroom.attacker}&{where}")
            else:
                visitor.go(page, where)
            said = str(list(visitor.elements.values()))
            assert "theirs" not in said and f"finished/cnn_min/{STAMPS[0]}" not in said
            assert f"Cancel cnn_min/{STAMPS[0]}" not in said and not visitor.faults()
            assert visitor_of(classroom.victim) not in said and classroom.victim not in said
    with classroom.visit() as victim:
        enter(classroom, victim, classroom.victim).go("compare", "Build")
        assert "theirs" in str(list(victim.elements.values()))


def test_invented_codes_take_no_place(classroom):
    """From links and typed; what is trained under one is kept under that which was issued."""
    before = [one.local.name for one in classroom.store.of_visitors()]
    codes = [make_code() for _ in range(INVENTED)]
    with classroom.visit() as visitor:
        for code in codes[:LINKS]:
            enter(classroom, visitor, code).go("classroom")
            assert not visitor.faults() and code not in str(list(visitor.elements.values()))
        for code in codes[LINKS:]:
            visitor.act({find(visitor, "Code"): code})
            assert not visitor.faults() and code not in str(list(visitor.elements.values()))
        visitor.go("compare", "Retrain")
        visitor.act({find(visitor, "Retrain"): PRESSED})
    after = [one.local.name for one in classroom.store.of_visitors()]
    assert len(after) == len(before) + 1
    assert not {visitor_of(code) for code in codes} & set(after)


def test_hostile_codes_are_none(classroom):
    before = of_others(classroom)
    with classroom.visit() as visitor:
        for value in HOSTILE:
            visitor.open("classroom", f"code={quote(value.encode())}")
            assert not visitor.faults(), (value, visitor.faults())
            assert_harmless(visitor)
            assert "Your code" in str(list(visitor.elements.values()))
    assert of_others(classroom) == before


def test_one_visitor_has_no_more_than_the_quota(classroom):
    """Each click asks for a small network with another seed; too many epochs are refused."""
    code = Classroom(classroom.store).issue_code()
    store = classroom.store.of_visitor(visitor_of(code))
    with classroom.visit() as visitor:
        enter(classroom, visitor, code).go("compare", "Retrain")
        names = [one.name for one in REPORT_EXPERIMENTS]  # most of them larger than the quota
        form = {find(visitor, "Networks"): names, find(visitor, "Seed"): 2.0}
        epochs, asked = find(visitor, "Most epochs"), 0
        visitor.act(form)
        button = next(
            one for one, (_, label) in visitor.widgets().items() if label[:8] == "Retrain "
        )
        visitor.act({**form, epochs: 10_000.0, button: PRESSED})
        assert not store.unfinished()
        while asked < ASKED:
            asked += len(names)
            seed = {find(visitor, "Seed"): float(asked)}
            visitor.act({**form, **seed, epochs: 2.0, button: PRESSED})
            assert not visitor.faults()
        visitor.act({**form, find(visitor, "Networks"): ["fc_large"], epochs: 2.0, button: PRESSED})
    assert len(store.unfinished()) == Quota().trainings
    assert Classroom(store).usage(store)[1] < Quota().megabytes * 2**20


def test_the_same_clicks_count_where_they_are_allowed(classroom):
    """So the forged ones are not merely malformed."""
    key, store = Classroom(classroom.store).make_key(), classroom.store
    with classroom.visit() as owner:
        sign_in(classroom, owner.open(), key)
        owner.go(*DESK[1])
        owner.act({find(owner, "Show them all"): PRESSED})
        assert [one.is_shown for one in Donations(store).read()] == [True]
        owner.go(*DESK[2])
        owner.act({find(owner, "Stop"): PRESSED})
        owner.act({find(owner, "Share with the class"): PRESSED})
        assert store.current("cnn_min").id == f"cnn_min/{STAMPS[0]}"
        owner.go(*DESK[3])
        owner.act({find(owner, "Most epochs"): 3.0, find(owner, "Save"): PRESSED})
        assert Classroom(store).rules().quota.epochs == 3
        owner.act({find(owner, "End it"): PRESSED})
        assert not store.of_visitors() and not Donations(store).read()
