"""A network that is being built: its rows and its text say the same."""

from __future__ import annotations

import pytest

from digitnet.experiments import (
    EXPERIMENTS,
    AveragePool,
    Convolution,
    find_experiment,
    make_network,
)
from digitnet.ui.drafts import KINDS, Draft, change_kind, kind_of

CNN = find_experiment("cnn")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_a_draft_begins_with_any_network_under_a_name_that_is_free(experiment):
    draft = Draft.of(experiment)
    assert draft.layers == experiment.layers
    assert make_network(draft.name, CNN.layers)


def test_a_draft_of_ones_own_network_keeps_its_name_and_reason():
    draft = Draft.of(make_network("mine", CNN.layers, reason="why"))
    assert (draft.name, draft.reason) == ("mine", "why")


def test_rows_and_text_say_the_same_after_every_change():
    draft = Draft.of(CNN)
    draft.change(1, AveragePool(3, 3, same=True))
    assert draft.text.startswith("conv 32, average 3/3 same, conv 64,")
    draft.move(1, 1)
    assert draft.text.startswith("conv 32, conv 64, average 3/3 same,")
    draft.remove(0)
    draft.insert(0)
    draft.insert(4)
    assert (
        draft.text == "conv 32, conv 64, average 3/3 same, max 2/2, conv 32, flatten, dropout 0.5"
    )
    draft.insert(len(draft.rows))
    assert draft.text.endswith("flatten, dropout 0.5, dense 64")


def test_text_that_cannot_be_read_keeps_the_last_good_rows():
    draft = Draft.of(CNN)
    rows = draft.rows
    draft.read("conv 8, max 2")
    assert draft.rows == rows
    assert draft.text == "conv 8, max 2"
    assert draft.problem and draft.problem.startswith("layer 2, max 2:")
    draft.read("Conv 8,flatten")
    assert draft.text == "conv 8, flatten"
    assert draft.problem is None


def test_a_layer_that_is_moved_or_changed_keeps_its_identity():
    draft = Draft.of(CNN)
    first = draft.rows[0].id
    draft.change(0, Convolution(8))
    draft.move(0, 2)
    assert draft.rows[2].id == first
    assert len({row.id for row in draft.rows}) == len(draft.rows)


def test_a_pooling_keeps_its_window_whichever_way_it_pools():
    assert change_kind(AveragePool(5, 3), "Max pooling") == find_experiment("cnn_pool5").layers[1]
    assert change_kind(Convolution(8, 5), "Max pooling") == KINDS["Max pooling"]
    assert all(kind_of(layer) == kind for kind, layer in KINDS.items())
