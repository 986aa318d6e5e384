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
    first, second = (row.id for row in draft.rows[:2])
    draft.set_kind(second, "Average pooling")
    draft.set_value(second, "same", True)
    draft.set_value(second, "window", 3)
    assert draft.text.startswith("conv 32, average 3/2 same, conv 64,")
    draft.move(second, 1)
    assert draft.text.startswith("conv 32, conv 64, average 3/2 same,")
    draft.remove(first)
    draft.insert(draft.rows[0].id)
    draft.insert(draft.rows[4].id)
    assert (
        draft.text == "conv 32, conv 64, average 3/2 same, max 2/2, conv 32, flatten, dropout 0.5"
    )
    draft.add()
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
    draft.set_value(first, "filters", 8)
    draft.move(first, 2)
    assert draft.rows[2].id == first
    assert len({row.id for row in draft.rows}) == len(draft.rows)


@pytest.mark.parametrize(
    "act",
    [
        lambda draft, row: draft.remove(row),
        lambda draft, row: draft.insert(row),
        lambda draft, row: draft.move(row, 1),
        lambda draft, row: draft.set_kind(row, "Dense"),
        lambda draft, row: draft.set_value(row, "rate", 0.1),
    ],
)
def test_a_click_on_a_row_that_is_gone_changes_no_other(act):
    draft = Draft.of(CNN)
    last = draft.rows[-1].id
    draft.remove(last)
    text = draft.text
    act(draft, last)
    assert draft.text == text


def test_a_value_that_the_layer_has_no_more_is_left_alone():
    draft = Draft.of(CNN)
    first = draft.rows[0].id
    draft.set_kind(first, "Flatten")
    draft.set_value(first, "filters", 8)
    assert draft.text.startswith("flatten, max 2/2,")


def test_a_pooling_keeps_its_window_whichever_way_it_pools():
    assert change_kind(AveragePool(5, 3), "Max pooling") == find_experiment("cnn_pool5").layers[1]
    assert change_kind(Convolution(8, 5), "Max pooling") == KINDS["Max pooling"]
    assert all(kind_of(layer) == kind for kind, layer in KINDS.items())
