"""The results of all experiments beside the report's: for the terminal, as JSON, for the README."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from digitnet.errors import DigitnetError
from digitnet.experiments import DATASETS, REPORT_EXPERIMENTS, find_experiment, pixel_features
from digitnet.places import home
from digitnet.report import load_report_scores
from digitnet.runs import RunStore
from digitnet.serving import load_drawings, load_measured
from digitnet.study.handwriting import (
    OFFICIAL,
    PENDIGITS,
    UJI,
    UNIPEN,
    Answered,
    DrawnScore,
    describe_gains,
    describe_sets,
    find_answered,
    find_drawn,
    list_collections,
)
from digitnet.study.standings import Standing, load_standings
from digitnet.study.summaries import RunSummary, summarize_current

README = "README.md"
LEARNT_FROM = "learnt from"  # what a network has learnt from says nothing of it
NOT_MEASURED = "Not measured of this version yet: `python -m benchmarks.drawings FILE --set NAME`."


class ResultsError(DigitnetError):
    """The results cannot be written; the message is a sentence for the user."""


def summarize(store: RunStore) -> list[dict[str, Any]]:
    """Every experiment with its current run.

    Returns:
        In their order, dictionaries of name, group, parameters, report_accuracy (None if the
        report has no such experiment), run (id or None), problem (a sentence or None), dataset
        (which it learnt from), accuracy, accuracy_interval [low, high], epochs, best_epoch,
        seconds_per_epoch, served_bytes, served_sha256 and rank; None where there is no whole run.
    """
    return [_tabulate(standing) for standing in load_standings(store, {})]


def _tabulate(standing: Standing) -> dict[str, Any]:
    experiment, summary = standing.experiment, standing.summary
    figures = (
        *("accuracy", "epochs", "best_epoch", "seconds_per_epoch"),
        *("served_bytes", "served_sha256", "rank"),
    )
    return {
        "name": experiment.name,
        "group": experiment.group.name,
        "parameters": experiment.parameters,
        "report_accuracy": standing.report_accuracy,
        "run": summary and summary.run.id,
        "problem": summary and summary.problem,
        "dataset": summary and summary.settings and summary.settings.dataset,
        "accuracy_interval": summary and summary.interval and list(summary.interval),
        **{name: summary and getattr(summary, name) for name in figures},
    }


def format_list(rows: list[dict[str, Any]]) -> str:
    """The rows of `summarize` as a table for a terminal."""
    width = max(len(row["name"]) for row in rows) + 1
    lines = [
        f"{'experiment':<{width}} {'parameters':>11} {'report':>7} {'here':>7}  "
        f"{'95% interval':<15} {'epochs':>6} {'served':>9}  run"
    ]
    for row in rows:
        report = _figure(row["report_accuracy"], ".2%", missing="")
        begin = f"{row['name']:<{width}} {row['parameters']:>11,} {report:>7} "
        if row["accuracy"] is None:
            lines.append(begin + (row["problem"] or "not trained yet"))
            continue
        low, high = row["accuracy_interval"]
        lines.append(
            f"{begin}{row['accuracy']:>7.2%}  {low:.2%}-{high:.2%} {row['epochs']:>8} "
            f"{row['served_bytes'] / 1e6:>6.2f} MB  {row['run']}{_remark(row['dataset'])}"
        )
    return "\n".join(lines)


def _remark(dataset: str | None) -> str:
    """That a run's accuracy is not to be compared with the report's."""
    if dataset is None or DATASETS[dataset].judge == "mnist":
        return ""
    return f"  on the {DATASETS[dataset].title}"


def format_results(rows: list[dict[str, Any]]) -> str:
    """The README's table of results, the report's figures beside ours; and on what speed was
    measured.
    """
    seconds = load_measured("training").get("seconds_per_epoch", {})
    latencies = _load_latencies(rows)
    lines = [
        "| experiment | parameters | the report's accuracy | accuracy here (95% interval) | "
        "the report's epochs | epochs here (kept) | s an epoch, stock | s an epoch here | "
        "served | one image |",
        "| --- |" + " --: |" * 9,
    ]
    for row in rows:
        name, report = row["name"], load_report_scores(row["name"])
        if report is None:
            continue
        title = find_experiment(name).title
        begin = f"| {name}: {title} | {row['parameters']:,} | {row['report_accuracy']:.2%} | "
        if row["accuracy"] is None:
            lines.append(f"{begin}{row['problem'] or 'not trained yet'} |" + " |" * 6)
            continue
        low, high = row["accuracy_interval"]
        lines.append(
            f"{begin}**{row['accuracy']:.2%}** ({low:.2%} to {high:.2%}) | "
            f"{report['epochs']} | {row['epochs']} ({row['best_epoch']}) | "
            f"{_figure(seconds.get(name, {}).get('stock'), '.1f')} | "
            f"{_figure(seconds.get(name, {}).get('digitnet'), '.1f')} | "
            f"{row['served_bytes'] / 1e6:.2f} MB | {_figure(latencies.get(name), '.2f', ' ms')} |"
        )
    measured = {"seconds an epoch": "training", "the time of one image": "inference"}
    said = [f"{what} on {_describe_machine(record)}" for what, record in measured.items()]
    return "\n".join([*lines, "", f"Measured: {'; '.join(said)}."])


def _load_latencies(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The milliseconds of one image, of those networks that are served as they were timed."""
    record = load_measured("inference")
    served = {row["name"]: row["served_sha256"] for row in rows}
    timed = record.get("served_sha256", {})
    return {name: record["milliseconds"][name] for name in timed if timed[name] == served.get(name)}


def _describe_machine(record: str) -> str:
    """Where and when a record of speed was made."""
    if not (made := load_measured(record).get("provenance")):
        return "no machine yet"
    return f"{_name_machine(made)}, {made['date'][:10]}"


def _name_machine(provenance: dict[str, Any]) -> str:
    return f"{provenance['machine']} ({provenance['processor']})"


def format_folding(rows: list[dict[str, Any]]) -> str:
    """The README's table of what is left of the dense networks after folding."""
    lines = [
        "| experiment | values a pixel becomes | kept | trained, float32 | served | smaller |",
        "| --- |" + " --: |" * 5,
    ]
    for row in rows:
        if row["rank"] is None:
            continue
        features = pixel_features(find_experiment(row["name"]))
        trained = 4 * row["parameters"]
        lines.append(
            f"| {row['name']} | {features} | {row['rank']} | {trained / 1e6:,.1f} MB | "
            f"{row['served_bytes'] / 1e6:,.2f} MB | {trained / row['served_bytes']:.0f} times |"
        )
    return "\n".join(lines)


def format_drawings(served: Collection[str]) -> str:
    """The README's table of how drawings are read, by how they are brought to 28x28.

    Args:
        served: The hashes of the models that are told of; what was measured of others is not.
    """
    record = load_drawings()
    if not (names := _list_measured(record, served)):
        return NOT_MEASURED
    lines = [
        "| network | " + " | ".join(record["ways"].values()) + " |",
        "| --- |" + " --: |" * len(record["ways"]),
    ]
    for name in names:
        cells = " | ".join(f"{record['accuracy'][name][way]:.2%}" for way in record["ways"])
        lines.append(f"| {name} | {cells} |")
    lines += [
        "",
        f"{record['drawings']:,} drawings by {record['writers']} writers, {record['set']}.",
    ]
    return "\n".join(lines)


def _list_measured(record: Mapping[str, Any], served: Collection[str]) -> list[str]:
    """The networks in a record of drawings that are served as they were then."""
    counted = record.get("confidence", {})
    return [name for name, one in counted.items() if one["served_sha256"] in served]


def _load_measured_of(name: str, served: Collection[str]) -> dict[str, Any]:
    """A record of one network; empty where it is served no more."""
    record = load_measured(name)
    return record if record.get("served_sha256") in served else {}


def format_confidence(served: Collection[str]) -> str:
    """The README's table of how often drawings are read rightly, by how sure the network is.

    Args:
        served: As in `format_drawings`.
    """
    record = load_drawings()
    if not (names := _list_measured(record, served)):
        return NOT_MEASURED
    starts = [f"{100 * low:.10g}%" for low in record["classes_from"]]
    kinds = [f"{low} to {high}" for low, high in zip(starts, starts[1:], strict=False)]
    lines = [
        f"| network | {' | '.join(kinds)} | {starts[-1]} and more |",
        "| --- |" + " --: |" * len(starts),
    ]
    for name in names:
        counts = record["confidence"][name]
        pairs = zip(counts["right"], counts["drawings"], strict=True)
        cells = [
            f"{right / drawings:.1%} of {drawings:,}" if drawings else ""
            for right, drawings in pairs
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_handwriting(summaries: Sequence[RunSummary]) -> str:
    """The README's table of how real handwriting is read: what each network has not learnt from.

    Args:
        summaries: Of current runs.
    """
    measured = [(one, drawn) for one in summaries if (drawn := find_drawn(one))]
    if not measured:
        return "Not measured of this version yet: `python -m benchmarks.handwriting FILE`."
    lines = [
        "| network | MNIST's test | pen drawings (95% interval) | UNIPEN (95% interval) | "
        "its worst and best collection | UJI (95% interval) |",
        "| --- |" + " --: |" * 5,
    ]
    for one, drawn in measured:
        cells = [_drawn_cell(drawn.get(name)) for name in (PENDIGITS, UNIPEN, UJI)]
        parts = list_collections(drawn)
        ends = [f"{part.name} {part.accuracy:.1%}" for part in (*parts[:1], *parts[-1:])]
        cells.insert(2, ", ".join(ends) or LEARNT_FROM)
        lines.append(f"| {one.run.experiment.name} | {one.accuracy:.2%} | {' | '.join(cells)} |")
    notes = [describe_gains(summaries), f"Pen drawings: {describe_sets()}"]
    return "\n".join([*lines, *(f"\n{note}" for note in notes if note)])


def _drawn_cell(drawn: DrawnScore | None) -> str:
    if drawn is None:
        return LEARNT_FROM
    low, high = drawn.interval
    return f"{drawn.accuracy:.2%} ({low:.1%} to {high:.1%})"


def format_reader(summaries: Sequence[RunSummary]) -> str:
    """The README's sentences on the network for real handwriting: seeds, and what it refuses.

    Args:
        summaries: Of current runs.
    """
    judges = [one for one in summaries if one.run.experiment.refuses]
    refused = judges[0].run.calibration.refused if judges else ()
    answered = find_answered(judges[0]) if judges else {}
    served = [one.served_sha256 for one in judges if one.served_sha256]
    said = [_describe_seeds(served), _describe_answered(answered), _describe_refused(refused)]
    return "\n\n".join(said)


def _describe_seeds(served: Collection[str]) -> str:
    record = load_measured("seeds")
    seeds = record.get("seeds", {})
    if not any(one["served_sha256"] in served for one in seeds.values()):
        return "Not measured of this version yet: `python -m benchmarks.seeds reader`."
    test, official = record["summary"]["test"], record["summary"]["official_test"]
    equal = record["equal_on_validation"]
    tied = (
        f"{equal} of these seeds read equally many validation digits rightly, the most; the one "
        "of the lowest validation loss ships."
        if equal > 1
        else "The one that reads most validation digits rightly ships."
    )
    return (
        f"Trained with {len(seeds)} seeds, `{record['network']}` reads "
        f"{official['mean']:.2%} of MNIST's official test in the mean (lowest "
        f"{official['low']:.2%}, highest {official['high']:.2%}), and {test['mean']:.2%} of "
        f"MNIST's test digits of the table above (lowest {test['low']:.2%}, highest "
        f"{test['high']:.2%}). {tied}"
    )


def _describe_answered(answered: Mapping[str, Answered]) -> str:
    """What a network says of digits that it has not met where it may say that they are none."""
    if not answered:
        return "Not measured of this version yet: `python -m benchmarks.handwriting FILE`."
    titles = {OFFICIAL: "MNIST's official test digits", PENDIGITS: "the pen drawings"}
    said = [
        f"{one.refused / one.digits:.2%} of {titles[name]}, which leaves "
        f"{one.right / one.digits:.2%} read rightly"
        for name, one in answered.items()
    ]
    return (
        "Its accuracies are those of a network that must name one of ten digits, as all others "
        f'must. Where it may say "not a digit", as in the app, it refuses {", and ".join(said)}.'
    )


def _describe_refused(refused: Sequence[tuple[str, int, int]]) -> str:
    """What a network takes for no digit, of validation images that it has not learnt from."""
    if not refused:
        return "Not measured yet: `python -m digitnet calibrate reader`."
    titles = {
        "mnist": "MNIST's digits",
        "drawings": "drawn digits",
        "letters": "letters and signs",
        "scribbles": "made scribbles",
    }
    shares = [f"{one / size:.1%} of {size:,} {titles[kind]}" for kind, one, size in refused]
    return f"Of the validation images that this was tuned on it refuses {', '.join(shares)}."


def format_numbers(served: Collection[str]) -> str:
    """The README's sentence of how numbers of several digits are read; `served` as above."""
    record = _load_measured_of("numbers", served)
    if not record:
        return NOT_MEASURED.replace("drawings", "numbers")
    low, high = record["interval"]
    return (
        f"Of {record['numbers']:,} numbers of two to five digits, each composed of one writer's "
        f"drawings ({record['set']}), `{record['network']}` read **{record['accuracy']:.1%}** "
        f"({low:.1%} to {high:.1%}, by writer) wholly right, in {record['milliseconds']:.0f} ms "
        f"each; {record['writers']} people drew them, and in "
        f"{record['overlapping']} of them digits overlap from left to right."
    )


def format_teaching(served: Collection[str]) -> str:
    """The README's sentence of what the reader gains from one's own drawings; `served` as above."""
    record = _load_measured_of("teaching", served)
    if not record:
        return NOT_MEASURED.replace("drawings", "teaching")
    found = record["summary"]
    return (
        f"Tried with each of {found['writers']} writers it had never seen ({record['set']}): "
        f"taught with half of a writer's drawings, it misread **{found['misread_as_served']}** of "
        f"the other {found['held_out']:,} instead of {found['misread_before']}. "
        f"{found['writers_that_gain']} writers gained, {found['writers_that_lose'] or 'none'} "
        f"lost; of MNIST's validation digits it reads {found['mnist_after']:.2%}, before "
        f"{found['mnist_before']:.2%}. A teaching took {found['seconds']:.0f} s in the median."
    )


def format_load() -> str:
    """The README's sentences of how many people one server carries; nothing until measured."""
    record, hour = load_measured("load"), load_measured("memory")
    if not record:
        return ""
    crowds = "; ".join(
        f"{people} people have half of their readings within {one['median_ms']:,.0f} ms and 95% "
        f"within {one['p95_ms']:,.0f} ms"
        for people, one in record["crowds"].items()
    )
    dearest = max(record["crowds"].values(), key=lambda one: one["processor_ms"])
    most = max(one["megabytes"] for one in record["crowds"].values())
    said = (
        f"One server on {_name_machine(record['provenance'])}, where each draws a stroke every "
        f"two seconds: {crowds}. A stroke costs {dearest['processor_ms']:.0f} ms of the processor "
        f"in the mean of the dearest of these, and the server at most {most:.0f} MB; when all have "
        f"gone it has {record['megabytes_after']:.0f} MB, before they came "
        f"{record['megabytes_before']:.0f} MB."
    )
    return f"{said} {_describe_hour(hour)}".rstrip()


def _describe_hour(record: dict[str, Any]) -> str:
    """How the memory grows with an hour's strokes; nothing until measured."""
    if not record:
        return ""
    one = record["ways"]["as it is"]
    return (
        f"{one['strokes']:,} strokes, as many as one draws in an hour, bring its memory from "
        f"{one['megabytes_before']:.0f} to {one['megabytes_after']:.0f} MB."
    )


def _figure(value: float | None, form: str, unit: str = "", missing: str = "not measured") -> str:
    return missing if value is None else f"{value:{form}}{unit}"


def render_readme(text: str, store: RunStore) -> str:
    """The README's text with its tables made anew from the shipped runs and the benchmarks."""
    rows, summaries = summarize(store), summarize_current(store)
    served = {one.served_sha256 for one in summaries if one.served_sha256}
    tables = {
        "results": format_results(rows),
        "folding": format_folding(rows),
        "handwriting": format_handwriting(summaries),
        "reader": format_reader(summaries),
        "drawings": format_drawings(served),
        "confidence": format_confidence(served),
        "numbers": format_numbers(served),
        "teaching": format_teaching(served),
        "load": format_load(),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"
    return text


def write_readme(store: RunStore) -> str:
    """Writes the tables into the README; returns a sentence that says so.

    Raises:
        ResultsError: If there is no README, as where the package is installed without a clone.
    """
    readme = home() / README
    try:
        text = readme.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ResultsError(f"there is no {README} in {home()}; call this in a clone") from None
    readme.write_text(render_readme(text, store.only_shipped()), encoding="utf-8")
    return f"{README} holds the results of {len(REPORT_EXPERIMENTS)} experiments"
