"""Who is asking: the owner, or one of many visitors; and so, which runs they see and may change.

Outside of a class everyone is given the store that all share. In a class each visitor has a code,
which the address carries, and is given a store of their own; only the owner, who has signed in
with the key, is given that which all share. What may be done in a store is for
`jobs.permissions_of` to say, and is asked again where it is done.
"""

from __future__ import annotations

import threading
import time

import streamlit as st

from digitnet import jobs
from digitnet.errors import DigitnetError
from digitnet.jobs import Permissions
from digitnet.runs import Classroom, RunError, RunStore, make_code, visitor_of

CODE = "code"  # in the address and in the visit
_OWNER = object()  # what a visit holds once it was signed in; no browser can send it
MOST_TRIES = 5  # of a key, in one visit
TRY_SECONDS = 1.0  # between tries, of all visitors together: each costs as much as many strokes
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
    if st.query_params.get(CODE) != st.session_state[CODE]:
        st.query_params[CODE] = st.session_state[CODE]


def _find_or_issue(said: str) -> str:
    """The code that an address holds, if it was issued; else one that is."""
    room = Classroom(RunStore.default())
    try:
        known = room.find_code(said)
        if said and known is None:
            st.toast("The code in the address is none of this class; you have a new one.")
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
        raise RoleError("this is no code of this class; one looks like k7qm-3xwp-9rtd-h2vn")
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
    return not (jobs.is_read_only() or jobs.is_class())


# --- the owner of a class --------------------------------------------------------------------


def is_owner() -> bool:
    """Whether this visit was signed in with the class' key."""
    return jobs.is_class() and st.session_state.get("role") is _OWNER


def require_owner() -> RunStore:
    """The store that all share, for the owner to change; RoleError for all others."""
    if not is_owner():
        raise RoleError("only who has the class' key may do this")
    return RunStore.default()


def sign_in(key: str) -> None:
    """Makes this visit the owner's.

    Raises:
        RoleError: If that is not the key, or it was tried too often.
    """
    tries = st.session_state.get("tries", 0)
    if tries >= MOST_TRIES:
        raise RoleError("that was tried too often; reload the page to try again")
    _wait_for_turn()
    st.session_state["tries"] = tries + 1  # only now: another's tries must not use these up
    if not Classroom(RunStore.default()).is_key(key):
        raise RoleError("this is not the key; it is printed where the app was started")
    st.session_state["role"], st.session_state["tries"] = _OWNER, 0


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
    st.session_state.pop("role", None)


def _wait_for_turn() -> None:
    """Raises RoleError where anybody tried a key just now."""
    global _tried
    with _trying:
        now = time.monotonic()
        if now - _tried < TRY_SECONDS:
            raise RoleError("a key was tried just now; try again in a second")
        _tried = now
