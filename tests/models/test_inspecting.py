"""What `Model.inspect` and `Model.inputs_of_label` tell, of each learner, frozen or not."""

import json
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from small_models import (
    BACKEND,
    CONFIGS,
    DIRECT,
    N_FEATURES,
    N_LABELS,
    N_SEEN,
    examples,
    model,
    named_model,
    others,
    raw_model,
)

import slide
from slide.core.contract.arrays import Block
from slide.core.errors import InputError
from slide.core.learners.kinds import kind_of
from slide.core.models.origin import Origin
from slide.core.runs.digests import arrays_of, digest_of


@pytest.mark.parametrize("name", CONFIGS)
def test_sizes_are_those_of_the_tensors(name):
    told, tensors = model(name).inspect(), kind_of(CONFIGS[name]).tensors(
        model(name).network, BACKEND
    )  # fmt: skip
    assert (told.n_features, told.n_labels, told.n_samples) == (N_FEATURES, N_LABELS, 160)
    if name in DIRECT:
        assert told.n_weights == len(tensors["values"])
        assert told.n_pairs == len(tensors["pairs"])
        connected = np.unique(tensors["indices"])
        n_inputs = N_FEATURES + told.n_pairs
        assert told.n_unused_inputs == n_inputs - (connected < n_inputs).sum()
    else:
        assert told.n_weights == sum(
            weight.size - (weight.shape[0 if layer == "output" else 1])
            for layer, weight in tensors.items()
            if layer != "hidden.1"
        ) + (tensors["hidden.1"].size - len(tensors["hidden.1"]) if name == "deep" else 0)
    assert (told.n_held_examples > 0) == (name == "stacked")
    assert told.without_examples.n == N_LABELS - N_SEEN
    assert told.without_examples.labels == (30, 31, 32)
    assert told.config == model(name).config.flat()
    json.dumps(told.to_dict())


@pytest.mark.parametrize("name", DIRECT)
def test_inputs_of_a_label_are_its_largest_weights(name):
    one, tensors = named_model(name), kind_of(CONFIGS[name]).tensors(model(name).network, BACKEND)
    begin, end = tensors["indptr"][4:6]
    weights = tensors["values"][begin:end]
    told = one.inputs_of_label("tag 4", 3)
    largest = np.sort(np.abs(weights))[-3:]
    assert sorted(abs(piece.weight) for piece in told.inputs) == pytest.approx(largest.tolist())
    assert [piece.weight for piece in told.inputs] == sorted(
        (piece.weight for piece in told.inputs), reverse=True
    )
    assert (told.name, told.n_inputs) == ("tag 4", np.count_nonzero(weights))
    assert told.bias == tensors["bias"][4]
    every = one.inputs_of_label(4, 1000).inputs
    assert any(len(piece.features) == 2 for piece in every) == (name == "pairs")
    assert any(piece.unit is not None for piece in every) == (name == "stacked")
    for piece in every:
        assert piece.names == tuple(f"word {feature}" for feature in piece.features)


@pytest.mark.parametrize("name", ["solved", "steps"])
def test_weights_of_features_are_those_that_explain(name):
    weights = {piece.features: piece.weight for piece in model(name).inputs_of_label(7, 99).inputs}
    pieces = model(name).explain(others().take(np.array([6])), 7).evidence
    assert {piece.features: piece.weight for piece in pieces}.items() <= weights.items()


def test_units_behind_hidden_layers_are_told_with_what_leads_to_them():
    told = named_model("hidden").inputs_of_label(4, 2)
    first = kind_of(CONFIGS["hidden"]).tensors(model("hidden").network, BACKEND)["hidden.0"]
    for unit in told.inputs:
        column = first[:-1, unit.neuron]
        best = np.argsort(-column)[:3]
        assert [piece.features for piece in unit.led_by] == [(feature,) for feature in best]
        assert [piece.names for piece in unit.led_by] == [(f"word {i}",) for i in best]
        assert [piece.weight for piece in unit.led_by] == pytest.approx(column[best].tolist())
    deep = model("deep").inputs_of_label(4, 1).inputs[0]
    assert {piece.neuron for piece in deep.led_by} <= {*range(6)}
    assert json.dumps(model("deep").inputs_of_label(4).to_dict())


def test_a_neuron_that_no_row_activates_is_dead():
    one = pickle.loads(pickle.dumps(model("hidden")))
    assert one.inspect().layers[0].n_dead == 0
    weight = one.network.hidden[0].param.weight.copy()
    weight[-1, 2] = -np.linalg.norm(weight[:-1, 2]) - 0.01  # its bias
    weight[-1, 5] = 0.01 - np.linalg.norm(weight[:-1, 5])  # which one row can still outweigh
    before = one.network.hidden[0]
    layer = replace(before, param=replace(before.param, weight=weight))
    one.network = replace(one.network, hidden=(layer,))
    assert one.inspect().layers[0].n_dead == 1
    best = Block.of(weight[:-1, 5:6].T / np.linalg.norm(weight[:-1, 5]))
    assert one.representation(best).dense()[0, 5] > 0


def test_numbers_are_ids_where_few_of_many_are_in_use():
    one = raw_model("solved")
    told = one.inspect()
    assert (told.n_labels, told.without_examples.n) == (N_SEEN, 0)
    counts = one.label_counts.copy()
    counts[5] = 0
    unmet = replace(one, label_counts=counts).inspect().without_examples
    assert (unmet.n, unmet.labels) == (1, (one.label_ids[5],))
    label = int(one.label_ids[4])
    ids = {feature for piece in one.inputs_of_label(label).inputs for feature in piece.features}
    assert ids <= {*one.feature_ids.tolist()}
    with pytest.raises(InputError, match="expected one of the 30 labels"):
        one.inputs_of_label(4)
    numbered = one.inputs_of_label(label).to_dict(1, 1)
    assert numbered["label"] == label + 1
    assert {piece["features"][0] - 1 for piece in numbered["inputs"]} == ids


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", ["solved", "stacked", "hidden"])
def test_a_frozen_model_tells_the_same(name, dtype):
    frozen = named_model(name).freeze(dtype=dtype)
    assert frozen.inspect() == named_model(name).inspect()
    expected, found = named_model(name).inputs_of_label(4), frozen.inputs_of_label(4)
    weights = [piece.weight for piece in expected.inputs]
    assert [piece.weight for piece in found.inputs] == pytest.approx(weights, abs=0.05)
    assert found.n_examples == expected.n_examples


def test_a_model_says_when_by_what_and_on_which_data_it_was_trained(tmp_path):
    one = model("solved")
    assert one.origin.slide_version == slide.__version__
    assert one.origin.data_digest == digest_of(arrays_of(examples()))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", one.origin.trained_at)
    one.save(tmp_path / "m")
    assert slide.Model.load(tmp_path / "m", BACKEND).origin == one.origin
    assert one.freeze(tmp_path / "f").model.origin == one.origin
    path = tmp_path / "m" / "config.json"
    said = json.loads(path.read_text())
    for name in ("trained_at", "slide_version", "data_digest"):
        del said[name]
    path.write_text(json.dumps(said))
    older = slide.Model.load(tmp_path / "m", BACKEND)
    assert older.origin == Origin()
    older.save(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == said
