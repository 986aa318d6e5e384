"""How a training stands, as its folder says it: status.json."""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from digitnet.runs.files import FORMAT, RunError, is_amount, read_json, write_json

STATUS = "status.json"
TRAINING_STATES = ("queued", "running", "stopped", "interrupted", "failed", "finished")
PHASES = ("", "loading", "training", "testing")
_PHASE_OF = {  # what earlier versions wrote as a message
    "loading the images": "loading",
    "training": "training",
    "testing and exporting": "testing",
}


@dataclass(frozen=True)
class Status:
    """How a training stands.

    Args:
        state: One of `TRAINING_STATES`.
        phase: What a running one is at, of `PHASES`; empty before it begins and once it has ended.
        message: Why it waits or has ended, in a sentence or less.
        epoch: Epochs finished.
        step: Steps done of the epoch that it is at.
        steps: Steps of that epoch; 0 if not known.
        pid: The process that wrote this; 0 if not known.
        machine: Whose process that is, by `this_machine`; empty if not known.
        updated: When, in ISO 8601.

    Raises:
        RunError: If a value cannot be.
    """

    state: str
    phase: str = ""
    message: str = ""
    epoch: int = 0
    step: int = 0
    steps: int = 0
    pid: int = 0
    machine: str = ""
    updated: str = ""

    def __post_init__(self) -> None:
        _require("state", self.state, self.state in TRAINING_STATES)
        _require("phase", self.phase, self.phase in PHASES)
        for name in ("message", "machine", "updated"):
            _require(name, getattr(self, name), isinstance(getattr(self, name), str))
        for name in ("epoch", "step", "steps", "pid"):
            value = getattr(self, name)
            _require(name, value, isinstance(value, int) and is_amount(value))

    @classmethod
    def load(cls, path: Path) -> Status:
        """A status file, of this version or an earlier one; RunError where it is broken."""
        values = read_json(path)
        known = {one.name: values[one.name] for one in fields(cls) if one.name in values}
        if values.get("state") == "running" and "phase" not in values:
            known["phase"] = _PHASE_OF.get(str(known.pop("message", "")), "")
        if "state" not in known:
            raise RunError(f"{path.name} has no state")
        return cls(**known)

    def save(self, path: Path) -> None:
        """Replaces a status file, whole or not at all."""
        write_json(path, {"format": FORMAT, **asdict(self)})


def _require(name: str, value: Any, is_right: bool) -> None:
    if not is_right:
        raise RunError(f"{STATUS} has a wrong {name}: {reprlib.repr(value)}")
