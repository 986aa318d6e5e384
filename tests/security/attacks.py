"""What hostile visitors send, and what may lie on a broken disk: `python -m tests.security`."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg

from digitnet.runs import CALIBRATION, HISTORY, PROBABILITIES, REQUEST, RESULT, SERVED
from tests.made_models import BREAKERS, break_model
from tests.security.client import drawing_of, path_of

# --- what the canvas says ------------------------------------------------------------------------

LINE = ["M", 1, 1], ["L", 9, 9]
DEEP = {depth: "[" * depth + "]" * depth for depth in (500, 900, 10_000, 400_000)}
CANVAS = {
    "no JSON": "hello{",
    "nothing": "",
    "half a drawing": drawing_of(path_of(*LINE))[:60],
    "an endless number": "9" * 100_000,
    "a lone surrogate": '"\\ud800"',
    "NUL": '{"drawing": {"raw": "\\u0000"}}',
    **{
        f"nested {depth:,} deep": f'{{"drawing": {{"raw": {deep}}}}}'
        for depth, deep in DEEP.items()
    },
    **{f"{name} as its value": name for name in ("[]", "null", "5", '"x"', "true", "NaN")},
    **{
        f"{value} for {name}": text.replace("?", value)
        for (name, text), value in product(
            {
                "its drawing": '{"drawing": ?}',
                "what is drawn": '{"drawing": {"raw": ?}}',
                "its objects": '{"drawing": {"raw": {"objects": ?}}}',
                "an object": '{"drawing": {"raw": {"objects": [?]}}}',
                "its background": '{"backgroundFit": ?}',
            }.items(),
            ("5", '"x"', "[1]", "true", "NaN", '{"a": 1}'),
        )
    },
    **{
        f"{value!r} for a path's {name}": drawing_of(path_of(*LINE, **{name: value}))
        for name, value in product(
            ("type", "path", "left", "width", "angle", "scaleX", "skewX", "originX"),
            (None, "x", [1], {"a": 1}, float("nan"), 1e308),
        )
    },
    **{
        f"{value!r} for a coordinate": drawing_of(path_of(["M", 1, 1], ["L", value, 9]))
        for value in (None, "x", [1], float("nan"), float("inf"), 1e308, 10**400)
    },
    "foreign objects": drawing_of(*({"type": one} for one in ("rect", "image", "textbox", "x"))),
    "an image of an address": drawing_of({"type": "image", "src": "file:///etc/passwd"}),
    "foreign commands": drawing_of(path_of(["M", 1, 1], ["A", 9], ["?"], [], ["L"])),
    "20,000 points": drawing_of(path_of(["M", 1, 1], *[["L", 9, 9]] * 20_000)),
    "4,000 strokes": drawing_of(*[path_of(*LINE)] * 4_000),
    "20,000 empty strokes": drawing_of(*[{"type": "path", "path": []}] * 20_000),
    "a curve of 100,000 points": drawing_of(path_of(["M", 1, 1], ["C", *[9] * 200_000])),
}
# Too large to be taken in at all.
LARGE = {
    "a stroke of 10^6 points": drawing_of(path_of(["M", 1, 1], *[["L", 9, 9]] * 10**6)),
    "2 MB": " " * 2_000_000,
    "50 MB": " " * 50_000_000,
}


# --- messages that are none ----------------------------------------------------------------------


def _message(**values: Any) -> bytes:
    return BackMsg(**values).SerializeToString()


def _operation(**values: Any) -> bytes:
    message = BackMsg()
    message.backend_operation_request.request_id = "x"
    for name in values:
        getattr(message.backend_operation_request, name).SetInParent()
    return message.SerializeToString()


def _urls() -> bytes:
    message = BackMsg()
    message.file_urls_request.request_id = "../x"
    message.file_urls_request.file_names.extend(["../../x", "/etc/passwd", "\0", "x" * 10_000])
    message.file_urls_request.session_id = "../../x"
    return message.SerializeToString()


def _rerun(**values: Any) -> bytes:
    message = BackMsg()
    for name, value in values.items():
        setattr(message.rerun_script, name, value)
    return message.SerializeToString()


MESSAGES: dict[str, bytes | str] = {
    "noise": bytes(range(256)) * 40,
    "nothing": b"",
    "text": "hello",
    "a message cut short": _rerun(page_name="curves")[:-3],
    "clear the caches": _message(clear_cache=True),
    "run on save": _message(set_run_on_save=True),
    "stop": _message(stop_script=True),
    "disconnect": _message(debug_disconnect_websocket=True),
    "shut down": _message(debug_shutdown_runtime=True),
    "git": _message(load_git_info=True),
    "upload elsewhere": _urls(),
    **{
        f"operation {name}": _operation(**{name: {}})
        for name in ("deferred_file", "install_skills", "dismiss_skills_nudge", "dataframe_chunk")
    },
    **{
        f"page {name!r}": _rerun(page_name=name)
        for name in ("../../etc/passwd", "no such page", "pages/../app.py", "x" * 100_000)
    },
    "a script's hash": _rerun(page_script_hash="0" * 32),
    "a fragment that is none": _rerun(fragment_id="0" * 32),
}


# --- links ---------------------------------------------------------------------------------------

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
MARKDOWN = "[free](javascript:alert(3)) ![pixel](http://evil.example/x.png) :red[x] $x$ `x`"
HOSTILE = (
    "../../etc/passwd",
    "/etc/passwd",
    "cnn/../cnn/shipped",
    "cnn/20260101-000000-abcd",
    "cnn\0",
    MARKUP,
    MARKDOWN,
    "x" * 4_000,
    "-1",
    "1e309",
    "nan",
    "10" * 20,
    "٣",
    "\u202e\ud7ff\U0001f600",
    "' OR 1=1 --",
    "{{7*7}}",
)
PARAMETERS = {
    "": ("model", "wide", "drawing"),
    "inside": ("model", "drawing", "layer", "part", "place", "not", "along", "why", "kept"),
    "curves": ("run", "measure", "images", "along", "up", "mean", "report"),
    "confusion": ("a", "b", "matrix", "cells", "muted", "true", "read", "digit", "list", "roc"),
    "compare": ("view", "a", "b", "against"),
}
LINKS = [
    (page, name, value) for page, names in PARAMETERS.items() for name in names for value in HOSTILE
]
PATHS = (
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/component/../../pyproject.toml",
    "/_stcore/../README.md",
    "/media/../../etc/passwd",
    "/app/static/../../pyproject.toml",
    "/_stcore/component/streamlit_drawable_canvas.streamlit_drawable_canvas/../../../../etc/passwd",
    "//evil.example/x",
    "/..%5c..%5cetc%5cpasswd",
)


# --- pictures ------------------------------------------------------------------------------------


def _png(width: int, height: int, rows: int = 0) -> bytes:
    """A PNG that says how large it is, with as much of it as is asked for."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(rows * (width + 1)), 9)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _saved(kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.eye(200, dtype=np.uint8) * 255).save(stream, kind, **options)
    return stream.getvalue()


def _frames() -> bytes:
    frames = [Image.new("L", (2_000, 2_000), one) for one in range(40)]
    return _saved("GIF", save_all=True, append_images=frames)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PICTURES: dict[str, Callable[[], bytes]] = {  # made when they are sent: some take seconds
    "2^31 wide": lambda: _png(2**31 - 1, 2**31 - 1),
    "a bomb of 100 megapixels": lambda: _png(10_000, 10_000, 10_000),
    "a bomb of 30 megapixels, whole": lambda: _png(5_400, 5_400, 5_400),
    "60,000 x 1": lambda: _png(60_000, 1, 1),
    "0 x 0": lambda: _png(0, 0),
    "no pixels": lambda: _png(500, 500),
    "half": lambda: _saved("PNG")[:150],
    "noise": lambda: np.random.default_rng(0).bytes(100_000),
    "40 frames": _frames,
    "a script": lambda: SVG,
    "a document": lambda: b"%PDF-1.7 " + bytes(1_000),
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "a TIFF of lies": lambda: _saved("TIFF")[:8] + bytes(range(256)) * 10,
    "nothing": lambda: b"",
}


# --- files of a run ------------------------------------------------------------------------------

Damage = Callable[[Path], None]  # does it to the folder of a run


def _write(name: str, content: bytes) -> Damage:
    return lambda folder: _put(folder / name, content)


def _put(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def _link(name: str, target: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return damage


def _remove(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def _make_folder(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def _halve(name: str) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        _put(folder / name, content[: len(content) // 2])

    return damage


def _set(name: str, path: str, value: Any) -> Damage:
    """Changes one value of a JSON file."""

    def damage(folder: Path) -> None:
        values = inner = json.loads((folder / name).read_bytes())
        *outer, last = path.split(".")
        for key in outer:
            inner = inner[key]
        inner[last] = value
        _put(folder / name, json.dumps(values).encode())

    return damage


def _serve(change: Callable[[bytes], bytes]) -> Damage:
    """Puts another model in place, and its hash with it."""

    def damage(folder: Path) -> None:
        content = change((folder / SERVED).read_bytes())
        _put(folder / SERVED, content)
        _set(RESULT, "served_sha256", hashlib.sha256(content).hexdigest())(folder)

    return damage


def _flip(content: bytes, place: float) -> bytes:
    at = int(place * len(content))
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


FILES = (RESULT, REQUEST, HISTORY, PROBABILITIES, SERVED, CALIBRATION)
CONTENTS = {
    "empty": b"",
    "noise": np.random.default_rng(1).bytes(3_000),
    "zeros": bytes(3_000),
    "a list": b"[]",
    "null": b"null",
    "an object": b"{}",
    "nested": b"[" * 100_000,
    "an endless number": b"9" * 100_000,
    "17 MB of nothing": b" " * 17_000_000,
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "markup": (MARKUP + MARKDOWN).encode(),
}
FIGURES = (
    ("epochs", "best_epoch", "seconds_per_epoch", "served_bytes", "served_sha256", "rank")
    + ("scores", "scores.size", "scores.accuracy", "scores.accuracy_interval", "scores.loss")
    + ("scores.f1_macro",)
)
REQUESTED = ("experiment", "settings", "settings.dataset", "settings.learning_rate")
CALIBRATED = ("temperature", "threshold", "validation", "served_sha256")
VALUES = (None, -1, "x", [], {"a": 1}, float("nan"), 1e308, MARKUP)
FLIPS = (0.0005, 0.004, 0.4, 0.75, 0.9, 0.99)
DAMAGES: dict[str, Damage] = {
    **{
        f"{name}: {what}": _write(name, content)
        for name, (what, content) in product(FILES, CONTENTS.items())
    },
    **{f"{name}: missing": _remove(name) for name in FILES},
    **{f"{name}: a folder": _make_folder(name) for name in FILES},
    **{f"{name}: half": _halve(name) for name in FILES},
    **{
        f"{name}: a link to {target}": _link(name, target)
        for name, target in product(FILES, ("/dev/zero", "/nowhere", ".", RESULT))
    },
    **{
        f"{name}: {value!r} as {path}": _set(name, path, value)
        for name, paths in ((RESULT, FIGURES), (REQUEST, REQUESTED), (CALIBRATION, CALIBRATED))
        for path, value in product(paths, VALUES)
    },
    **{
        f"{SERVED}: {what}, and its hash": _serve(
            lambda one, breaker=breaker: break_model(one, breaker)
        )
        for what, breaker in BREAKERS.items()
    },
    **{
        f"{SERVED}: a byte at {place:.2%}, and its hash": _serve(
            lambda one, at=place: _flip(one, at)
        )
        for place in FLIPS
    },
}
DROPPED = 500  # connections
ASKED = 1_000  # trainings
FORGED = 80  # actions in a class, at least: the owner's, and another visitor's
GUESSED = 20  # keys
INVENTED = 200  # codes of visitors


def table() -> str:
    """What is tried, as it stands in the README."""
    rows = {
        "drawings that are none: no JSON, nested, NaN, wrong types, 10^6 points, 50 MB": len(CANVAS)
        + len(LARGE),
        "messages of Streamlit's own that no page sends": len(MESSAGES),
        "hostile values in a link, and paths": len(LINKS) + len(PATHS) + len(HOSTILE),
        "pictures that are bombs, or none": len(PICTURES),
        "damaged files of a run, and models that cannot be served": len(DAMAGES),
        "actions of a class' owner or of another visitor, forged (more than)": FORGED,
        "keys of a class guessed": GUESSED,
        "visitors' codes invented": INVENTED,
        "connections dropped": DROPPED,
        "trainings asked for by one visitor": ASKED,
    }
    lines = [f"| {what} | {count:,} |" for what, count in rows.items()]
    return "\n".join(["| tried | how many |", "| --- | --: |", *lines])
