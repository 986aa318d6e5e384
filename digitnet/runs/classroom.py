"""A class: its owner's key, what visitors may do, and how much was drawn.

<local>/class/key.json     the key's hash, and those of the tokens of who has signed in with it
<local>/class/codes.json   a secret, by which a code that was issued is told from an invented one
<local>/class/rules.json   whether trainings are open, and each visitor's quota
<local>/class/counts.json  drawings and readings so far
<local>/class/visitors/    each visitor's own runs, see `RunStore`
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path

from digitnet.runs.donations import DONATED_LOCK, Donations
from digitnet.runs.files import FORMAT, RunError, read_json, size_of, write_json
from digitnet.runs.locks import changing
from digitnet.runs.records import CLASS, VISITORS
from digitnet.runs.store import RunStore

KEY, CODES, RULES, COUNTS = "key.json", "codes.json", "rules.json", "counts.json"
LOCK = "class.lock"
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
CODE_GROUPS, KEY_GROUPS, GROUP = 4, 6, 4  # 79 and 119 bits
SECRET_BYTES = 32
MOST_SIGNED_IN = 20  # browsers; the one that signed in first is forgotten
SIGNED_IN_SECONDS = 12 * 3600.0  # a day of school
MOST_VISITORS = 200  # who keep something; each may fill the quota
SCRYPT = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and about 50 ms


# --- codes and keys --------------------------------------------------------------------------


def make_code(groups: int = CODE_GROUPS) -> str:
    """What nobody guesses and anybody can type, such as "k7qm-3xwp-9rtd-h2vn"."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(groups))


def read_code(said: str, groups: int = CODE_GROUPS) -> str | None:
    """A code as `make_code` gives it, of what somebody typed or an address holds; None if none."""
    if len(said) > 100:
        return None
    letters = re.sub(r"[\s-]", "", said).lower()
    if len(letters) != groups * GROUP or not set(letters) <= set(LETTERS):
        return None
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def visitor_of(code: str) -> str:
    """The visitor whose code it is: 32 hexadecimal digits, from which nobody learns the code."""
    return hashlib.sha256(f"digitnet visitor {code}".encode()).hexdigest()[:32]


# --- rules -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quota:
    """What each visitor may have.

    Args:
        trainings: Trainings, finished or not, 0 to 100.
        megabytes: On disk, 1 to 100,000.
        epochs: Of a training, 1 to 10,000.
        parameters: Of a network that is trained, 1,000 to 10^9.
        multiplications: Of a network that is trained, for one image, 1,000 to 10^9.

    Raises:
        RunError: If a value is out of its range.
    """

    trainings: int = 5
    megabytes: int = 100
    epochs: int = 20
    parameters: int = 1_000_000
    multiplications: int = 20_000_000

    def __post_init__(self) -> None:
        for name, (low, high) in QUOTA_RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise RunError(f"{name} must be a whole number from {low:,} to {high:,}: {value!r}")


QUOTA_RANGES = {
    "trainings": (0, 100),
    "megabytes": (1, 100_000),
    "epochs": (1, 10_000),
    "parameters": (1_000, 10**9),
    "multiplications": (1_000, 10**9),
}


@dataclass(frozen=True)
class Rules:
    """What visitors may do.

    Args:
        trains: Whether they may train.
        collects: Whether they may give drawings to the class.
        quota: What each of them may have.
    """

    trains: bool = True
    collects: bool = True
    quota: Quota = field(default_factory=Quota)


CLOSED = Rules(trains=False, collects=False)


# --- the class -------------------------------------------------------------------------------


class Classroom:
    """What is kept of a class beside the runs, for several processes at once.

    Args:
        store: The one that all share, or a visitor's, whose class it is.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store.shared
        self.folder = self.store.local / CLASS

    # --- the owner's key ---

    def make_key(self) -> str:
        """A new key for the owner, in the place of the one before; kept hashed alone."""
        key, salt = make_code(KEY_GROUPS), secrets.token_bytes(16)
        values = {"format": FORMAT, "salt": salt.hex(), "hash": _hash_key(key, salt).hex()}
        with self._changing():
            write_json(self.folder / KEY, values)
        return key

    def is_key(self, said: str) -> bool:
        """Whether it is the owner's key; takes as long whatever was said, unless it is none."""
        key = read_code(said, KEY_GROUPS)
        if key is None:
            return False
        try:
            values = read_json(self.folder / KEY)
            salt, kept = bytes.fromhex(values["salt"]), bytes.fromhex(values["hash"])
        except (RunError, KeyError, TypeError, ValueError):
            return False
        return hmac.compare_digest(_hash_key(key, salt), kept)

    def sign_in(self, said: str) -> str | None:
        """A token that stands for the key from now on, for one browser; None if this is no key.

        It holds for half a day, or until it is signed out or a new key made; and is kept hashed.
        """
        with self._changing():
            if not self.is_key(said):
                return None
            token, signed_in = secrets.token_hex(SECRET_BYTES), self._signed_in()
            signed_in[_hash_token(token)] = time.time()
            self._keep_signed_in(dict(list(signed_in.items())[-MOST_SIGNED_IN:]))
        return token

    def is_signed_in(self, token: str) -> bool:
        """Whether `sign_in` gave this token, and it still holds."""
        begun = self._signed_in().get(_hash_token(token))
        return begun is not None and 0 <= time.time() - begun < SIGNED_IN_SECONDS

    def sign_out(self, token: str) -> None:
        """Has a token hold no more; RunError if that cannot be written."""
        with self._changing():
            signed_in = self._signed_in()
            if signed_in.pop(_hash_token(token), None) is not None:
                self._keep_signed_in(signed_in)

    def _signed_in(self) -> dict[str, float]:
        """When each token was given, by their hashes; none where the key's file is broken."""
        with contextlib.suppress(RunError, AttributeError, TypeError, ValueError):
            kept = read_json(self.folder / KEY).get("signed_in", {})
            return {name: float(begun) for name, begun in kept.items()}
        return {}

    def _keep_signed_in(self, signed_in: dict[str, float]) -> None:
        """Beside the key, so that a new one forgets them."""
        write_json(self.folder / KEY, read_json(self.folder / KEY) | {"signed_in": signed_in})

    # --- visitors' codes ---

    def issue_code(self) -> str:
        """A new visitor's code; its last group tells that it was issued here.

        Raises:
            RunError: If the secret that this takes is broken, or cannot be kept.
        """
        said = make_code(CODE_GROUPS - 1)
        return f"{said}-{self._check_of(said)}"

    def find_code(self, said: str) -> str | None:
        """The code that somebody typed or an address holds; None unless it was issued here.

        Raises:
            RunError: As `issue_code`.
        """
        code = read_code(said)
        if code is None:
            return None
        begin, _, check = code.rpartition("-")
        return code if hmac.compare_digest(self._check_of(begin), check) else None

    def _check_of(self, said: str) -> str:
        digest = hmac.digest(self._secret(), f"digitnet code {said}".encode(), "sha256")
        return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:GROUP])

    def _secret(self) -> bytes:
        """Made when it is first asked for, and kept: links outlive the app, and replicas agree."""
        path = self.folder / CODES
        if not path.exists():
            with self._changing():
                if not path.exists():
                    made = secrets.token_hex(SECRET_BYTES)
                    write_json(path, {"format": FORMAT, "secret": made})
        with contextlib.suppress(KeyError, TypeError, ValueError):
            secret = bytes.fromhex(read_json(path)["secret"])
            if len(secret) == SECRET_BYTES:
                return secret
        raise RunError(f"{path.name} holds no secret")

    # --- rules ---

    def rules(self) -> Rules:
        """What visitors may do; nothing where the file is broken."""
        path = self.folder / RULES
        try:
            stat = path.stat()
            return _read_rules(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
        except FileNotFoundError:
            return Rules()
        except (OSError, RunError):
            return CLOSED

    def set_rules(self, rules: Rules) -> None:
        """Changes what visitors may do; RunError if it cannot be written."""
        with self._changing():
            write_json(self.folder / RULES, {"format": FORMAT, **asdict(rules)})

    # --- visitors ---

    def has_room_for(self, store: RunStore) -> bool:
        """Whether a visitor may begin to keep something, or does so already."""
        return store.local.is_dir() or len(self.store.of_visitors()) < MOST_VISITORS

    def usage(self, store: RunStore) -> tuple[int, int]:
        """A visitor's trainings, finished or not, and the bytes of all that is kept."""
        return len(store.held()), size_of(store.local)

    # --- counts ---

    def counts(self) -> tuple[int, int]:
        """Drawings that were begun and readings of them; 0 where the file is broken."""
        with contextlib.suppress(RunError, KeyError, TypeError, ValueError):
            values = read_json(self.folder / COUNTS)
            return max(0, int(values["drawings"])), max(0, int(values["readings"]))
        return 0, 0

    def add_counts(self, drawings: int, readings: int) -> None:
        """Adds to what was counted; RunError if it cannot be written."""
        with self._changing():
            before = self.counts()
            values = {"drawings": before[0] + drawings, "readings": before[1] + readings}
            write_json(self.folder / COUNTS, {"format": FORMAT, **values})

    # --- the end ---

    def end(self) -> None:
        """Deletes all that is kept of the class but its rules, the key and the secret of its codes.

        What was closed stays so: a visitor may still have a page open.

        Nothing of it may be training; RunError if it cannot be deleted.
        """
        with self._changing():
            Donations(self.store).forget()
            for path in self.folder.iterdir():
                if path.name == VISITORS:
                    self.store.bury(path)
                elif path.name not in (KEY, CODES, RULES, LOCK, DONATED_LOCK):
                    path.unlink()

    def _changing(self) -> AbstractContextManager[None]:
        return changing(self.folder / LOCK, "the class cannot be changed")


def _hash_key(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, **SCRYPT)


def _hash_token(token: str) -> str:
    """Of a token, which is random and long: nobody finds it by trying."""
    return hashlib.sha256(f"digitnet owner {token}".encode(errors="replace")).hexdigest()


@lru_cache(maxsize=4)
def _read_rules(path: Path, _: tuple[int, ...]) -> Rules:
    values = read_json(path)
    try:
        quota = Quota(**values["quota"])
        said = {one.name: values[one.name] for one in fields(Rules) if one.name != "quota"}
    except (KeyError, TypeError) as error:
        raise RunError(f"{path.name} holds no rules: {error}") from None
    return Rules(**{name: value is True for name, value in said.items()}, quota=quota)
