"""Layers as text, and networks of one's own."""

import pytest

from digitnet.experiments import (
    EXPERIMENTS,
    AveragePool,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    LayerError,
    MaxPool,
    NetworkError,
    cost_layers,
    format_layers,
    make_network,
    parse_layers,
)

WHOLE = "conv 8 5/2 same norm, max 2/2, average 2/1 same, flatten, dense 16 norm, dropout 0.25"


def test_the_notation_says_every_option():
    assert parse_layers(WHOLE) == (
        Convolution(8, 5, 2, same=True, normalized=True),
        MaxPool(2, 2),
        AveragePool(2, 1, same=True),
        Flatten(),
        Dense(16, normalized=True),
        Dropout(0.25),
    )
    assert format_layers(parse_layers(WHOLE)) == WHOLE


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_every_network_is_read_back_from_its_own_text(experiment):
    assert parse_layers(format_layers(experiment.layers)) == experiment.layers


def test_case_and_white_space_do_not_count():
    assert parse_layers(" CONV  32 ,\tFlatten,Dropout .5") == parse_layers(
        "conv 32, flatten, dropout 0.5"
    )


def test_a_line_may_hold_a_layer():
    lines = "conv 8 same\nmax 2/2,\n\nflatten\ndense 64\n"
    assert format_layers(parse_layers(lines)) == "conv 8 same, max 2/2, flatten, dense 64"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "layer 1, empty: a layer is one of: conv"),
        ("flatten, lstm 4", "layer 2, lstm 4: a layer is one of"),
        ("conv", "layer 1, conv: it is written like conv 32"),
        ("conv 32 norm same", "written like"),
        ("conv 0", "filters must be a whole number from 1 to 1,024: 0"),
        ("dense 9000", "units must be a whole number from 1 to 8,192"),
        ("max 2", "it is written like max 2/2"),
        ("max 2/0", "the stride must be a whole number from 1 to 28"),
        ("dense 9999999999", "units must be a whole number from 1 to 8,192"),
        ("dropout 1.5", "dropout must be from 0 to below 1"),
        ("dropout x", "written like dropout .25"),
        ("conv 8,, flatten", "layer 2, empty"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_layer(text, message):
    with pytest.raises(LayerError) as caught:
        parse_layers(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "conv 8, max 9/9, max 5/3, flatten",
            "layer 3, max 5/3: it needs at least 5x5, and 2x2 is left",
        ),
        ("flatten, conv 8", "layer 2, conv 8: it needs an image"),
        ("flatten, flatten", "layer 2, flatten: it is flat already"),
        ("conv 8", "flatten is missing"),
    ],
)
def test_what_cannot_stand_is_said_at_its_layer(text, message):
    with pytest.raises(LayerError) as caught:
        make_network("mine", parse_layers(text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dense 64, flatten, dense 8192", "parameters, and this has 411,"),
        (
            ", ".join(["conv 1024 28/1 same"] * 2 + ["conv 1 28/28", "flatten"]),
            "parameters, and this has 823,",
        ),
    ],
)
def test_a_network_that_is_too_large_is_refused(text, message):
    with pytest.raises(NetworkError) as caught:
        make_network("mine", parse_layers(text))
    assert message in str(caught.value)


def test_more_layers_than_may_be_are_refused_before_any_is_built():
    text = "flatten, " + ", ".join(["dense 8"] * 30)
    with pytest.raises(LayerError, match="at most 30 layers: 31"):
        parse_layers(text)
    with pytest.raises(NetworkError, match="at most 30 layers: 31"):
        make_network("mine", (Flatten(), *[Dense(8)] * 30))


@pytest.mark.parametrize("name", ["", "Mine", "2nd", "a b", "../cnn", "x" * 25, "ü"])
def test_a_name_is_checked(name):
    with pytest.raises(NetworkError, match="name"):
        make_network(name, parse_layers("flatten"))


def test_parameters_of_a_normalized_layer_by_hand():
    convolution, flatten, dense, softmax = cost_layers(
        parse_layers("conv 4 5/2 same norm, flatten, dense 3 norm")
    )
    assert convolution.output_shape == (14, 14, 4)
    assert convolution.parameters == 25 * 4 + 2 * 4  # no bias: a scale and an offset
    assert dense.parameters == 14 * 14 * 4 * 3 + 2 * 3
    assert softmax.parameters == 3 * 10 + 10
    assert flatten.parameters == 0


@pytest.mark.parametrize("rate", [0, 0.25, 0.5, 0.00001, 0.999999])
def test_any_dropout_that_can_be_written_is_read_back(rate):
    assert parse_layers(str(Dropout(rate))) == (Dropout(rate),)
