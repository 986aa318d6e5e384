"""What the Inside page shows of a network's layers. No Streamlit here."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitnet.experiments import CLASSES, Experiment
from digitnet.serving import Activation
from digitnet.show.draw import probability_bars_html
from digitnet.show.html import Markup, join, tag
from digitnet.show.pictures import coloured_url, svg_url, tile_pictures, tile_units
from digitnet.show.words import a_digit, format_share

ON_A_CARD = 9  # filters
SHOWN = 64  # filters of a layer, the strongest
LOUDEST = 16  # units of a dense layer
ANSWER = "softmax"
SMALLEST = 1e-9
CURVE_MARGIN = 0.04  # above and below the curves, as a share of the largest value
GREYS = (0, 51, 102, 153, 204, 255)  # that are named below the curves
_MARK = (
    "border-color: var(--dn-accent); "
    "background: color-mix(in srgb, var(--dn-accent) 12%, transparent);"
)
_CURVES = (("#c8641e", "none"), ("#2f7fb0", "9 5"), ("#447207", "2 4"), ("#c01085", "9 4 2 4"))
_SVG = 'xmlns="http://www.w3.org/2000/svg"'
_AS_WIDE = 'vector-effect="non-scaling-stroke"'

FOLDED = (
    "The dense layers before the picture is flattened see one pixel at a time. All they know of it "
    "is its grey, so all they can learn is a curve from grey to some value. The network is served "
    "**folded**: instead of {layers}, it keeps the {rank} that the layers after them listen to."
)


def _shares(activation: Activation) -> NDArray:
    """A layer's values for the one image, in [0, 1] of its largest; of a code's, each by itself."""
    values = activation.values[0]
    if activation.is_code:
        return np.abs(values) / np.maximum(np.abs(values).max(axis=(0, 1)), SMALLEST)
    return np.maximum(values, 0) / max(float(values.max()), SMALLEST)


def _rank_filters(values: NDArray) -> NDArray:
    """The channels of (rows, columns, channels), the strongest first."""
    return np.argsort(-np.abs(values).max(axis=(0, 1)), kind="stable")


def card_url(activation: Activation, colour: str) -> str:
    """A layer at a glance: its strongest filters, or its units in a square."""
    shares = _shares(activation)
    if shares.ndim == 1:
        return coloured_url(tile_units(np.sqrt(shares)), colour)
    strongest = np.sqrt(shares[..., _rank_filters(activation.values[0])[:ON_A_CARD]])
    return coloured_url(tile_pictures(np.moveaxis(strongest, -1, 0), ON_A_CARD), colour)


def answer_url(probabilities: NDArray, colour: str) -> str:
    """The ten probabilities at a glance, float (10,): bars on a square."""
    height, width, gap = 60, 4, 2
    field = np.zeros((height, CLASSES * (width + gap) + gap))
    for digit, share in enumerate(probabilities):
        left, top = gap + digit * (width + gap), height - max(1, round(float(share) * height))
        field[top:, left : left + width] = 0.6 + 0.4 * float(share)
    return coloured_url(field, colour)


def describe_refused(digit: int) -> str:
    """What all that is shown of a drawing means that is no digit."""
    return f"This is taken for no digit; the answer that comes nearest is {a_digit(digit)}."


def describe_shape(activation: Activation) -> str:
    """The shape of what a layer makes of one image, such as "26×26×32"."""
    return "×".join(f"{side:,}" for side in activation.values.shape[1:])


def card_label(name: str, shape: str, url: str, picture: str) -> str:
    """What stands on a layer's button, in Markdown."""
    return f"![{picture}]({url}) **{name}** {shape}"


def mark_css(key: str) -> str:
    """A style that marks the card of the layer that is shown; the button itself keeps the focus."""
    return f"<style>.stApp .{key} button {{ {_MARK} }}</style>"


def describe_layer(activation: Activation, experiment: Experiment) -> str:
    """What a layer did with the drawing, in a sentence or two of Markdown."""
    values = activation.values[0]
    if activation.is_code:
        return _describe_code(values.shape[-1], activation.place, experiment)
    if values.ndim == 1:
        loud = (values > 0).sum()
        speak = "speaks" if loud == 1 else "speak"
        return f"{loud:,} of its {len(values):,} units {speak}. The loudest:"
    speaking = (values > 0).any(axis=(0, 1)).sum()
    rows, columns, count = values.shape
    kind = "filters" if activation.name.startswith("conv") else "pictures"
    found = f"All {count:,}" if speaking == count else f"{speaking:,} of {count:,}"
    return (
        f"{found} {kind} found something; each is a picture of {rows}×{columns}. The strongest "
        "come first: point at one, or tap it, to see it large."
    )


def _describe_code(rank: int, place: int, experiment: Experiment) -> str:
    layers = " and ".join(str(one) for one in experiment.layers[: place - 1])
    kept = "one value a pixel" if rank == 1 else f"{rank} values a pixel"
    return FOLDED.format(layers=layers, rank=kept)


def filters_html(activation: Activation, colour: str) -> Markup:
    """A layer's filters as pictures, the strongest first, each large when pointed at."""
    values, shares = activation.values[0], _shares(activation)
    ranked = _rank_filters(values)
    figures = [
        _filter_html(int(one), values[..., one], shares[..., one], colour) for one in ranked[:SHOWN]
    ]
    quieter = len(ranked) - len(figures)
    more = tag("p", f"And {quieter:,} that are quieter.", class_="dn-more") if quieter else ""
    return join(tag("div", *figures, class_="dn-filters"), more)


def _filter_html(number: int, values: NDArray, shares: NDArray, colour: str) -> Markup:
    row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
    loudest = f"{values[row, column]:.2f}".replace("-", "−")
    said = f"Filter {number + 1}: at its strongest {loudest}, in row {row + 1}, column {column + 1}"
    picture = tag("img", src=coloured_url(np.sqrt(shares), colour), alt=said)
    caption = tag("figcaption", tag("b", number + 1), " ", loudest)
    return tag("figure", picture, caption, tabindex=0, title=said)


def units_html(activation: Activation, weights: NDArray | None, digit: int) -> Markup:
    """The units of a dense layer that speak loudest, with their values as bars.

    Args:
        activation: The layer's.
        weights: Where it is the last hidden layer, the weights behind it, float (units, 10 or 11):
            then it is said what each unit adds to the digit, beyond what it adds to all.
        digit: What the network reads.
    """
    values = activation.values[0]
    ranked = [one for one in np.argsort(-values, kind="stable")[:LOUDEST] if values[one] > 0]
    if not ranked:
        return tag("p", "None speaks: whatever is drawn, this layer says nothing.")
    rows = (_unit_row(int(one), values, weights, digit) for one in ranked)
    return tag("ol", *rows, class_="dn-bars dn-units", aria_label="The loudest units")


def _unit_row(unit: int, values: NDArray, weights: NDArray | None, digit: int) -> Markup:
    said = f"{values[unit]:.2f}"
    if weights is not None:
        row = weights[unit, :CLASSES]
        added = float(values[unit] * (row[digit] - row.mean()))
        said += f", {abs(added):.2f} {'for' if added > 0 else 'against'} {a_digit(digit)}"
    share = float(values[unit] / values.max())
    bar = tag("i", style=f"--share:{share:.4f}")
    return tag("li", tag("b", unit + 1), bar, tag("span", said))


def answer_html(probabilities: NDArray, refusal: float | None) -> Markup:
    """The ten probabilities, and that of no digit where the network tells.

    Args:
        probabilities: float (10,).
        refusal: The probability that it is none.
    """
    bars = probability_bars_html(probabilities)
    if refusal is None:
        return bars
    return join(bars, tag("p", f"Not a digit: {format_share(refusal)}", class_="dn-more"))


def curve_html(code: NDArray) -> Markup:
    """The values that a folded network makes of each grey level, a line each, rising to the ink.

    A picture, and text around it: Plotly would take as long as to open the network.

    Args:
        code: float (256, rank).
    """
    peaks = np.maximum(np.abs(code).max(axis=0), SMALLEST)
    lines = (code / peaks * np.where(code[-1] < 0, -1, 1)).T
    low = math.floor(2 * min(0.0, float(lines.min()))) / 2
    ticks = np.arange(low, 1.5, 0.5).tolist()
    alt = "What each grey level becomes: a curve for each value that a pixel keeps"
    axes = (
        "Across: the grey of a pixel, from background to ink. Up: what becomes of it, as a share "
        "of the largest value."
    )
    return tag(
        "figure",
        tag("p", *(_legend(value) for value in range(len(lines)))),
        tag("div", *(_tick(share, low) for share in ticks), class_="dn-shares"),
        tag("img", src=svg_url(_curves_svg(lines, low, ticks)), alt=alt),
        tag("div", *(tag("span", grey) for grey in GREYS), class_="dn-greys"),
        tag("figcaption", axes),
        class_="dn-curve",
    )


def _tick(share: float, low: float) -> Markup:
    said = f"{share:g}".replace("-", "−")
    return tag("span", said, style=f"--at:{_tick_place(share, low):.4f}")


def _tick_place(share: float, low: float) -> float:
    """Where a share of the largest value lies, from the picture's top to its bottom, in [0, 1]."""
    return (1 + CURVE_MARGIN - share) / (1 - low + 2 * CURVE_MARGIN)


def _legend(value: int) -> Markup:
    svg = f'<svg {_SVG} viewBox="0 0 28 4">{_line(value, "M0 2H28")}</svg>'
    return tag("span", tag("img", src=svg_url(svg), alt=""), f"value {value + 1}")


def _curves_svg(lines: NDArray, low: float, ticks: Sequence[float]) -> str:
    """The curves over a grid, in a picture that is stretched to the room that there is."""
    across = "".join(f"M0 {_tick_place(one, low):.4f}H255" for one in ticks)
    down = "".join(f"M{one} 0V1" for one in GREYS)
    curves = "".join(
        _line(value, "M" + "L".join(f"{x} {_tick_place(y, low):.4f}" for x, y in enumerate(line)))
        for value, line in enumerate(lines.tolist())
    )
    return (
        f'<svg {_SVG} viewBox="0 0 255 1" preserveAspectRatio="none"><path d="{across}{down}" '
        f'stroke="#7f8790" stroke-opacity="0.35" {_AS_WIDE}/>{curves}</svg>'
    )


def _line(value: int, path: str) -> str:
    """A path in a value's colour and dashes, as wide wherever a picture is stretched."""
    colour, dashes = _CURVES[value % len(_CURVES)]
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.5" '
        f'stroke-dasharray="{dashes}" {_AS_WIDE}/>'
    )
