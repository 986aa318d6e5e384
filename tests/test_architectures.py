"""Keras builds exactly what the records say."""

import pytest

from digitnet import costs
from digitnet.architectures import build_model
from digitnet.experiments import EXPERIMENTS

# The widest network's weights alone take 0.8 GB: the arithmetic of `costs` vouches for it.
BUILDABLE = [one for one in EXPERIMENTS if one.parameters < 100_000_000]


@pytest.mark.parametrize("experiment", BUILDABLE, ids=lambda one: one.name)
def test_layers_match_the_record(experiment):
    model = build_model(experiment)
    expected = costs.layer_costs(experiment)
    assert model.count_params() == experiment.parameters
    assert model.input_shape == (None, 28, 28, 1)
    assert [layer.output.shape[1:] for layer in model.layers] == [
        cost.output_shape for cost in expected
    ]
    assert [layer.count_params() for layer in model.layers] == [cost.parameters for cost in expected]


def test_hidden_layers_are_relu_and_the_output_is_a_float32_softmax():
    model = build_model(next(one for one in EXPERIMENTS if one.name == "cnn_fc"), "mixed_bfloat16")
    weighted = [layer for layer in model.layers if layer.count_params()]
    assert {layer.activation.__name__ for layer in weighted[:-1]} == {"relu"}
    assert {layer.compute_dtype for layer in weighted[:-1]} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert weighted[-1].activation.__name__ == "softmax"
    assert weighted[-1].compute_dtype == "float32"
