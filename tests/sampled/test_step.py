"""The training step against dense networks written on the spot."""

import numpy as np
import pytest
from conftest import csr_of
from small_steps import (
    DENSE,
    N_FEATURES,
    N_LABELS,
    SHOWN,
    Recorder,
    Steps,
    X,
    Y,
    agree_with_central_differences,
    config_of,
)

from slide.core.contract.arrays import CSR, Block
from slide.core.sampled.layers import rows_read
from slide.core.sampled.step import activations, dropout_mask, infer
from slide.reference.kernels import ReferenceBackend


@pytest.mark.parametrize("scope", ["batch", "example"])
@pytest.mark.parametrize("loss", ["softmax", "bce", "saros"])
@pytest.mark.parametrize("hidden", [(4,), (4, 3, 6)])
@pytest.mark.parametrize("is_sparse", [True, False])
def test_full_sampler_has_the_gradients_of_a_dense_network(scope, loss, hidden, is_sparse):
    steps = Steps(
        config_of(sampler="full", scope=scope, loss=loss, hidden=hidden), np.float64, Recorder()
    )
    x = X if is_sparse else Block.of(DENSE)
    agree_with_central_differences(steps, x, SHOWN if loss == "saros" else Y)


@pytest.mark.parametrize("scope", ["batch", "example"])
@pytest.mark.parametrize("hidden_active", [(0, 4, 0), (3, 0, 0), (3, 4, 2)])
@pytest.mark.parametrize("uniform_share", [0.0, 0.5])
def test_hidden_layers_with_tables_have_the_gradients_of_their_active_units(
    scope, hidden_active, uniform_share
):
    """All of them: in the first layer, which reads the features, in the middle, before the top."""
    config = config_of(
        hidden=(8, 9, 6), hidden_active=hidden_active, scope=scope, uniform_share=uniform_share,
        active=20, K=1, L=3,
    )  # fmt: skip
    steps = Steps(config, np.float64, Recorder())
    # No correction for the uniform ones of seven labels: all are active.
    agree_with_central_differences(steps, X, Y)
    assert len(steps.backend.sets) == 1 + np.count_nonzero(hidden_active)
    if scope == "example":
        wanted = [n_active for n_active in hidden_active if n_active]
        for active, n_active in zip(steps.backend.sets, wanted, strict=False):
            assert 0 < active.row_lengths().max() <= n_active + 1


def textbook_adam(state, grad, lr, step):
    """Algorithm 1 of Kingma and Ba on a whole matrix, the bias correction in the step size."""
    weight, mean, square = state
    mean += (1 - 0.9) * (grad - mean)
    square += (1 - 0.999) * (grad * grad - square)
    size = lr * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    weight -= size * mean / (np.sqrt(square) + 1e-8)


def textbook_step(states, x, y, masks, lr, step):
    """Forward, softmax, backward, Adam of a dense network with biases as constant inputs."""
    ones = np.ones((len(x), 1))
    inputs, slopes = [np.hstack([x, ones])], []
    for (w, _, _), mask in zip(states[:-1], masks, strict=True):
        pre = inputs[-1] @ w
        slopes.append((pre > 0) * mask)
        inputs.append(np.hstack([pre * slopes[-1], ones]))
    z = inputs[-1] @ states[-1][0].T
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    dz = (p - y / y.sum(axis=1, keepdims=True)) / len(x)
    grads = [dz.T @ inputs[-1]]
    da = dz @ states[-1][0]
    for a, slope, (w, _, _) in zip(inputs[-2::-1], slopes[::-1], states[-2::-1], strict=True):
        dh = da[:, :-1] * slope
        grads.append(a.T @ dh)
        da = dh @ w.T
    for state, grad in zip(states, grads[::-1], strict=True):
        textbook_adam(state, grad, lr, step)


@pytest.mark.parametrize("hidden", [(4,), (4, 3)])
def test_full_sampler_is_dense_training_bit_for_bit(hidden):
    """Ten steps of float64 with dropout, from the same draws of the same generator."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((6, N_FEATURES))
    labels = csr_of([{int(j): 1.0} for j in rng.integers(N_LABELS, size=6)], N_LABELS)
    config = config_of(sampler="full", hidden=hidden, dropout=0.3)
    steps = Steps(config, np.float64)
    states = [(w.copy(), np.zeros_like(w), np.zeros_like(w)) for w in steps.weights]
    twin = np.random.default_rng(0)
    unit_rows = Block.of(x).with_unit_rows().values
    for step in range(1, 11):
        masks = [dropout_mask((6, width), 0.3, twin) for width in hidden]
        twin.choice(N_LABELS, N_LABELS, replace=False, shuffle=False)  # the sampler's draws
        twin.integers(1 << 31)
        textbook_step(states, unit_rows, labels.to_scipy().toarray(), masks, 0.05, step)
        steps.take(Block.of(x), labels, lr=0.05)
        for (weight, mean, square), layer in zip(states, steps.network.layers, strict=True):
            np.testing.assert_array_equal(layer.param.weight, weight)
            np.testing.assert_array_equal(layer.param.mean, mean)
            np.testing.assert_array_equal(layer.param.square, square)


def test_scopes_agree_where_their_active_sets_do():
    grads = []
    for scope in ("batch", "example"):
        steps = Steps(config_of(sampler="full", scope=scope, hidden=(4, 3)), np.float64, Recorder())
        steps.take()
        grads.append(steps.backend.grads)
    for one, other in zip(*grads, strict=True):
        np.testing.assert_array_equal(one.rows, other.rows)
        np.testing.assert_allclose(one.values, other.values, atol=1e-15)


@pytest.mark.parametrize("scope", ["batch", "example"])
@pytest.mark.parametrize("sampler", ["lsh", "uniform"])
def test_only_touched_rows_move(scope, sampler):
    # Drawn such that no label is its example's only active neuron: that one has no gradient.
    rng = np.random.default_rng(5)
    steps = Steps(config_of(sampler=sampler, scope=scope, active=1), rng=rng)
    before = [weight.copy() for weight in steps.weights]
    report = steps.take()
    moved = (steps.weights[-1] != before[-1]).any(axis=1)
    assert set(np.flatnonzero(moved)) >= {0, 1, 2, 6}  # the labels
    assert moved.sum() <= report.touched_rows < N_LABELS
    assert steps.network.output.param.mean[~moved].any() is np.False_
    unused = np.setdiff1d(np.arange(N_FEATURES), X.indices)
    assert (steps.weights[0][unused] == before[0][unused]).all()
    assert steps.samplers[-1].touched.sum() == report.touched_rows


def test_units_of_a_hidden_layer_that_are_not_active_do_not_move():
    steps = Steps(config_of(hidden=(50,), hidden_active=(2,), scope="example", K=4, L=1))
    before = steps.weights[0].copy()
    steps.take()
    moved = (steps.weights[0] != before).any(axis=1)
    assert 0 < moved.sum() <= 2 * X.n_rows


@pytest.mark.parametrize("scope", ["batch", "example"])
def test_every_layer_with_tables_remembers_who_moved(scope):
    steps = Steps(config_of(hidden=(20, 10), hidden_active=(5, 3), scope=scope))
    before = [weight.copy() for weight in steps.weights]
    steps.take()
    for sampler, old, new in zip(steps.samplers, before, steps.weights, strict=True):
        moved = (old != new).any(axis=1)
        assert moved.any()
        assert sampler.touched[moved].all()
        assert sampler.tables.moved[moved].all()


def test_step_report_adds_up():
    report = Steps(config_of(active=4)).take()
    assert report.n_active == report.touched_rows
    assert report.from_labels == pytest.approx(4 / report.n_active)
    assert report.from_labels + report.from_tables + report.from_uniform == pytest.approx(1)
    private = Steps(config_of(active=4, scope="example")).take()
    assert private.from_labels == pytest.approx(4 / (4 * private.n_active))


def test_the_inclusion_probability_is_reported():
    report = Steps(config_of(sampler="uniform", active=4)).take()
    # The labels are 4 of 7 neurons; of the other 3, all those of 4 draws that are no labels.
    n_drawn = round(report.from_uniform * report.n_active)
    assert report.inclusion_probability == pytest.approx(n_drawn / 3)
    assert Steps(config_of(sampler="full")).take().inclusion_probability == 1


def test_uniform_neurons_stand_for_all_that_were_not_drawn():
    steps = Steps(config_of(sampler="uniform", active=4), backend=Recorder())
    steps.take()
    weights = steps.backend.log_weights
    drawn = np.setdiff1d(weights.ids, Y.indices)  # the labels are 4 of the 7 neurons
    assert 0 < len(drawn) < 3
    expected = np.where(np.isin(weights.ids, drawn), np.log(3 / len(drawn)), 0)
    np.testing.assert_allclose(weights.values, expected[None], rtol=1e-6)


def test_dropout_keeps_the_mean():
    mask = dropout_mask((1000, 100), 0.3, np.random.default_rng(0))
    assert set(np.unique(mask)) == {0, np.float32(1 / 0.7)}
    # The mean of 100,000 values of variance 0.3 / 0.7, within 6 standard errors.
    assert abs(mask.mean() - 1) < 6 * (0.3 / 0.7 / mask.size) ** 0.5


def test_dropout_changes_the_step():
    plain, dropped = (Steps(config_of(sampler="full", dropout=rate)) for rate in (0.0, 0.5))
    plain.take()
    dropped.take()
    assert (plain.weights[-1] != dropped.weights[-1]).any()


@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "sgd"])
def test_every_optimizer_lowers_the_loss(optimizer):
    steps = Steps(config_of(sampler="full", optimizer=optimizer))
    losses = [steps.take(lr=0.1).loss for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]


def test_rows_that_catch_up_are_where_dense_adam_has_them():
    """Active sets of one uniform neuron: most rows miss most steps, and are made up for."""
    lazy, dense_adam = (
        Steps(config_of(sampler="uniform", active=1, catch_up=wanted), np.float64, backend)
        for wanted, backend in ((True, ReferenceBackend()), (False, AllRows()))
    )
    batches = [X.take(np.array([i])) for i in (0, 1, 0, 3, 1, 1, 0)]
    labels = [Y.take(np.array([i])) for i in (0, 1, 2, 0, 1, 0, 0)]
    for rate, (x, y) in enumerate(zip(batches, labels, strict=True), start=1):
        for steps in (lazy, dense_adam):
            steps.take(x, y, lr=rate / 100)
    assert (lazy.weights[0] != dense_adam.weights[0]).any()
    lazy.updates.catch_up(lazy.network)
    for one, other in zip(lazy.weights, dense_adam.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_row_that_several_examples_read_is_read_once():
    assert rows_read(X, None).tolist() == [0, 1, 2, 3, 4]
    assert rows_read(X, Y).tolist() == [0, 1, 2, 6]
    assert rows_read(X, Block.of(DENSE)).tolist() == [0, 1, 2, 3, 4]


class AllRows(ReferenceBackend):
    """Updates every row in every step, those without a gradient by a gradient of zeros."""

    def update_rows(self, param, grad, optimizer, lr, step):
        full = np.zeros_like(param.weight)
        full[grad.rows] = grad.values
        rows = np.arange(len(full), dtype=np.int32)
        super().update_rows(param, type(grad)(rows, full), optimizer, lr, step)


def test_activations_ignore_the_scale_of_a_row(backend):
    network = Steps(config_of(hidden=(4, 3))).network
    h = activations(backend, network, X)
    doubled = activations(backend, network, X.with_values(2 * X.values))
    np.testing.assert_array_equal(h.values, doubled.values)
    assert (h.values[:, -1] == 1).all()
    assert (h.values >= 0).all()


@pytest.mark.parametrize("x", [X, Block.of(DENSE.astype(np.float32))], ids=["sparse", "dense"])
def test_infer_is_the_dense_argmax(backend, x):
    network = Steps(config_of()).network
    ids, logits = infer(backend, network, x, 3)
    z = activations(backend, network, x).dense() @ network.output.param.weight.T
    np.testing.assert_array_equal(ids, np.argsort(-z, axis=1, kind="stable")[:, :3])
    np.testing.assert_allclose(logits, -np.sort(-z, axis=1)[:, :3], rtol=1e-6)


def test_an_empty_batch_of_features_still_trains_the_biases():
    steps = Steps(config_of())
    nothing = CSR(np.zeros(3, np.int64), X.indices[:0], X.values[:0], N_FEATURES)
    steps.take(nothing, csr_of([{1: 1.0}, {2: 1.0}], N_LABELS))
    assert steps.network.hidden[0].param.mean[-1].any()
    assert not steps.network.hidden[0].param.mean[:-1].any()
