"""What the Inside page shows of digits that a network finds alike. No Streamlit here."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from digitnet.runs import DigitMap
from digitnet.show.html import Markup, tag
from digitnet.show.pictures import png_url, svg_url
from digitnet.show.words import a_digit, number_in_words
from digitnet.study.maps import Neighbours

MAP_SIDE = 600  # of the map's picture; it is drawn at most that large
MAP_REACH = 1.08  # of what lies on it, so that nothing is cut off
STAR = "M0-13L4-5 13-4 6 2 8 11 0 6-8 11-6 2-13-4-4-5Z"
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


def map_html(digit_map: DigitMap, neighbours: Neighbours) -> Markup:
    """The test digits, those alike near each other, and the drawing as a star among them."""
    places, labels = _place(digit_map.places), digit_map.tested.labels
    clouds = "".join(
        _cloud_svg(digit, places[labels == digit]) for digit in np.unique(labels).tolist()
    )
    x, y = _place(neighbours.place)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {MAP_SIDE} {MAP_SIDE}" '
        'font-family="sans-serif" font-size="26" font-weight="700" text-anchor="middle">'
        f'{clouds}<path transform="translate({x:.1f} {y:.1f})" d="{STAR}" fill="#e8b400" '
        'stroke="#23282d" stroke-width="2" stroke-linejoin="round"/></svg>'
    )
    alt = "Test digits, those alike near each other, and your drawing as a star among them"
    return tag("img", src=svg_url(svg), alt=alt)


def _place(places: NDArray) -> NDArray:
    """Where places in [-1, 1], the second upwards, lie in the picture."""
    return MAP_SIDE * (0.5 + np.array([0.5, -0.5]) * places / MAP_REACH)


def _cloud_svg(digit: int, places: NDArray) -> str:
    """A digit's places as dots, and the digit itself above where most of them are."""
    middle = np.median(places, axis=0)
    distances = np.linalg.norm(places - middle, axis=1)
    top = places[distances <= np.quantile(distances, 0.8), 1].min()
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    colour = DIGIT_COLOURS[digit]
    return (
        f'<path d="{dots}" stroke="{colour}" stroke-width="6" stroke-linecap="round" '
        'opacity="0.55"/>'
        f'<text x="{middle[0]:.1f}" y="{top - 5:.1f}" fill="{colour}">{digit}</text>'
    )
