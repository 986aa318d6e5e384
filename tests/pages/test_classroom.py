"""The page of a class: a visitor's code, the owner's desk, and what visitors keep to themselves."""

import re
import threading
import time

import numpy as np
import pytest
from streamlit.runtime.context import ContextProxy

from digitnet import jobs
from digitnet.runs import (
    RESULT,
    SERVED,
    Classroom,
    Donations,
    OwnDrawing,
    Quota,
    Rules,
    RunStore,
    make_code,
    visitor_of,
)
from digitnet.serving import checks
from digitnet.show import classroom as words
from digitnet.ui import roles, tally
from tests.made_models import break_model
from tests.made_runs import fill, finish_run, make_request, make_training
from tests.pages.conftest import open_at

INVENTED = "k7qm-3xwp-9rtd-h2vn"


@pytest.fixture(autouse=True)
def store(checkpoints, monkeypatch):
    """A class' store; no worker is started and no turn is waited for."""
    monkeypatch.setenv("DIGITNET_CLASS", "1")
    monkeypatch.delenv("DIGITNET_READ_ONLY", raising=False)
    monkeypatch.setattr(jobs.queue, "ensure_worker", lambda store: None)
    monkeypatch.setattr(roles, "TRY_SECONDS", 0)
    tally.forget()
    return RunStore.default()


@pytest.fixture
def code(store):
    return Classroom(store).issue_code()


@pytest.fixture
def mine(store, code):
    return store.of_visitor(visitor_of(code))


def words_of(app):
    shown = (*app.markdown, *app.caption, *app.info, *app.error, *app.toast, *app.subheader)
    html = [one.proto.body for one in app.get("html")]
    return " ".join([*(one.value for one in shown), *html])


def press(app, label):
    next(one for one in app.button if one.label == label).click().run()
    assert not app.exception
    return app


def sign_in(app, key):
    app.text_input(key="key").set_value(key)
    return press(app, "Sign in")


def open_desk(store, tab="Wall"):
    """The page as the owner has it."""
    app = open_at("classroom", code=Classroom(store).issue_code(), desk=tab)
    return sign_in(app, Classroom(store).make_key())


def finish_whole_run(store, checkpoints):
    """A run that can be served."""
    run = finish_run(store, make_request("cnn", seed=7))
    for name in (SERVED, RESULT):
        (run.folder / name).write_bytes((checkpoints / "cnn" / name).read_bytes())
    return run


def drawing(label=1, at=100.0):
    return OwnDrawing.of([np.array([[at, 40.0], [at + 4, 240.0]])], label)


# --- a visitor -------------------------------------------------------------------------------


def test_a_visitor_is_given_a_code_and_keeps_that_of_the_address(code):
    app = open_at("classroom")
    [given, link] = [one.value for one in app.code]
    assert app.query_params["code"] in (given, [given]) and link.endswith(f"?code={given}")
    assert open_at("classroom").code[0].value != given
    assert open_at("classroom", code=code).code[0].value == code


def test_an_address_without_a_code_that_could_be_is_told(store):
    app = open_at("classroom", code="../../etc/passwd")
    assert not app.exception and "you have a new one" in words_of(app)
    assert not store.of_visitors()


def test_a_code_can_be_typed(code):
    app = open_at("classroom")
    app.text_input(key="other_code").set_value(code.upper()).run()
    assert app.code[0].value == code
    app.text_input(key="other_code").set_value("nonsense").run()
    assert app.code[0].value == code and "looks like" in words_of(app)


def test_an_invented_code_is_not_taken_and_keeps_nothing(store):
    """Neither from the address nor typed; and a visit is issued one code, whatever it tries."""
    app = open_at("classroom", code=INVENTED)
    issued = app.code[0].value
    assert issued != INVENTED and "you have a new one" in words_of(app)
    for _ in range(3):
        app.text_input(key="other_code").set_value(make_code()).run()
        assert app.code[0].value == issued and "not a code of this class" in words_of(app)
    app = press(open_at("compare", view="Retrain", code=INVENTED), "Retrain")
    [kept] = store.of_visitors()
    assert kept.local.name != visitor_of(INVENTED) and kept.unfinished()


def test_who_only_looks_takes_no_place(store):
    for page in ("draw", "classroom", "compare"):
        assert not open_at(page).exception
    assert not store.of_visitors()


def test_a_link_outlives_the_app_and_the_class_end(store, code):
    roles.print_key()
    Classroom(store).end()
    assert open_at("classroom", code=code).code[0].value == code


def test_without_a_secret_a_visit_has_a_code_that_nobody_is_let_in_with(store, code):
    (store.local / "class" / "codes.json").write_text("{}")
    app = open_at("classroom", code=code)
    given = app.code[0].value
    assert not app.exception and given != code and "cannot come back" in words_of(app)
    assert open_at("classroom", code=given).code[0].value != given


def test_what_is_ones_own_is_listed_for_oneself_alone(store, mine, code):
    finish_run(mine, make_request("cnn", seed=7))
    make_training(mine, make_request("cnn_min"), epochs=1, state="stopped", message="it stopped")
    labels = [one.label for one in open_at("compare", view="Retrain", code=code).button]
    assert "Resume" in labels and "Go back to what all see" in labels
    others = [one.label for one in open_at("compare", view="Retrain").button]
    assert "Resume" not in others and "Go back to what all see" not in others


def test_shared_runs_can_be_chosen_for_oneself_and_not_deleted(store, mine, checkpoints, code):
    run = finish_whole_run(store, checkpoints)
    store.roll_back("cnn")
    app = open_at("compare", view="Retrain", code=code)
    app.selectbox(key="run").set_value(run.id).run()
    assert "Delete it" not in [one.label for one in app.button]
    press(app, "Make current")
    assert mine.current("cnn") == run and store.current("cnn").is_shipped


def test_a_training_of_ones_own_has_no_more_epochs_than_may_be(store, mine, code):
    Classroom(store).set_rules(Rules(quota=Quota(epochs=7)))
    app = press(open_at("compare", view="Retrain", code=code), "Retrain")
    [training] = mine.unfinished()
    assert training.request.settings.epochs == 7 and not store.unfinished()
    app.number_input(key="epochs").set_value(8).run()
    press(app, "Retrain")
    assert "7 epochs at most" in words_of(app) and len(mine.unfinished()) == 1


def test_a_fresh_model_is_tried_while_nobody_else_waits_for_it(
    mine, code, checkpoints, monkeypatch
):
    """By its own visitor, who is told so."""
    run = finish_whole_run(mine, checkpoints)
    model = break_model(run.served_model.read_bytes(), lambda model: None) + b"trained here"
    fill(run.folder, served=model)
    try_in_process, done = checks._try_in_process, []

    def note_and_try(runs):
        done.extend("tried" for one in runs if one.folder == run.folder)
        return try_in_process(runs)

    monkeypatch.setattr(checks, "_try_in_process", note_and_try)
    app = open_at("draw", code=code)
    assert not app.exception and done == ["tried"]
    assert "tried before it reads" in words_of(app)
    assert "tried before" not in words_of(open_at("draw", code=code)) and done.count("tried") == 1


def test_closed_training_is_not_offered(store, code):
    Classroom(store).set_rules(Rules(trains=False))
    app = open_at("compare", view="Retrain", code=code)
    assert [tab.label for tab in app.tabs] == ["Results", "Two networks", "Retrain"]
    assert "Training is closed" in words_of(app)
    assert "Training is closed" in words_of(open_at("classroom", code=code))


def test_there_is_no_class_without_the_setting(monkeypatch):
    monkeypatch.delenv("DIGITNET_CLASS")
    app = open_at("draw")
    assert "code" not in app.query_params
    assert "Class" not in [one.proto.label for one in app.get("page_link")]


# --- the owner -------------------------------------------------------------------------------


def test_only_the_key_opens_the_desk_and_tries_have_an_end(store):
    app = open_at("classroom")
    key = Classroom(store).make_key()
    for _ in range(roles.MOST_TRIES):
        sign_in(app, "wrong")
        assert "not the key" in words_of(app) and not app.tabs
    assert not sign_in(app, key).tabs and "too often" in words_of(app)
    app = sign_in(open_at("classroom"), key)
    assert [tab.label for tab in app.tabs] == ["Wall", "Drawings", "Visitors", "Rules"]
    assert key not in str(app.session_state)


@pytest.mark.slow
def test_whoever_tries_keys_all_the_time_does_not_keep_the_owner_out(store, monkeypatch):
    monkeypatch.setattr(roles, "TRY_SECONDS", 0.05)
    key = Classroom(store).make_key()
    tries = [threading.Thread(target=roles._wait_for_turn) for _ in range(20)]
    begin = time.monotonic()
    for one in tries:
        one.start()
    assert sign_in(open_at("classroom"), key).tabs
    for one in tries:
        one.join()
    assert time.monotonic() - begin >= 20 * 0.05  # and they cost no more than one at a time
    monkeypatch.setattr(roles, "PATIENCE", 0.01)
    with roles._trying:
        assert "Many keys are being tried" in words_of(sign_in(open_at("classroom"), "wrong"))


def test_what_is_given_is_approved_and_then_hangs_on_the_wall(store):
    for place, label in enumerate((1, 7)):
        Donations(store).give(drawing(label, 90 + 9 * place), "a" * 32)
    tally.count("", "x")
    wall = words_of(open_desk(store))
    assert "<figure>" not in wall and "<b>1</b>drawn" in wall
    press(open_desk(store, "Drawings"), "Show them all")
    wall = words_of(open_desk(store))
    assert wall.count("<figure>") == 2 and "1 of 2" in wall and '<ol class="dn-hits">' in wall


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("http://localhost:8501/", "http://192.0.2.7:8501/"),
        ("http://[::1]/", "http://192.0.2.7/"),
        ("https://class.example/digits/", "https://class.example/digits/"),
    ],
)
def test_the_wall_tells_an_address_that_others_can_open(own, told):
    assert words.address_for_others(own, "192.0.2.7") == told
    assert words.address_for_others(own, None) == own


@pytest.mark.slow
def test_the_owner_approves_no_more_than_is_seen_and_can_take_each_down(store):
    given = Donations(store)
    for place in range(30):
        given.give(drawing(at=20.0 + place), f"{place:032}")
    app = open_desk(store, "Drawings")
    press(app, "Show these 24")
    assert [one.is_shown for one in given.read()] == [True] * 24 + [False] * 6
    for _ in range(6):  # of the wall, the newest are seen first
        press(open_desk(store, "Drawings"), "Show this 1")
    app = open_desk(store, "Drawings")
    app.session_state["shown_page"] = 2
    press(app.run(), "Delete this 1")
    assert [one.id for one in given.read()] == [
        drawing(at=20.0 + place).id for place in range(30) if place != 5
    ]


def test_the_owner_shares_a_visitors_run_and_deletes_the_rest(store, mine, checkpoints):
    run = finish_whole_run(mine, checkpoints)
    app = press(open_desk(store, "Visitors"), "Share with the class")
    assert store.current("cnn").stamp == run.stamp, words_of(app)
    press(app, "Delete it")
    assert not store.of_visitors() and store.current("cnn").stamp == run.stamp


def test_the_owner_sets_the_rules_and_ends_the_class(store, mine):
    finish_run(mine, make_request("cnn"))
    app = open_desk(store, "Rules")
    app.toggle(key="rule_trains").set_value(False)
    app.number_input(key="rule_megabytes").set_value(12)
    press(app, "Save")
    rules = Rules(trains=False, quota=Quota(megabytes=12))
    assert Classroom(store).rules() == rules
    press(app, "End it")
    assert not store.of_visitors() and Classroom(store).rules() == rules  # pages may still be open


def test_who_has_signed_out_is_a_visitor_again(store):
    app = press(open_desk(store, "Rules"), "Sign out")
    assert not app.tabs and app.code[0].value in app.query_params["code"]


def test_a_reload_finds_the_owner_signed_in_until_signed_out(store, monkeypatch):
    """By the cookie that the page has the browser keep; the address has nothing of it."""
    app = open_desk(store, "Rules")
    token = cookie_of(app)
    assert len(token) == 64 and token not in str(dict(app.query_params))
    monkeypatch.setattr(ContextProxy, "cookies", {roles.COOKIE: token})
    again = open_at("classroom", desk="Rules")
    assert again.tabs and cookie_of(again) == token
    press(again, "Sign out")
    assert not again.tabs and "Max-Age=0" in words_of(again)
    assert not app.run().tabs and not open_at("classroom").tabs


@pytest.mark.parametrize("sent", ["", "x", "0" * 64, "\ud800", "x" * 8000])
def test_no_other_cookie_lets_anybody_in(store, monkeypatch, sent):
    Classroom(store).sign_in(Classroom(store).make_key())
    monkeypatch.setattr(ContextProxy, "cookies", {roles.COOKIE: sent})
    app = open_at("classroom")
    assert not app.exception and not app.tabs


def test_a_new_key_signs_all_out(store):
    app = open_desk(store)
    assert app.run().tabs
    roles.print_key()
    assert not app.run().tabs


def cookie_of(app):
    """The token that the page has the browser keep."""
    return re.search(rf'"{roles.COOKIE}=(\w+)"', words_of(app))[1]


def test_the_key_is_printed_at_start_and_only_the_last_one_holds(store, capsys):
    keys = []
    for _ in range(2):
        roles.print_key()
        keys.append(capsys.readouterr().out.split()[-1])
    assert [Classroom(store).is_key(key) for key in keys] == [False, True]


def test_without_a_place_for_it_there_is_no_key_and_a_sentence_says_so(store, capsys):
    store.local.write_text("in the way")
    roles.print_key()
    assert "has no key" in capsys.readouterr().out


# --- giving ----------------------------------------------------------------------------------


def test_a_drawing_is_given_in_one_tap_once_it_was_told_what_it_is(store, open_app, code):
    app = open_app(begin_with=7, code=code)
    assert "Give it to the class" not in [one.label for one in app.button]
    app.button_group(key="label").set_value(1).run()
    [button] = [one for one in app.button if one.label == "Give it to the class"]
    button.click().run()
    assert not app.exception and "Given to the class" in words_of(app)
    [given] = Donations(store).read()
    assert given.drawing.label == 1 and not given.is_shown
    assert given.giver == visitor_of(code)


def test_strokes_are_counted_in_memory_and_written_now_and_then(store, monkeypatch):
    room = Classroom(store)
    for before, after in (("", "a"), ("a", "ab"), ("ab", "ab"), ("ab", ""), ("", "c")):
        tally.count(before, after)
    assert room.counts() == (0, 0) and tally.total(store) == (2, 3)
    monkeypatch.setattr(tally, "_written", -1e9)
    tally.write(store)
    tally.count("c", "cd")
    tally.write(store)
    assert room.counts() == (2, 3) and tally.total(store) == (2, 4)


def test_a_code_that_is_taken_twice_is_no_error(monkeypatch):
    """The browser may ask again before it has been told that all of its visit was cleared."""
    open_at("classroom")
    from digitnet.ui import classroom  # which needs the app that has just run

    monkeypatch.setattr(classroom.st, "session_state", {})
    assert classroom._take_code() is None
