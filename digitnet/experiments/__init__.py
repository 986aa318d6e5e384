"""The experiments: records of networks and how they are trained, and what they cost.

Standard library only.
"""

from digitnet.experiments.costs import (
    LayerCost,
    folded_parameters,
    layer_costs,
    multiply_adds,
    pixel_features,
    training_bytes,
)
from digitnet.experiments.forecast import Forecast, expect_epochs, forecast
from digitnet.experiments.layers import (
    CLASSES,
    IMAGE_SHAPE,
    AveragePool,
    Dense,
    Dropout,
    Layer,
    MaxPool,
)
from digitnet.experiments.records import Experiment
from digitnet.experiments.settings import DATASETS, SettingsError, TrainingSettings
from digitnet.experiments.sixteen import EXPERIMENTS, UnknownExperimentError, find_experiment
