"""Networks that are built and kept by the user: their layers, and what these cost."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from digitnet.experiments import Experiment, LayerCost, format_layers
from digitnet.show.words import as_sentence


def describe_shape(shape: Sequence[int]) -> str:
    """The shape of an image's values, such as "26 × 26 × 32" or "1,600 values"."""
    return " × ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,} values"


def cost_html(cost: LayerCost) -> str:
    """What comes out of a layer, and its parameters."""
    parameters = f" · {cost.parameters:,} parameters" if cost.parameters else ""
    return f'<p class="dn-cost">→ {describe_shape(cost.output_shape)}{parameters}</p>'


def problem_html(problem: str) -> str:
    """Why a layer cannot stand where it is."""
    return f'<p class="dn-problem" role="alert">{escape(as_sentence(problem))}</p>'


def network_html(costs: Sequence[LayerCost]) -> str:
    """A whole network in figures.

    Args:
        costs: Of all its layers, the softmax included.
    """
    parameters = sum(cost.parameters for cost in costs)
    multiply_adds = sum(cost.multiply_adds for cost in costs)
    last = costs[-1].parameters
    return (
        f'<p class="dn-total"><b>{parameters:,}</b> parameters, <b>{multiply_adds:,}</b> '
        f"multiplications an image</p><p class='dn-cost'>With the softmax over the ten digits, "
        f"which follows your layers and has {last:,} of the parameters.</p>"
    )


def kept_html(network: Experiment) -> str:
    """A network of the user's own: its name, layers and reason."""
    reason = f"<p>{escape(network.question)}</p>" if network.question else ""
    return (
        f'<div class="dn-kept" style="--colour:{network.colour}"><h4>{escape(network.title)}</h4>'
        f"<p><code>{escape(format_layers(network.layers))}</code></p>{reason}"
        f'<p class="dn-cost">{network.parameters:,} parameters</p></div>'
    )
