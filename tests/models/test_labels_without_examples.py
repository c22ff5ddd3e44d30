"""A label that no training example has is named after all others, by whatever learns and finds."""

import numpy as np
import pytest
from conftest import csr_of, planted, widened

from slide import load_backend
from slide.backends.processes import ProcessesBackend
from slide.core.contract.arrays import CSR
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.examples.dataset import Dataset
from slide.core.learner import LAST
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.runs.trainer import Trainer
from slide.core.settings.plan import Plan
from slide.core.svm.solving import NEVER
from slide.reference.kernels import ReferenceBackend

N, SEEN = 100, 30
QUICK = {"epochs": 1, "batch_size": 32, "active": 20}
HASHED = {"hidden": (8,), "K": 2, "L": 4, **QUICK}
LEARNERS = {
    "solved": Config(hidden=(), cost=0.3, idf_power=0.0, epochs=2),
    "steps": Config(hidden=(), lr=2.0, **QUICK),
    "steps, softmax": Config(hidden=(), lr=2.0, loss="softmax", **QUICK),
    "no floor": Config(hidden=(), lr=2.0, bias_floor=-100.0, **QUICK),
    **{
        sampler: Config(sampler=sampler, scope=scope, **HASHED)
        for sampler, scope in (("lsh", "batch"), ("uniform", "example"), ("full", "batch"),
                               ("in-batch", "batch"))
    },
    "deeper": Config(**HASHED | {"hidden": (8, 8), "hidden_active": (0, 4)}),
    "bce": Config(loss="bce", sampler="in-batch", **HASHED),
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    """Every third label is seen, one of them in an example without features."""
    examples = planted(300, SEEN)
    ids = (np.arange(SEEN) * 3 + 1).astype(np.int32)
    y = CSR(examples.y.indptr, ids[examples.y.indices], examples.y.values, N)
    x = examples.x.where(examples.x.row_numbers() != 0)
    return Dataset(x, y)


@pytest.fixture(scope="module", params=["reference", "numba"])
def backend(request):
    return ReferenceBackend() if request.param == "reference" else load_backend("numba")


def few_met(data):
    """Examples of the set, one without features, and one with a single feature."""
    first = data.take(np.arange(5)).features
    rows = [dict(zip(*map(np.ndarray.tolist, first.row(i)), strict=True)) for i in range(5)]
    return csr_of([{}, {3: 1.0}, *rows], data.n_features)


@pytest.mark.parametrize("name", LEARNERS)
def test_it_is_named_after_all_others(data, backend, name):
    model = Trainer(LEARNERS[name], backend).fit(data)
    seen = np.flatnonzero(data.y.column_counts())
    x = few_met(data)
    ids, logits = model.predict(x, len(seen))
    np.testing.assert_array_equal(np.sort(ids), np.tile(seen, (x.n_rows, 1)))
    assert (logits > LAST / 2).all()
    every, logits = model.predict(x, N)
    np.testing.assert_array_equal(every[:, : len(seen)], ids)
    assert (logits[:, len(seen) :] < LAST / 2).all()
    np.testing.assert_array_equal(every[:, len(seen) :], np.tile(
        np.setdiff1d(np.arange(N), seen), (x.n_rows, 1)))  # fmt: skip


@pytest.mark.parametrize("name", LEARNERS)
def test_retrieval_does_not_name_it_either(data, backend, name):
    model = Trainer(LEARNERS[name], backend).fit(data)
    seen = set(np.flatnonzero(data.y.column_counts()).tolist())
    x = few_met(data)
    plans = [Plan(), Plan(candidates=1.0, bucket_limit=1000)]
    for plan in plans:
        model.prepare_sampled(plan)
        found, logits = model.predict(x, len(seen), sampled=True)
        assert set(found.ravel().tolist()) <= seen | {-1}
        assert ((found < 0) == (logits == -np.inf)).all()
    if model.config.hidden:
        model.prepare_sampled(Plan(), data)
        assert set(model.predict(x, 9, sampled=True)[0].ravel().tolist()) <= seen | {-1}


@pytest.mark.parametrize("name", ["steps", "in-batch"])
def test_steps_taken_at_once_make_no_difference(data, name):
    workers = ProcessesBackend("hogwild")
    workers.set_threads(2)
    try:
        model = Trainer(LEARNERS[name], workers).fit(data)
        seen = set(np.flatnonzero(data.y.column_counts()).tolist())
        assert set(model.predict(few_met(data), len(seen))[0].ravel().tolist()) == seen
        found = model.predict(few_met(data), len(seen), sampled=True)[0]
        assert set(found.ravel().tolist()) <= seen | {-1}
    finally:
        workers.pool.close()


def test_a_loaded_model_knows_too(data, tmp_path):
    backend = ReferenceBackend()
    model = Trainer(LEARNERS["in-batch"], backend).fit(data)
    model.save(tmp_path / "m")
    loaded = Model.load(tmp_path / "m", backend)
    np.testing.assert_array_equal(loaded.predict(data.x, 40)[0], model.predict(data.x, 40)[0])


def test_what_is_trained_is_as_it_was(data):
    """Names are given when labels are looked for: weights are those that training left."""
    model = Trainer(LEARNERS["bce"], ReferenceBackend()).fit(data)
    before = model.network.output.param.weight.copy()
    model.predict(data.x, 5)
    np.testing.assert_array_equal(model.network.output.param.weight, before)


def test_the_best_biases_fill_a_list():
    """Label 1 has the best bias and no example, label 2 is met."""
    weight = csr_of([{}, {}, {0: 1.0}, {}], 1)
    bias = np.array([-3.0, 0.0, -1.0, -2.0], np.float32)
    backend = ReferenceBackend()
    network = Direct.of(weight, bias, Inputs(np.ones(1, np.float32), np.zeros(0, int)), backend)
    model = Model(Config(hidden=()), network, backend, np.array([1, 0, 1, 1]), 3)
    ids, logits = model.predict(csr_of([{0: 1.0}, {}], 1), 4)
    assert ids.tolist() == [[2, 3, 0, 1]] * 2
    assert logits.tolist() == [[0, -2, -3, np.float32(LAST)], [-1, -2, -3, np.float32(LAST)]]
    ids, _ = model.predict(csr_of([{0: 1.0}, {}], 1), 3, sampled=True)
    assert ids.tolist() == [[2, 3, 0]] * 2


def test_a_label_held_out_comes_before_one_without_example(backend):
    """When time ends before the last round, what was held out is not solved, but was seen."""
    n, examples = 250, planted(250, 20)
    rare = np.arange(n, dtype=np.int32) + 21  # each example has a label of its own
    y = CSR(np.arange(n + 1), rare, np.ones(n, np.float32), n + 99)
    config = LEARNERS["solved"]
    model = Trainer(config, backend, time_budget=1e-3).fit(Dataset(examples.x, y))
    ids, logits = model.predict(examples.x.take(np.arange(9)), n)
    assert set(ids.ravel().tolist()) == set(rare.tolist())
    assert (logits[:, -9] == NEVER).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_features_without_example_weigh_nothing(data, backend, name):
    """They are within the range of the model, and an example of them alone is one of none."""
    wide = widened(data, data.n_features + 5, 0)
    model = Trainer(LEARNERS[name], backend).fit(wide)
    x = csr_of([{}, {data.n_features: 1.0, data.n_features + 4: 2.0}], wide.n_features)
    for ends in model.predict(x, 9):
        np.testing.assert_array_equal(ends[0], ends[1])


def test_a_k_beyond_all_labels_gives_all_of_them(data):
    model = Trainer(LEARNERS["steps"], ReferenceBackend()).fit(data)
    assert model.predict(data.x, N + 1)[0].shape == (data.n_samples, N)
