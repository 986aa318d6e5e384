"""Accuracy against cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from digitnet.show.charts import ACCURACY_TICKS, error_of, lay_out
from digitnet.study.standings import Standing
from digitnet.study.summaries import RunSummary

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go


# What a network costs: what the axis says, and how to have it.
COSTS: dict[str, tuple[str, Callable[[Standing], float | None]]] = {
    "Parameters": ("Trained parameters", lambda one: one.experiment.parameters),
    "Served size": ("Size of the served model, MB", lambda one: _served_megabytes(one.summary)),
    "Training time": (
        "Training time as it was, minutes",
        lambda one: _training_minutes(one.summary),
    ),
    "Latency": ("One image on this machine, ms", lambda one: _per(one.latency, 1e-3)),
}

_PLOT_WIDTH, _PLOT_HEIGHT = 300, 400  # pixels of a phone's plot; what fits there fits anywhere
_LABEL_HEIGHT, _LETTER_WIDTH, _MARKER = 15, 6.6, 7
Box = tuple[float, float, float, float]  # left, bottom, right, top


def _served_megabytes(summary: RunSummary | None) -> float | None:
    return _per(summary.served_bytes, 1e6) if summary else None


def _training_minutes(summary: RunSummary | None) -> float | None:
    return _per(summary.training_seconds, 60) if summary else None


def _per(value: float | None, unit: float) -> float | None:
    return None if value is None else value / unit


def cost_figure(standings: Sequence[Standing], cost: str) -> go.Figure:
    """Accuracy against cost, every network labelled; both axes logarithmic, accuracy in errors.

    Args:
        standings: All experiments; those without the figure are left out.
        cost: One of `COSTS`.
    """
    import plotly.graph_objects as go  # the Draw page need not wait for it

    title, measure = COSTS[cost]
    shown = [one for one in standings if not one.problem and measure(one)]
    costs = [float(measure(one) or 0) for one in shown]
    errors = [error_of((one.summary and one.summary.accuracy) or 0) for one in shown]
    x_range, y_range = _log_range(costs, 0.12), _log_range(errors, 0.12)[::-1]
    labels = [_scatter_label(one) for one in shown]
    figure = go.Figure()
    for group in dict.fromkeys(one.experiment.group for one in shown):
        marker = {"symbol": group.symbol, "size": 11, "color": "#888888"}  # no network's colour
        figure.add_scatter(name=group.title, mode="markers", x=[None], y=[None], marker=marker)
    figure.add_scatter(
        mode="markers+text",
        showlegend=False,
        x=costs,
        y=errors,
        text=labels,
        textposition=_place_labels(costs, errors, labels, x_range, y_range),
        marker={
            "symbol": [one.experiment.group.symbol for one in shown],
            "size": 11,
            "color": [one.experiment.colour for one in shown],
        },
        customdata=[_scatter_words(one) for one in shown],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>"
        + title
        + ": %{x:,.4~g}<extra></extra>",
    )
    lay_out(figure, _PLOT_HEIGHT + 100)
    figure.update_xaxes(type="log", range=x_range, title=title, dtick=1)
    figure.update_yaxes(
        type="log",
        range=y_range,
        **ACCURACY_TICKS,
    )
    return figure


def _scatter_words(standing: Standing) -> tuple[str, str]:
    assert standing.summary and standing.summary.interval
    low, high = standing.summary.interval
    accuracy = standing.summary.accuracy
    words = f"{accuracy:.2%} right, 95% interval {low:.2%} to {high:.2%}"
    return standing.experiment.title, words


def _scatter_label(standing: Standing) -> str:
    name, settings = standing.experiment.name, standing.summary and standing.summary.settings
    if settings and settings.dataset != standing.experiment.dataset:
        return f"{name} ({settings.dataset})"
    return name


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
