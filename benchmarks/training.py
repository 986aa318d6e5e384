"""Training speed against the report's own way, both measured alternately in one run.

Each experiment has a process of its own, in which stock and digitnet train in turns on the same
images; a first pass of each, which compiles, is not counted, nor is the trial that digitnet begins
with, which is recorded. Then the twelve light experiments
are trained side by side, `--workers 2`, against the stock way one after another, with imports,
compilation, testing and export included.
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
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.record import write_record
from digitnet.digits import Digits, load_digits, split_digits
from digitnet.experiments import REPORT_EXPERIMENTS, Experiment, find_experiment

HEAVY = ("fc_large", "fc_wide", "cnn_long", "cnn_max")
LIGHT = tuple(one.name for one in REPORT_EXPERIMENTS if one.name not in HEAVY)
LEAST_LIGHT_MEAN, LEAST_HEAVY, LEAST_SIDE_BY_SIDE = 1.4, 1.25, 1.6
ROUNDS = 3
BATCH = 128
STEPS_AN_EPOCH = 439
LEAST_STEPS = 4
MULTIPLY_ADDS_A_PASS = 450_000_000  # of one image: sets how many steps are timed
SIDE_BY_SIDE_EPOCHS = 2
RECORD = Path(__file__).with_name("training.json")


def main(arguments: list[str] | None = None) -> int:
    """Prints seconds an epoch and their ratio; exit status 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="experiments; all by default")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--stock-light", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(time_in_turns(find_experiment(options.names[0]))))
        return 0
    if options.stock_light:
        train_stock_light()
        return 0
    missed = compare(options.names or [one.name for one in REPORT_EXPERIMENTS])
    if not options.names:
        missed += compare_side_by_side()
    print(f"missed: {', '.join(missed)}" if missed else "all bars met")
    return 1 if missed else 0


def compare(names: list[str]) -> list[str]:
    """Prints and records each experiment's seconds an epoch; returns the bars that it missed."""
    seconds: dict[str, dict[str, float]] = {}
    trials: dict[str, dict[str, Any]] = {}
    print(f"{'experiment':<11} {'stock s/epoch':>14} {'digitnet':>9} {'ratio':>6}  precision")
    for name in names:
        child = _run_child(name)
        found = seconds[name] = child["seconds"]
        trials[name] = child["trial"]
        ratio = found["stock"] / found["digitnet"]
        print(
            f"{name:<11} {found['stock']:>14.1f} {found['digitnet']:>9.1f} {ratio:>6.2f}"
            f"  {trials[name]['precision']}",
            flush=True,
        )
    if len(names) == len(REPORT_EXPERIMENTS):
        write_record(RECORD, {"seconds_per_epoch": seconds, "trials": trials})
    return _missed({name: one["stock"] / one["digitnet"] for name, one in seconds.items()})


def _missed(ratios: dict[str, float]) -> list[str]:
    missed = [name for name, ratio in ratios.items() if ratio < 1]
    missed += [name for name in HEAVY if ratios.get(name, math.inf) < LEAST_HEAVY]
    light = [ratio for name, ratio in ratios.items() if name in LIGHT]
    if light:
        mean = statistics.geometric_mean(light)
        print(f"geometric mean of {len(light)} light ones: {mean:.2f} (bar {LEAST_LIGHT_MEAN})")
        missed += ["the light ones together"] if mean < LEAST_LIGHT_MEAN else []
    return missed


def _run_child(name: str) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.training", name, "--child"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def time_in_turns(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Median seconds an epoch of the stock way and of digitnet's, taken in turns, and the trial."""
    trial = _make_trial(experiment)
    affordable = MULTIPLY_ADDS_A_PASS // experiment.multiply_adds
    steps = max(LEAST_STEPS, min(affordable, STEPS_AN_EPOCH - 1))
    images = steps * BATCH
    passes = {
        "stock": _make_stock_pass(experiment, images),
        "digitnet": _make_pass(experiment, images, trial["precision"]),
    }
    seconds: dict[str, list[float]] = {way: [] for way in passes}
    for _ in range(1 + ROUNDS):
        for way, run_pass in passes.items():
            begin = time.perf_counter()
            run_pass()
            seconds[way].append((time.perf_counter() - begin) * STEPS_AN_EPOCH / steps)
    medians = {way: statistics.median(found[1:]) for way, found in seconds.items()}
    return {"seconds": medians, "trial": trial}


def _make_trial(experiment: Experiment) -> dict[str, Any]:
    """The trial that a training on all images begins with."""
    from digitnet.training.precision import choose_precision

    with tempfile.TemporaryDirectory() as folder:
        images = STEPS_AN_EPOCH * BATCH
        return asdict(choose_precision(experiment, experiment.settings, images, Path(folder)))


def _make_stock_pass(experiment: Experiment, images: int) -> Callable[[], object]:
    from benchmarks.stock import build_stock, stock_arrays

    model, (pixels, labels) = build_stock(experiment), stock_arrays(_first(images))
    return lambda: model.fit(pixels, labels, batch_size=BATCH, epochs=1, verbose=0)


def _make_pass(experiment: Experiment, images: int, precision: str) -> Callable[[], object]:
    from digitnet.digits import Shuffled
    from digitnet.training.loop import make_batches
    from digitnet.training.pipeline import build_for_training

    model = build_for_training(experiment, experiment.settings, images, precision)
    lessons = Shuffled(_first(images), seed=1)
    return lambda: model.fit(make_batches(lessons.make_epoch(0), BATCH), shuffle=False, verbose=0)


def _first(images: int) -> Digits:
    """The first of MNIST's training images."""
    train = split_digits("mnist", load_digits("mnist")).train
    return Digits(train.images[:images], train.labels[:images])


def compare_side_by_side() -> list[str]:
    """The twelve light experiments: two workers against the stock way one after another."""
    stock = [sys.executable, "-m", "benchmarks.training", "--stock-light"]
    ours = [sys.executable, "-m", "digitnet", "train", *LIGHT, "--workers", "2"]
    ours += ["--epochs", str(SIDE_BY_SIDE_EPOCHS)]
    with tempfile.TemporaryDirectory() as runs:
        environment = os.environ | {"DIGITNET_RUNS": runs}
        stock_seconds, seconds = (_time_command(one, environment) for one in (stock, ours))
    ratio = stock_seconds / seconds
    print(
        f"twelve light experiments, {SIDE_BY_SIDE_EPOCHS} epochs each: "
        f"stock {stock_seconds:.0f} s, --workers 2 {seconds:.0f} s: "
        f"{ratio:.2f} times sooner (bar {LEAST_SIDE_BY_SIDE})"
    )
    return [] if ratio >= LEAST_SIDE_BY_SIDE else ["--workers 2"]


def _time_command(command: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - begin


def train_stock_light() -> None:
    """The twelve light experiments one after another, as the report trains and tests."""
    from benchmarks.stock import build_stock, stock_arrays

    split = split_digits("mnist", load_digits("mnist"))
    train, validation, test = map(stock_arrays, (split.train, split.validation, split.test))
    options = {"batch_size": BATCH, "epochs": SIDE_BY_SIDE_EPOCHS, "verbose": 0}
    for name in LIGHT:
        model = build_stock(find_experiment(name))
        model.fit(*train, validation_data=validation, **options)
        model.evaluate(*test, verbose=0)
        model.predict(test[0], verbose=0)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main())
