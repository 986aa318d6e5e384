"""What all Plotly charts have in common: they stand still, and use the width that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

_ERRORS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001)
ACCURACY_TICKS = {  # of a logarithmic axis of errors, which it names as accuracies
    "tickvals": _ERRORS,
    "ticktext": [f"{1 - error:.1%}".replace(".0%", "%") for error in _ERRORS],
}
LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}


def lay_out(figure: go.Figure, height: int, top: int = 30, **layout: Any) -> None:
    """Gives a chart its height and margins; nothing in it is dragged or zoomed.

    Args:
        figure: A chart.
        height: Of the whole, in pixels.
        top: Room above the plot, in pixels.
        layout: Of Plotly's own, besides.
    """
    figure.update_layout(
        height=height, margin={"l": 0, "r": 0, "t": top, "b": 0}, dragmode=False, **layout
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
