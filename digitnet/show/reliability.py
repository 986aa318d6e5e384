"""How sure runs are against how often they are right, for the Confusion matrices page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitnet.show.charts import lay_out
from digitnet.show.confusion import CHART_HEIGHT, DASHES
from digitnet.study.answers import Answers
from digitnet.study.scores import ReliabilityCurve, calibration_error, reliability_curve
from digitnet.study.significance import wilson_interval

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

_SYMBOLS = {"A": "circle", "B": "square"}


def reliability_figure(chosen: Mapping[str, Answers]) -> go.Figure:
    """How often runs are right when they are so sure, with 95% intervals.

    A run that is calibrated has two lines, as it is and, dotted and with open marks, as it is
    calibrated.

    Args:
        chosen: Answers of "A" and perhaps "B".
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as sure as right", hoverinfo="skip",
        line={"color": "#808080", "dash": "dot", "width": 1},
    )  # fmt: skip
    for letter, answers in chosen.items():
        _add_line(figure, letter, answers, answers.probabilities, False)
        if answers.calibrated is not None:
            _add_line(figure, letter, answers, answers.calibrated, True)
    lay_out(figure, CHART_HEIGHT, top=40)
    figure.update_xaxes(title="How sure it is", tickformat="~%", range=[0, 1.03], dtick=0.2)
    figure.update_xaxes(ticklabeloverflow="allow")  # else the last, 100%, is left out
    figure.update_yaxes(title="How often it is right", tickformat="~%", range=[0, 1.03])
    return figure


def _add_line(
    figure: go.Figure, letter: str, answers: Answers, probabilities: NDArray, calibrated: bool
) -> None:
    curve = reliability_curve(answers.labels, probabilities)
    above, below = _intervals(curve)
    kind = ", calibrated" if calibrated else ""
    figure.add_scatter(
        x=curve.confidence,
        y=curve.accuracy,
        error_y={"array": above, "arrayminus": below, "thickness": 1, "width": 3},
        mode="lines+markers",
        name=f"{letter} {escape(answers.run.experiment.title)}{kind}",
        opacity=0.75 if calibrated else 1,
        line={
            "color": answers.run.experiment.colour,
            "dash": "dot" if calibrated else DASHES[letter],
        },
        marker={"size": 8, "symbol": _SYMBOLS[letter] + ("-open" if calibrated else "")},
        customdata=curve.sizes,
        hovertemplate=f"<b>{letter}</b>{kind} %{{customdata:,}} digits, %{{x:.1%}} sure<br>"
        "%{y:.1%} of them right<extra></extra>",
    )


def _intervals(curve: ReliabilityCurve) -> tuple[NDArray, NDArray]:
    """How far the 95% interval of each bin's accuracy reaches above it, and below it."""
    right = np.rint(curve.accuracy * curve.sizes).astype(int)
    ends = np.array(
        [wilson_interval(int(k), int(n)) for k, n in zip(right, curve.sizes, strict=True)]
    )
    return ends[:, 1] - curve.accuracy, curve.accuracy - ends[:, 0]


def describe_calibration(answers: Answers) -> str:
    """How far a run's confidence is from its accuracy, in a sentence, or two if calibrated."""
    error = answers.scores["calibration_error"]
    sure = float(answers.probabilities.max(axis=1).mean())
    said = (
        f"{escape(answers.run.experiment.title)} is {sure:.2%} sure on average and right "
        f"{answers.correct.mean():.2%} of the time; bin by bin, the two are {100 * error:.2f} "
        "percentage points apart."
    )
    if answers.calibrated is None:
        return said
    return f"{said} {_describe_calibrated(answers, answers.calibrated)}"


def _describe_calibrated(answers: Answers, calibrated: NDArray) -> str:
    calibration = answers.run.calibration
    after = calibration_error(answers.labels, calibrated)
    return (
        f"Calibrated, as the Draw page shows it, it is {100 * after:.2f} points here. The "
        f"temperature, {calibration.temperature:.2f}, was fitted to drawings that it had not "
        f"learnt from, where the gap was {100 * calibration.error_before:.2f} points before and "
        f"{100 * calibration.error_after:.2f} after."
    )
