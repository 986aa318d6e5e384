"""MNIST found, downloaded and verified; the sample; the split.

Most tests put a tiny stand-in with its own hashes in MNIST's place, and so need neither the real
file nor a network; the last ones take the real file.
"""

import hashlib
import io
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from digitnet.digits import DataError, Digits, load_digits, load_sample, mnist, split_digits


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no test sees or touches this machine's own files."""
    for name in ("DIGITNET_MNIST", "DIGITNET_MNIST_URL", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path


@pytest.fixture
def arrays(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """A stand-in for MNIST: 600 + 100 images of noise, which `data` takes for the real one."""
    random = np.random.default_rng(0)
    shapes = {
        "x_train": (600, 28, 28),
        "y_train": (600,),
        "x_test": (100, 28, 28),
        "y_test": (100,),
    }
    arrays = {name: random.integers(0, 10, shape, np.uint8) for name, shape in shapes.items()}
    digests = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "MNIST_SHAPES", shapes)
    monkeypatch.setattr(mnist, "MNIST_SHA256", digests)
    return arrays


@pytest.fixture
def good(arrays: dict[str, np.ndarray]) -> bytes:
    return pack(arrays)


def pack(arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@dataclass
class Server:
    """Answers every request alike, on loopback."""

    url: str = ""
    body: bytes = b""
    status: int = 200
    announced: int | None = None  # Content-Length; None: none is sent
    delay: float = 0.0  # seconds
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Starts a server and points DIGITNET_MNIST_URL to it."""
    running = []

    def start(body: bytes = b"", **options: object) -> Server:
        answer = Server(body=body, **({"announced": len(body)} | options))  # type: ignore[arg-type]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer.requests.append(self.path)
                time.sleep(answer.delay)
                self.send_response(answer.status)
                if answer.announced is not None:
                    self.send_header("Content-Length", str(answer.announced))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *args: None  # type: ignore[method-assign]  # client gone
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        answer.url = f"http://127.0.0.1:{server.server_port}/mnist.npz"
        monkeypatch.setenv("DIGITNET_MNIST_URL", answer.url)
        return answer

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def assert_mnist(digits: Digits, arrays: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(digits.images[:600], arrays["x_train"])
    np.testing.assert_array_equal(digits.images[600:], arrays["x_test"])
    np.testing.assert_array_equal(digits.labels[:600], arrays["y_train"])
    np.testing.assert_array_equal(digits.labels[600:], arrays["y_test"])


def assert_one_sentence(error: BaseException) -> None:
    message = str(error)
    assert "\n" not in message
    assert message.endswith(".")
    assert ". " not in message


# Where MNIST is looked for


def test_named_file_comes_before_the_caches(home, monkeypatch):
    assert mnist.find_mnist() is None
    keras = put(home / ".keras/datasets/mnist.npz", b"")
    assert mnist.find_mnist() == keras
    cache = put(mnist._cache_path(), b"")
    assert mnist.find_mnist() == cache
    named = put(home / "elsewhere/digits.npz", b"")
    monkeypatch.setenv("DIGITNET_MNIST", "~/elsewhere/digits.npz")
    assert mnist.find_mnist() == named


def test_keras_home_is_respected(home, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(home / "k"))
    path = put(home / "k/datasets/mnist.npz", b"")
    assert mnist.find_mnist() == path


@pytest.mark.parametrize("name", ["missing.npz", "."])
def test_named_file_that_is_missing_is_an_error(name, home, good, monkeypatch, serve):
    server = serve(good)
    put(mnist._cache_path(), good)
    monkeypatch.setenv("DIGITNET_MNIST", str(home / name))
    with pytest.raises(DataError, match=r"DIGITNET_MNIST names .*; set it to a copy") as caught:
        mnist.load_mnist()
    assert_one_sentence(caught.value)
    assert not server.requests


@pytest.mark.parametrize("place", ["named", "cache", "keras"])
def test_file_on_this_machine_is_loaded_without_a_download(
    place, home, arrays, good, monkeypatch, serve
):
    server = serve(status=404)
    paths = {
        "named": home / "mine.npz",
        "cache": mnist._cache_path(),
        "keras": home / ".keras/datasets/mnist.npz",
    }
    path = put(paths[place], good)
    if place == "named":
        monkeypatch.setenv("DIGITNET_MNIST", str(path))
    assert_mnist(mnist.load_mnist(), arrays)
    assert not server.requests


# Files that are not MNIST


def altered(arrays: dict[str, np.ndarray]) -> bytes:
    image = arrays["x_test"].copy()
    image[50, 14, 14] ^= 1
    return pack(arrays | {"x_test": image})


def single_array(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


# Each: a file made from the good arrays, and what the message must say.
DAMAGES: dict[str, tuple[Callable[[dict[str, np.ndarray]], bytes], str]] = {
    "empty": (lambda good: b"", "cannot be read"),
    "text": (lambda good: b"<html>Sign in to continue</html>", "cannot be read"),
    "half": (lambda good: pack(good)[: len(pack(good)) // 2], "cannot be read"),
    "zeroed block": (lambda good: pack(good).replace(pack(good)[5000:6000], bytes(1000)), "read"),
    "one pixel": (altered, "the content of x_test is altered"),
    "one label": (
        lambda good: pack(good | {"y_train": good["y_train"][::-1]}),
        "y_train is altered",
    ),
    "other shape": (
        lambda good: pack({name: array[..., None] for name, array in good.items()}),
        r"x_train is uint8 \(600, 28, 28, 1\)",
    ),
    "other type": (
        lambda good: pack(good | {"y_test": good["y_test"].view("i1")}),
        "y_test is int8",
    ),
    "array missing": (lambda good: pack({"x_train": good["x_train"]}), "cannot be read"),
    "pickle": (lambda good: pack(good | {"y_test": good["y_test"].astype(object)}), "be read"),
    "single array": (lambda good: single_array(good["x_train"]), "cannot be read"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_reported_and_left_alone(damage, home, arrays, monkeypatch, serve):
    server = serve(pack(arrays))
    make, reason = DAMAGES[damage]
    content = make(arrays)
    path = put(home / "mine.npz", content)
    monkeypatch.setenv("DIGITNET_MNIST", str(path))
    with pytest.raises(
        DataError, match=rf"mine\.npz is not MNIST as published.*{reason}"
    ) as caught:
        mnist.load_mnist()
    assert_one_sentence(caught.value)
    assert "unset it" in str(caught.value)
    assert path.read_bytes() == content
    assert not server.requests


def test_damaged_cache_is_reported_with_the_way_out(arrays, good, serve):
    serve(good)
    path = put(mnist._cache_path(), good[:-100])
    with pytest.raises(DataError, match="delete the file to have MNIST downloaded again"):
        mnist.load_mnist()
    path.unlink()
    assert_mnist(mnist.load_mnist(), arrays)


# The download


def cache_content() -> dict[str, bytes | None]:
    folder = mnist._cache_path().parent
    return {p.name: p.read_bytes() if p.is_file() else None for p in folder.glob("*")}


def test_download_is_cached_and_not_repeated(arrays, good, serve):
    server = serve(good)
    assert_mnist(mnist.load_mnist(), arrays)
    assert cache_content() == {"mnist.npz": good}
    assert_mnist(mnist.load_mnist(), arrays)
    assert server.requests == ["/mnist.npz"]


def test_progress_counts_up_to_the_total(good, serve):
    serve(good)
    seen: list[tuple[int, int]] = []
    mnist.load_mnist(lambda done, total: seen.append((done, total)))
    assert len(seen) > len(good) // mnist.CHUNK
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {len(good)}
    assert seen[0][0] == mnist.CHUNK
    assert seen[-1][0] == len(good)


def test_progress_without_a_known_total(arrays, good, serve):
    serve(good, announced=None)
    seen: list[tuple[int, int]] = []
    assert_mnist(mnist.load_mnist(lambda done, total: seen.append((done, total))), arrays)
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {0}


def test_stopped_download_leaves_nothing(good, serve):
    serve(good)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mnist.load_mnist(stop)
    assert cache_content() == {}


# Each: what the server does, and what the message must say.
FAILURES: dict[str, tuple[Callable[[bytes], dict], str]] = {
    "cut short": (lambda good: {"body": good[:-9000], "announced": len(good)}, "broke off"),
    "truncated": (lambda good: {"body": good[:-9000]}, "cannot be read"),
    "wrong bytes": (lambda good: {"body": bytes(len(good))}, "cannot be read"),
    "empty": (lambda good: {"body": b""}, "cannot be read"),
    "not found": (lambda good: {"body": good, "status": 404}, "the server answered 404"),
    "broken": (lambda good: {"body": good, "status": 503}, "the server answered 503"),
    "silent": (lambda good: {"body": good, "delay": 1.0}, "sent nothing for 0.2 seconds"),
}


@pytest.mark.parametrize("cached", [False, True], ids=["no cache", "good cache"])
@pytest.mark.parametrize("failure", FAILURES)
def test_failed_download_is_an_error_and_leaves_the_cache(
    failure, cached, good, serve, monkeypatch
):
    options, reason = FAILURES[failure]
    server = serve(**options(good))
    monkeypatch.setattr(mnist, "TIMEOUT", 0.2)
    if cached:
        put(mnist._cache_path(), good)
    before = cache_content()
    with pytest.raises(DataError, match=reason) as caught:
        mnist._download_mnist(None)
    assert_one_sentence(caught.value)
    assert server.url in str(caught.value)
    assert "set DIGITNET_MNIST" in str(caught.value)
    assert cache_content() == before
    assert server.requests


def test_altered_digits_are_not_taken(arrays, serve):
    serve(altered(arrays))
    with pytest.raises(DataError, match="the content of x_test is altered"):
        mnist.load_mnist()
    assert cache_content() == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "nonsense", "ftp://127.0.0.1/m.npz"])
def test_unreachable_server(url, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and never listens
        monkeypatch.setenv("DIGITNET_MNIST_URL", url.format(port=unused.getsockname()[1]))
        with pytest.raises(DataError, match="could not be downloaded from") as caught:
            mnist.load_mnist()
    assert "set DIGITNET_MNIST" in str(caught.value)
    assert cache_content() == {}


def test_cache_that_cannot_be_written(home, good, serve):
    serve(good)
    put(home / "cache", b"a file where the folder should be")
    with pytest.raises(DataError, match="could not be downloaded"):
        mnist.load_mnist()


# The sample


def test_sample_is_in_the_manner_of_mnist(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", None)  # no network needed
    sample = load_sample()
    assert sample.images.shape == (1797, 28, 28)
    assert sample.images.dtype == sample.labels.dtype == np.uint8
    assert np.bincount(sample.labels).min() > 170
    ink = sample.images.astype(float)
    assert ink.max() == 255
    for axis in (1, 2):
        profile = ink.sum(axis=axis)
        extent = (profile > 0).sum(axis=1)
        assert extent.max() <= 20
        centre = profile @ np.arange(28) / profile.sum(axis=1)
        assert np.abs(centre - 14).max() <= 0.5 + 1e-2  # MNIST's own range, but for rounding
    assert 0.12 < ink.mean() / 255 < 0.14  # MNIST: 0.131


def test_sample_reads_like_its_labels():
    """Each image is nearest to another of its own digit, as it is among the 8x8 originals."""
    sample = load_sample()
    flat = sample.images.reshape(len(sample.images), -1).astype(np.float32)
    square = (flat**2).sum(axis=1)
    distance = square[:, None] + square - 2 * flat @ flat.T
    np.fill_diagonal(distance, np.inf)
    assert np.mean(sample.labels[distance.argmin(axis=1)] == sample.labels) > 0.97


# The split


def numbered(count: int) -> Digits:
    """Digits that can be told apart: the first two pixels hold the position."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(count), 256)
    return Digits(images, (np.arange(count) % 10).astype(np.uint8))


def positions(digits: Digits) -> np.ndarray:
    return digits.images[:, 0, 0].astype(int) * 256 + digits.images[:, 0, 1]


def test_split_has_the_sizes_of_the_report():
    digits = Digits(np.zeros((70000, 1, 1), np.uint8), np.zeros(70000, np.uint8))
    split = split_digits("mnist", digits, seed=1)
    sizes = [len(part.labels) for part in (split.train, split.validation, split.test)]
    assert sizes == [56070, 6930, 7000]
    assert math.ceil(sizes[0] / 128) == 439


def test_split_deals_every_digit_once():
    split = split_digits("sample", numbered(1797), seed=5)
    parts = (split.train, split.validation, split.test)
    dealt = np.concatenate([positions(part) for part in parts])
    assert sorted(dealt) == list(range(1797))
    for part in parts:
        np.testing.assert_array_equal(part.labels, positions(part) % 10)
    np.testing.assert_array_equal(split.test_index, positions(split.test))
    assert split.test_index.dtype == np.int64
    assert (split.dataset, split.seed) == ("sample", 5)


def test_split_depends_on_the_seed_alone():
    digits = numbered(1000)
    first, again, other = (split_digits("sample", digits, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.images, again.train.images)
    np.testing.assert_array_equal(first.test_index, again.test_index)
    assert set(first.test_index) != set(other.test_index)


def test_split_of_the_shipped_runs():
    """The shipped runs' test images are these; another deal would make their scores untrue."""
    digits = Digits(np.zeros((70000, 1, 1), np.uint8), np.zeros(70000, np.uint8))
    split = split_digits("mnist", digits, seed=1)
    assert split.test_index[:5].tolist() == [61105, 59212, 52779, 3066, 47944]
    assert hashlib.sha256(split.test_index.tobytes()).hexdigest()[:16] == "ca2a2a9e58537887"


def test_unknown_data_set():
    with pytest.raises(DataError, match='no data set "fashion"; choose "mnist" or "handwriting"'):
        load_digits("fashion")


# The real MNIST


def test_mnist_is_what_keras_loads(mnist_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_MNIST", str(mnist_path))
    digits = load_digits("mnist")
    assert digits.images.shape == (70000, 28, 28)
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert digits.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert digits.labels[60000:60005].tolist() == [7, 2, 1, 0, 4]
    counts = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    assert np.bincount(digits.labels).tolist() == counts


def test_mnist_is_downloaded(mnist_path, serve):
    content = mnist_path.read_bytes()
    serve(content)
    seen: list[tuple[int, int]] = []
    digits = mnist.load_mnist(lambda done, total: seen.append((done, total)))
    assert digits.images.shape == (70000, 28, 28)
    assert seen[-1] == (len(content), len(content))
    assert cache_content() == {"mnist.npz": content}


@pytest.mark.parametrize("keep", [0.999, 0.5])
def test_truncated_mnist_is_not_taken(keep, mnist_path, serve):
    content = mnist_path.read_bytes()
    serve(content[: int(keep * len(content))])
    with pytest.raises(DataError, match="cannot be read"):
        mnist.load_mnist()
    assert cache_content() == {}
