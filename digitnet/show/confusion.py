"""Figures of the Confusion matrices page. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments import CLASSES, Experiment
from digitnet.report import load_report_scores
from digitnet.show.charts import lay_out
from digitnet.show.draw import all_readings_html, choose_voters, probability_bars_html
from digitnet.show.html import Markup, join, tag
from digitnet.show.pictures import png_url
from digitnet.show.words import a_digit, format_share
from digitnet.study.confusion import Answers, count_readings, normalize
from digitnet.study.scores import roc_curves, worst_confusions
from digitnet.study.significance import PairedOutcomes

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

OUTCOMES = ("Both right", "Only A right", "Only B right", "Both wrong")

_DIGITS = list(range(CLASSES))
_MORE, _FEWER = "#c8641e", "#2f7fb0"  # of a difference; told apart by anyone, on both backgrounds
_STRONGEST = 0.55  # of a cell's colour, so that its number stays readable
_MUTED = 0.35
_CELL = 38  # pixels that take a click on the cell around their middle
_MATRIX_HEIGHT, CHART_HEIGHT = 500, 380
DASHES = {"A": "solid", "B": "dash"}


# --- matrices --------------------------------------------------------------------------------


def matrix_figure(
    answers: Answers, normalization: str, muted: bool, cell: tuple[int, int] | None
) -> go.Figure:
    """A run's confusion matrix, each of whose cells can be chosen.

    Args:
        answers: The run's answers.
        normalization: One of NORMALIZATIONS.
        muted: Whether to mute the diagonal, so that mistakes are seen.
        cell: The chosen row and column.
    """
    values = normalize(answers.counts, normalization)
    colour = answers.run.experiment.colour
    texts = [[_format_value(value, normalization) for value in row] for row in values]
    hovers = [[_describe_cell(answers.counts, true, read) for read in _DIGITS] for true in _DIGITS]
    return _cells_figure(values, texts, hovers, (colour, colour), muted, cell)


def difference_figure(
    a: Answers, b: Answers, normalization: str, muted: bool, cell: tuple[int, int] | None
) -> go.Figure:
    """Run A's confusion matrix less run B's; the arguments are those of `matrix_figure`."""
    values = normalize(a.counts, normalization) - normalize(b.counts, normalization)
    texts = [[_format_value(value, normalization, signed=True) for value in row] for row in values]
    hovers = [
        [
            f"A: {_describe_cell(a.counts, *cell)}<br>B: {_describe_cell(b.counts, *cell)}"
            for cell in ((true, read) for read in _DIGITS)
        ]
        for true in _DIGITS
    ]
    return _cells_figure(values, texts, hovers, (_FEWER, _MORE), muted, cell)


def _format_value(value: float, normalization: str, signed: bool = False) -> str:
    """What a cell says; nothing if there is nothing in it."""
    if not value:
        return ""
    sign = ("+" if value > 0 else "−") if signed else ""
    if normalization == "Counts":
        return f"{sign}{abs(value):,.0f}"
    return f"{sign}{100 * abs(value):.{1 if abs(value) < 0.0995 else 0}f}"


def _describe_cell(counts: NDArray, true: int, read: int) -> str:
    return f"{counts[true, read]:,} of {counts[true].sum():,} {true}s read as {read}"


def _cells_figure(
    values: NDArray,
    texts: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    colours: tuple[str, str],
    muted: bool,
    cell: tuple[int, int] | None,
) -> go.Figure:
    """Ten by ten coloured cells. A heat map reports no clicks, so unseen markers lie on top."""
    import plotly.graph_objects as go

    shades = np.where(np.eye(CLASSES, dtype=bool), 0, values) if muted else values
    most = np.abs(shades).max() or 1
    negative, positive = (_rgba(colour, _STRONGEST) for colour in colours)
    figure = go.Figure()
    figure.add_heatmap(
        z=np.sign(shades) * np.sqrt(np.abs(shades) / most),  # a root shows single mistakes too
        zmin=-1,
        zmax=1,
        colorscale=[  # each colour fades by itself, for between them lies a third
            [0, negative],
            [0.5, _rgba(colours[0], 0)],
            [0.5, _rgba(colours[1], 0)],
            [1, positive],
        ],
        showscale=False,
        hoverinfo="skip",
        xgap=2,
        ygap=2,
    )
    cells = [(true, read) for true in _DIGITS for read in _DIGITS]
    figure.add_scatter(
        x=[read for _, read in cells],
        y=[true for true, _ in cells],
        customdata=cells,
        text=[hovers[true][read] for true, read in cells],
        mode="markers",
        marker={"symbol": "square", "size": _CELL, "opacity": 0, "color": colours[1]},
        hovertemplate="%{text}<extra></extra>",
    )
    figure.layout.annotations = [  # all at once: one by one takes half a second
        {
            "x": read,
            "y": true,
            "text": texts[true][read],
            "showarrow": False,
            "opacity": _MUTED if muted and true == read else 1,
        }
        for true, read in cells
    ]
    if cell:
        true, read = cell
        corners = {"x0": read - 0.5, "x1": read + 0.5, "y0": true - 0.5, "y1": true + 0.5}
        figure.add_shape(type="rect", **corners, line={"color": colours[1], "width": 3})
    _lay_out_cells(figure)
    return figure


def _lay_out_cells(figure: go.Figure) -> None:
    axis = {"tickvals": _DIGITS, "showgrid": False, "zeroline": False}
    figure.update_xaxes(side="top", title="Read as", range=[-0.5, 9.5], **axis)
    figure.update_yaxes(title="True digit", range=[9.5, -0.5], **axis)
    lay_out(figure, _MATRIX_HEIGHT, showlegend=False, hoverdistance=_CELL)


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def describe_matrix(answers: Answers) -> str:
    """The commonest mistakes of a run, in a sentence."""
    worst = worst_confusions(answers.labels, answers.readings, most=4)
    size, wrong = len(answers.labels), int((~answers.correct).sum())
    if not worst:
        return f"All {size:,} test digits are read rightly."
    # Of mistakes that are made as often, none is named before the others.
    told = [one for one in worst[:3] if len(worst) < 4 or one[2] > worst[3][2]] or worst[:1]
    named = ", ".join(f"{true} as {read} ({count}×)" for true, read, count in told)
    return f"{wrong:,} of {size:,} test digits are misread, most often {named}."


def digits_html(answers: Answers) -> Markup:
    """Each digit's figures beside the report's AUC, in a table that scrolls where it is narrow."""
    report = load_report_scores(answers.run.experiment.name)
    rows = []
    for one in answers.scores["digits"]:
        theirs = report and report["auc"][one["digit"]]
        shares = [_format(one[name], ".2%") for name in ("precision", "recall", "f1")]
        areas = [_format(area, ".5f") for area in (one["auc_hard"], one["auc"], theirs)]
        cells = [tag("td", text) for text in shares + areas]
        rows.append(tag("tr", tag("th", one["digit"], scope="row"), *cells))
    titles = ("Digit", "Precision", "Recall", "F1", "AUC, hard", "AUC", "The report’s AUC, hard")
    head = (tag("th", title, scope="col") for title in titles)
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows)),
        class_="dn-figures",
        tabindex=0,
        role="region",
        aria_label="Figures of each digit",
    )


def _format(value: float | None, form: str) -> str:
    return "—" if value is None else format(value, form)


def hardest_digit(answers: Answers) -> str:
    """The digit with the smallest area under its ROC curve."""
    return str(min(answers.scores["digits"], key=lambda one: one["auc"] or 1)["digit"])


# --- curves ----------------------------------------------------------------------------------


def roc_figure(chosen: Mapping[str, Answers], digit: int) -> go.Figure:
    """The ROC of one digit, strong, and those of the other nine, faint.

    Args:
        chosen: Answers of "A" and perhaps "B".
        digit: The digit, 0 to 9.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for letter, answers in chosen.items():
        curves = roc_curves(answers.labels, answers.probabilities)
        for one in sorted(curves, key=lambda other: other == digit):  # the strong one on top
            is_chosen = one == digit
            others = int((answers.labels != one).sum())
            figure.add_scatter(
                x=np.maximum(curves[one].false_positive_rate, 0.5 / others),  # 0 has no logarithm
                y=curves[one].true_positive_rate,
                mode="lines",
                name=f"{letter} {_title(answers)}",
                showlegend=is_chosen,
                legendgroup=letter,
                opacity=1 if is_chosen else 0.22,
                line={
                    "color": answers.run.experiment.colour,
                    "width": 2.5 if is_chosen else 1,
                    "dash": DASHES[letter],
                },
                hovertemplate=f"<b>{letter}</b> digit {one}: %{{y:.2%}} found<br>at %{{x:.3~%}} "
                f"false alarms<br>AUC {curves[one].area:.5f}<extra></extra>",
            )
    lay_out(figure, CHART_HEIGHT, top=40)
    figure.update_xaxes(
        type="log", title="False alarms among other digits", tickformat="~%", dtick=1
    )
    figure.update_yaxes(title=f"Share of {digit}s found", tickformat="~%", range=[0.85, 1.005])
    return figure


def _title(answers: Answers) -> str:
    return escape(answers.run.experiment.title)


# --- single digits ---------------------------------------------------------------------------


def answer_html(shown: Mapping[str, Answers], place: int, others: Sequence[Answers]) -> Markup:
    """What is said of a test digit, in a few lines: one or two runs' guesses and the others'.

    Args:
        shown: The answers of the run, or of both, by letter.
        place: The digit's place among the test digits.
        others: Answers of the other networks to the same digits.
    """
    if len(shown) > 1:
        lines = [join(f"{letter}: ", _best_guess(one, place)) for letter, one in shown.items()]
    else:
        [answers] = shown.values()
        lines = [_best_guess(answers, place)]
        second = int(np.argsort(-answers.probabilities[place], kind="stable")[1])
        if answers.probabilities[place, second] >= 0.001:
            share = format_share(float(answers.probabilities[place, second]))
            lines.append(join(f"{second} {share}"))
    votes = [tag("span", f"{digit} ({count}×)") for digit, count in count_readings(others, place)]
    lines.append(join("others: ", join(*votes, between=", ") or "—"))
    return tag("p", join(*lines, between=tag("br")), class_="dn-answer")


def _best_guess(answers: Answers, place: int) -> Markup:
    read, true = answers.readings[place], answers.labels[place]
    share = format_share(float(answers.probabilities[place, read]))
    return join(tag("b", read), f" {share}{'' if read == true else f', is {true}'}")


def large_picture_html(image: NDArray, label: int) -> Markup:
    """A test digit, large, with every pixel visible."""
    alt = f"{a_digit(label).capitalize()} in white on black, 28 by 28 pixels"
    return tag("figure", tag("img", src=png_url(image), alt=alt), class_="dn-seen dn-large")


def describe_answer(answers: Answers, place: int) -> str:
    """What a run reads in a test digit and what is true, in a sentence."""
    probabilities = answers.probabilities[place]
    read, true = int(probabilities.argmax()), int(answers.labels[place])
    verdict = "which is right" if read == true else f"but it is {a_digit(true)}"
    return (
        f"{answers.run.experiment.title} reads {read}, "
        f"{format_share(float(probabilities[read]))} sure, {verdict}."
    )


def describe_places(letter: str, cell: tuple[int, int], count: int) -> str:
    """How many digits fell in a cell, as a heading in Markdown."""
    return f"**{letter}: {cell[0]} read as {cell[1]}, {count:,} digit{'s' * (count != 1)}**"


def describe_outcomes(outcomes: PairedOutcomes) -> str:
    """How many digits both of two runs, one alone or neither read rightly, in a sentence."""
    both, only_a, only_b, neither = map(len, outcomes)
    return (
        f"Of {both + only_a + only_b + neither:,} test digits both runs read {both:,} rightly, "
        f"A alone {only_a:,}, B alone {only_b:,}, and neither {neither:,}."
    )


def bars_html(answers: Answers, place: int) -> Markup:
    """The ten probabilities that a run gave a test digit."""
    return probability_bars_html(answers.probabilities[place])


def networks_html(everyone: Mapping[Experiment, Answers], place: int, chosen: Experiment) -> Markup:
    """How every network reads a test digit, those against the majority marked.

    Args:
        everyone: Answers by experiment.
        place: The digit's place among the test digits.
        chosen: The experiment whose reading is shown above.
    """
    readings = {one: answers.probabilities[place] for one, answers in everyone.items()}
    learnt = [one for one, answers in everyone.items() if answers.has_learnt]
    return all_readings_html(readings, choose_voters(readings, learnt), chosen)
