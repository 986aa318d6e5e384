"""How much chance changes a network: python -m benchmarks.seeds NAME

Of the finished runs of one experiment that differ in nothing but the seed: what each reads rightly
of its validation digits, of the report's test digits and, where it has not learnt from it, of
MNIST's official test, and the mean and range over them. And the seed that is to ship: of those that
read most validation digits rightly, the one of the lowest validation loss.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.record import write_record
from digitnet.runs import Run, RunStore

RECORD = Path(__file__).with_name("seeds.json")
MEASURES = ("validation", "test", "official_test")


def main(arguments: list[str] | None = None) -> int:
    """Prints and records the figures of each seed; exit status 1 if there are fewer than two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="an experiment whose runs are in the store")
    options = parser.parse_args(arguments)
    runs = [run for run in RunStore.default().finished(options.name) if not run.is_shipped]
    few = len({run.request.settings.seed for run in runs}) < 2
    if few or len({settings_of(run) for run in runs}) > 1:
        print("It takes two runs or more that differ in nothing but the seed.", file=sys.stderr)
        return 1
    seeds = {run.request.settings.seed: measure(run) for run in reversed(runs)}
    summary = {
        name: summarize([one[name] for one in seeds.values()])
        for name in MEASURES
        if all(name in one for one in seeds.values())
    }
    for name, found in summary.items():
        print(f"{name:<14} mean {found['mean']:.4f}  {found['low']:.4f} to {found['high']:.4f}")
    chosen = max(seeds, key=lambda one: (seeds[one]["validation"], -seeds[one]["validation_loss"]))
    equal = sum(one["validation"] == seeds[chosen]["validation"] for one in seeds.values())
    figures = {"network": options.name, "seeds": seeds, "summary": summary, "chosen": chosen}
    write_record(RECORD, figures | {"equal_on_validation": equal})
    return 0


def measure(run: Run) -> dict[str, Any]:
    """Shares that a run reads rightly, and the hash of what it serves."""
    kept = run.result["best_epoch"] - 1
    official = run.result.get("official_test")  # of those that did not learn from it
    return {
        "served_sha256": run.result["served_sha256"],
        "validation": float(run.history()["val_accuracy"][kept]),
        "validation_loss": float(run.history()["val_loss"][kept]),
        "test": run.result["scores"]["accuracy"],
        **({"official_test": official["accuracy"]} if official else {}),
    }


def settings_of(run: Run) -> tuple[tuple[str, Any], ...]:
    """How a run was trained, but for its seed."""
    return tuple((asdict(run.request.settings) | {"seed": 0}).items())


def summarize(shares: list[float]) -> dict[str, float]:
    """The mean of shares and their range."""
    return {"mean": statistics.mean(shares), "low": min(shares), "high": max(shares)}


if __name__ == "__main__":
    sys.exit(main())
