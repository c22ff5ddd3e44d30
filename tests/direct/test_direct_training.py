"""What training makes of direct connections: a step by formulas, the same bits, learning."""

import json
from dataclasses import replace

import numpy as np
import pytest
from direct_settings import BACKEND, DIRECT
from kernel_arguments import csr, labels

import slide
from slide.core.direct.run import DirectRun
from slide.core.errors import InputError
from slide.core.examples.dataset import Dataset
from slide.core.learners.recipe import Traits, recipe
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend


def test_it_learns_more_than_its_start(train_set, direct_model):
    run = DirectRun.begin(DIRECT, BACKEND, train_set)
    before = run.diagnostics()["full_loss"]
    run.connections = direct_model.network
    assert run.diagnostics()["full_loss"] < before / 4


def test_a_step_takes_biases_as_they_are_now(train_set):
    """Labels that have just been pushed down are not the hardest ones any more."""
    run = DirectRun.begin(DIRECT, BACKEND, train_set)
    rows, seen = np.split(run.order[:128], 2), []
    search = ReferenceBackend.search

    class Watching(ReferenceBackend):
        def search(self, index, x, excluded, k):
            seen.append((index.base.copy(), run.network.bias))
            return search(self, index, x, excluded, k)

    run.attach(Watching())
    for some in rows:
        run.step(run.data.take(some), 0.5)
    (before, _), (base, biases) = seen
    assert run.built_at == 0
    assert (base != before).sum() > 10
    np.testing.assert_array_equal(base, biases)


@pytest.mark.parametrize("loss", ["bce", "softmax"])
def test_a_step_is_the_one_of_dense_matrices(train_set, loss):
    """The whole of it in float64 and without sparse arrays, from the formulas."""
    config = replace(DIRECT, loss=loss, active=6)
    run = DirectRun.begin(config, BACKEND, train_set)
    run.step(run.data.take(run.order[:32]), 0.5)  # so that squares differ
    batch, weight = run.data.take(run.order[32:64]), run.network.param.weight
    stored = weight.with_values(np.ones_like(weight.values)).to_scipy().toarray() > 0
    w = weight.to_scipy().toarray().astype(np.float64)
    square = weight.with_values(run.network.param.square).to_scipy().toarray().astype(np.float64)
    x, y = (part.to_scipy().toarray().astype(np.float64) for part in (batch.x, batch.y))
    run.index = None  # rebuilt, so that the hardest are those of these weights

    z = x @ w.T
    meets = (x[:, :-1] != 0) @ stored[:, :-1].T  # who shares more than the bias
    rivals = np.where(meets & (y == 0), z, -np.inf)
    active = (y > 0) | (rivals >= np.sort(rivals, axis=1)[:, -6:-5]) & np.isfinite(rivals)
    if loss == "bce":
        dz = 1 / (1 + np.exp(-z)) - y
    else:
        e = np.exp(z) * active
        dz = e / e.sum(axis=1, keepdims=True) - y / y.sum(axis=1, keepdims=True)
    dz = np.where(active & (abs(dz) >= 1e-3), dz, 0)
    g = np.where(stored, dz.T @ x, 0)
    square += g**2
    w -= 0.5 * g / np.sqrt(np.where(stored, square, 1))

    run.step(batch, 0.5)
    moved = run.network.param.weight.to_scipy().toarray()
    assert abs(g).max() > 0.1
    np.testing.assert_allclose(moved, w, atol=1e-4)


def test_the_same_bits_for_any_number_of_threads_and_order_of_the_file(train_set):
    def values(data, n_threads):
        backend = slide.load_backend("numba")
        backend.set_threads(n_threads)
        network = Trainer(replace(DIRECT, epochs=1, idf_power=0.5, pairs=True), backend).fit(data)
        return network.network.param.weight.values

    first = values(train_set, 1)
    shuffled = train_set.take(np.random.default_rng(0).permutation(train_set.n_samples))
    for data, n_threads in ((train_set, 2), (train_set, 3), (shuffled, 2)):
        assert values(data, n_threads).tobytes() == first.tobytes()


def test_numba_learns_what_the_reference_learns(train_set, test_set):
    few = train_set.take(np.arange(1500))
    fast, exact = (Trainer(DIRECT, backend).fit(few) for backend in (BACKEND, "reference"))
    np.testing.assert_array_equal(fast.predict(test_set.x, 1)[0], exact.predict(test_set.x, 1)[0])


def test_more_hardest_labels_than_labels_are_all_of_them(train_set, test_set):
    few = train_set.take(np.arange(300))
    every = Trainer(replace(DIRECT, epochs=1, active=1 << 31), BACKEND).fit(few)
    as_many = Trainer(replace(DIRECT, epochs=1, active=150), BACKEND).fit(few)
    for one, other in zip(every.predict(test_set.x), as_many.predict(test_set.x), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_feature_of_every_example_still_tells_its_values_apart():
    x = csr(1, *({0: 1.0 if i % 2 else -1.0} for i in range(100)))
    data = Dataset(x, labels(2, *([i % 2] for i in range(100))))
    assert not Traits.of(data).is_binary
    for idf_power in (0.0, 0.5):
        model = Trainer(recipe(data, by_steps=True, idf_power=idf_power, epochs=9), BACKEND).fit(
            data
        )
        assert model.evaluate(data)["precision_at_1"] == 1


def test_very_large_values_are_directions(train_set, test_set):
    train_set = train_set.take(np.arange(2000))
    loud = Dataset(train_set.x.with_values(train_set.x.values * np.float32(1e38)), train_set.y)
    settings = replace(DIRECT, epochs=1, pairs=True, idf_power=0.5)
    with np.errstate(all="raise", under="ignore"):  # of NumPy, in kernels as well
        trained = Trainer(settings, "reference").fit(loud)
    assert trained.evaluate(test_set)["precision_at_1"] > 0.9
    for bad in (np.nan, np.inf):
        values = train_set.x.values.copy()
        values[3] = bad
        with pytest.raises(InputError, match="expected numbers that are finite"):
            Trainer(DIRECT, BACKEND).fit(Dataset(train_set.x.with_values(values), train_set.y))


def test_metrics_tell_of_the_run(train_set, test_set):
    lines = []

    class Watcher:
        def on_step(self, step, n_steps):
            pass

        def on_evaluation(self, record):
            lines.append(json.loads(json.dumps(record)))

    Trainer(DIRECT, BACKEND, watcher=Watcher()).fit(train_set.take(np.arange(1500)), test_set)
    assert len(lines) == 3
    last = lines[-1]
    assert last["from_labels"] + last["from_tables"] == pytest.approx(1)
    assert last["full_loss"] < lines[0]["full_loss"]
    assert 0 <= last["dead_neurons"] < 1
    assert last["seconds_by_kernel"]["search"] > 0
