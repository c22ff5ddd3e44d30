"""Few ids of many: a model is as large as those in use, and speaks of them as they came."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of, planted
from safetensors.numpy import load_file, save_file

from slide import load_backend
from slide.core.contract.arrays import CSR
from slide.core.errors import ModelError
from slide.core.examples.dataset import Dataset
from slide.core.examples.numbering import by_columns, used
from slide.core.learners.config import Config
from slide.core.learners.recipe import recipe
from slide.core.models.model import Model
from slide.core.models.unseen import UnseenWarning
from slide.core.runs.trainer import Trainer
from slide.core.settings.plan import Plan
from slide.core.settings.traits import Traits

BACKEND = load_backend("numba")
LARGEST = 2**31 - 2
QUICK = {"epochs": 1, "batch_size": 64, "active": 20}
HASHED = {"hidden": (8,), "K": 3, "L": 4, **QUICK}
LEARNERS = {
    "solved": Config(hidden=(), cost=0.3, idf_power=0.0, epochs=2),
    "steps": Config(hidden=(), lr=2.0, **QUICK),
    "pairs": Config(hidden=(), lr=2.0, pairs=True, **QUICK),
    "hidden layer": Config(**HASHED),
}


def with_ids(matrix, ids):
    """The same entries in columns of these ids."""
    return replace(matrix, indices=ids[matrix.indices], n_cols=int(ids[-1]) + 1)


def raw(n, seed):
    """So many ids that are few of many, ascending."""
    ids = np.random.default_rng(seed).choice(LARGEST, n - 1, replace=False)
    return np.append(np.sort(ids), LARGEST).astype(np.int32)


def closed_up(matrix):
    """The same without the columns that are not in use."""
    ids = used(matrix)
    return replace(matrix, indices=np.searchsorted(ids, matrix.indices).astype(np.int32),
                   n_cols=len(ids))  # fmt: skip


@pytest.fixture(scope="module")
def small():
    data = planted(400, 60)
    return Dataset(closed_up(data.x), closed_up(data.y))


@pytest.fixture(scope="module")
def huge(small):
    x, y = raw(small.n_features, 1), raw(small.n_labels, 2)
    return Dataset(with_ids(small.x, x), with_ids(small.y, y))


@pytest.mark.parametrize("name", LEARNERS)
def test_raw_ids_are_learned_and_named_as_small_ones(small, huge, name):
    plain, model = (Trainer(LEARNERS[name], BACKEND).fit(data, data) for data in (small, huge))
    assert model.network.n_labels == len(model.label_counts) == small.n_labels
    assert model.network.n_features == small.n_features
    assert model.evaluate(huge) == plain.evaluate(small)
    for sampled in (False, True):
        expected, logits = plain.predict(small.x, 7, sampled)
        ids, scores = model.predict(huge.x, 7, sampled)
        np.testing.assert_array_equal(
            ids, np.where(expected >= 0, raw(small.n_labels, 2)[expected], -1)
        )
        np.testing.assert_array_equal(scores, logits)


def test_rankings_are_judged_without_pairs_of_raw_ids(small, huge):
    """Leaving out what is best of each ranking raises the next to its place."""
    plain, model = (Trainer(LEARNERS["steps"], BACKEND).fit(data) for data in (small, huge))
    for sampled in (False, True):
        scores = [
            one.evaluate(Dataset(data.x, data.y, firsts(one, data, sampled)), sampled)
            for one, data in ((plain, small), (model, huge))
        ]
        assert scores[0] == scores[1] != model.evaluate(huge, sampled)


def firsts(model, data, sampled):
    """The best label of each example, as pairs."""
    ids = model.predict(data.x, 1, sampled)[0]
    return csr_of([{int(best): 1.0} for best in ids[:, 0]], data.n_labels)


def test_a_copy_knows_its_ids(huge):
    model = Trainer(LEARNERS["hidden layer"], BACKEND).fit(huge)
    model.prepare_sampled(Plan(L=2), huge)
    other = pickle.loads(pickle.dumps(model))
    for sampled in (False, True):
        for one, copy in zip(*(each.predict(huge.x, 7, sampled) for each in (model, other)),
                             strict=True):  # fmt: skip
            np.testing.assert_array_equal(one, copy)


def test_a_loaded_model_knows_its_ids(huge, tmp_path):
    model = Trainer(LEARNERS["steps"], BACKEND).fit(huge)
    model.save(tmp_path / "m")
    assert '"version": 4' in (tmp_path / "m" / "config.json").read_text()
    assert sum(path.stat().st_size for path in (tmp_path / "m").iterdir()) < 1 << 20
    loaded = Model.load(tmp_path / "m", BACKEND)
    for one, other in zip(model.predict(huge.x), loaded.predict(huge.x), strict=True):
        np.testing.assert_array_equal(one, other)
    assert loaded.evaluate(huge) == model.evaluate(huge)


def test_a_model_of_small_ids_is_written_as_before(small, tmp_path):
    Trainer(LEARNERS["steps"], BACKEND).fit(small).save(tmp_path / "m")
    assert '"version": 3' in (tmp_path / "m" / "config.json").read_text()
    assert not {"label_ids", "feature_ids"} & load_file(tmp_path / "m/weights.safetensors").keys()


@pytest.mark.parametrize("name", ["feature_ids", "label_ids"])
@pytest.mark.parametrize("change", [
    lambda ids: ids[::-1].copy(), lambda ids: ids[1:], lambda ids: ids - (1 << 30),
    lambda ids: ids.astype(np.int64), lambda ids: ids[:, None],
])  # fmt: skip
def test_damaged_ids_are_a_sentence(huge, tmp_path, name, change):
    Trainer(LEARNERS["steps"], BACKEND).fit(huge).save(tmp_path / "m")
    path = tmp_path / "m" / "weights.safetensors"
    tensors = load_file(path)
    tensors[name] = np.ascontiguousarray(change(np.sort(tensors[name] >> 1 << 1)))
    save_file(tensors, path)
    with pytest.raises(ModelError, match="does not fit"):
        Model.load(tmp_path / "m", BACKEND)


def test_ids_that_training_never_met_are_told(huge):
    model = Trainer(LEARNERS["steps"], BACKEND).fit(huge)
    some = huge.take(np.arange(3))
    first = int(used(huge.y)[0])
    y = csr_of([{first + 1: 1.0}, {first: 1.0}, {}], LARGEST + 1)
    x = csr_of([dict.fromkeys(some.x.row(i)[0].tolist(), 1.0) for i in range(3)], LARGEST + 1)
    with pytest.warns(UnseenWarning, match="1 label in 1 example was never seen in training"):
        scores = model.evaluate(Dataset(x, y))
    assert scores["precision_at_1"] <= 1 / 3
    strange = csr_of([{int(used(huge.x)[0]) + 1: 1.0, **dict.fromkeys(x.row(0)[0].tolist(), 1.0)}],
                     LARGEST + 1)  # fmt: skip
    with pytest.warns(UnseenWarning, match="1 feature in 1 example was never seen"):
        _, logits = model.predict(strange)
    np.testing.assert_array_equal(logits, model.predict(x.take(np.array([0])))[1])


def test_settings_and_memory_are_those_of_ids_in_use(huge, small, monkeypatch):
    assert recipe(huge) == recipe(small)
    assert Traits.of(by_columns(huge)[0]) == Traits.of(small)
    monkeypatch.setattr("slide.core.runs.refusals.memory", lambda: 1 << 24)
    for name in LEARNERS:
        Trainer(LEARNERS[name], BACKEND).fit(huge)


def test_nothing_is_as_long_as_the_range_of_ids(huge, monkeypatch):
    """NumPy refuses every array of more than 16 million elements."""
    longest = 1 << 24
    for name in ("zeros", "ones", "empty", "full", "arange", "bincount"):
        plain = getattr(np, name)

        def short(*given, plain=plain, **named):
            array = plain(*given, **named)
            assert array.size <= longest, plain
            return array

        monkeypatch.setattr(np, name, short)
    model = Trainer(recipe(huge, epochs=1), BACKEND).fit(huge, huge)
    model.predict(huge.x, 3)
    model.evaluate(huge, sampled=True)


def test_every_backend_names_ids_as_they_came(huge):
    found = [
        Trainer(LEARNERS["hidden layer"], backend).fit(huge).predict(huge.x, 3)[0]
        for backend in (BACKEND, load_backend("reference"))
    ]
    assert set(found[1].ravel()) <= set(used(huge.y).tolist())
    assert (found[0] == found[1]).mean() > 0.9


def test_dense_features_may_have_raw_ids_for_labels(huge):
    from slide.core.contract.arrays import Block

    x = Block.of(np.random.default_rng(0).random((400, 5), dtype=np.float32))
    data = Dataset(x, huge.y)
    model = Trainer(LEARNERS["hidden layer"], BACKEND).fit(data)
    assert set(model.predict(x, 2)[0].ravel()) <= set(used(huge.y).tolist())
    assert isinstance(huge.y, CSR)
