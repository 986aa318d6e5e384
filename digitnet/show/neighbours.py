"""What the Inside page shows of digits that a network finds alike. No Streamlit here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments import CLASSES
from digitnet.runs import DigitMap
from digitnet.show.charts import lay_out
from digitnet.show.html import Markup, tag
from digitnet.show.pictures import png_url
from digitnet.show.words import a_digit, number_in_words
from digitnet.study.maps import Neighbours

if TYPE_CHECKING:  # the app need not wait for it before a chart is drawn
    import plotly.graph_objects as go

MAP_HEIGHT = 520
# Okabe and Ito's colours (2008), darkened or lightened until each is seen on both backgrounds; what
# tells digits apart without colour is the large digit in the middle of each cloud.
DIGIT_COLOURS = (
    "#7f8790", "#d98200", "#2f9bd8", "#009e73", "#a8960a",
    "#0072b2", "#d55e00", "#c0609a", "#7860fc", "#8a5a2b",
)  # fmt: skip


def describe_neighbours(neighbours: Neighbours) -> str:
    """What the nearest digits are, in a sentence."""
    counts = Counter(neighbours.labels).most_common()
    (digit, most), *others = counts
    total = number_in_words(len(neighbours.labels))
    if not others:
        return f"All {total} are {_plural(digit)}."
    rest = ", ".join(
        f"{number_in_words(count)} {'is' if count == 1 else 'are'} {_plural(one, count)}"
        for one, count in others
    )
    verb = "is" if most == 1 else "are"
    return f"{number_in_words(most).capitalize()} of {total} {verb} {_plural(digit, most)}; {rest}."


def _plural(digit: int, count: int = 2) -> str:
    return f"{digit}s" if count > 1 else a_digit(digit)


def nearest_html(neighbours: Neighbours, pictures: NDArray | None) -> Markup:
    """The nearest digits, the nearest first, as pictures where these are on the machine.

    Args:
        neighbours: The nearest digits.
        pictures: Images of the data set, uint8 (n, 28, 28); None if they are not here.
    """
    figures = (
        tag(
            "figure",
            _digit_picture(pictures, position, label),
            tag("figcaption", label),
            class_="dn-neighbour",
        )
        for label, position in zip(neighbours.labels, neighbours.index, strict=True)
    )
    return tag("div", *figures, class_="dn-neighbours")


def _digit_picture(pictures: NDArray | None, position: int, label: int) -> Markup:
    if pictures is None or position >= len(pictures):
        return Markup("")
    alt = f"Training digit {position:,}, {a_digit(label)}"
    return tag("img", src=png_url(pictures[position]), alt=alt, title=alt)


def map_figure(digit_map: DigitMap, neighbours: Neighbours) -> go.Figure:
    """The test digits, those alike near each other, and the drawing as a star among them."""
    import plotly.graph_objects as go

    figure = go.Figure()
    places, labels = digit_map.places, digit_map.tested.labels
    for digit in range(CLASSES):
        mine = places[labels == digit]
        figure.add_scattergl(
            x=mine[:, 0],
            y=mine[:, 1],
            mode="markers",
            name=str(digit),
            marker={"color": DIGIT_COLOURS[digit], "size": 6, "opacity": 0.55},
            hovertemplate=f"{a_digit(digit)}<extra></extra>",
        )
    figure.layout.annotations = [
        _name_cloud(digit, places[labels == digit]) for digit in np.unique(labels).tolist()
    ]
    x, y = neighbours.place.tolist()
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        name="your drawing",
        marker={
            "symbol": "star",
            "size": 24,
            "color": "#e8b400",
            "line": {"color": "#23282d", "width": 2},
        },
        hovertemplate="your drawing<extra></extra>",
    )
    bare = {"visible": False, "range": [-1.08, 1.08]}
    lay_out(figure, MAP_HEIGHT, showlegend=False, top=0)
    figure.update_xaxes(**bare)
    figure.update_yaxes(**bare)
    return figure


def _name_cloud(digit: int, places: NDArray) -> dict[str, object]:
    """A large digit above where most of its places are."""
    middle = np.median(places, axis=0)
    distances = np.linalg.norm(places - middle, axis=1)
    most = places[distances <= np.quantile(distances, 0.8)]
    font = {"size": 26, "color": DIGIT_COLOURS[digit], "weight": 700}
    where = {"x": float(middle[0]), "y": float(most[:, 1].max()), "yanchor": "bottom"}
    return where | {"text": str(digit), "showarrow": False, "font": font}
