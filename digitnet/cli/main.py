"""Every command, and how it is called and ends."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from digitnet.cli.ends import FAILED, INTERRUPTED, OK, USAGE, CommandError
from digitnet.cli.reading import add_evaluate, add_predict
from digitnet.cli.training import add_teach, add_train, add_work
from digitnet.digits.handwriting import pack_files, read_uji, read_unipen, strokes_folder
from digitnet.errors import DigitnetError
from digitnet.native_logs import hidden_native_logs
from digitnet.runs import Run, RunError, RunStore, publish, write_atomically
from digitnet.serving import make_current
from digitnet.study import calibration, files, fitting, maps, readme, results

COLLECTIONS = {"unipen": read_unipen, "uji": read_uji}
FAULTS_SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, 1 (failed), 2 (bad usage), 130 (Ctrl-C)."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be no text
    try:
        status = options.command(options)
        sys.stdout.flush()
        return status
    except DigitnetError as error:
        print(f"digitnet: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _drop_output()
        return OK
    except OSError as error:
        _drop_output()
        place = error.filename or "the output"
        print(f"digitnet: {place} cannot be used: {error.strerror or error}", file=sys.stderr)
        return FAILED


def _drop_output() -> None:
    """Has what is still to be printed go nowhere; Python would else fail over it as it ends."""
    with contextlib.suppress(OSError):  # where standard output is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m digitnet", description="Train, compare and use the report's networks."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_list(commands.add_parser("list", help="every experiment with its current run"))
    _add_use(commands.add_parser("use", help="have another run of a network read from now on"))
    add_train(commands.add_parser("train", help="train experiments; resumes what was interrupted"))
    add_teach(commands.add_parser("teach", help="teach reader one's own hand"))
    add_work(commands.add_parser("work", help="train what waits in the app's queue"))
    add_predict(commands.add_parser("predict", help="read digits in images or drawings"))
    add_evaluate(commands.add_parser("evaluate", help="score networks on labelled drawings"))
    _add_strokes(commands.add_parser("strokes", help="make the drawings that reader learns from"))
    calibrate = commands.add_parser("calibrate", help="fit how sure networks are said to be")
    _add_for_runs(calibrate, _calibrate)
    fit = commands.add_parser("fit", help="count what networks read of what they learnt from")
    _add_for_runs(fit, _fit)
    alike = commands.add_parser("map", help="store what networks find alike, for the Inside page")
    _add_for_runs(alike, _map)
    _add_publish(commands.add_parser("publish", help="copy current runs to the shipped ones"))
    _add_results(commands.add_parser("results", help="write the README's tables of results"))
    return parser


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.set_defaults(command=_list)


def _list(options: argparse.Namespace) -> int:
    rows = results.summarize(RunStore.default())
    print(json.dumps(rows, indent=1) if options.json else results.format_list(rows))
    return OK


def _add_use(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help='such as "cnn/shipped", the way back')
    parser.set_defaults(command=_use)


def _use(options: argparse.Namespace) -> int:
    store, run_id = RunStore.default(), options.run
    runs = [run.id for run in store.finished(run_id.partition("/")[0])]
    if run_id not in runs:
        known = ", ".join(runs) or "none"
        raise RunError(f"there is no run {run_id!r}; of this network there are: {known}")
    with hidden_native_logs():
        make_current(store, run_id)
    print(f"{run_id} reads from now on")
    return OK


def _add_strokes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collection", choices=COLLECTIONS, help="which one")
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="UNIPEN's unpacked folder, or UJI's ujipenchars2.txt",
    )
    parser.set_defaults(command=_strokes)


def _strokes(options: argparse.Namespace) -> int:
    """Makes a collection's files in DIGITNET_STROKES; tells what of it was left out."""
    folder = strokes_folder()
    conversion = COLLECTIONS[options.collection](options.source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in pack_files(conversion).items():
            write_atomically(folder / name, content)
            print(f"{folder / name}: {len(conversion.files[name]):,} drawings", flush=True)
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error.strerror}") from None
    _tell_faults(conversion.faults)
    return OK


def _tell_faults(faults: list[str]) -> None:
    for fault in faults[:FAULTS_SHOWN]:
        print(fault, file=sys.stderr)
    if len(faults) > FAULTS_SHOWN:
        print(f"... and {len(faults) - FAULTS_SHOWN:,} more", file=sys.stderr)


def _add_for_runs(
    parser: argparse.ArgumentParser, renew: Callable[[list[Run]], Iterable[str]]
) -> None:
    """A command that renews what is kept beside current runs, and tells a line of each."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all by default")
    parser.set_defaults(command=partial(_renew, renew))


def _renew(renew: Callable[[list[Run]], Iterable[str]], options: argparse.Namespace) -> int:
    with hidden_native_logs():
        for line in renew(files.choose_runs(RunStore.default(), options.names)):
            print(line, flush=True)
    return OK


def _calibrate(runs: list[Run]) -> Iterable[str]:
    for run, found in calibration.calibrate_runs(runs):
        yield calibration.format_calibration(run, found)


def _fit(runs: list[Run]) -> Iterable[str]:
    for run, found in fitting.fit_runs(runs):
        yield fitting.format_fit(run, found)
    for run in runs:
        if not fitting.has_training_images(run):
            yield f"{run.experiment.name:<11} learnt from ever new images: none to be counted on"


def _map(runs: list[Run]) -> Iterable[str]:
    for run, size in maps.map_runs(runs):
        yield f"{run.experiment.name:<11} {size / 1e3:.0f} kB  {run.id}"


def _add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="experiments to ship")
    parser.set_defaults(command=_publish)


def _publish(options: argparse.Namespace) -> int:
    for name in options.names:
        print(publish(RunStore.default(), name))
    return OK


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_results)


def _results(options: argparse.Namespace) -> int:
    print(readme.write_readme(RunStore.default()))
    return OK
