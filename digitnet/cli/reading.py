"""The commands that read drawings: predict, evaluate."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from digitnet.cli.ends import FAILED, OK, CommandError
from digitnet.native_logs import hidden_native_logs
from digitnet.runs import RunStore
from digitnet.show.words import format_share, number_in_words
from digitnet.study import files


def add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="image or .jsonl")
    parser.add_argument("--model", metavar="NAME", help='one, or "all"; by default the reader')
    parser.add_argument("--json", action="store_true", help="a JSON line for each drawing")
    parser.add_argument("--number", action="store_true", help="there may be several digits in each")
    parser.set_defaults(command=_predict)


def _predict(options: argparse.Namespace) -> int:
    failures = refusals = answers = 0
    with hidden_native_logs():
        store = RunStore.default()
        for answer in files.predict_files(store, options.files, options.model, options.number):
            answers += 1
            failures += "error" in answer
            refusals += answer.get("is_digit") is False
            print(json.dumps(answer) if options.json else format_answer(answer))
    if refusals and not options.number and not options.json:
        print("What is not a digit may be several: --number reads those.", file=sys.stderr)
    if not answers:
        raise CommandError("there is no drawing in these files")
    return FAILED if failures else OK


def format_answer(answer: dict[str, Any]) -> str:
    """One line of text for a reader at a terminal."""
    place = f"{answer['file']}[{answer['index']}]"
    if "error" in answer:
        return f"{place}: {answer['error']}"
    readings = [
        f"{name} {one['digit']} ({format_share(max(one['probabilities']))})"
        for name, one in answer["predictions"].items()
    ]
    verdict = ["not a digit"] if answer["is_digit"] is False else []
    if len(answer.get("number", "")) > 1 or ("number" in answer and not verdict):
        verdict = [f"number {answer['number']}"]
        if marks := answer["marks"]:
            verdict[0] += f" ({number_in_words(marks)} mark{'s' * (marks > 1)} left out)"
    return f"{place}: " + "  ".join(verdict + readings)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks; all by default")
    parser.add_argument(
        "--drawings", type=Path, required=True, metavar="FILE", help="labelled .jsonl or .jsonl.gz"
    )
    parser.set_defaults(command=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    with hidden_native_logs():
        print(files.evaluate_drawings(RunStore.default(), options.drawings, options.names))
    return OK
