"""The report's sixteen experiments."""

from __future__ import annotations

import difflib

from digitnet.errors import DigitnetError
from digitnet.experiments.layers import (
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
)
from digitnet.experiments.records import Experiment


class UnknownExperimentError(DigitnetError):
    """No experiment has this name; the message suggests the nearest ones."""


def _basic_dense() -> tuple[Layer, ...]:
    return (Dense(32), Dense(64), Flatten(), Dense(128), Dropout(0.25))


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        name="fc",
        title="Basic dense network",
        group="dense",
        layers=_basic_dense(),
        parameters=6_426_122,
        question="How far does a plain, fully connected network get?",
        conclusion="Good accuracy after few, quick epochs; then only the training images are "
        "learnt better, so it begins to overfit.",
    ),
    Experiment(
        name="fc_small",
        title="Dense, fewer layers",
        group="dense",
        layers=(Dense(32), Flatten(), Dense(64), Dropout(0.25)),
        parameters=1_606_410,
        question="What is lost when one of the dense layers is taken away?",
        conclusion="It underfits: so few layers cannot capture the variety of the digits.",
    ),
    Experiment(
        name="fc_large",
        title="Dense, more layers",
        group="dense",
        layers=(
            Dense(32),
            Dense(64),
            Flatten(),
            Dense(4096),
            Dense(1024),
            Dense(64),
            Dropout(0.25),
        ),
        parameters=209_788_746,
        question="Do more and far wider dense layers help?",
        conclusion="A little, at the price of 210 million parameters and long epochs; it "
        "overfits from the second epoch on.",
    ),
    Experiment(
        name="fc_narrow",
        title="Dense, fewer units",
        group="dense",
        layers=(Dense(10), Dense(20), Flatten(), Dense(40), Dropout(0.25)),
        parameters=627_890,
        question="How few units will do?",
        conclusion="Too few hold it back: accuracy in training stays well below that in "
        "validation, and both below the basic network.",
    ),
    Experiment(
        name="fc_wide",
        title="Dense, more units",
        group="dense",
        layers=(Dense(100), Dense(200), Flatten(), Dense(400), Dropout(0.25)),
        parameters=62_744_810,
        question="Do more units in every layer help?",
        conclusion="Slightly more accurate than the basic network, with ten times its "
        "parameters; it overfits.",
    ),
    Experiment(
        name="fc_lr_high",
        title="Dense, learning rate 0.05",
        group="dense",
        layers=_basic_dense(),
        parameters=6_426_122,
        learning_rate=0.05,
        question="What does a learning rate fifty times too high do?",
        conclusion="The optimizer leaps over good weights instead of settling; the worst of all.",
    ),
    Experiment(
        name="fc_lr_low",
        title="Dense, learning rate 0.00001",
        group="dense",
        layers=_basic_dense(),
        parameters=6_426_122,
        learning_rate=0.00001,
        question="What does a learning rate a hundred times lower do?",
        conclusion="Nearly as accurate as the basic network, after many times the epochs.",
    ),
    Experiment(
        name="cnn",
        title="Basic CNN",
        group="convolutional",
        layers=(
            Convolution(32),
            MaxPool(2, 2),
            Convolution(64),
            MaxPool(2, 2),
            Flatten(),
            Dropout(0.5),
        ),
        parameters=34_826,
        question="What do two convolutions bring over dense layers?",
        conclusion="Better than every dense network with a fraction of their parameters, and "
        "no sign of overfitting.",
    ),
    Experiment(
        name="cnn_short",
        title="CNN, one convolution",
        group="convolutional",
        layers=(Convolution(32), MaxPool(2, 2), Flatten(), Dropout(0.5)),
        parameters=54_410,
        question="Is a single convolution enough?",
        conclusion="Satisfying, yet behind two convolutions, although it has more parameters "
        "because less is pooled away.",
    ),
    Experiment(
        name="cnn_long",
        title="CNN, four convolutions",
        group="convolutional",
        layers=(
            Convolution(32),
            MaxPool(2, 1),
            Convolution(64),
            MaxPool(2, 1),
            Convolution(128),
            MaxPool(2, 1),
            Convolution(512),
            MaxPool(2, 1),
            Flatten(),
            Dense(128),
            Dropout(0.5),
        ),
        parameters=17_461_642,
        question="How much better is a deep network with many filters?",
        conclusion="The most accurate of all, without overfitting, but each epoch takes several "
        "times as long as the basic CNN's.",
    ),
    Experiment(
        name="cnn_min",
        title="CNN, few filters",
        group="convolutional",
        layers=(
            Convolution(4),
            MaxPool(2, 2),
            Convolution(16),
            MaxPool(2, 2),
            Flatten(),
            Dropout(0.5),
        ),
        parameters=4_642,
        question="How few filters will do?",
        conclusion="With 4 and 16 filters it is too simple and underfits.",
    ),
    Experiment(
        name="cnn_max",
        title="CNN, many filters",
        group="convolutional",
        layers=(
            Convolution(128),
            MaxPool(2, 2),
            Convolution(512),
            MaxPool(2, 2),
            Flatten(),
            Dropout(0.5),
        ),
        parameters=719_626,
        question="Do many more filters help?",
        conclusion="Hardly: so many filters are not needed, and they seem to overfit.",
    ),
    Experiment(
        name="cnn_pool5",
        title="CNN, max pooling 5/3",
        group="convolutional",
        layers=(
            Convolution(32),
            MaxPool(5, 3),
            Convolution(64),
            MaxPool(5, 3),
            Flatten(),
            Dropout(0.5),
        ),
        parameters=19_466,
        question="What does a larger pooling window cost?",
        conclusion="It throws too much away: the network underfits and is less accurate.",
    ),
    Experiment(
        name="cnn_avg",
        title="CNN, average pooling",
        group="convolutional",
        layers=(
            Convolution(32),
            AveragePool(3, 3),
            Convolution(64),
            AveragePool(3, 3),
            Flatten(),
            Dropout(0.5),
        ),
        parameters=21_386,
        question="Is averaging as good as taking the maximum?",
        conclusion="Somewhat worse: on a black background the maximum keeps the bright stroke, "
        "the average dilutes it.",
    ),
    Experiment(
        name="cnn_fc",
        title="CNN with dense layers",
        group="convolutional",
        layers=(
            Convolution(32),
            MaxPool(2, 2),
            Convolution(64),
            MaxPool(2, 2),
            Flatten(),
            Dense(128),
            Dense(32),
            Dropout(0.5),
        ),
        parameters=228_202,
        question="Do dense layers after the convolutions help?",
        conclusion="The report draws no conclusion in words; its figures show the accuracy of the "
        "basic CNN, for more than six times the parameters.",
    ),
    Experiment(
        name="lenet5",
        title="LeNet-5",
        group="convolutional",
        layers=(
            Convolution(6),
            AveragePool(2, 2),
            Convolution(16),
            AveragePool(2, 2),
            Flatten(),
            Dense(120),
            Dense(84),
        ),
        parameters=60_074,
        question="How does the classic of 1998 compare?",
        conclusion="Close to the best, for few parameters, in spite of its age.",
    ),
)


def find_experiment(name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        UnknownExperimentError: If there is none.
    """
    for experiment in EXPERIMENTS:
        if experiment.name == name:
            return experiment
    names = [experiment.name for experiment in EXPERIMENTS]
    near = difflib.get_close_matches(str(name), names) or names
    raise UnknownExperimentError(f"no experiment is named {name!r}; try {', '.join(near)}")
