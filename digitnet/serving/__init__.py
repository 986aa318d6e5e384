"""Served models -> probabilities, and how far these can be trusted."""

from digitnet.serving.activations import Activation, Insides, OpenNetwork, open_network
from digitnet.serving.checks import (
    InferenceError,
    find_untried,
    make_current,
    require_sound,
    try_runs,
)
from digitnet.serving.crowd import Crowd
from digitnet.serving.measured import load_drawings, load_handwriting, load_measured
from digitnet.serving.networks import (
    BATCH_SIZE,
    Reading,
    ServedNetwork,
    digit_probabilities,
    find_verdict,
    temper,
)
from digitnet.serving.numbers import Number, ReadDigit, read_number
from digitnet.serving.pool import Pool
from digitnet.serving.server import ModelServer, load_network
from digitnet.serving.trust import (
    CLASSES_FROM,
    Trust,
    count_by_agreement,
    count_by_confidence,
    find_agreement,
    find_class,
    find_trust,
)
