"""What differs between two networks, layer by layer and setting by setting."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

from digitnet.experiments import (
    CLASSES,
    AveragePool,
    Dense,
    Experiment,
    Layer,
    LayerCost,
    MaxPool,
    TrainingSettings,
)
from digitnet.runs import Teaching
from digitnet.study.summaries import RunSummary


@dataclass(frozen=True)
class Difference:
    """One line of two networks side by side.

    Args:
        what: What the line is about, such as "layer" or "learning rate".
        a: What network A has; None if it has nothing like it.
        b: The same of network B.
    """

    what: str
    a: str | None
    b: str | None

    @property
    def is_same(self) -> bool:
        """Whether there is no difference."""
        return self.a == self.b


def list_differences(
    a: Experiment, a_settings: TrainingSettings, b: Experiment, b_settings: TrainingSettings
) -> list[Difference]:
    """Two networks layer by layer and setting by setting, what is the same included."""
    lines = [
        Difference("layer", _describe(a_layer), _describe(b_layer))
        for a_layer, b_layer in _align_layers(a, b)
    ]
    lines += [
        Difference("parameters", f"{a.parameters:,}", f"{b.parameters:,}"),
        Difference("multiplications", f"{a.multiply_adds:,}", f"{b.multiply_adds:,}"),
    ]
    others = asdict(b_settings)
    for name, value in asdict(a_settings).items():
        what = "most epochs" if name == "epochs" else name.replace("_", " ")
        lines.append(Difference(what, _format_setting(value), _format_setting(others[name])))
    return lines


def list_run_differences(a: RunSummary, b: RunSummary) -> list[Difference]:
    """As `list_differences`, for two whole runs."""
    assert a.settings and b.settings
    lines = list_differences(a.run.experiment, a.settings, b.run.experiment, b.settings)
    taught = [_describe_teaching(one.run.request.teaching) for one in (a, b)]
    return [*lines, Difference("taught", *taught)] if any(taught) else lines


def _describe_teaching(teaching: Teaching | None) -> str | None:
    """From which run a person's hand was taught, and by which drawings."""
    if teaching is None:
        return None
    return f"{teaching.base} · drawings {teaching.drawings_sha256[:8]}"


Pairs = tuple[tuple[int | None, int | None], ...]  # positions in two networks


_GAP = 2  # a layer that only one network has


def _align_layers(a: Experiment, b: Experiment) -> list[tuple[LayerCost | None, LayerCost | None]]:
    """Pairs the layers of two networks with as few changes as possible, in order."""
    a_layers, b_layers = ((*one.layers, Dense(CLASSES)) for one in (a, b))

    @cache
    def align(i: int, j: int) -> tuple[int, Pairs]:
        """The number of changes from layers i and j on, and the pairs."""
        ways: list[tuple[int, tuple[int | None, int | None], tuple[int, Pairs]]] = []
        if i < len(a_layers) and j < len(b_layers):
            ways.append((_change(a_layers[i], b_layers[j]), (i, j), align(i + 1, j + 1)))
        if j < len(b_layers):
            ways.append((_GAP, (None, j), align(i, j + 1)))
        if i < len(a_layers):
            ways.append((_GAP, (i, None), align(i + 1, j)))
        ends = [(cost + rest, (pair, *pairs)) for cost, pair, (rest, pairs) in ways]
        return min(ends, key=lambda end: end[0], default=(0, ()))

    a_costs, b_costs = a.costs, b.costs
    return [
        (None if i is None else a_costs[i], None if j is None else b_costs[j])
        for i, j in align(0, 0)[1]
    ]


def _change(a: Layer, b: Layer) -> int:
    """What it costs to take one layer for another: less than two gaps only for the same kind."""
    if a == b:
        return 0
    pools = (MaxPool, AveragePool)
    same_kind = type(a) is type(b) or (isinstance(a, pools) and isinstance(b, pools))
    return 1 if same_kind else 2 * _GAP + 1


def _describe(layer: LayerCost | None) -> str | None:
    if layer is None:
        return None
    return f"{layer.name} · {layer.parameters:,}" if layer.parameters else layer.name


def _format_setting(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else str(value)
