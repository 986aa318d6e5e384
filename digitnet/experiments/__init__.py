"""The experiments: records of networks and how they are trained, and what they cost.

Standard library only.
"""

from digitnet.experiments.catalogue import EXPERIMENTS, UnknownExperimentError, find_experiment
from digitnet.experiments.costs import (
    EVALUATION_BATCH,
    LayerCost,
    cost_layers,
    training_bytes,
    walk_layers,
)
from digitnet.experiments.datasets import DATASETS, Dataset
from digitnet.experiments.folding import folded_parameters, pixel_features
from digitnet.experiments.forecast import (
    expect_epochs,
    forecast,
    format_duration,
    usual_seconds,
)
from digitnet.experiments.handwriting import READER
from digitnet.experiments.layers import (
    CLASSES,
    IMAGE_SHAPE,
    MOST_FILTERS,
    MOST_LAYERS,
    MOST_UNITS,
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerError,
    MaxPool,
)
from digitnet.experiments.notation import format_layers, parse_layers
from digitnet.experiments.own import (
    COLOURS,
    LONGEST_NAME,
    NetworkError,
    check_layers,
    make_network,
)
from digitnet.experiments.records import GROUPS, HANDWRITING, OWN, Experiment, Group
from digitnet.experiments.settings import SettingsError, TrainingSettings
from digitnet.experiments.sixteen import REPORT_EXPERIMENTS
