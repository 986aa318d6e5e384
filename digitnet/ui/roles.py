"""Who is asking: the owner, or one of many visitors; and so, which runs they see and may change.

Outside of a class everyone is given the store that all share. In a class each visitor has a code,
which the address carries, and is given a store of their own; only the owner, who has signed in
with the key, is given that which all share. What may be done in a store is for
`jobs.permissions_of` to say, and is asked again where it is done.

For the key a token stands from then on, in the visit and in a cookie, which the owner's browser
sends as it opens another. Addresses are shared and projected, and never have it.
"""

from __future__ import annotations

import os
import threading
import time

import streamlit as st

from digitnet import jobs
from digitnet.errors import DigitnetError
from digitnet.jobs import Permissions
from digitnet.runs import Classroom, RunError, RunStore, make_code, visitor_of
from digitnet.ui import parameters

CODE = "code"  # in the address and in the visit
TOKEN = "token"  # in the visit, once it was signed in
COOKIE = "digitnet_owner"
MOST_TRIES = 5  # of a key, in one visit
TRY_SECONDS = 1.0  # between tries, of all visitors together: each costs as much as many strokes
PATIENCE = 20.0  # seconds that one waits for one's try
_trying = threading.Lock()
_tried = 0.0


class RoleError(DigitnetError):
    """Somebody asks for what only the owner may have or do."""


def enter() -> None:
    """Gives a visit its code, that of the address if there is one; keeps it in the address."""
    if not jobs.is_class():
        return
    if CODE not in st.session_state:
        st.session_state[CODE] = _find_or_issue(st.query_params.get(CODE, ""))
        _come_back()
    parameters.complete({CODE: st.session_state[CODE]})


def _find_or_issue(said: str) -> str:
    """The code that an address holds, if it was issued; else one that is."""
    room = Classroom(RunStore.default())
    try:
        known = room.find_code(said)
        if said and known is None:
            st.toast("The code in the address is not one of this class; you have a new one.")
        return known or room.issue_code()
    except RunError:
        st.toast("No code can be issued now: what you make here you cannot come back to.")
        return make_code()  # for this visit alone: nobody is let in with it


def code() -> str:
    """This visitor's code; only in a class."""
    if CODE not in st.session_state:
        st.session_state[CODE] = _find_or_issue("")
    return st.session_state[CODE]


def visitor() -> str:
    """Whose store and drawings these are; nobody learns the code from it."""
    return visitor_of(code())


def take_code(said: str) -> None:
    """Goes on as the visitor whose code this is; RoleError if none was issued that is it."""
    known = Classroom(RunStore.default()).find_code(said)
    if known is None:
        raise RoleError("this is not a code of this class; one looks like k7qm-3xwp-9rtd-h2vn")
    st.session_state.clear()
    st.session_state[CODE] = known


def store() -> RunStore:
    """The runs that whoever asks may see, and change as far as `permissions` says."""
    shared = RunStore.default()
    return shared.of_visitor(visitor()) if jobs.is_class() and not is_owner() else shared


def permissions() -> Permissions:
    """What whoever asks may do now."""
    return jobs.permissions_of(store())


def keeps_drawings() -> bool:
    """Whether drawings that are labelled outlast the visit: of a class only those it is given."""
    is_allowed = os.environ.get("DIGITNET_KEEP_DRAWINGS") != "0"
    return is_allowed and not (jobs.is_read_only() or jobs.is_class())


# --- the owner of a class --------------------------------------------------------------------


def is_owner() -> bool:
    """Whether this visit was signed in with the class' key, and nobody signed it out since."""
    token = st.session_state.get(TOKEN, "")
    return jobs.is_class() and bool(token) and Classroom(RunStore.default()).is_signed_in(token)


def require_owner() -> RunStore:
    """The store that all share, for the owner to change; RoleError for all others."""
    if not is_owner():
        raise RoleError("only who has the class' key may do this")
    return RunStore.default()


def sign_in(key: str) -> None:
    """Makes this visit the owner's.

    Raises:
        RoleError: If that is not the key, it was tried too often, or too many others try.
    """
    tries = st.session_state.get("tries", 0)
    if tries >= MOST_TRIES:
        raise RoleError("that was tried too often; reload the page to try again")
    _wait_for_turn()
    st.session_state["tries"] = tries + 1  # only now: another's tries must not use these up
    token = Classroom(RunStore.default()).sign_in(key)
    if token is None:
        raise RoleError("this is not the key; it is printed where the app was started")
    st.session_state[TOKEN], st.session_state["tries"] = token, 0


def _come_back() -> None:
    """Goes on as the owner where the browser was signed in before this visit."""
    token = str(st.context.cookies.get(COOKIE, ""))
    if Classroom(RunStore.default()).is_signed_in(token):
        st.session_state[TOKEN] = token


def cookie() -> str:
    """What this visitor's browser is to keep: the owner's token, and all others nothing."""
    return f"{COOKIE}={st.session_state[TOKEN]}" if is_owner() else f"{COOKIE}=; Max-Age=0"


def print_key() -> None:
    """Makes a new key for the owner as the app starts; tells it on the terminal and nowhere else.

    The key before holds no more.
    """
    if not jobs.is_class():
        return
    try:
        key = Classroom(RunStore.default()).make_key()
        print(f"  The key of this class, for who runs it: {key}\n", flush=True)
    except RunError as error:
        print(f"  This class has no key: {error}\n", flush=True)


def sign_out() -> None:
    """Makes this visit, and all others of this browser, a visitor's; RunError if it cannot be."""
    if token := st.session_state.pop(TOKEN, None):
        Classroom(RunStore.default()).sign_out(token)


def _wait_for_turn() -> None:
    """Returns a second after the last try of anybody: nobody's tries keep others from theirs."""
    global _tried
    if not _trying.acquire(timeout=PATIENCE):
        raise RoleError("many keys are being tried; try again in a moment")
    try:
        time.sleep(max(0.0, _tried + TRY_SECONDS - time.monotonic()))
        _tried = time.monotonic()
    finally:
        _trying.release()
