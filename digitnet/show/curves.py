"""Figures of the Training curves page. No Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digitnet.runs import Run, Training
from digitnet.show.charts import BELOW, lay_out
from digitnet.show.html import Markup, tag
from digitnet.study.curves import Curves, Interpretation

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

METRICS = ("Loss", "Accuracy", "Precision", "Recall")
PARTS = {
    "Training": ("Training",),
    "Validation": ("Validation",),
    "Both": ("Validation", "Training"),
}
SPANS = {"Epochs": "Epoch", "Seconds": "Seconds of training"}
SCALES = ("Linear", "Logarithmic")
WINDOWS = {"None": 1, "3 epochs": 3, "5 epochs": 5, "9 epochs": 9}  # of the smoothing mean

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "hexagon", "triangle-down")
_DASHES = {  # by whether it is the report's, and the part
    (False, "Validation"): "solid",
    (False, "Training"): "dot",
    (True, "Validation"): "dash",
    (True, "Training"): "dashdot",
}
_GREY = "#808080"  # of keys that stand for no experiment; readable on both backgrounds
_FAINT = 0.4
_FONT = "Arial, Helvetica, sans-serif"  # not the page's, which a saved picture does not have
_PLOT_WIDTH, _PLOT_HEIGHT, _KEY_HEIGHT, _LABEL_SIZE = 300, 340, 22, 14  # pixels, on a phone
_ERROR_TICKS = (0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
_LOSS_TICKS = (10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
_LEAST = 1e-5  # on a logarithmic axis, for there is no logarithm of 0


@dataclass(frozen=True)
class View:
    """How curves are drawn.

    Args:
        metric: One of METRICS.
        part: One of PARTS.
        by: One of SPANS.
        scale: One of SCALES; the logarithmic axis of a share is one of its errors.
        window: How many epochs smoothing takes the mean of, an odd number; 1 does not smooth.
    """

    metric: str = "Accuracy"
    part: str = "Validation"
    by: str = "Epochs"
    scale: str = "Linear"
    window: int = 1

    @property
    def shows_errors(self) -> bool:
        return self.scale == "Logarithmic" and self.metric != "Loss"

    def xs(self, curves: Curves) -> NDArray:
        """How far the training had come at the end of each epoch, (epochs,)."""
        if self.by == "Seconds":
            return np.cumsum(curves.history["seconds"])
        return curves.history["epoch"]

    def ys(self, curves: Curves, part: str) -> NDArray:
        """The figure at each epoch, (epochs,), as it stands on the axis."""
        prefix = "val_" if part == "Validation" else ""
        values = curves.history[prefix + self.metric.lower()]
        if self.scale == "Linear":
            return values
        return np.maximum(1 - values if self.shows_errors else values, _LEAST)

    def smooth_ys(self, curves: Curves, part: str) -> NDArray:
        """The same, smoothed."""
        return smooth(self.ys(curves, part), self.window)

    def heights(self, ys: NDArray) -> NDArray:
        """Where figures stand on the axis in Plotly's units, which may be powers of 10."""
        return ys if self.scale == "Linear" else np.log10(ys)


def smooth(values: NDArray, window: int) -> NDArray:
    """Takes the mean over the epochs around each one; at the ends over those there are.

    Args:
        values: Floats (epochs,).
        window: How many epochs to average, an odd number.

    Returns:
        Floats (epochs,).
    """
    half = window // 2

    def sums(of: NDArray) -> NDArray:
        return np.convolve(of, np.ones(window))[half : half + len(values)]

    return sums(values) / sums(np.ones(len(values))) if len(values) else values


def curves_figure(curves: Sequence[Curves], view: View) -> go.Figure:
    """Curves over each other, each in its experiment's colour, with its own letter and marks.

    Args:
        curves: What to draw.
        view: How to draw it.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    symbols = dict(zip(sorted({one.letter for one in curves}), _cycle(_SYMBOLS), strict=False))
    for one in curves:
        for part in PARTS[view.part]:
            _add_curve(figure, one, part, view, symbols[one.letter])
    _add_keys(figure, curves, view)
    height = _PLOT_HEIGHT + _KEY_HEIGHT * (len(symbols) + 3)
    lay_out(figure, height, BELOW, font={"family": _FONT}, hovermode="closest")
    lines = [view.heights(view.ys(one, part)) for one in curves for part in PARTS[view.part]]
    bottom, top = _ends(lines, 0.06)
    heights = [top, bottom] if view.shows_errors else [bottom, top]  # fewer errors are better
    width = 1.08 * max((view.xs(one).max(initial=1) for one in curves), default=1)
    figure.update_xaxes(range=[0, width], showgrid=False)
    figure.update_yaxes(**_axis(view), range=heights)
    _label_ends(figure, curves, view)
    figure.add_annotation(  # where it takes no room from the legend
        x=1, y=0, xref="paper", yref="paper", xanchor="right", yanchor="bottom",
        text=f"{SPANS[view.by]} →", showarrow=False,
    )  # fmt: skip
    return figure


def _cycle(symbols: Sequence[str]) -> list[str]:
    return list(symbols) * 4  # there are 26 letters


def _add_curve(figure: go.Figure, one: Curves, part: str, view: View, symbol: str) -> None:
    xs, ys = view.xs(one), view.ys(one, part)
    colour, group = one.experiment.colour, one.run_id
    is_first = part == PARTS[view.part][0]
    if view.window > 1:
        faint = {"color": colour, "width": 1}
        figure.add_scatter(
            x=xs, y=ys, line=faint, opacity=_FAINT, mode="lines", hoverinfo="skip",
            legendgroup=group, showlegend=False,
        )  # fmt: skip
    figure.add_scatter(
        x=xs,
        y=view.smooth_ys(one, part),
        name=f"{one.letter} {escape(one.title)}",
        legendgroup=group,
        showlegend=is_first and not one.is_report,
        mode="lines" if one.is_report else "lines+markers",
        line={"color": colour, "width": 2, "dash": _DASHES[one.is_report, part]},
        marker={"symbol": symbol, "size": 6},
        hovertemplate=_hover(one, part, view),
    )
    if one.best_epoch:
        kept = slice(one.best_epoch - 1, one.best_epoch)
        figure.add_scatter(
            x=xs[kept], y=view.smooth_ys(one, part)[kept], mode="markers", hoverinfo="skip",
            marker={"symbol": "circle-open", "size": 15, "color": colour, "line": {"width": 2}},
            legendgroup=group, showlegend=False,
        )  # fmt: skip


def _hover(one: Curves, part: str, view: View) -> str:
    whose = "the report's" if one.is_report else escape(one.title)
    unit = "epoch %{x}" if view.by == "Epochs" else "after %{x:.0f} s"
    value = "%{y:.4f}" if view.metric == "Loss" else "%{y:.2%}"
    what = f"{view.metric.lower()}{', errors' if view.shows_errors else ''}"
    return f"<b>{one.letter}</b> {whose}<br>{part}, {unit}<br>{what}: {value}<extra></extra>"


def _add_keys(figure: go.Figure, curves: Sequence[Curves], view: View) -> None:
    """Explains in the legend what the kinds of line and the ring mean."""
    kinds = [(one.is_report, part) for one in curves for part in PARTS[view.part]]
    for is_report, part in dict.fromkeys(kinds):
        name = f"the report's {part.lower()}" if is_report else part.lower()
        if len(set(kinds)) > 1:
            _add_key(figure, name, mode="lines", line={"dash": _DASHES[is_report, part]})
    if view.window > 1:
        _add_key(figure, "each epoch by itself", mode="lines", opacity=2 * _FAINT)
    if curves:
        named = "kept epoch; the report's best" if any(kind[0] for kind in kinds) else "kept epoch"
        _add_key(figure, named, mode="markers", marker={"symbol": "circle-open", "size": 13})


def _add_key(figure: go.Figure, name: str, line: dict | None = None, **style: Any) -> None:
    style["marker"] = {"color": _GREY, "line": {"width": 2}} | style.get("marker", {})
    line = {"color": _GREY, "width": 2} | (line or {})
    figure.add_scatter(x=[None], y=[None], name=name, line=line, hoverinfo="skip", **style)


def _axis(view: View) -> dict[str, Any]:
    title = view.metric + (f", mean over {view.window} epochs" if view.window > 1 else "")
    if view.shows_errors:
        labels = [f"{100 * (1 - error):.4g}%" for error in _ERROR_TICKS]
        return {"title": title, "type": "log", "tickvals": _ERROR_TICKS, "ticktext": labels}
    if view.scale == "Logarithmic":
        return {"title": title, "type": "log", "tickvals": _LOSS_TICKS}
    return {"title": title, "tickformat": ".2~f" if view.metric == "Loss" else ".1~%"}


def _ends(values: Sequence[NDArray], margin: float) -> tuple[float, float]:
    """From a little below the lowest to a little above the highest value that is a number."""
    every = np.concatenate([*values, np.zeros(0)])
    every = every[np.isfinite(every)]
    low, high = (every.min(), every.max()) if every.size else (0.0, 1.0)
    room = max(margin * (high - low), 1e-4)
    return float(low - room), float(high + room)


def _label_ends(figure: go.Figure, curves: Sequence[Curves], view: View) -> None:
    """Writes its letter at the end of each run's line, a little lower where two would meet.

    Where many end at one place only the first few have a letter; the legend has them all.
    """
    bottom, top = figure.layout.yaxis.range
    width = figure.layout.xaxis.range[1]
    taken: list[tuple[float, float]] = []  # places of labels, in pixels of a phone's chart
    part = PARTS[view.part][0]
    ends = [
        (one, float(view.heights(view.smooth_ys(one, part))[-1])) for one in curves if one.epochs
    ]
    downwards = -1 if top > bottom else 1
    for one, height in sorted(ends, key=lambda end: downwards * end[1]):
        if not np.isfinite(height) or top == bottom:  # no axis has room for such values
            continue
        x = view.xs(one)[-1]
        left, place = x / width * _PLOT_WIDTH, (height - bottom) / (top - bottom) * _PLOT_HEIGHT
        below = [other[1] - _LABEL_SIZE for other in taken if abs(other[0] - left) < _LABEL_SIZE]
        lowered = min([place, *below])
        if lowered < max(place - 2 * _LABEL_SIZE, 0):
            continue
        taken.append((left, lowered))
        figure.add_annotation(
            x=x,
            y=height,
            text=f"<i>{one.letter}</i>" if one.is_report else f"<b>{one.letter}</b>",
            showarrow=False,
            xanchor="left",
            xshift=9,
            yshift=lowered - place,
            font={"color": one.experiment.colour, "size": 13},
        )


# --- words -----------------------------------------------------------------------------------


def interpretation_html(curves: Curves, interpretation: Interpretation) -> Markup:
    """What the curves of a training say, as a card with its letter and colour."""
    report = f"The report: {interpretation.report}" if interpretation.report else ""
    sentences = [interpretation.verdict, interpretation.epochs, interpretation.gap, report]
    verdict, *others = (sentence for sentence in sentences if sentence)
    word, _, rule = verdict.partition(". ")
    first = tag("p", tag("b", f"{word.rstrip('.')}."), " ", rule)
    body = [first, *(tag("p", other) for other in others)]
    return _card_html(curves.letter, curves.experiment.colour, curves.title, *body)


def broken_html(run: Run | Training, letter: str, error: str) -> Markup:
    """A run that cannot be shown, and why."""
    body = tag("p", tag("b", "Broken."), f" Its curves are left out: {error}.")
    return _card_html(letter, run.experiment.colour, run.title, body)


def _card_html(letter: str, colour: str, title: str, *body: Markup) -> Markup:
    heading = tag("h4", tag("b", letter), " ", title)
    return tag("article", heading, *body, class_="dn-card", style=f"--colour:{colour}")


def cards_html(cards: Sequence[Markup]) -> Markup:
    """Cards side by side, as many as there is room for."""
    return tag("div", *cards, class_="dn-cards")
