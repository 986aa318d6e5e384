"""Latency of one image: LiteRT beside Keras' `model.predict` and `model(x)`, in one run.

Keras' figures are of `cnn`; LiteRT's of every network by itself, and of all together as the app's
server asks them.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.record import write_record
from digitnet.digits import load_sample
from digitnet.runs import RunStore
from digitnet.serving import ModelServer, load_network
from digitnet.study.files import choose_runs

MOST = {"cnn": 0.2, "reader": 0.5}  # milliseconds
MOST_ALL = 25.0
RECORD = Path(__file__).with_name("inference.json")
REPEATS = 200


def main() -> int:
    """Prints milliseconds for one image; exit status 1 if a bar is missed."""
    store = RunStore.default().only_shipped()
    server, runs = ModelServer(), choose_runs(store, [])
    image = load_sample().images[:1]
    milliseconds = {
        run.experiment.name: _time(partial(load_network(run).predict, image)) for run in runs
    }
    together = _time(lambda: server.read_all(runs, image))
    for name, found in milliseconds.items():
        print(f"{name:<11} {found:>8.3f} ms" + (f" (bar {MOST[name]})" if name in MOST else ""))
    print(f"all {len(runs)} together {together:>8.3f} ms (bar {MOST_ALL})")
    predict, call = _time_keras(store.shipped / "cnn" / "trained.keras", image)
    print(
        f"cnn: model.predict {predict:.1f} ms, model(x) {call:.1f} ms, "
        f"LiteRT {milliseconds['cnn']:.3f} ms: "
        f"{predict / milliseconds['cnn']:.0f} and {call / milliseconds['cnn']:.0f} times sooner"
    )
    served = {run.experiment.name: run.result["served_sha256"] for run in runs}
    record = {"milliseconds": milliseconds, "all_milliseconds": together, "served_sha256": served}
    write_record(RECORD, record)
    is_missed = together > MOST_ALL or any(milliseconds[name] > most for name, most in MOST.items())
    return int(is_missed)


def _time(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median milliseconds of a call, after one that warms up."""
    call()
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds) * 1000


def _time_keras(path: Path, image: np.ndarray) -> tuple[float, float]:
    """Median milliseconds of `model.predict` and of `model(x)`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    model = keras.models.load_model(path)
    pixels = image[..., np.newaxis] / np.float32(255)
    predict = _time(lambda: model.predict(pixels, verbose=0), 50)
    return predict, _time(lambda: model(pixels, training=False), 50)


if __name__ == "__main__":
    sys.exit(main())
