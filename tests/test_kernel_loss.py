"""Losses: the reference against arithmetic by hand and the mathematics."""

from math import log

import numpy as np
import pytest
from kernel_arguments import BACKEND, F64_EPS, block, csr, densed, labels, random_layouts
from scipy.special import log_softmax


def test_loss_by_hand() -> None:
    # Example 0: logits 0 and log 3 (the latter a label), so p = 1/4 and 3/4: loss log(4/3),
    # gradient (1/4, 3/4 - 1) / 3 examples. Example 1 has no active label: 0. Example 2: logits
    # 0, 0 with weights log 1 and log 3 give the same p, both are labels: loss is the mean of
    # log 4 and log(4/3), gradient (1/4 - 1/2, 3/4 - 1/2) / 3.
    z = csr(9, {2: 0, 5: log(3)}, {1: 7.0}, {0: 0, 8: 0})
    weights = csr(9, {2: 0, 5: 0}, {1: 0}, {0: 0, 8: log(3)})
    y = labels(9, [5], [0], [0, 8])
    losses, dz = BACKEND.loss(z, weights, y)
    assert losses.tolist() == pytest.approx([log(4 / 3), 0, (log(4) + log(4 / 3)) / 2], rel=1e-6)
    assert dz.values.tolist() == pytest.approx(
        [1 / 12, -1 / 12, 0, -1 / 12, 1 / 12], rel=1e-6
    )  # fmt: skip
    assert (losses[1], dz.values[2]) == (0, 0)


def test_loss_ignores_labels_that_are_not_active() -> None:
    z = block(9, [2, 5], [0, log(3)])
    weights = block(9, [2, 5], [0, 0])
    with_it, _ = BACKEND.loss(z, weights, labels(9, [1, 5, 8]))
    assert with_it == BACKEND.loss(z, weights, labels(9, [5]))[0]


def test_loss_of_huge_logits_is_finite() -> None:
    # p = (1, exp(-2000) = 0): the label that lost costs 2000.
    losses, dz = BACKEND.loss(
        block(2, [0, 1], [1000, -1000]), block(2, [0, 1], [0, 0]), labels(2, [1])
    )
    assert losses.tolist() == [2000]
    assert dz.values.tolist() == [[1, -1]]


@pytest.mark.parametrize("seed", range(20))
def test_loss_against_scipy(seed: int) -> None:
    # In float64: a sum of R exponentials, one logarithm, some subtractions of numbers below T.
    rng = np.random.default_rng(seed)
    for z, weights, y in loss_arguments(rng, B=5, n=12):
        logits, stored = densed(z)
        scores = np.where(stored, logits + densed_weights(weights, z.n_rows), -np.inf)
        losses, _ = BACKEND.loss(z, weights, y)
        for i in range(z.n_rows):
            wanted = np.intersect1d(y.row(i)[0], np.flatnonzero(stored[i]))
            truth = -log_softmax(scores[i])[wanted].mean() if len(wanted) else 0
            scale = abs(scores[i][stored[i]]).max(initial=1)
            assert abs(losses[i] - truth) <= 16 * F64_EPS * scale


@pytest.mark.parametrize("layout", [0, 1], ids=["csr", "block"])
def test_gradient_of_loss_against_central_differences(layout: int) -> None:
    # The truncation error is step**2 / 6 * |third derivative| and that of a softmax is below 1;
    # rounding adds a few eps * |loss| / step. Both are below 1e-9 for step = 2e-5, loss < 30.
    step = 2e-5
    for seed in range(5):
        z, weights, y = loss_arguments(np.random.default_rng(seed), B=4, n=9)[layout]
        _, dz = BACKEND.loss(z, weights, y)
        assert dz.values.dtype == np.float64
        for place in np.ndindex(z.values.shape):
            means = []
            for side in (step, -step):
                moved = z.values.copy()
                moved[place] += side
                means.append(BACKEND.loss(z.with_values(moved), weights, y)[0].mean())
            slope = (means[0] - means[1]) / (2 * step)
            assert abs(slope - dz.values[place]) < 1e-9


def loss_arguments(rng, B, n):
    """Logits, weights and labels in both layouts, float64; some examples without labels."""
    y = labels(n, *(np.flatnonzero(rng.random(n) < 0.2 * (i > 0)).tolist() for i in range(B)))
    for_each, shared = (
        z.with_values(3 * rng.standard_normal(z.values.shape)) for z in random_layouts(rng, B, n)
    )
    shapes = for_each.values.shape, (1, len(shared.ids))
    return [
        (z, z.with_values(rng.random(shape)), y)
        for z, shape in zip((for_each, shared), shapes, strict=True)
    ]


def densed_weights(weights, n_rows):
    """Log weights as (B, n); those of a Block count for every row."""
    return np.broadcast_to(densed(weights)[0], (n_rows, weights.n_cols))
