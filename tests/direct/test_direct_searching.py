"""How labels are found by direct connections, and what becomes of a model in a folder."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from direct_settings import BACKEND, DIRECT
from kernel_arguments import csr
from safetensors.numpy import load_file, save_file

from slide.core.contract.arrays import CSR
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct, logits
from slide.core.direct.searching import IndexSearcher, best_of
from slide.core.errors import ConfigError, ModelError
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.core.sampled.retrieval import Plan


def test_best_of_pads_and_breaks_ties_by_the_smaller_id():
    ids, values = best_of(csr(9, {2: 1, 4: 3, 7: 3}, {}), 4)
    assert ids.tolist() == [[4, 7, 2, -1], [-1] * 4]
    assert values[0].tolist() == [3, 3, 1, -np.inf]


def test_the_index_adds_a_bias_once(direct_model, test_set):
    """Scores found by the index are the logits."""
    network = direct_model.network
    x = network.of_features(test_set.x, BACKEND)
    every = logits(x, network.param.weight, BACKEND)
    nobody = CSR(np.zeros(x.n_rows + 1, int), np.zeros(0, np.int32), np.zeros(0, np.float32),
                 network.n_labels)  # fmt: skip
    ids, scores = BACKEND.search(network.index(BACKEND), x, nobody, 5)
    rows = np.arange(len(ids))[:, None]
    found = ids >= 0
    np.testing.assert_allclose(scores[found], every[rows, ids][found], rtol=1e-4, atol=1e-4)


def test_a_loaded_model_is_the_saved_one(train_set, test_set, tmp_path):
    config = replace(DIRECT, epochs=1, pairs=True, idf_power=0.5)
    saved = Trainer(config, BACKEND).fit(train_set.take(np.arange(1000)))
    saved.save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", BACKEND)
    assert loaded.config == saved.config
    for sampled in (False, True):
        for one, other in zip(saved.predict(test_set.x, 3, sampled),
                              loaded.predict(test_set.x, 3, sampled), strict=True):  # fmt: skip
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("indices", lambda a: a + 1_000_000, "is damaged"),
        ("indptr", lambda a: a[:-1], "does not fit|is damaged"),
        ("values", lambda a: a * np.float32(np.nan), "not finite"),
        ("bias", lambda a: a[:-1], "does not fit"),
        ("pairs", lambda a: np.array([1 << 60]), "does not fit"),
        ("input_weights", lambda a: a.astype(np.float64), "does not fit"),
        ("label_counts", lambda a: a - 1000, "negative counts"),
        ("values", None, "is damaged"),
        ("bias", lambda a: a[:, None], "does not fit"),
        ("input_weights", lambda a: a[:, None], "does not fit"),
        ("label_counts", lambda a: a[:, None], "does not fit"),
        ("stranger", lambda a: np.zeros(1), "does not fit"),
        ("pairs", lambda a: np.array([1]), "does not fit"),
    ],
)
def test_damage_is_a_sentence(direct_model, tmp_path, name, value, words):
    direct_model.save(tmp_path / "m")
    path = tmp_path / "m" / "weights.safetensors"
    tensors = load_file(path)
    if value is None:
        del tensors[name]
    else:
        tensors[name] = value(tensors.get(name))
    save_file(tensors, path)
    with pytest.raises(ModelError, match=words):
        Model.load(tmp_path / "m", BACKEND)


def test_examples_that_meet_nobody_get_the_usual_labels(direct_model):
    usual = np.argsort(-direct_model.network.bias, kind="stable")[:3]
    ids, logits = direct_model.predict(csr(direct_model.network.n_features, {}), 3)
    assert ids[0].tolist() == usual.tolist()
    assert logits[0].tolist() == direct_model.network.bias[usual].tolist()


def test_a_cut_index_finds_part_of_the_best(direct_model, test_set):
    model = copy(direct_model)
    assert model.evaluate(test_set, sampled=True)["recall_at_5"] > 0.9
    model.prepare_sampled(Plan(bucket_limit=1, candidates=1e-9))
    lookup = model.retrieving
    assert len(lookup.index.index.ids) <= model.network.inputs.n_inputs
    model.retrieving = replace(lookup, n_candidates=0)
    assert 0 < model.evaluate(test_set, sampled=True)["recall_at_5"] < 0.9
    model.exact = model.retrieving = None
    with pytest.raises(ConfigError, match="no hash tables"):
        model.prepare_sampled(examples=test_set)


def test_exact_inference_ranks_everybody_whom_an_example_meets(direct_model, test_set):
    network = direct_model.network
    every = logits(network.of_features(test_set.x, BACKEND), network.param.weight, BACKEND)
    _, found = IndexSearcher.exact(network, BACKEND).top_k(BACKEND, test_set.x, 1)
    np.testing.assert_allclose(found[:, 0], every.max(axis=1), rtol=1e-4, atol=1e-4)


def test_exact_inference_looks_at_labels_that_are_not_met():
    """Label 0 is met and sinks below labels that are not, of which the best has bias -2."""
    weight = csr(1, {0: -9.0}, {0: -9.0}, {0: -9.0}, {}, {})
    bias = np.array([-1.0, -1.1, -1.2, -2.0, -3.0], np.float32)
    network = Direct.of(weight, bias, Inputs(np.ones(1, np.float32), np.zeros(0, int)), BACKEND)
    lookup = IndexSearcher.exact(network, BACKEND)
    for k in (1, 2, 3, 5):
        ids, found = lookup.top_k(BACKEND, csr(1, {0: 1.0}, {}), k)
        assert ids.tolist() == [[3, 4, 0, 1, 2][:k], [0, 1, 2, 3, 4][:k]]
        every = logits(csr(2, {0: 1.0, 1: 1.0}), network.param.weight, BACKEND)
        assert found[0].tolist() == every[0][ids[0]].tolist()
