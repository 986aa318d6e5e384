"""Training speed against the report's own way, both measured alternately in one run.

Each experiment is timed in processes of its own, stock and digitnet in turns, on the same images;
a first pass that compiles is not counted. `--side-by-side` instead trains the twelve light
experiments for an epoch each, two at a time with one thread each, against the stock way one
after another, imports and compilation included.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

from digitnet import costs
from digitnet.experiments import EXPERIMENTS, Experiment, find_experiment

HEAVY = ("fc_large", "fc_wide", "cnn_long", "cnn_max")
LIGHT = tuple(one.name for one in EXPERIMENTS if one.name not in HEAVY)
LEAST_LIGHT_MEAN, LEAST_HEAVY, LEAST_SIDE_BY_SIDE = 1.3, 1.25, 1.6
ROUNDS = 3
BATCH = 128
MULTIPLY_ADDS_A_PASS = 900_000_000  # sets how many steps are timed: 4 of fc_large, 438 at most


def main(arguments: list[str] | None = None) -> int:
    """Prints seconds an epoch and their ratio; exit status 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--stock-light", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--side-by-side", action="store_true")
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(_time_passes(find_experiment(options.names[0]), options.child)))
        return 0
    if options.stock_light:
        _train_stock_light()
        return 0
    if options.side_by_side:
        return _side_by_side()
    return _compare(options.names or [one.name for one in EXPERIMENTS])


def _compare(names: list[str]) -> int:
    ratios: dict[str, float] = {}
    print(f"{'experiment':<11} {'stock s/epoch':>14} {'digitnet':>9} {'ratio':>6}")
    for name in names:
        stock, ours = _measure(name)
        ratios[name] = stock / ours
        print(f"{name:<11} {stock:>14.1f} {ours:>9.1f} {ratios[name]:>6.2f}", flush=True)
    light = [ratio for name, ratio in ratios.items() if name in LIGHT]
    mean = math.exp(statistics.fmean(map(math.log, light))) if light else math.inf
    if light:
        print(f"geometric mean of the light ones: {mean:.2f} (bar {LEAST_LIGHT_MEAN})")
    missed = [name for name, ratio in ratios.items() if ratio < 1]
    missed += [name for name in HEAVY if ratios.get(name, math.inf) < LEAST_HEAVY]
    missed += ["the light ones together"] if mean < LEAST_LIGHT_MEAN else []
    print(f"missed: {', '.join(missed)}" if missed else "all bars met")
    return 1 if missed else 0


def _measure(name: str) -> tuple[float, float]:
    """Median seconds an epoch, stock and digitnet, taken in turns."""
    seconds: dict[str, list[float]] = {"stock": [], "digitnet": []}
    for _ in range(ROUNDS):
        for way, found in seconds.items():
            found.append(_run_child(name, way))
    return statistics.median(seconds["stock"]), statistics.median(seconds["digitnet"])


def _run_child(name: str, way: str) -> float:
    command = [sys.executable, "-m", "benchmarks.training", name, "--child", way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _time_passes(experiment: Experiment, way: str) -> float:
    """Seconds an epoch of 439 steps, from a pass over as many steps as are affordable."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    steps = MULTIPLY_ADDS_A_PASS // costs.multiply_adds(experiment)
    run_pass = _make_pass(experiment, way, max(4, min(steps, 438)) * BATCH)
    run_pass()
    begin = time.perf_counter()
    run_pass()
    seconds = time.perf_counter() - begin
    return seconds * 439 / max(4, min(steps, 438))


def _make_pass(experiment: Experiment, way: str, images: int):
    import numpy as np

    from benchmarks.stock import build_stock, stock_arrays
    from digitnet.data import Digits, load_digits, split_digits
    from digitnet.pipeline import build_for_training
    from digitnet.runs import Request
    from digitnet.training import make_batches

    train = split_digits("mnist", load_digits("mnist"), 1).train
    part = Digits(train.images[:images], train.labels[:images])
    if way == "stock":
        model, (pixels, labels) = build_stock(experiment), stock_arrays(part)
        return lambda: model.fit(pixels, labels, batch_size=BATCH, epochs=1, verbose=0)
    model = build_for_training(experiment, Request(experiment.name, experiment.settings))
    order = np.random.default_rng(1).permutation(images)
    return lambda: model.fit(make_batches(part, BATCH, order), shuffle=False, verbose=0)


def _side_by_side() -> int:
    """The twelve light experiments, one epoch each: two workers against one after another."""
    stock = [sys.executable, "-m", "benchmarks.training", "--stock-light"]
    ours = [sys.executable, "-m", "digitnet", "train", *LIGHT, "--epochs", "1", "--workers", "2"]
    with tempfile.TemporaryDirectory() as runs:
        seconds = [
            _time_command(command, {**os.environ, "DIGITNET_RUNS": runs})
            for command in (stock, ours)
        ]
    ratio = seconds[0] / seconds[1]
    print(
        f"twelve light experiments, an epoch each: stock {seconds[0]:.0f} s, "
        f"--workers 2 {seconds[1]:.0f} s: {ratio:.2f} times sooner (bar {LEAST_SIDE_BY_SIDE})"
    )
    return 0 if ratio >= LEAST_SIDE_BY_SIDE else 1


def _time_command(command: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - begin


def _train_stock_light() -> None:
    from benchmarks.stock import build_stock, stock_arrays
    from digitnet.data import load_digits, split_digits

    split = split_digits("mnist", load_digits("mnist"), 1)
    train, validation, test = map(stock_arrays, (split.train, split.validation, split.test))
    for name in LIGHT:
        model = build_stock(find_experiment(name))
        model.fit(*train, batch_size=BATCH, epochs=1, validation_data=validation, verbose=0)
        model.evaluate(*test, verbose=0)
        model.predict(test[0], verbose=0)


if __name__ == "__main__":
    sys.exit(main())
