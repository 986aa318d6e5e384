"""The user's own networks, each a file of the run store.

<local>/networks/<name>.json    its layers in one line, and what it is meant to show
"""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from digitnet.errors import DigitnetError
from digitnet.experiments import (
    EXPERIMENTS,
    LONGEST_NAME,
    Experiment,
    Layer,
    NetworkError,
    format_layers,
    make_network,
    parse_layers,
)
from digitnet.runs.files import (
    FORMAT,
    RunError,
    read_json,
    read_whole,
    write_atomically,
    write_json,
)
from digitnet.runs.locks import changing
from digitnet.runs.records import is_visitors_folder

ALL = "all"  # what a command takes for every network
FOLDER, LOCK = "networks", "networks.lock"
MOST_NETWORKS = 100  # every page lists them
LONGEST_REASON = 200  # characters
SETTLED_SECONDS = 2.0  # after which another change of a folder has another time, on any disk


def add_network(local: Path, name: str, layers: tuple[Layer, ...], reason: str = "") -> Experiment:
    """Keeps a network of the user's own.

    A name that is taken by other layers is never overwritten: the new network is the name's next
    version, such as "mine_2".

    Args:
        local: Folder of the runs trained here.
        name: As `make_network` asks for.
        layers: Its hidden layers.
        reason: What the user wants to learn from it.

    Returns:
        The network; one that is there already with just these layers, where there is one.

    Raises:
        LayerError: If a layer cannot stand where it is.
        NetworkError: If the name is malformed or one of the project's, the network too large, or
            too many are kept already.
        RunError: If it cannot be written.
    """
    make_network(name, layers)
    if len(reason) > LONGEST_REASON:
        raise NetworkError(f"a reason has at most {LONGEST_REASON} characters: {len(reason)}")
    if known := _find_known(local, name, layers):
        return known  # without a folder: for a visitor of a class that would be a place
    with changing(local / LOCK, "the network cannot be kept"):
        (local / FOLDER).mkdir(exist_ok=True)
        return _add_version(local, name, layers, reason)


def _add_version(local: Path, name: str, layers: tuple[Layer, ...], reason: str) -> Experiment:
    if known := _find_known(local, name, layers):
        return known
    versioned, kept = find_version(local, name, layers), read_networks(local)
    if len(kept) >= MOST_NETWORKS:
        raise NetworkError(f"{len(kept)} networks of your own are kept; delete one of them first")
    place = _next_place(local)
    network = make_network(versioned, layers, place=place, reason=reason)
    values = {
        "format": FORMAT,
        "layers": format_layers(layers),
        "reason": reason,
        "place": place,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(local / FOLDER / f"{versioned}.json", values)
    return network


def _find_known(local: Path, name: str, layers: tuple[Layer, ...]) -> Experiment | None:
    """The network of just these layers that is there already under this name or a version's."""
    versioned = find_version(local, name, layers)
    return next((one for one in _read_known(local) if one.name == versioned), None)


def find_version(local: Path, name: str, layers: tuple[Layer, ...]) -> str:
    """The name under which a network is kept, or would be: a version's where others have its own.

    Raises:
        NetworkError: If the name is one of the project's, or means every network.
    """
    if name == ALL:
        raise NetworkError(f"the name “{ALL}” means every network; choose another")
    if name in {one.name for one in EXPERIMENTS}:
        raise NetworkError(f"the name {name} is one of the project's own networks'; choose another")
    present = {one.name: one.layers for one in _read_known(local)}
    version, versioned = 1, name
    while present.get(versioned, layers) != layers:
        version += 1
        suffix = f"_{version}"
        versioned = name[: LONGEST_NAME - len(suffix)] + suffix
    return versioned


def read_networks(local: Path) -> list[Experiment]:
    """The user's own networks, the oldest first; files that hold none are left out."""
    folder = local / FOLDER
    try:
        changed = folder.stat().st_mtime
    except OSError:
        return []
    # Files come and go there by rename, so the folder tells of each; but for those of one moment.
    if time.time() - changed > SETTLED_SECONDS:
        with contextlib.suppress(_UnreadError):
            return list(_remember_folder(folder, changed))
    return _read_folder(folder)[0]


class _UnreadError(Exception):
    """Not all files could be read, which may pass and is not to be remembered."""


@lru_cache(maxsize=1024)
def _remember_folder(folder: Path, _: float) -> tuple[Experiment, ...]:
    networks, is_whole = _read_folder(folder)
    if not is_whole:
        raise _UnreadError
    return tuple(networks)


def _read_folder(folder: Path) -> tuple[list[Experiment], bool]:
    """The networks of a folder, and whether that is all of it."""
    found, is_whole = [], True
    for path in folder.glob("*.json"):
        try:
            stat = path.stat()
            found.append(_read_network(path, (stat.st_size, stat.st_mtime_ns)))
        except (OSError, DigitnetError):
            is_whole = False
    found.sort(key=lambda one: (one[0], one[1].name))
    return [network for _, network in found], is_whole


def _read_known(local: Path) -> list[Experiment]:
    """The networks that are kept here and those that a visitor of a class shares with all."""
    shared = read_networks(local.parents[2]) if is_visitors_folder(local) else []
    return [*shared, *read_networks(local)]


@lru_cache(maxsize=1024)
def _read_network(path: Path, _: tuple[int, int]) -> tuple[int, Experiment]:
    values = read_json(path)
    place = values.get("place")
    if not isinstance(place, int) or place < 0:
        raise RunError(f"{path.name} has a wrong place: {place!r}")
    layers = parse_layers(str(values.get("layers")))
    return place, make_network(path.stem, layers, place, str(values.get("reason") or ""))


def _next_place(local: Path) -> int:
    places = [0]
    for path in (local / FOLDER).glob("*.json"):
        with contextlib.suppress(RunError):
            place = read_json(path).get("place")
            places.append(place + 1 if isinstance(place, int) else 0)
    return max(places)


def require_own(local: Path, name: str) -> None:
    """Raises NetworkError unless this is a network of the user's own."""
    if name not in {one.name for one in read_networks(local)}:
        raise NetworkError(f"{name!r} is not one of your own networks")


def leave_network(local: Path, name: str, heir: Path) -> None:
    """Leaves a network of the user's own to another store, unless that has one of its name."""
    if name not in {one.name for one in read_networks(heir)}:
        record = Path(FOLDER, f"{name}.json")
        (heir / FOLDER).mkdir(parents=True, exist_ok=True)
        write_atomically(heir / record, read_whole(local / record))


def forget_network(local: Path, name: str) -> None:
    """Deletes the file of a network of the user's own."""
    require_own(local, name)
    (local / FOLDER / f"{name}.json").unlink()
