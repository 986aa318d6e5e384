"""Networks that are built and kept by the user: their layers, and what these cost."""

from __future__ import annotations

from collections.abc import Sequence

from digitnet.experiments import Experiment, LayerCost, format_layers
from digitnet.show.html import Markup, join, tag
from digitnet.show.words import as_sentence


def describe_shape(shape: Sequence[int]) -> str:
    """The shape of an image's values, such as "26 × 26 × 32" or "1,600 values"."""
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,} values"


def cost_html(cost: LayerCost) -> Markup:
    """What comes out of a layer, and its parameters."""
    parameters = f" · {cost.parameters:,} parameters" if cost.parameters else ""
    return tag("p", f"→ {describe_shape(cost.output_shape)}{parameters}", class_="dn-cost")


def problem_html(problem: str) -> Markup:
    """Why a layer cannot stand where it is."""
    return tag("p", as_sentence(problem), class_="dn-problem", role="alert")


def network_html(costs: Sequence[LayerCost]) -> Markup:
    """A whole network in figures.

    Args:
        costs: Of all its layers, the softmax included.
    """
    parameters = tag("b", f"{sum(cost.parameters for cost in costs):,}")
    multiply_adds = tag("b", f"{sum(cost.multiply_adds for cost in costs):,}")
    softmax = (
        "With the softmax over the ten digits, which follows your layers and has "
        f"{costs[-1].parameters:,} of the parameters."
    )
    total = (parameters, " parameters, ", multiply_adds, " multiplications an image")
    return join(tag("p", *total, class_="dn-total"), tag("p", softmax, class_="dn-cost"))


def kept_html(network: Experiment) -> Markup:
    """A network of the user's own: its name, layers and reason."""
    return tag(
        "div",
        tag("h4", network.title),
        tag("p", tag("code", format_layers(network.layers))),
        tag("p", network.question) if network.question else "",
        tag("p", f"{network.parameters:,} parameters", class_="dn-cost"),
        class_="dn-kept",
        style=f"--colour:{network.colour}",
    )
