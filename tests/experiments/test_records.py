"""The records, their costs and their Keras models say the same."""

import math

import pytest

from digitnet.experiments import (
    EXPERIMENTS,
    READER,
    REPORT_EXPERIMENTS,
    SettingsError,
    TrainingSettings,
    UnknownExperimentError,
    find_experiment,
)

# name, parameters and the shape that Flatten sees, as the report's summaries print them
KNOWN = [
    ("fc", 6_426_122, (28, 28, 64)),
    ("fc_small", 1_606_410, (28, 28, 32)),
    ("fc_large", 209_788_746, (28, 28, 64)),
    ("fc_narrow", 627_890, (28, 28, 20)),
    ("fc_wide", 62_744_810, (28, 28, 200)),
    ("fc_lr_high", 6_426_122, (28, 28, 64)),
    ("fc_lr_low", 6_426_122, (28, 28, 64)),
    ("cnn", 34_826, (5, 5, 64)),
    ("cnn_short", 54_410, (13, 13, 32)),
    ("cnn_long", 17_461_642, (16, 16, 512)),
    ("cnn_min", 4_642, (5, 5, 16)),
    ("cnn_max", 719_626, (5, 5, 512)),
    ("cnn_pool5", 19_466, (1, 1, 64)),
    ("cnn_avg", 21_386, (2, 2, 64)),
    ("cnn_fc", 228_202, (5, 5, 64)),
    ("lenet5", 60_074, (5, 5, 16)),
]


def test_names_are_the_reports_in_its_order():
    assert [one.name for one in REPORT_EXPERIMENTS] == [name for name, _, _ in KNOWN]


@pytest.mark.parametrize(("name", "parameters", "features"), KNOWN)
def test_parameters_and_shapes(name, parameters, features):
    layers = find_experiment(name).costs
    assert find_experiment(name).parameters == parameters
    assert sum(layer.parameters for layer in layers) == parameters
    flat = next(layer for layer in layers if layer.name == "flatten")
    assert flat.output_shape == (math.prod(features),)
    assert layers[layers.index(flat) - 1].output_shape == features


def test_learning_rates_are_the_reports():
    rates = {one.name: one.settings.learning_rate for one in REPORT_EXPERIMENTS}
    assert rates.pop("fc_lr_high") == 0.05
    assert rates.pop("fc_lr_low") == 0.00001
    assert set(rates.values()) == {0.001}


def test_every_record_says_why_it_exists():
    for experiment in REPORT_EXPERIMENTS:
        assert experiment.question.endswith("?"), experiment.name
        assert experiment.conclusion.endswith("."), experiment.name


def test_multiply_adds_of_a_convolution_by_hand():
    first, _, second, *_ = find_experiment("cnn").costs
    assert first.multiply_adds == 26 * 26 * 32 * 9
    assert second.multiply_adds == 11 * 11 * 64 * 9 * 32


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownExperimentError, match="lenet5"):
        find_experiment("lenet")


@pytest.mark.parametrize(
    "bad",
    [
        {"learning_rate": 0},
        {"learning_rate": -0.1},
        {"learning_rate": math.nan},
        {"learning_rate": math.inf},
        {"learning_rate": "fast"},
        {"batch_size": 0},
        {"epochs": 0},
        {"epochs": 2.5},
        {"patience": 0},
        {"seed": -1},
        {"dataset": "cifar"},
        {"epochs": True},
        {"schedule": "steps"},
        {"warm_up": -1},
        {"weight_decay": 2},
        {"weight_decay": math.nan},
        {"label_smoothing": 0.6},
    ],
)
def test_bad_settings_are_refused_by_name(bad):
    name = next(iter(bad)).replace("_", " ")
    with pytest.raises(SettingsError, match=name):
        TrainingSettings(**bad)


def test_settings_from_a_dictionary_refuse_unknown_keys():
    assert TrainingSettings.from_dict({"epochs": 5}).epochs == 5
    with pytest.raises(SettingsError, match="momentum"):
        TrainingSettings.from_dict({"momentum": 0.9})


def test_settings_from_before_the_reader_are_the_reports_protocol():
    old = {"dataset": "mnist", "epochs": 9, "learning_rate": 0.05, "batch_size": 64}
    settings = TrainingSettings.from_dict(old | {"patience": 2, "seed": 4})
    assert (settings.schedule, settings.weight_decay, settings.label_smoothing) == (
        "constant",
        0,
        0,
    )


def test_the_reader_stands_beside_the_sixteen():
    assert (*REPORT_EXPERIMENTS, READER) == EXPERIMENTS
    assert READER.group.name == "handwriting" and READER.outputs == 11
    assert READER.parameters == 490_059  # the weights of an eleventh output among them
    assert READER.costs[-1].parameters == 128 * 11 + 11
    assert READER.settings.epochs == READER.settings.patience  # a cosine is not stopped early


def test_the_readers_colour_is_told_from_both_backgrounds():
    def luminance(colour):
        shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for background in ("#fbfaf7", "#12161b"):
        dark, light = sorted([luminance(READER.colour), luminance(background)])
        assert (light + 0.05) / (dark + 0.05) >= 3
