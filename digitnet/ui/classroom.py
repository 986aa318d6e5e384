"""The page of a class: each visitor's code, and the owner's desk."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.net_util import get_internal_ip

from digitnet import jobs
from digitnet.errors import DigitnetError
from digitnet.jobs import Job
from digitnet.runs import (
    QUOTA_RANGES,
    Classroom,
    Donation,
    Donations,
    Quota,
    Rules,
    Run,
    RunStore,
    adopt,
)
from digitnet.serving import make_current
from digitnet.show import classroom as words
from digitnet.study.summaries import summarize_run
from digitnet.ui import actions, address, live, loaders, my_hand, own_drawings, roles, tally
from digitnet.ui.scripts import run_script

LOOK_SECONDS = 2
DRAWINGS_A_PAGE = 24
FEW = 10  # visitors that are shown at first
QUOTA_LABELS = {
    "trainings": "Trainings of each",
    "megabytes": "Megabytes of each",
    "epochs": "Most epochs",
    "parameters": "Most parameters",
    "multiplications": "Most multiplications",
}


# --- what visitors have ----------------------------------------------------------------------


def show_code() -> None:
    """A visitor's code and link, and what they may have."""
    with st.container(key="code"):
        st.subheader("Your code", anchor=False)
        st.code(roles.code(), language=None)
        st.markdown(
            "What you train and build here is yours: nobody sees it without this code. The address "
            "of every page here carries it. Keep it, or write the code down, to come back. To "
            f"share a drawing, “{address.COPY_LINK}” leaves the code out."
        )
        st.code(f"{_address()}?code={roles.code()}", None, wrap_lines=True)
        store = loaders.load_store()
        rules, (trainings, used) = Classroom(store).rules(), Classroom(store).usage(store)
        if rules.trains:
            st.markdown(words.describe_quota(rules.quota, trainings, used))
        else:
            st.info("Training is closed for now.")
        with st.popover("I have a code"):
            if own_drawings.keeper().read().drawings:
                st.caption("The drawings on My hand are then forgotten: download them first.")
            st.text_input("Code", key="other_code", max_chars=40, on_change=_take_code)


def _take_code() -> None:
    said = st.session_state.get("other_code")
    if said is None:  # asked a second time, when all of the visit before has been cleared
        return
    try:
        roles.take_code(said)
    except DigitnetError as error:
        actions.note_error(error)


def _address() -> str:
    """Where the app is, as this visitor's browser has it."""
    return (st.context.url or "").removesuffix("classroom")


def _address_of_all() -> str:
    """Where the app is for other machines, though this browser may be on the server's own."""
    is_open = not st.get_option("server.address")
    return words.address_for_others(_address(), get_internal_ip() if is_open else None)


def show_sign_in() -> None:
    """The owner's way in."""
    with (
        st.expander("For whoever runs this class", icon=":material/key:"),
        st.form("sign_in", border=False, clear_on_submit=True),
    ):
        st.text_input("Key", type="password", key="key", max_chars=60)
        st.caption("It is printed where the app was started.")
        st.form_submit_button("Sign in", on_click=_sign_in)


def _sign_in() -> None:
    try:
        roles.sign_in(st.session_state["key"])
    except DigitnetError as error:
        actions.note_error(error)


def tell_browser() -> None:
    """Has a browser remember, until it is closed, whether it is the owner's."""
    run_script("owner.js", COOKIE=roles.cookie())


def _sign_out() -> None:
    try:
        roles.sign_out()
    except DigitnetError as error:
        actions.note_error(error)


# --- the owner's desk ------------------------------------------------------------------------


def _do(action: Callable[..., object], *arguments: object) -> None:
    """Does for the owner, in the store that all share, what a button is for; for nobody else."""
    try:
        action(roles.require_owner(), *arguments)
    except DigitnetError as error:
        actions.note_error(error)
    finally:
        loaders.forget_current()


def _button(
    label: str, icon: str, key: str, action: Callable[..., object], *arguments: object
) -> None:
    st.button(label, icon=f":material/{icon}:", key=key, on_click=_do, args=(action, *arguments))


def _icon(
    said: str, icon: str, key: str, action: Callable[..., object], *arguments: object
) -> None:
    """A small button, whose words are heard, and seen when it is pointed at."""
    picture = f":material/{icon}:"
    st.button(said, icon=picture, help=said, key=key, on_click=_do, args=(action, *arguments))


def _for_owner(show: Callable[[], None]) -> Callable[[], None]:
    """A part of the page that the owner alone is shown, and that looks again by itself."""

    @st.fragment(run_every=LOOK_SECONDS)
    @functools.wraps(show)
    def show_to_owner() -> None:
        if roles.is_owner():
            show()

    return show_to_owner


@_for_owner
def show_wall() -> None:
    """What is projected."""
    store = loaders.load_store()
    tally.write(store)
    shown = [one for one in Donations(store).read() if one.is_shown]
    with st.container(key="wall"):
        st.html(words.counts_html(*tally.total(store), len(shown), _address_of_all()))
        if not shown:
            st.caption("Drawings that are given and approved hang here.")
            return
        reader = my_hand.load_reader()
        readings = reader.read(loaders.load_current(), [one.drawing for one in shown])
        st.caption(words.describe_wall(len(shown)))
        with st.container(key="wall_parts"):
            st.html(words.wall_html(shown, readings))
            st.html(words.hits_html(readings))


@_for_owner
def show_given() -> None:
    """The drawings that wait to be approved, and those that are shown."""
    actions.show_notes()
    kept = Donations(loaders.load_store()).read()
    waiting = [one for one in kept if not one.is_shown]
    shown = [one for one in kept if one.is_shown]
    st.subheader(f"Waiting: {len(waiting)}", anchor=False)
    if waiting:
        _show_for_all(actions.page_of(waiting, DRAWINGS_A_PAGE, "waiting_page"), len(waiting))
        _show_donations(waiting, "waiting")
    else:
        st.caption("Nothing waits. What pupils give comes here first, and is seen by nobody else.")
    if shown:
        st.subheader(f"On the wall: {len(shown)}", anchor=False)
        _show_donations(shown[::-1], "shown")


def _show_for_all(seen: Sequence[Donation], count: int) -> None:
    """What is done at once to those that the owner sees, which may be some of them."""
    ids = [one.id for one in seen]
    some = f"these {len(seen)}" if len(seen) > 1 else "this one"
    which = some if len(seen) < count else "them all"
    with st.container(horizontal=True):
        _button(f"Show {which}", "done_all", "show_all", _show_drawings, ids)
        with actions.asking(f"Delete {which}", "ask delete_all_waiting", which):
            _button("Delete them", "delete", "delete_all_waiting", _delete_drawings, ids)


def _show_donations(donations: Sequence[Donation], place: str) -> None:
    with st.container(horizontal=True, key=f"{place}_donations"):
        for one in actions.page_of(donations, DRAWINGS_A_PAGE, f"{place}_page"):
            _show_donation(one, place)
    actions.offer_pages(donations, DRAWINGS_A_PAGE, f"{place}_page")


def _show_donation(donation: Donation, place: str) -> None:
    id, it = donation.id, f"this {donation.drawing.label}"
    with st.container(width=112, gap="xsmall", key=f"{place} {id}"):
        st.html(words.drawing_html(donation))
        with st.container(horizontal=True, gap="xsmall", key=f"icons {id}"):
            if not donation.is_shown:
                _icon(f"Show {it}", "check", f"show {id}", _show_drawings, [id])
            _icon(f"Delete {it}", "delete", f"drop {id}", _delete_drawings, [id])


def _show_drawings(store: RunStore, ids: Sequence[str]) -> None:
    Donations(store).show(ids)


def _delete_drawings(store: RunStore, ids: Sequence[str]) -> None:
    Donations(store).delete(ids)


@_for_owner
def show_visitors() -> None:
    """What each visitor trains and keeps, to be stopped, deleted or made the class' own."""
    actions.show_notes()
    stores = loaders.load_store().of_visitors()
    if not stores:
        st.caption("No visitor keeps anything here yet.")
    for one in actions.few_of(stores, FEW, "all visitors"):
        _show_visitor(one)
    actions.offer_all(stores, FEW, "visitors", "all visitors")


def _show_visitor(visitors: RunStore) -> None:
    name = visitors.local.name
    with st.container(border=True, key=f"visitor {name}"):
        with _row():
            usage = Classroom(visitors).usage(visitors)
            st.markdown(words.describe_visitor(name, *usage))
            with actions.asking("Delete all", f"ask {name}", "all that this visitor keeps,"):
                _button("Delete it", "delete", f"forget {name}", _delete_visitor, name)
        for job in jobs.list_jobs(visitors):
            with _row():
                _show_job(name, job)
        for run in filter(visitors.holds, visitors.finished()):
            with _row():
                _show_run(name, run)


def _row() -> DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center")


def _show_job(visitor: str, job: Job) -> None:
    st.markdown(f"{job.experiment.title} · {job.state}")
    if job.is_busy:
        _button("Stop", "stop", f"Stop {visitor} {job.id}", _act_on, jobs.cancel, visitor, job.id)
    else:
        _offer_deletion(visitor, job.id, job.experiment.title)


def _show_run(visitor: str, run: Run) -> None:
    accuracy, key = summarize_run(run).accuracy, f"{visitor} {run.id}"
    st.markdown(run.title + (f" · {accuracy:.2%} right" if accuracy else ""))
    _button("Share with the class", "check_circle", f"share {key}", _share, visitor, run.id)
    _offer_deletion(visitor, run.id, run.title)


def _offer_deletion(visitor: str, run_id: str, title: str) -> None:
    key = f"Delete {visitor} {run_id}"
    with actions.asking("Delete", f"ask {key}", f"{title} of {visitor}"):
        _button("Delete it", "delete", key, _act_on, jobs.delete, visitor, run_id)


def _act_on(
    store: RunStore, action: Callable[[RunStore, str], None], visitor: str, run_id: str
) -> None:
    action(store.of_visitor(visitor), run_id)


def _share(store: RunStore, visitor: str, run_id: str) -> None:
    run = adopt(store.of_visitor(visitor), run_id)
    make_current(store, run.id)
    actions.note(f"All see and use {run.experiment.title} now.", ":material/check:")


def _delete_visitor(store: RunStore, visitor: str) -> None:
    jobs.delete_visitor(store.of_visitor(visitor))
    live.empty_shelf()


def show_rules() -> None:
    """What visitors may do, the owner's way out, and the end of the class."""
    rules = Classroom(loaders.load_store()).rules()
    with st.form("rules"):
        st.toggle("Training is open", rules.trains, key="rule_trains")
        st.toggle("Drawings are taken", rules.collects, key="rule_collects")
        with st.container(horizontal=True):
            for name, label in QUOTA_LABELS.items():
                low, high = QUOTA_RANGES[name]
                value = getattr(rules.quota, name)
                st.number_input(label, low, high, value, step=1, width=180, key=f"rule_{name}")
        st.form_submit_button("Save", type="primary", on_click=_do, args=(_save_rules,))
    with st.container(horizontal=True):
        st.button("Sign out", icon=":material/logout:", on_click=_sign_out)
        with st.popover("End the class", icon=":material/delete_forever:"):
            st.markdown(
                "Delete all drawings, counts, and what every visitor trained and built, for good? "
                "What was made the class' own stays."
            )
            _button("End it", "delete_forever", "end_class", _end)


def _save_rules(store: RunStore) -> None:
    before, said = Classroom(store).rules(), st.session_state

    def read(name: str, otherwise: int) -> int:
        return said.get(f"rule_{name}", otherwise)

    quota = Quota(**{name: read(name, getattr(before.quota, name)) for name in QUOTA_LABELS})
    trains, collects = read("trains", before.trains), read("collects", before.collects)
    Classroom(store).set_rules(Rules(bool(trains), bool(collects), quota))
    actions.note("Saved.", ":material/check:")


def _end(store: RunStore) -> None:
    jobs.end_class(store)
    live.empty_shelf()
    tally.forget()
    actions.note("The class is over; nothing of it is kept.", ":material/check:")
