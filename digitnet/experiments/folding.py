"""What is left of a dense network when its layers before Flatten are folded."""

from __future__ import annotations

import math

from digitnet.experiments.layers import IMAGE_SHAPE, Flatten
from digitnet.experiments.records import Experiment


def pixel_features(experiment: Experiment) -> int:
    """How many values the dense layers before Flatten make of each pixel."""
    flatten = experiment.layers.index(Flatten())
    return experiment.costs[flatten - 1].output_shape[-1]


def folded_parameters(experiment: Experiment, rank: int) -> int:
    """Parameters of a dense network once its pixels' features are projected onto what they span.

    The projection adds (features + 1) x rank parameters; the layer after Flatten loses its
    weights for the dimensions that are gone.

    Args:
        experiment: A dense network, with layers before and after Flatten.
        rank: Dimensions kept of each pixel.
    """
    features = pixel_features(experiment)
    units = experiment.costs[experiment.layers.index(Flatten()) + 1].output_shape[-1]
    fewer_inputs = math.prod(IMAGE_SHAPE) * (features - rank)
    return experiment.parameters - fewer_inputs * units + (features + 1) * rank
