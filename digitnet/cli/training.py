"""The commands that train: train, teach, work."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from digitnet import jobs
from digitnet.cli.ends import FAILED, INTERRUPTED, OK, USAGE, CommandError
from digitnet.digits import is_here, read_labelled
from digitnet.experiments import (
    DATASETS,
    REPORT_EXPERIMENTS,
    Experiment,
    NetworkError,
    SettingsError,
    TrainingSettings,
    parse_layers,
)
from digitnet.native_logs import hidden_native_logs
from digitnet.runs import (
    NO_FILES,
    Request,
    Run,
    RunStore,
    Training,
    TrainingBusyError,
    add_network,
)
from digitnet.show.teaching import describe_outcome

POLL_SECONDS = 0.1


def add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to train")
    parser.add_argument("--all", action="store_true", help="all sixteen")
    parser.add_argument("--run", metavar="ID", help="this training, with the settings it has")
    layers = 'of a new network of your own: "conv 32, max 2/2, flatten, dense 64"'
    parser.add_argument("--layers", metavar="TEXT", help=layers)
    parser.add_argument("--dataset", choices=DATASETS, help="what is learnt; by default its own")
    parser.add_argument("--epochs", type=int, help="at most (the report: 100; reader: 30)")
    parser.add_argument("--learning-rate", type=float, help="by default its own")
    parser.add_argument("--batch-size", type=int, help="images a step (the report: 128)")
    parser.add_argument("--patience", type=int, help="epochs without a better one (the report: 3)")
    parser.add_argument("--seed", type=int, help="of the weights and the order of images")
    parser.add_argument("--workers", type=int, default=1, help="trainings side by side")
    parser.set_defaults(command=_train)


def _train(options: argparse.Namespace) -> int:
    if not 1 <= options.workers <= 64:
        raise SettingsError(f"workers must be a whole number from 1 to 64: {options.workers}")
    _prepare_to_train()
    if options.run:
        return _train_one(_find_training(options))
    requests = _requests(options)
    if options.workers == 1 or len(requests) == 1:
        return _train_in_turn(requests)
    return max(_train_side_by_side(requests, options.workers), default=OK)


def _prepare_to_train() -> None:
    if not (find_spec("tensorflow") and find_spec("keras")):
        raise CommandError("training needs TensorFlow: pip install -r requirements.txt")
    RunStore.default().require_writable()
    signal.signal(signal.SIGTERM, _interrupt)


def _find_training(options: argparse.Namespace) -> Training:
    """The training that `--run` names, which says by itself what it is to do."""
    if options.names or options.all or options.layers is not None or _said_settings(options):
        raise CommandError("--run names a training with its settings; leave out all others")
    training = RunStore.default().find_training(options.run)
    training.check()
    return training


def _begin(request: Request, files: Mapping[str, bytes] = NO_FILES) -> Training:
    """The training to continue for a request, or a new one with these files."""
    try:
        return RunStore.default().begin(request, files)
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"{request.experiment} cannot be begun: {reason}") from None


def _train_in_turn(requests: list[Request]) -> int:
    """Trains one after another; what stops one stops all, what fails leaves the others."""
    worst = OK
    _load_trainer()
    for request in requests:
        worst = max(worst, _train_one(_begin(request)))
        if worst == INTERRUPTED:
            break
    return worst


def _requests(options: argparse.Namespace) -> list[Request]:
    """The report's settings for each chosen experiment, changed where the user said so."""
    said = _said_settings(options)
    TrainingSettings(**said)  # first, so that no network is kept for settings that are refused
    requests = [Request(one.name, replace(one.settings, **said)) for one in _chosen(options)]
    for dataset in {request.settings.dataset for request in requests}:
        is_here(dataset)  # says what is missing before anything is begun
    return requests


def _chosen(options: argparse.Namespace) -> list[Experiment]:
    store = RunStore.default()
    if options.all and options.names:
        raise SettingsError("say --all, or name the experiments to train, not both")
    if options.layers is not None:
        if not options.names:
            raise SettingsError("--layers needs a name for the new network")
        return [_add_network(store, options.names, options.layers)]
    if options.all:
        return list(REPORT_EXPERIMENTS)
    if not options.names:
        raise SettingsError("name the experiments to train, or say --all")
    return [store.find_experiment(name) for name in dict.fromkeys(options.names)]


def _add_network(store: RunStore, names: list[str], layers: str) -> Experiment:
    """Keeps a network of the user's own, and tells if it is under another name."""
    if len(names) != 1:
        raise NetworkError("--layers makes one network: give one name")
    network = add_network(store.local, names[0], parse_layers(layers))
    if network.name != names[0]:
        print(f"{names[0]} is taken by other layers, so this is kept as {network.name}", flush=True)
    return network


def _said_settings(options: argparse.Namespace) -> dict[str, Any]:
    names = [one.name for one in fields(TrainingSettings)]
    said = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in said.items() if value is not None}


def _train_side_by_side(requests: list[Request], workers: int) -> list[int]:
    """Trains in processes that share the cores, each a command of its own; returns their ends."""
    workers = min(workers, len(requests))
    threads = max(1, (os.cpu_count() or 1) // workers)
    environment = {"DIGITNET_THREADS": str(threads), **os.environ}
    waiting, codes = list(requests), []
    running: list[subprocess.Popen[bytes]] = []
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                run_id = _begin(waiting.pop(0)).id
                command = [sys.executable, "-m", "digitnet", "train", "--run", run_id]
                # In a session of its own it is stopped by us alone, not by the terminal as well.
                running.append(subprocess.Popen(command, env=environment, start_new_session=True))
            time.sleep(POLL_SECONDS)
            codes += [process.returncode for process in running if process.poll() is not None]
            running = [process for process in running if process.returncode is None]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    return [code if code >= 0 else FAILED for code in codes]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _load_trainer() -> Callable[..., Run]:
    """What trains; takes some seconds, in which no folder should wait that nobody trains in yet."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are raised, too
    with hidden_native_logs():
        from digitnet.training.pipeline import run_training
    return run_training


def _train_one(training: Training) -> int:
    """Trains; returns an exit status, having said what went wrong."""
    with hidden_native_logs():
        try:
            with jobs.heeding_stops(training):
                run = _load_trainer()(training, RunStore.default(), _say)
        except KeyboardInterrupt:
            if not training.is_locked():  # before it has begun, it would still be waiting
                jobs.mark_stopped(training)
            print(
                f"{training.experiment.name}: stopped; "
                f"python -m digitnet train --run {training.id} resumes it",
                file=sys.stderr,
            )
            return INTERRUPTED
        except TrainingBusyError as error:
            print(f"digitnet: {error}", file=sys.stderr)
            return USAGE
        except Exception as error:
            why = training.status.message or error  # which may have no words, or many lines
            print(
                f"digitnet: {training.experiment.name} failed: {why}; what it has is kept: "
                f"python -m digitnet train --run {training.id} goes on with it",
                file=sys.stderr,
            )
            return FAILED
    _tell_end(run)
    return OK


def _say(line: str) -> None:
    """Prints a line; a training does not end because nobody reads what it prints."""
    with suppress(OSError):
        print(line, flush=True)


def _tell_end(run: Run) -> None:
    """Says what a finished training has come to."""
    if outcome := run.outcome:
        _say(f"{run.id}: {describe_outcome(outcome)}")
        return
    scores = run.result["scores"]
    low, high = scores["accuracy_interval"]
    _say(
        f"{run.experiment.name}: test accuracy {scores['accuracy']:.4f} ({low:.4f} to {high:.4f}), "
        f"epoch {run.result['best_epoch']} of {run.result['epochs']} kept; {run.id} is current"
    )


def add_teach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="labelled .jsonl or .jsonl.gz")
    parser.set_defaults(command=_teach)


def _teach(options: argparse.Namespace) -> int:
    """Teaches the reader one person's drawings; serves what came of it if it is better."""
    _prepare_to_train()
    labelled, left_out = read_labelled(options.file)
    if left_out:
        counted = "1 line is" if left_out == 1 else f"{left_out:,} lines are"
        print(f"{counted} left out: no drawing, no label, or there before", file=sys.stderr)
    request, files = jobs.ask_to_teach(RunStore.default(), labelled)
    return _train_one(_begin(request, files))


def add_work(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_work)


def _work(options: argparse.Namespace) -> int:
    store = RunStore.default()
    store.require_writable()
    jobs.work(store)
    return OK
