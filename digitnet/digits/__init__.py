"""Digits: data sets and their splits, and ink, which becomes what a network sees."""

from digitnet.digits.datasets import HANDWRITING, is_here, load_digits
from digitnet.digits.learnt import Learnt, load_learnt
from digitnet.digits.material import Lessons, Material, Shuffled, load_material
from digitnet.digits.mnist import find_mnist, load_mnist
from digitnet.digits.records import DataError, Digits
from digitnet.digits.sample import load_sample
from digitnet.digits.samples import (
    CANVAS_SIZE,
    bring_to_middle,
    canvas_drawing,
    fit_to_canvas,
    load_samples,
)
from digitnet.digits.splits import SPLIT_SEED, Split, split_digits
from digitnet.digits.teaching import (
    FEWEST_DIGITS,
    FEWEST_DRAWINGS,
    Labelled,
    Lesson,
    find_lack,
    load_lesson,
    read_labelled,
)
from digitnet.digits.unlearnt import Unlearnt, load_unlearnt
