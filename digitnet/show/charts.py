"""What all Plotly charts have in common: they stand still, and use the width that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas  # noqa: F401  # which Plotly takes as it finds it: half, while another thread imports it

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

_ERRORS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001)
ACCURACY_TICKS = {  # of a logarithmic axis of errors, which it names as accuracies
    "tickvals": _ERRORS,
    "ticktext": [f"{1 - error:.1%}".replace(".0%", "%") for error in _ERRORS],
}
ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
BELOW = {"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0}


def error_of(accuracy: float) -> float:
    """The share that is misread, or little where it is none, which has no logarithm."""
    return 1 - accuracy or 1e-4


def lay_out(
    figure: go.Figure, height: int, legend: dict[str, Any] = ABOVE, top: int = 30, **others: Any
) -> None:
    """Makes a chart as wide as the page, and one that a finger scrolls past.

    Args:
        figure: The chart.
        height: In pixels.
        legend: Where it is, `ABOVE` or `BELOW`.
        top: The margin above the plot, pixels.
        others: What else to lay out, in Plotly's words.
    """
    margin = {"l": 0, "r": 0, "t": top, "b": 0}
    figure.update_layout(height=height, margin=margin, legend=legend, dragmode=False, **others)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
