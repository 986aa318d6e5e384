"""Figures of the Compare page: tables and trainings to what a reader sees. No Streamlit here."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from digitnet.experiments.records import Experiment, TrainingSettings, find_experiment
from digitnet.jobs.queue import Estimate, Job
from digitnet.runs.store import is_amount
from digitnet.show.draw import COLOURS, GROUPS, name_run
from digitnet.study.comparison import SIGNIFICANCE, Comparison, Difference, Standing

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

DATASET_NAMES = {"mnist": "MNIST", "sample": "Offline sample"}
LONG_SECONDS = 3600

# What a network costs: what the axis says, and how to have it.
COSTS: dict[str, tuple[str, Callable[[Standing], float | None]]] = {
    "Parameters": ("Trained parameters", lambda one: one.experiment.parameters),
    "Served size": (
        "Size of the served model, MB",
        lambda one: _per(one.summary.served_bytes, 1e6),
    ),
    "Training time": ("Training time, minutes", lambda one: _per(one.summary.training_seconds, 60)),
    "Latency": ("One image on this machine, ms", lambda one: _per(one.latency, 1e-3)),
}

_SYMBOLS = {"dense": "square", "convolutional": "circle"}
_PLOT_WIDTH, _PLOT_HEIGHT = 300, 400  # pixels of a phone's plot; what fits there fits anywhere
_LABEL_HEIGHT, _LETTER_WIDTH, _MARKER = 15, 6.6, 7
_ERROR_TICKS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001)

Box = tuple[float, float, float, float]  # left, bottom, right, top


def _per(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def name_both(a: str, b: str) -> tuple[str, str]:
    """Two runs for people; by their networks alone where that tells them apart."""
    a_title, b_title = (find_experiment(one.partition("/")[0]).title for one in (a, b))
    return (a_title, b_title) if a_title != b_title else (name_run(a), name_run(b))


def describe_place(place: int) -> str:
    """A place in the queue, 0 being the first, in a few words."""
    return "next in line" if place == 0 else f"number {place + 1} in line"


def describe_settings(settings: TrainingSettings) -> str:
    """The settings of a training in a line."""
    return (
        f"{DATASET_NAMES[settings.dataset]} · at most {settings.epochs:,} epochs · learning rate "
        f"{settings.learning_rate:.10g} · batches of {settings.batch_size:,} · patience "
        f"{settings.patience} · seed {settings.seed}"
    )


def describe_estimates(estimates: Sequence[Estimate]) -> str:
    """What trainings, one after another, will cost, in a sentence."""
    memory = format_bytes(max(one.bytes for one in estimates))
    seconds = [one.seconds for one in estimates if one.seconds is not None]
    if len(seconds) < len(estimates):
        return f"How long it takes is not known; up to {memory} of memory beyond TensorFlow's own."
    return (
        f"About **{format_duration(sum(seconds))}**, besides what it takes to start and to test; "
        f"up to **{memory}** of memory beyond TensorFlow's own."
    )


def warn_of_estimates(estimates: Sequence[Estimate], available: int) -> str | None:
    """Why one should think twice before these trainings, in a sentence; None if one need not.

    Args:
        estimates: What each will cost.
        available: Free memory of this machine, bytes.
    """
    seconds = sum(one.seconds or 0 for one in estimates)
    if max(one.bytes for one in estimates) > available:
        return (
            f"Only {format_bytes(available)} of memory are free, so this would fail. Close other "
            "programs, or choose a smaller batch size or network."
        )
    if seconds >= LONG_SECONDS:
        return (
            f"This machine would be at it for {format_duration(seconds)}. It goes on when this "
            "page is closed, and can be stopped and resumed at any time."
        )
    return None


def format_duration(seconds: float) -> str:
    """A time for people, such as "40 s", "3 min" or "2.5 h"."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def format_bytes(count: float) -> str:
    """A size for people, such as "310 MB" or "3.4 GB"."""
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def cost_figure(standings: Sequence[Standing], cost: str) -> go.Figure:
    """Accuracy against cost, every network labelled; both axes logarithmic, accuracy in errors.

    Args:
        standings: All experiments; those without the figure are left out.
        cost: One of `COSTS`.
    """
    import plotly.graph_objects as go  # the Draw page need not wait for it

    title, measure = COSTS[cost]
    shown = [one for one in standings if one.summary.accuracy is not None and measure(one)]
    costs = [float(measure(one) or 0) for one in shown]
    errors = [1 - (one.summary.accuracy or 0) or 1e-4 for one in shown]  # no logarithm of none
    x_range, y_range = _log_range(costs, 0.12), _log_range(errors, 0.12)[::-1]
    labels = [_scatter_label(one) for one in shown]
    figure = go.Figure()
    for group, symbol in _SYMBOLS.items():  # what the legend shows, in no network's colour
        marker = {"symbol": symbol, "size": 11, "color": "#888888"}
        figure.add_scatter(name=GROUPS[group], mode="markers", x=[None], y=[None], marker=marker)
    figure.add_scatter(
        mode="markers+text",
        showlegend=False,
        x=costs,
        y=errors,
        text=labels,
        textposition=_place_labels(costs, errors, labels, x_range, y_range),
        marker={
            "symbol": [_SYMBOLS[one.experiment.group] for one in shown],
            "size": 11,
            "color": [COLOURS[one.experiment.name] for one in shown],
        },
        customdata=[_scatter_words(one) for one in shown],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>"
        + title
        + ": %{x:,.4~g}<extra></extra>",
    )
    figure.update_layout(
        height=_PLOT_HEIGHT + 100,
        margin={"l": 0, "r": 0, "t": 30, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        dragmode=False,
    )
    figure.update_xaxes(type="log", range=x_range, title=title, dtick=1, fixedrange=True)
    figure.update_yaxes(
        type="log",
        range=y_range,
        tickvals=_ERROR_TICKS,
        ticktext=[f"{1 - error:.1%}".replace(".0%", "%") for error in _ERROR_TICKS],
        fixedrange=True,
    )
    return figure


def _scatter_words(standing: Standing) -> tuple[str, str]:
    low, high = standing.summary.interval or (0, 1)
    accuracy = standing.summary.accuracy or 0
    words = f"{accuracy:.2%} right, 95% interval {low:.2%} to {high:.2%}"
    return standing.experiment.title, words


def _scatter_label(standing: Standing) -> str:
    settings = standing.summary.settings
    if settings and settings.dataset != "mnist":
        return f"{standing.experiment.name} ({settings.dataset})"
    return standing.experiment.name


def _log_range(values: Sequence[float], margin: float) -> list[float]:
    """From below the lowest to above the highest, in powers of ten."""
    low, high = math.log10(min(values, default=1)), math.log10(max(values, default=1))
    room = max(margin * (high - low), 0.1)
    return [low - room, high + room]


def _place_labels(
    xs: Sequence[float],
    ys: Sequence[float],
    labels: Sequence[str],
    x_range: Sequence[float],
    y_range: Sequence[float],
) -> list[str]:
    """On which side of its point each label covers the least of the others, one after another."""

    def pixels(value: float, ends: Sequence[float], length: int) -> float:
        return length * (math.log10(value) - ends[0]) / (ends[1] - ends[0])

    points = [
        (pixels(x, x_range, _PLOT_WIDTH), pixels(y, y_range, _PLOT_HEIGHT))
        for x, y in zip(xs, ys, strict=True)
    ]
    taken = [(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in points]
    sides = []
    for (x, y), label in zip(points, labels, strict=True):
        boxes = _label_boxes(x, y, _LETTER_WIDTH * len(label))
        side = min(boxes, key=lambda one: _covered(boxes[one], taken))
        taken.append(boxes[side])
        sides.append(side)
    return sides


def _label_boxes(x: float, y: float, width: float) -> dict[str, Box]:
    """Where a label may be, the better places first, in Plotly's words."""
    low, high = y - _MARKER - _LABEL_HEIGHT, y + _MARKER + _LABEL_HEIGHT
    left, right, half = x - _MARKER - width, x + _MARKER + width, _LABEL_HEIGHT / 2
    return {
        "middle right": (x + _MARKER, y - half, right, y + half),
        "middle left": (left, y - half, x - _MARKER, y + half),
        "top center": (x - width / 2, y + _MARKER, x + width / 2, high),
        "bottom center": (x - width / 2, low, x + width / 2, y - _MARKER),
        "top right": (x + _MARKER, y + _MARKER, right, high),
        "bottom right": (x + _MARKER, low, right, y - _MARKER),
        "top left": (left, y + _MARKER, x - _MARKER, high),
        "bottom left": (left, low, x - _MARKER, y - _MARKER),
    }


def _covered(box: Box, taken: Sequence[Box]) -> float:
    """How much of a label's box is taken or outside of the plot, in square pixels."""

    def overlap(one: Box, other: Box) -> float:
        width = min(one[2], other[2]) - max(one[0], other[0])
        height = min(one[3], other[3]) - max(one[1], other[1])
        return max(width, 0) * max(height, 0)

    area = (box[2] - box[0]) * (box[3] - box[1])
    outside = area - overlap(box, (0, 0, _PLOT_WIDTH, _PLOT_HEIGHT))
    return outside + sum(overlap(box, other) for other in taken)


def describe_pair(a: str, b: str, pair: Comparison) -> str:
    """What two networks alone were right on, in a sentence.

    Args:
        a: Title of network A.
        b: Title of network B.
        pair: The two compared.
    """
    return (
        f"Of {pair.size:,} test digits, {a} alone is right on {pair.only_a:,}, "
        f"{b} alone on {pair.only_b:,}: {_format_p(pair.p_value)}."
    )


def describe_verdict(a: str, b: str, pair: Comparison) -> str:
    """Which of two networks is better, in a few words."""
    if pair.winner is None:
        return "They cannot be told apart"
    return f"{a if pair.winner == 'a' else b} is better"


def describe_correction(a: str, b: str, pair: Comparison) -> str:
    """What is left of the difference when all pairs are tested, in a sentence."""
    verdict = describe_verdict(a, b, pair)
    verdict = verdict[:1].lower() + verdict[1:] if pair.winner is None else verdict
    return f"Corrected for all pairs, those below, {_format_p(pair.corrected)}: {verdict}."


def _format_p(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def describe_standing(
    experiment: Experiment, compared: Mapping[tuple[str, str], Comparison]
) -> str:
    """How the most accurate network does against all others, in a sentence.

    Args:
        experiment: It.
        compared: All pairs by name, in both orders.
    """
    winners = Counter(pair.winner for (a, _), pair in compared.items() if a == experiment.name)
    return (
        f"{experiment.title} is the most accurate. It is better than {winners['a']} of the "
        f"{sum(winners.values())} others that read the same digits, and cannot be told apart from "
        f"{winners[None]}."
    )


def explain_pairs(names: Sequence[str], compared: Mapping[tuple[str, str], Comparison]) -> str:
    """How the matrix of `pairs_html` is to be read."""
    missing = len(compared) < len(names) * (len(names) - 1)
    return (
        "A number: the network of the row is better (+) or worse (−) than that of the column, by "
        "so many percentage points. ≈: the two cannot be told apart. Exact McNemar tests at the "
        f"level {SIGNIFICANCE}, Holm-corrected for all {len(compared) // 2} pairs."
        f"{' A dot: not tested on the same digits.' if missing else ''}"
    )


def pairs_html(names: Sequence[str], compared: Mapping[tuple[str, str], Comparison]) -> str:
    """All pairs of networks in a matrix: who leads, by how much, or that one cannot tell.

    Args:
        names: Experiments in the order of rows and columns.
        compared: Pairs by names, in both orders; those that cannot be compared are missing.
    """
    head = "".join(f"<th scope=col><span>{name}</span></th>" for name in names)
    rows = "".join(
        f'<tr><th scope=row style="--colour:{COLOURS[a]}">{a}</th>'
        + "".join(_pair_cell(a, b, compared.get((a, b))) for b in names)
        + "</tr>"
        for a in names
    )
    return (
        '<div class="dn-pairs" tabindex="0" role="region" aria-label="All pairs of networks">'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _pair_cell(a: str, b: str, pair: Comparison | None) -> str:
    if a == b:
        return "<td></td>"
    titles = find_experiment(a).title, find_experiment(b).title
    if pair is None:
        return '<td class="dn-untold" title="Not tested on the same digits">·</td>'
    words = f"{describe_verdict(*titles, pair)}. {describe_pair(*titles, pair)}"
    corrected = f" Corrected for all pairs: {_format_p(pair.corrected)}."
    kind, text = {
        None: ("even", "≈"),
        "a": ("better", f"+{pair.lead:.2f}"),
        "b": ("worse", f"−{-pair.lead:.2f}"),
    }[pair.winner]
    return f'<td class="dn-{kind}" title="{escape(words + corrected)}">{text}</td>'


def differences_html(lines: Sequence[Difference]) -> str:
    """Two networks, A and B, side by side, line by line; lines that differ stand out."""
    rows = "".join(
        f"<tr{'' if line.is_same else ' class=dn-differs'}><th scope=row>{line.what}</th>"
        f"<td>{escape(line.a or '—')}</td><td>{escape(line.b or '—')}</td></tr>"
        for line in lines
    )
    return (
        '<table class="dn-differences"><thead><tr><td></td>'
        "<th scope=col>A</th><th scope=col>B</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


# --- A training that runs --------------------------------------------------------------------


def describe_progress(job: Job, seconds: np.ndarray, expected_epochs: float) -> tuple[float, str]:
    """How far a training has come.

    Args:
        job: One that is running.
        seconds: What each finished epoch took, (epochs,).
        expected_epochs: How many epochs to expect as long as the training does not say.

    Returns:
        The share that is done, 0 to 1, and where it stands, in a sentence.
    """
    epochs, status = seconds.size, job.status
    if job.message != "training":  # it loads images before the first epoch and tests after the last
        return float(epochs > 0), f"{job.message or 'starting'}…".capitalize()
    step, steps = _amount(status.get("step")), _amount(status.get("steps"))
    part = min(step / steps, 1.0) if steps else 0.0
    words = f"Epoch {epochs + 1}" + (f", step {step:,.0f} of {steps:,.0f}" if steps else "")
    left, mean = _amount(status.get("seconds_left")), _amount(seconds.mean() if epochs else 0)
    if status.get("seconds_left") is not None and mean:
        expected_epochs = epochs + left / mean
        words += f" · about {format_duration(max(left - part * mean, 0))} left"
    return (epochs + part) / max(expected_epochs, epochs + 1), words


def _amount(value: Any) -> float:
    """A number from a file that anyone may have written, or 0 where it is none."""
    return float(value) if is_amount(value) else 0.0


def progress_html(experiment: str, history: Mapping[str, np.ndarray]) -> str:
    """The curves of a training so far: accuracy and loss, in training and validation.

    As text and lines of the page itself, so that they grow without a flicker.

    Args:
        experiment: Its name.
        history: Its history, arrays (epochs,), at least one epoch.
    """
    charts = "".join(
        _progress_chart(title, history[quantity], history[f"val_{quantity}"], COLOURS[experiment])
        for title, quantity in (("Accuracy", "accuracy"), ("Loss", "loss"))
    )
    return f'<div class="dn-progress" style="--colour:{COLOURS[experiment]}">{charts}</div>'


def _progress_chart(title: str, training: np.ndarray, validation: np.ndarray, colour: str) -> str:
    both = np.concatenate([training, validation])
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    lines = "".join(
        f'<polyline points="{_points(curve, low, high)}" stroke-dasharray="{dashes}"/>'
        for curve, dashes in ((training, "0.5 5"), (validation, "none"))
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" preserveAspectRatio="none">'
        "<style>polyline {vector-effect: non-scaling-stroke}</style>"
        f'<g fill="none" stroke="{colour}" stroke-width="2.5" stroke-linecap="round" '
        f'stroke-linejoin="round">{lines}</g></svg>'
    )
    source = base64.b64encode(drawing.encode()).decode()
    return (
        f'<figure><figcaption><b>{title}</b> <span class="dn-validation">validation '
        f'{validation[-1]:.4f}</span> <span class="dn-training">training {training[-1]:.4f}</span>'
        f"</figcaption><div><span>{high:.3g}</span><span>{low:.3g}</span></div>"
        f'<img src="data:image/svg+xml;base64,{source}" alt="">'
        f"<p><span>epoch 1</span><span>{len(training)}</span></p></figure>"
    )


def _points(curve: np.ndarray, low: float, high: float) -> str:
    """A curve in an SVG's percent; a single epoch becomes a short line."""
    values = np.repeat(curve, 2) if len(curve) == 1 else curve
    xs = np.linspace(0, 100, len(values)) if len(curve) > 1 else (0, 5)
    heights = 100 * (high - values) / ((high - low) or 1)
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(xs, heights, strict=True))
