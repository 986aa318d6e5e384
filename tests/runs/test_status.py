"""What status.json says, now and in earlier versions."""

import json

import pytest

from digitnet.runs import STATUS, RunError, Status


@pytest.fixture
def read(tmp_path):
    """Reads a status file that holds these values."""

    def read_values(**values):
        (tmp_path / STATUS).write_text(json.dumps({"format": 1} | values))
        return Status.load(tmp_path / STATUS)

    return read_values


def test_what_is_saved_is_read(tmp_path):
    status = Status("running", "training", epoch=2, step=30, steps=120, pid=7, updated="2026-11-25")
    status.save(tmp_path / STATUS)
    assert Status.load(tmp_path / STATUS) == status


@pytest.mark.parametrize(
    ("message", "phase"),
    [
        ("loading the images", "loading"),
        ("training", "training"),
        ("testing and exporting", "testing"),
    ],
)
def test_a_running_status_of_an_earlier_version_is_read(read, message, phase):
    old = {"pid": 7, "updated": "2026-11-24T10:00:00+00:00", "epochs": 100, "seconds_left": None}
    status = read(state="running", message=message, epoch=2, step=3, steps=4, **old)
    assert (status.phase, status.message) == (phase, "")
    assert (status.epoch, status.step, status.steps, status.pid) == (2, 3, 4, 7)


def test_other_statuses_of_an_earlier_version_are_read(read):
    assert read(state="queued", epoch=0).state == "queued"
    assert read(state="stopped", message="stopped; it can be resumed") == Status(
        "stopped", message="stopped; it can be resumed"
    )
    assert read(state="running", epoch=1) == Status("running", epoch=1)


@pytest.mark.parametrize("state", [None, "", "lost", 3, []])
def test_a_state_that_is_unknown_is_named(read, state):
    with pytest.raises(RunError, match="wrong state"):
        read(state=state)


def test_a_status_without_a_state_is_told(read):
    with pytest.raises(RunError, match="no state"):
        read(epoch=1)


@pytest.mark.parametrize("name", ["epoch", "step", "steps", "pid", "phase", "message", "updated"])
@pytest.mark.parametrize("value", [None, -1, 0.5, float("nan"), 10**400, True, [], {}])
def test_a_wrong_value_is_named(read, name, value):
    with pytest.raises(RunError, match=f"wrong {name}"):
        read(**({"state": "running", "phase": "training"} | {name: value}))
