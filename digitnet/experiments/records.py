"""The sixteen experiments of the report, as plain records.

Each record names a network layer by layer, the settings it is trained with and the reason it
exists. Nothing here needs Keras: `architectures` turns a record into a model.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields, replace

CLASSES = 10
IMAGE_SHAPE = (28, 28, 1)
DATASETS = {"mnist": 70_000, "sample": 1_797}  # and how many digits they have


class SettingsError(ValueError):
    """A training setting is out of its range; the message says which and what would do."""


class UnknownExperimentError(ValueError):
    """No experiment has this name; the message suggests the nearest ones."""


@dataclass(frozen=True)
class Dense:
    """A dense layer with ReLU, acting on the last axis (before Flatten: pixel by pixel)."""

    units: int

    def __str__(self) -> str:
        return f"dense {self.units}"


@dataclass(frozen=True)
class Convolution:
    """A 3x3 "valid" convolution with ReLU."""

    filters: int

    def __str__(self) -> str:
        return f"conv {self.filters}"


@dataclass(frozen=True)
class MaxPool:
    """Max pooling over a square window, "valid"."""

    window: int
    stride: int

    def __str__(self) -> str:
        return f"max {self.window}/{self.stride}"


@dataclass(frozen=True)
class AveragePool:
    """Average pooling over a square window, "valid"."""

    window: int
    stride: int

    def __str__(self) -> str:
        return f"average {self.window}/{self.stride}"


@dataclass(frozen=True)
class Flatten:
    """All values of an image in one vector."""

    def __str__(self) -> str:
        return "flatten"


@dataclass(frozen=True)
class Dropout:
    """Dropout of the given share of values, in training only."""

    rate: float

    def __str__(self) -> str:
        return f"dropout {self.rate:g}"


Layer = Dense | Convolution | MaxPool | AveragePool | Flatten | Dropout


@dataclass(frozen=True)
class TrainingSettings:
    """How an experiment is trained; the defaults are the report's protocol.

    Args:
        dataset: "mnist", or "sample" for the small set that needs no download.
        epochs: The most epochs to train, 1 to 10,000.
        learning_rate: Adam's learning rate, above 0 and at most 1.
        batch_size: Images a step, 1 to 8,192.
        patience: Stop when validation accuracy has not risen for this many epochs, 1 or more.
        seed: Seed of the initial weights, dropout and the order of images, 0 or more.

    Raises:
        SettingsError: If a value is out of its range.
    """

    dataset: str = "mnist"
    epochs: int = 100
    learning_rate: float = 0.001
    batch_size: int = 128
    patience: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise SettingsError(f"dataset must be one of {', '.join(DATASETS)}: {self.dataset!r}")
        _require_integer("epochs", self.epochs, 1, 10_000)
        _require_integer("batch size", self.batch_size, 1, 8_192)
        _require_integer("patience", self.patience, 1, 10_000)
        _require_integer("seed", self.seed, 0, 2**31 - 1)
        rate = self.learning_rate
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1:
            raise SettingsError(f"learning rate must be above 0 and at most 1: {rate!r}")

    @classmethod
    def from_dict(cls, values: dict) -> TrainingSettings:
        """Settings from a dictionary such as a run's request holds; unknown keys are refused."""
        unknown = set(values) - {one.name for one in fields(cls)}
        if unknown:
            raise SettingsError(f"unknown settings: {', '.join(sorted(unknown))}")
        return cls(**values)


def _require_integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingsError(f"{name} must be a whole number from {low:,} to {high:,}: {value!r}")


@dataclass(frozen=True)
class Experiment:
    """One of the report's experiments.

    Args:
        name: Short name, as used on the command line and in folders.
        title: What a reader is shown.
        group: "dense" or "convolutional".
        layers: Hidden layers in order; a softmax over the ten digits follows.
        parameters: Trainable parameters, as the report prints them.
        question: What the report wanted to learn from this network.
        conclusion: What the report concluded from it.
        learning_rate: Adam's learning rate in the report.
    """

    name: str
    title: str
    group: str
    layers: tuple[Layer, ...]
    parameters: int
    question: str
    conclusion: str
    learning_rate: float = field(default=0.001)

    @property
    def settings(self) -> TrainingSettings:
        """The report's settings for this experiment."""
        return replace(TrainingSettings(), learning_rate=self.learning_rate)


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
