"""The report's sixteen experiments."""

from __future__ import annotations

from digitnet.experiments.layers import (
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
)
from digitnet.experiments.records import CONVOLUTIONAL, DENSE, Experiment


def _basic_dense() -> tuple[Layer, ...]:
    return (Dense(32), Dense(64), Flatten(), Dense(128), Dropout(0.25))


# Colours: warm for dense networks, cool for convolutional ones. Chosen by search so that each pair
# is at least 0.069 apart in OKLab, also as seen with protanopia or deuteranopia (Machado et al.,
# 2009), and that each has a contrast of 3:1 or more with both the light and the dark background.
REPORT_EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        name="fc",
        title="Basic dense network",
        group=DENSE,
        colour="#f86213",
        layers=_basic_dense(),
        question="How far does a plain, fully connected network get?",
        conclusion="Good accuracy after few, quick epochs; then only the training images are "
        "learnt better, so it begins to overfit.",
    ),
    Experiment(
        name="fc_small",
        title="Dense, fewer layers",
        group=DENSE,
        colour="#447207",
        layers=(Dense(32), Flatten(), Dense(64), Dropout(0.25)),
        question="What is lost when one of the dense layers is taken away?",
        conclusion="It underfits: so few layers cannot capture the variety of the digits.",
    ),
    Experiment(
        name="fc_large",
        title="Dense, more layers",
        group=DENSE,
        colour="#c01085",
        layers=(
            Dense(32),
            Dense(64),
            Flatten(),
            Dense(4096),
            Dense(1024),
            Dense(64),
            Dropout(0.25),
        ),
        question="Do more and far wider dense layers help?",
        conclusion="A little, at the price of 210 million parameters and long epochs; it "
        "overfits from the second epoch on.",
    ),
    Experiment(
        name="fc_narrow",
        title="Dense, fewer units",
        group=DENSE,
        colour="#6c9d3f",
        layers=(Dense(10), Dense(20), Flatten(), Dense(40), Dropout(0.25)),
        question="How few units will do?",
        conclusion="Too few hold it back: accuracy in training stays well below that in "
        "validation, and both below the basic network.",
    ),
    Experiment(
        name="fc_wide",
        title="Dense, more units",
        group=DENSE,
        colour="#ee6087",
        layers=(Dense(100), Dense(200), Flatten(), Dense(400), Dropout(0.25)),
        question="Do more units in every layer help?",
        conclusion="Slightly more accurate than the basic network, with ten times its "
        "parameters; it overfits.",
    ),
    Experiment(
        name="fc_lr_high",
        title="Dense, learning rate 0.05",
        group=DENSE,
        colour="#d71908",
        layers=_basic_dense(),
        learning_rate=0.05,
        question="What does a learning rate fifty times too high do?",
        conclusion="The optimizer leaps over good weights instead of settling; the worst of all.",
    ),
    Experiment(
        name="fc_lr_low",
        title="Dense, learning rate 0.00001",
        group=DENSE,
        colour="#da1c66",
        layers=_basic_dense(),
        learning_rate=0.00001,
        question="What does a learning rate a hundred times lower do?",
        conclusion="Nearly as accurate as the basic network, after many times the epochs.",
    ),
    Experiment(
        name="cnn",
        title="Basic CNN",
        group=CONVOLUTIONAL,
        colour="#0f6d8d",
        layers=(
            Convolution(32),
            MaxPool(2, 2),
            Convolution(64),
            MaxPool(2, 2),
            Flatten(),
            Dropout(0.5),
        ),
        question="What do two convolutions bring over dense layers?",
        conclusion="Better than every dense network with a fraction of their parameters, and "
        "no sign of overfitting.",
    ),
    Experiment(
        name="cnn_short",
        title="CNN, one convolution",
        group=CONVOLUTIONAL,
        colour="#9582fe",
        layers=(Convolution(32), MaxPool(2, 2), Flatten(), Dropout(0.5)),
        question="Is a single convolution enough?",
        conclusion="Satisfying, yet behind two convolutions, although it has more parameters "
        "because less is pooled away.",
    ),
    Experiment(
        name="cnn_long",
        title="CNN, four convolutions",
        group=CONVOLUTIONAL,
        colour="#6f49e4",
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
        question="How much better is a deep network with many filters?",
        conclusion="The most accurate of all, without overfitting, but each epoch takes several "
        "times as long as the basic CNN's.",
    ),
    Experiment(
        name="cnn_min",
        title="CNN, few filters",
        group=CONVOLUTIONAL,
        colour="#3a9e95",
        layers=(
            Convolution(4),
            MaxPool(2, 2),
            Convolution(16),
            MaxPool(2, 2),
            Flatten(),
            Dropout(0.5),
        ),
        question="How few filters will do?",
        conclusion="With 4 and 16 filters it is too simple and underfits.",
    ),
    Experiment(
        name="cnn_max",
        title="CNN, many filters",
        group=CONVOLUTIONAL,
        colour="#4b62b6",
        layers=(
            Convolution(128),
            MaxPool(2, 2),
            Convolution(512),
            MaxPool(2, 2),
            Flatten(),
            Dropout(0.5),
        ),
        question="Do many more filters help?",
        conclusion="Hardly: so many filters are not needed, and they seem to overfit.",
    ),
    Experiment(
        name="cnn_pool5",
        title="CNN, max pooling 5/3",
        group=CONVOLUTIONAL,
        colour="#aa85d0",
        layers=(
            Convolution(32),
            MaxPool(5, 3),
            Convolution(64),
            MaxPool(5, 3),
            Flatten(),
            Dropout(0.5),
        ),
        question="What does a larger pooling window cost?",
        conclusion="It throws too much away: the network underfits and is less accurate.",
    ),
    Experiment(
        name="cnn_avg",
        title="CNN, average pooling",
        group=CONVOLUTIONAL,
        colour="#3e7052",
        layers=(
            Convolution(32),
            AveragePool(3, 3),
            Convolution(64),
            AveragePool(3, 3),
            Flatten(),
            Dropout(0.5),
        ),
        question="What do averages of larger windows do instead of maxima?",
        conclusion="Somewhat worse: on a black background the maximum keeps the bright stroke, "
        "the average dilutes it.",
    ),
    Experiment(
        name="cnn_fc",
        title="CNN with dense layers",
        group=CONVOLUTIONAL,
        colour="#7470da",
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
        question="Do dense layers after the convolutions help?",
        conclusion="The report draws no conclusion in words; its figures show the accuracy of the "
        "basic CNN, for more than six times the parameters.",
    ),
    Experiment(
        name="lenet5",
        title="LeNet-5",
        group=CONVOLUTIONAL,
        colour="#8973b0",
        layers=(
            Convolution(6),
            AveragePool(2, 2),
            Convolution(16),
            AveragePool(2, 2),
            Flatten(),
            Dense(120),
            Dense(84),
        ),
        question="How does the classic of 1998, in the report's variant, compare?",
        conclusion="Close to the best, for few parameters, in spite of its age.",
    ),
)
