"""A class: codes, the owner's key, rules, visitors' own stores, drawings that are given."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from digitnet.experiments import NetworkError, parse_layers
from digitnet.runs import (
    KEY_GROUPS,
    REQUEST,
    Classroom,
    Donations,
    OwnDrawing,
    Quota,
    Rules,
    RunError,
    RunStore,
    add_network,
    adopt,
    adopting,
    donations,
    make_code,
    read_code,
    visitor_of,
)
from digitnet.runs.classroom import MOST_SIGNED_IN
from tests.made_runs import finish_run, make_request, make_training, ship_run

ANN, BOB = (visitor_of(code) for code in ("k7qm-3xwp-9rtd-h2vn", "2222-3333-4444-5555"))
CNN = make_request("cnn")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs", tmp_path / "shipped")


@pytest.fixture
def ann(store):
    return store.of_visitor(ANN)


@pytest.fixture
def bob(store):
    return store.of_visitor(BOB)


def drawing(label=1, at=100.0):
    return OwnDrawing.of([np.array([[at, 40.0], [at + 4, 240.0]])], label)


# --- codes and keys --------------------------------------------------------------------------


def test_a_code_is_read_however_it_is_typed():
    code = make_code()
    assert read_code(code) == code == read_code(f" {code.upper().replace('-', ' ')} ")
    assert len({make_code() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "said", ["", "x", "k7qm-3xwp-9rtd", "k7qm-3xwp-9rtd-h2v0", "../../etc/passwd/..", "k" * 10**6]
)
def test_what_is_no_code_is_none(said):
    assert read_code(said) is None


def test_a_code_that_was_issued_is_told_from_an_invented_one_by_every_replica(store, tmp_path):
    codes = {Classroom(store).issue_code() for _ in range(50)}
    replica = Classroom(RunStore(store.local, store.shipped).of_visitor(ANN))
    elsewhere = Classroom(RunStore(tmp_path / "other", store.shipped))
    assert len(codes) == 50 and all(map(replica.find_code, codes))
    assert not any(map(elsewhere.find_code, codes))
    assert not any(replica.find_code(make_code()) for _ in range(500))
    for code in codes:
        assert replica.find_code(code.upper().replace("-", " ")) == code
        other = "3" if code[0] == "2" else "2"
        assert replica.find_code(other + code[1:]) is None
        assert replica.find_code(code[:-1] + ("3" if code[-1] == "2" else "2")) is None
    assert not store.of_visitors()


@pytest.mark.parametrize("content", ["", '{"format": 1}', '{"format": 1, "secret": ""}'])
def test_without_its_secret_no_code_is_issued_and_none_holds(store, content):
    room = Classroom(store)
    code = room.issue_code()
    (room.folder / "codes.json").write_text(content)
    for ask in (room.issue_code, lambda: room.find_code(code)):
        with pytest.raises(RunError):
            ask()


def test_a_visitor_tells_nobody_the_code():
    assert len(ANN) == 32 and set(ANN) <= set("0123456789abcdef") and ANN != BOB


def test_only_the_last_key_holds_and_it_is_kept_hashed_alone(store):
    room = Classroom(store)
    assert not room.is_key(make_code(KEY_GROUPS))
    first, second = room.make_key(), room.make_key()
    assert not room.is_key(first) and room.is_key(second) and room.is_key(second.upper())
    assert not room.is_key(make_code(KEY_GROUPS)) and not room.is_key("")
    kept = b"".join(path.read_bytes() for path in room.folder.iterdir()).decode()
    assert second not in kept and second.replace("-", "") not in kept


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', '{"format":1,"salt":1,"hash":"x"}'])
def test_a_damaged_key_lets_nobody_in(store, content):
    room = Classroom(store)
    key = room.make_key()
    (room.folder / "key.json").write_text(content)
    assert not room.is_key(key)


def test_who_has_signed_in_is_known_by_a_token_until_signed_out_or_the_key_is_another(store, ann):
    room, replica = Classroom(store), Classroom(ann)
    assert room.sign_in(make_code(KEY_GROUPS)) is None
    key = room.make_key()
    assert room.sign_in(make_code(KEY_GROUPS)) is None and room.sign_in("") is None
    first, second = room.sign_in(key), room.sign_in(key.upper())
    assert first != second and replica.is_signed_in(first) and replica.is_signed_in(second)
    assert not room.is_signed_in("") and not room.is_signed_in(first[:-1]) and room.is_key(key)
    kept = b"".join(path.read_bytes() for path in room.folder.iterdir()).decode()
    assert first not in kept and second not in kept
    replica.sign_out(first)
    replica.sign_out("x")
    assert not room.is_signed_in(first) and room.is_signed_in(second)
    room.make_key()
    assert not room.is_signed_in(second)


@pytest.mark.slow
def test_a_token_holds_for_half_a_day_and_so_many_hold(store, monkeypatch):
    room = Classroom(store)
    key = room.make_key()
    tokens = [room.sign_in(key) for _ in range(MOST_SIGNED_IN + 1)]
    assert [room.is_signed_in(one) for one in tokens] == [False] + [True] * MOST_SIGNED_IN
    now = time.time()
    for hours, holds in ((11, True), (13, False), (-1, False)):
        monkeypatch.setattr("time.time", lambda then=now + 3600 * hours: then)
        assert room.is_signed_in(tokens[-1]) == holds


@pytest.mark.parametrize("signed_in", [None, [], 5, {"x": "y"}, {"x": None}])
def test_a_damaged_token_lets_nobody_in(store, signed_in):
    room = Classroom(store)
    token = room.sign_in(key := room.make_key())
    path = room.folder / "key.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signed_in": signed_in}))
    assert not room.is_signed_in(token) and room.is_signed_in(room.sign_in(key))


# --- rules -----------------------------------------------------------------------------------


def test_rules_are_kept(store, ann):
    assert Classroom(store).rules() == Rules()
    rules = Rules(trains=False, quota=Quota(trainings=1, megabytes=7))
    Classroom(store).set_rules(rules)
    assert Classroom(ann).rules() == rules


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1, "quota": {"trainings": -1}}'])
def test_broken_rules_allow_nothing(store, content):
    room = Classroom(store)
    room.set_rules(Rules())
    (room.folder / "rules.json").write_text(content)
    assert not room.rules().trains and not room.rules().collects


@pytest.mark.parametrize("value", [-1, 101, 1.5, True, "x"])
def test_a_quota_that_cannot_be_is_refused(value):
    with pytest.raises(RunError, match="trainings"):
        Quota(trainings=value)


def test_counts_add_up_and_survive_damage(store):
    room = Classroom(store)
    room.add_counts(2, 5)
    room.add_counts(1, 1)
    assert room.counts() == (3, 6)
    (room.folder / "counts.json").write_text("{")
    assert room.counts() == (0, 0)


# --- visitors' stores ------------------------------------------------------------------------


def test_a_visitor_sees_what_all_share_and_nothing_of_others(store, ann, bob):
    shipped, shared = ship_run(store, CNN), finish_run(store, CNN)
    own = finish_run(ann, make_request("cnn", seed=2))
    theirs = finish_run(bob, make_request("cnn", seed=3))
    make_training(bob, make_request("lenet5"))
    make_training(store, make_request("lenet5"))
    assert {run.folder for run in ann.finished()} == {one.folder for one in (shipped, shared, own)}
    assert not ann.unfinished() and len(bob.unfinished()) == 1
    assert ann.current("cnn") == own and bob.current("cnn") == theirs
    assert store.current("cnn") == shared
    with pytest.raises(RunError, match="no run"):
        ann.find(theirs.id)


def test_a_visitor_can_neither_delete_nor_change_what_is_not_theirs(store, ann, bob):
    ship_run(store, CNN)
    shared, theirs = finish_run(store, CNN), finish_run(bob, CNN)
    waiting = make_training(store, make_request("lenet5"))
    add_network(store.local, "mine", parse_layers("flatten"))
    for run_id in (shared.id, theirs.id, waiting.id, "cnn/shipped"):
        with pytest.raises(RunError):
            ann.delete(run_id)
    with pytest.raises(RunError):
        ann.find_training(waiting.id)
    with pytest.raises(Exception, match="not one of your own"):
        ann.delete_network("mine")
    ann.make_current("cnn/shipped")
    assert ann.current("cnn").is_shipped
    assert store.current("cnn") == shared and bob.current("cnn") == theirs
    ann.roll_back("cnn")
    assert ann.current("cnn") == shared


def test_a_network_of_ones_own_hides_its_namesake_from_oneself_alone(store, ann, bob):
    add_network(ann.local, "mine", parse_layers("flatten, dense 8"))
    add_network(store.local, "mine", parse_layers("flatten"))
    shared = finish_run(store, make_request("mine"))
    own = finish_run(ann, make_request("mine"))
    assert [one.name for one in ann.experiments()].count("mine") == 1
    assert ann.finished("mine") == [own] and ann.current("mine") == own
    assert bob.finished("mine") == [shared] == store.finished("mine")
    assert ann.find_experiment("mine").layers != bob.find_experiment("mine").layers


def test_a_network_that_all_share_is_never_overwritten_by_a_visitors(store, ann):
    shared = add_network(store.local, "mine", parse_layers("flatten"))
    assert add_network(ann.local, "mine", parse_layers("flatten")) == shared
    assert add_network(ann.local, "mine", parse_layers("flatten, dense 8")).name == "mine_2"


def test_a_version_of_a_long_name_has_one_that_can_be(store):
    name = "m" * 24
    kept = [
        add_network(store.local, name, parse_layers(f"flatten, dense {units}")).name
        for units in (8, 9, 10)
    ]
    assert kept == [name, "m" * 22 + "_2", "m" * 22 + "_3"]


def test_a_shared_network_that_is_deleted_stays_with_those_who_trained_it(store, ann, bob):
    add_network(store.local, "mine", parse_layers("flatten, dense 8"), "why")
    shared = finish_run(store, make_request("mine"))
    own = finish_run(ann, make_request("mine", seed=2))
    waiting = make_training(bob, make_request("mine", seed=3), epochs=1, state="stopped")
    idle = store.of_visitor("c" * 32)
    finish_run(idle, CNN)
    store.delete_network("mine")
    assert ann.finished("mine") == [own] and ann.current("mine") == own
    assert ann.find_experiment("mine").question == "why" and own.problem() is None
    assert bob.unfinished("mine") == [waiting]
    for one in (store, idle):
        assert "mine" not in {network.name for network in one.experiments()}
    with pytest.raises(RunError):
        ann.find(shared.id)
    ann.delete(own.id)
    bob.delete_network("mine")
    assert not ann.finished("mine") and not bob.networks()


def test_ones_own_network_is_not_replaced_by_a_shared_one_that_is_deleted(store, ann):
    own = add_network(ann.local, "mine", parse_layers("flatten"))
    run = finish_run(ann, make_request("mine"))
    add_network(store.local, "mine", parse_layers("flatten, dense 8"))
    store.delete_network("mine")
    assert ann.networks() == [own] and ann.finished("mine") == [run]


def test_a_network_that_is_refused_or_shared_already_takes_no_place(store, ann):
    shared = add_network(store.local, "mine", parse_layers("flatten"))
    assert add_network(ann.local, "mine", parse_layers("flatten")) == shared
    with pytest.raises(NetworkError):
        add_network(ann.local, "cnn", parse_layers("flatten"))
    assert not store.of_visitors()


def test_other_folders_are_no_visitors(tmp_path):
    for place in ("visitors/x", f"visitors/{ANN}", f"class/{ANN}", "class/visitors/x"):
        local = RunStore(tmp_path / place, tmp_path)
        assert not local.is_visitors and local.shared is local
    run = ship_run(RunStore(tmp_path / "runs", tmp_path / "shipped"), CNN)
    assert not run.is_visitors


def test_there_are_as_many_visitors_as_may_be(store, ann, bob, monkeypatch):
    monkeypatch.setattr("digitnet.runs.classroom.MOST_VISITORS", 1)
    room = Classroom(store)
    assert room.has_room_for(ann)
    finish_run(ann, CNN)
    assert room.has_room_for(ann) and not room.has_room_for(bob)
    assert [one.local for one in store.of_visitors()] == [ann.local]


def test_usage_is_ones_own_alone(store, ann):
    finish_run(store, CNN)
    assert Classroom(store).usage(ann) == (0, 0)
    finish_run(ann, CNN)
    make_training(ann, make_request("lenet5"))
    trainings, size = Classroom(store).usage(ann)
    assert trainings == 2 and 500 < size < 50_000


def test_the_end_leaves_the_key_the_codes_and_what_all_share(store, ann):
    room = Classroom(store)
    key, code, shared = room.make_key(), room.issue_code(), finish_run(store, CNN)
    finish_run(ann, CNN)
    room.set_rules(Rules(trains=False))
    room.add_counts(1, 1)
    Donations(store).give(drawing(), ANN)
    room.end()
    assert not store.of_visitors() and not Donations(store).read()
    assert room.counts() == (0, 0) and room.rules() == Rules(trains=False)
    assert room.is_key(key) and room.find_code(code) and store.finished("cnn") == [shared]


def test_a_drawing_that_is_being_given_is_not_put_back_after_the_end(store):
    room, donations = Classroom(store), Donations(store)
    room.make_key()
    donations.give(drawing(), ANN)
    ended = threading.Thread(target=room.end)

    def give_meanwhile(kept):
        ended.start()
        ended.join(0.3)
        assert ended.is_alive()  # it waits for what is being written
        return kept

    donations._change(give_meanwhile)
    ended.join(30)
    assert not ended.is_alive() and not donations.read()


# --- adopting --------------------------------------------------------------------------------


def test_an_adopted_run_is_one_that_all_share(store, ann, bob):
    own = finish_run(ann, CNN)
    (own.folder / "drawings.jsonl").write_text("private")
    run = adopt(ann, own.id)
    assert store.finished("cnn") == [run] and run.problem() is None
    assert bob.find(run.id) == run and not (run.folder / "drawings.jsonl").exists()
    assert adopt(ann, own.id) == run
    assert ann.finished("cnn") == [own] and ann.holds(ann.find(own.id))


def test_an_adopted_network_comes_along_under_a_name_that_is_free(store, ann):
    add_network(ann.local, "mine", parse_layers("flatten, dense 8"), "why")
    add_network(store.local, "mine", parse_layers("flatten"))
    run = adopt(ann, finish_run(ann, make_request("mine")).id)
    assert run.experiment.name == "mine_2" and run.problem() is None
    assert json.loads((run.folder / REQUEST).read_text())["experiment"] == "mine_2"
    assert store.find_experiment("mine_2").question == "why"


def test_what_is_no_visitors_or_broken_is_not_adopted(store, ann):
    shared, own = finish_run(store, CNN), finish_run(ann, make_request("lenet5"))
    (own.folder / "result.json").unlink()
    for run_id in (shared.id, own.id):
        with pytest.raises(RunError, match="shared"):
            adopt(ann, run_id)


def test_what_cannot_be_copied_whole_leaves_nothing(store, ann, monkeypatch):
    own = finish_run(ann, CNN)

    def fail(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(adopting, "write_atomically", fail)
        with pytest.raises(RunError, match="cannot be shared: No space left"):
            adopt(ann, own.id)
    assert list((store.local / "finished" / "cnn").iterdir()) == []
    assert adopt(ann, own.id).problem() is None


# --- drawings --------------------------------------------------------------------------------


def test_a_drawing_is_given_once_and_shown_once_it_is_approved(store, ann):
    given = Donations(ann)
    given.give(drawing(7), ANN)
    given.give(drawing(7), BOB)
    [one] = Donations(store).read()
    assert (one.drawing.label, one.giver, one.is_shown) == (7, ANN, False)
    given.show([one.id, "unknown"])
    assert Donations(store).read()[0].is_shown
    given.delete([one.id])
    assert not Donations(store).read()


def test_who_gave_a_drawing_can_say_that_it_is_another_digit(store):
    given = Donations(store)
    given.give(drawing(1), ANN)
    given.show([drawing(1).id])
    given.give(drawing(7), ANN)
    [one] = given.read()
    assert (one.drawing.label, one.is_shown) == (7, False)  # it is to be approved anew
    with pytest.raises(RunError, match="given by another, as a 7"):
        given.give(drawing(2), BOB)
    assert given.read()[0].drawing.label == 7


def test_one_visitor_cannot_fill_the_wall_nor_all_together_the_disk(store, monkeypatch):
    given = Donations(store)
    for place in range(donations.MOST_GIVEN):
        given.give(drawing(at=20.0 + place), ANN)
    with pytest.raises(RunError, match="no more can be given"):
        given.give(drawing(at=5), ANN)
    given.give(drawing(at=5), BOB)
    monkeypatch.setattr(donations, "MOST_DRAWINGS", donations.MOST_GIVEN + 1)
    with pytest.raises(RunError, match="full"):
        given.give(drawing(at=6), "c" * 32)


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b'{"strokes": 5}', b"[" * 100_000])
def test_damaged_lines_are_left_out(store, line):
    given = Donations(store)
    given.give(drawing(), ANN)
    given.path.write_bytes(line + b"\n" + given.path.read_bytes())
    [one] = given.read()
    assert one.giver == ANN and replace(one, is_shown=True).line != one.line
