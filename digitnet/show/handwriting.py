"""Networks on real drawings beside MNIST's test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from digitnet.show.charts import ACCURACY_TICKS, error_of, lay_out
from digitnet.study.handwriting import PENDIGITS, DrawnScore, find_drawn, list_collections
from digitnet.study.standings import Standing

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

GREY = "#888888"  # no network's colour
ROW_HEIGHT = 28  # pixels
Scores = Mapping[str, DrawnScore]


def list_drawn(standings: Sequence[Standing]) -> list[tuple[Standing, Scores]]:
    """The networks that were measured on drawings, those that read them worst first."""
    scores = [(one, find_drawn(one.summary)) for one in standings if not one.problem]
    measured = [(one, drawn) for one, drawn in scores if PENDIGITS in drawn]
    return sorted(measured, key=lambda pair: pair[1][PENDIGITS].accuracy)


def drawn_figure(drawn: Sequence[tuple[Standing, Scores]]) -> go.Figure:
    """A row a network: MNIST's test, pen drawings with their interval, UNIPEN's collections.

    Args:
        drawn: From `list_drawn`, at least one; the last is on top.
    """
    import plotly.graph_objects as go  # the Draw page need not wait for it

    figure = go.Figure()
    _add_collections(figure, drawn)
    _add_mnist(figure, [one for one, _ in drawn])
    _add_pendigits(figure, drawn)
    lay_out(figure, ROW_HEIGHT * len(drawn) + 120, top=60)
    figure.update_xaxes(type="log", autorange="reversed", title="Read rightly", **ACCURACY_TICKS)
    figure.update_yaxes(type="category", automargin=True, ticksuffix=" ")
    return figure


def _add_collections(figure: go.Figure, drawn: Sequence[tuple[Standing, Scores]]) -> None:
    points = [(one, part) for one, scores in drawn for part in list_collections(scores)]
    figure.add_scatter(
        name="UNIPEN's collections",
        mode="markers",
        x=[error_of(part.accuracy) for _, part in points],
        y=[one.experiment.name for one, _ in points],
        marker={"symbol": "line-ns-open", "size": 9, "color": GREY},
        customdata=[_words(part) for _, part in points],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )


def _add_mnist(figure: go.Figure, standings: Sequence[Standing]) -> None:
    accuracies = [(one.summary and one.summary.accuracy) or 0 for one in standings]
    figure.add_scatter(
        name="MNIST's test",
        mode="markers",
        x=[error_of(one) for one in accuracies],
        y=[one.experiment.name for one in standings],
        marker={"symbol": "diamond-open", "size": 10, "color": GREY},
        customdata=[f"MNIST's test: {one:.2%}" for one in accuracies],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )


def _add_pendigits(figure: go.Figure, drawn: Sequence[tuple[Standing, Scores]]) -> None:
    scores = [one[PENDIGITS] for _, one in drawn]
    errors = [error_of(one.accuracy) for one in scores]
    marker = {"size": 11, "color": GREY}
    name = "Pen drawings, 95% interval by writer"
    figure.add_scatter(name=name, mode="markers", x=[None], y=[None], marker=marker)
    figure.add_scatter(
        mode="markers",
        showlegend=False,
        x=errors,
        y=[one.experiment.name for one, _ in drawn],
        error_x={
            "array": [
                error_of(one.interval[0]) - at for one, at in zip(scores, errors, strict=True)
            ],
            "arrayminus": [
                at - error_of(one.interval[1]) for one, at in zip(scores, errors, strict=True)
            ],
            "color": GREY,
        },
        marker=marker | {"color": [one.experiment.colour for one, _ in drawn]},
        customdata=[_words(one) for one in scores],
        hovertemplate="<b>%{y}</b><br>%{customdata}<extra></extra>",
    )


def _words(score: DrawnScore) -> str:
    low, high = score.interval
    return (
        f"{score.name}: {score.accuracy:.2%} of {score.drawings:,} drawings by {score.writers} "
        f"writers, 95% interval {low:.2%} to {high:.2%}"
    )
