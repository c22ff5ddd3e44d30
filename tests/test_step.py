"""One training step against central differences of a dense network written on the spot."""

import numpy as np
import pytest
from conftest import csr_of

from slide.core.arrays import CSR, Dataset, Param
from slide.core.config import Config
from slide.core.hashing import SimHash
from slide.core.network import Network
from slide.core.optim import Adam
from slide.core.sampling import Sampler
from slide.core.step import dropout_mask, hidden_units, infer, train_step
from slide.reference.kernels import ReferenceBackend

N_FEATURES, N_HIDDEN, N_LABELS = 5, 4, 7
X = csr_of([{0: 1.0, 3: -2.0}, {1: 0.5}, {}, {2: 1.0, 3: 1.0, 4: 3.0}], N_FEATURES)
Y = csr_of([{2: 1.0}, {0: 1.0, 6: 1.0}, {1: 1.0}, {}], N_LABELS)


class Recorder(ReferenceBackend):
    """Keeps the gradients instead of applying them, and the weights of the active neurons."""

    def __init__(self):
        self.grads = []

    def loss(self, z, log_weights, y):
        self.log_weights = log_weights
        return super().loss(z, log_weights, y)

    def update_rows(self, param, grad, optimizer, lr, step):
        self.grads.append(grad)


def network_of(dtype, seed=0):
    rng = np.random.default_rng(seed)
    return Network(
        Param.of(rng.standard_normal((N_FEATURES + 1, N_HIDDEN)).astype(dtype)),
        Param.of(rng.standard_normal((N_LABELS, N_HIDDEN + 1)).astype(dtype)),
    )


def batch_of(dtype):
    return Dataset(X.with_values(X.values.astype(dtype)), Y)


def step(backend, network, batch, lr=0.01, dropout=0.0, **settings):
    config = Config(K=3, L=4, **settings)
    rng = np.random.default_rng(0)
    family = SimHash.draw(N_HIDDEN + 1, 3, 4, rng) if config.sampler == "lsh" else None
    sampler = Sampler(config, family)
    sampler.keep_tables(backend, network.output.weight, 0)
    return train_step(backend, network, batch, sampler, Adam(), lr, 1, dropout, rng)


def dense_loss(hidden, output):
    """Mean cross entropy of the same network, with explicit biases and no sparse arrays."""
    x = X.to_scipy().toarray().astype(np.float64)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    h = np.maximum(x @ hidden[:-1] + hidden[-1], 0)
    z = h @ output[:, :-1].T + output[:, -1]
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    y = Y.to_scipy().toarray()
    return -(y / np.maximum(y.sum(axis=1, keepdims=True), 1) * log_p).sum() / len(y)


def central_differences(weight, loss, epsilon=1e-6):
    grad = np.zeros_like(weight)
    for cell in np.ndindex(*weight.shape):
        old = weight[cell]
        weight[cell] = old + epsilon
        above = loss()
        weight[cell] = old - epsilon
        grad[cell] = (above - loss()) / (2 * epsilon)
        weight[cell] = old
    return grad


@pytest.mark.parametrize("scope", ["batch", "example"])
def test_full_sampler_has_the_gradients_of_a_dense_network(scope):
    network, backend = network_of(np.float64), Recorder()
    report = step(backend, network, batch_of(np.float64), sampler="full", scope=scope)
    w1, w2 = network.hidden.weight, network.output.weight
    assert report.loss == pytest.approx(dense_loss(w1, w2), rel=1e-12)
    output_grad, hidden_grad = backend.grads
    for weight, grad in ((w2, output_grad), (w1, hidden_grad)):
        dense = np.zeros_like(weight)
        dense[grad.rows] = grad.values
        expected = central_differences(weight, lambda: dense_loss(w1, w2))
        np.testing.assert_allclose(dense, expected, atol=1e-6)


def test_scopes_agree_where_their_active_sets_do(backend):
    batch, example = network_of(np.float32), network_of(np.float32)
    step(backend, batch, batch_of(np.float32), sampler="full", scope="batch")
    step(backend, example, batch_of(np.float32), sampler="full", scope="example")
    for one, other in ((batch.hidden, example.hidden), (batch.output, example.output)):
        # Adam's first step is lr * sign(gradient) wherever the gradient is not tiny
        np.testing.assert_allclose(one.weight, other.weight, atol=1e-5)


@pytest.mark.parametrize("scope", ["batch", "example"])
@pytest.mark.parametrize("sampler", ["lsh", "uniform"])
def test_only_touched_rows_move(backend, scope, sampler):
    network = network_of(np.float32)
    before = network.output.weight.copy(), network.hidden.weight.copy()
    report = step(backend, network, batch_of(np.float32), sampler=sampler, scope=scope, active=1)
    moved = (network.output.weight != before[0]).any(axis=1)
    assert set(np.flatnonzero(moved)) >= {0, 1, 2, 6}  # the labels
    assert moved.sum() <= report.touched_rows < N_LABELS
    assert network.output.mean[~moved].any() is np.False_
    unused = np.setdiff1d(np.arange(N_FEATURES), X.indices)
    assert (network.hidden.weight[unused] == before[1][unused]).all()


def test_step_report_adds_up(backend):
    report = step(backend, network_of(np.float32), batch_of(np.float32), active=4, scope="batch")
    assert report.n_active == report.touched_rows
    assert report.from_labels == pytest.approx(4 / report.n_active)
    assert 0 <= report.from_tables <= 1 - report.from_labels
    private = step(backend, network_of(np.float32), batch_of(np.float32), active=4, scope="example")
    assert private.from_labels == pytest.approx(4 / (4 * private.n_active))


def test_uniform_neurons_stand_for_all_that_were_not_drawn():
    backend = Recorder()
    step(backend, network_of(np.float32), batch_of(np.float32), sampler="uniform", active=4)
    drawn = np.setdiff1d(backend.log_weights.ids, Y.indices)  # the labels are 4 of the 7 neurons
    assert 0 < len(drawn) < 3
    expected = np.where(np.isin(backend.log_weights.ids, drawn), np.log(3 / len(drawn)), 0)
    np.testing.assert_allclose(backend.log_weights.values, expected[None], rtol=1e-6)


def test_dropout_keeps_the_mean():
    mask = dropout_mask((1000, 100), 0.3, np.random.default_rng(0))
    assert set(np.unique(mask)) == {0, np.float32(1 / 0.7)}
    # The mean of 100,000 values of variance 0.3 / 0.7, within 6 standard errors.
    assert abs(mask.mean() - 1) < 6 * (0.3 / 0.7 / mask.size) ** 0.5


def test_dropout_changes_the_step(backend):
    plain, dropped = network_of(np.float32), network_of(np.float32)
    step(backend, plain, batch_of(np.float32), sampler="full")
    step(backend, dropped, batch_of(np.float32), sampler="full", dropout=0.5)
    assert (plain.output.weight != dropped.output.weight).any()


def test_hidden_units_ignore_the_scale_of_a_row(backend):
    network = network_of(np.float32)
    h = hidden_units(backend, network, X)
    doubled = hidden_units(backend, network, X.with_values(2 * X.values))
    np.testing.assert_array_equal(h, doubled)
    assert (h[:, -1] == 1).all()
    assert (h >= 0).all()


def test_infer_is_the_dense_argmax(backend):
    network = network_of(np.float32)
    ids, logits = infer(backend, network, X, 3)
    z = hidden_units(backend, network, X) @ network.output.weight.T
    np.testing.assert_array_equal(ids, np.argsort(-z, axis=1, kind="stable")[:, :3])
    np.testing.assert_allclose(logits, -np.sort(-z, axis=1)[:, :3], rtol=1e-6)


def test_an_empty_batch_of_features_still_trains_the_biases(backend):
    network = network_of(np.float32)
    nothing = CSR(np.zeros(3, np.int64), X.indices[:0], X.values[:0], N_FEATURES)
    step(backend, network, Dataset(nothing, csr_of([{1: 1.0}, {2: 1.0}], N_LABELS)))
    assert network.hidden.mean[-1].any()
    assert not network.hidden.mean[:-1].any()
