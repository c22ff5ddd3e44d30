"""Losses: the reference against arithmetic by hand and the mathematics."""

from math import log

import numpy as np
import pytest
from kernel_arguments import BACKEND, F64_EPS, block, csr, densed, labels, random_layouts
from scipy.special import log_softmax

from slide.core.contract.losses import LOSSES
from slide.reference import losses as reference_losses


def test_softmax_by_hand() -> None:
    # Example 0: logits 0 and log 3 (the latter a label), so p = 1/4 and 3/4: loss log(4/3),
    # gradient (1/4, 3/4 - 1) / 3 examples. Example 1 has no active label: 0. Example 2: logits
    # 0, 0 with weights log 1 and log 3 give the same p, both are labels: loss is the mean of
    # log 4 and log(4/3), gradient (1/4 - 1/2, 3/4 - 1/2) / 3.
    z = csr(9, {2: 0, 5: log(3)}, {1: 7.0}, {0: 0, 8: 0})
    weights = csr(9, {2: 0, 5: 0}, {1: 0}, {0: 0, 8: log(3)})
    y = labels(9, [5], [0], [0, 8])
    losses, dz = BACKEND.loss(z, weights, y, "softmax")
    assert losses.tolist() == pytest.approx([log(4 / 3), 0, (log(4) + log(4 / 3)) / 2], rel=1e-6)
    assert dz.values.tolist() == pytest.approx(
        [1 / 12, -1 / 12, 0, -1 / 12, 1 / 12], rel=1e-6
    )  # fmt: skip
    assert (losses[1], dz.values[2]) == (0, 0)


def test_bce_by_hand() -> None:
    # Example 0: a label at log 3, share 3/4: log(4/3) and 3/4 - 1. Its negative at 0 stands for 5:
    # 5 log 2 and 5/2. Example 1 has no label: its neuron at log 3 costs log 4, pushed by 3/4; a
    # known negative is a negative. Both gradients are halved, there being two examples.
    z = csr(9, {2: 0, 5: log(3)}, {7: log(3)})
    weights = csr(9, {2: log(5), 5: 0}, {7: 0})
    losses, dz = BACKEND.loss(z, weights, csr(9, {5: 1}, {7: -1}), "bce")
    assert losses.tolist() == pytest.approx([log(4 / 3) + 5 * log(2), log(4)], rel=1e-6)
    assert dz.values.tolist() == pytest.approx([5 / 4, -1 / 8, 3 / 8], rel=1e-6)


def test_a_positive_counts_once_in_bce() -> None:
    z, y = block(2, [0, 1], [0, 1]), labels(2, [1])
    heavy = BACKEND.loss(z, block(2, [0, 1], [0, 3]), y, "bce")
    light = BACKEND.loss(z, block(2, [0, 1], [0, 0]), y, "bce")
    assert heavy[0] == light[0]
    assert heavy[1].values.tolist() == light[1].values.tolist()


def test_saros_by_hand() -> None:
    # The label leads one other by log 3: softplus(-log 3) = log(4/3), pushed by 1/4; it is level
    # with one that stands for 3: log 2, pushed by 1/2. The mean over 4 is
    # (log(4/3) + 3 log 2) / 4, gradients 1/16, 3/8 and minus both for the label.
    z = csr(9, {1: -log(3), 4: 0, 6: 0})
    weights = csr(9, {1: 0, 4: 0, 6: log(3)})
    losses, dz = BACKEND.loss(z, weights, labels(9, [4]), "saros")
    assert losses.tolist() == pytest.approx([(log(4 / 3) + 3 * log(2)) / 4], rel=1e-6)
    assert dz.values.tolist() == pytest.approx([1 / 16, -7 / 16, 3 / 8], rel=1e-6)


def test_saros_compares_with_known_negatives_by_hand() -> None:
    # Labels 0 (logit 0) and 3 (logit log 3) against 1 (logit 0), which was shown; 2 is ignored.
    # (log 2 + log(4/3)) / 2; neuron 1 is pushed by (1/2 + 1/4) / 2.
    z = block(4, [0, 1, 2, 3], [0, 0, 9, log(3)])
    none = block(4, [0, 1, 2, 3], [0, 0, 0, 0])
    for shown in (-1, 0):
        y = csr(4, {0: 1, 1: shown, 3: 1})
        losses, dz = BACKEND.loss(z, none, y, "saros")
        assert losses.tolist() == pytest.approx([(log(2) + log(4 / 3)) / 2], rel=1e-6)
        assert dz.values[0].tolist() == pytest.approx([-1 / 4, 3 / 8, 0, -1 / 8], rel=1e-6)


def test_each_example_has_known_negatives_of_its_own_in_saros() -> None:
    # Level logits: half of the way down for the one that was shown, a quarter for each of two.
    z, none = block(3, [0, 1, 2], [0, 0, 0], [0, 0, 0]), block(3, [0, 1, 2], [0, 0, 0])
    _, dz = BACKEND.loss(z, none, csr(3, {0: 1, 1: -1}, {0: 1}), "saros")
    assert 2 * dz.values == pytest.approx(np.array([[-1 / 2, 1 / 2, 0], [-1 / 2, 1 / 4, 1 / 4]]))


def test_saros_without_a_pair_is_zero() -> None:
    # No label; a label and nothing else; a label that is not active beside a known negative.
    z = csr(9, {1: 4, 2: 3}, {5: 2}, {3: 1})
    y = csr(9, {1: -1}, {5: 1}, {3: -1, 4: 1})
    losses, dz = BACKEND.loss(z, z.with_values(0 * z.values), y, "saros")
    assert losses.tolist() == [0, 0, 0]
    assert dz.values.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("rows_at_a_time", [1, 3])
def test_saros_in_pieces(rows_at_a_time, monkeypatch) -> None:
    # The labels of one example fall into two pieces and still add up.
    z, weights, y = loss_arguments(np.random.default_rng(0), B=5, n=12)[1]
    whole = BACKEND.loss(z, weights, y, "saros")
    monkeypatch.setattr(reference_losses, "PAIR_CELLS", rows_at_a_time * len(z.ids))
    pieces = BACKEND.loss(z, weights, y, "saros")
    assert pieces[0] == pytest.approx(whole[0], rel=8 * F64_EPS)
    assert pieces[1].values == pytest.approx(whole[1].values, rel=1e-12, abs=8 * F64_EPS)


def test_known_negatives_are_entries_like_others_in_softmax() -> None:
    z, weights = block(9, [2, 5], [0, log(3)]), block(9, [2, 5], [0, 0])
    with_it, dz = BACKEND.loss(z, weights, csr(9, {2: -1, 5: 1}), "softmax")
    without, same_dz = BACKEND.loss(z, weights, labels(9, [5]), "softmax")
    assert (with_it, dz.values.tolist()) == (without, same_dz.values.tolist())


@pytest.mark.parametrize("name", LOSSES)
def test_labels_that_are_not_active_are_ignored(name) -> None:
    z, weights = block(9, [2, 5], [0, log(3)]), block(9, [2, 5], [0, 0])
    with_them, _ = BACKEND.loss(z, weights, csr(9, {1: 1, 5: 1, 7: -1, 8: 1}), name)
    assert with_them == BACKEND.loss(z, weights, labels(9, [5]), name)[0]


@pytest.mark.parametrize("name", LOSSES)
def test_huge_logits_give_finite_losses(name) -> None:
    # A label at -1000 against a negative at 1000. softmax: p = (1, exp(-2000) = 0), which costs
    # 2000; bce: each is wrong by 1000; saros: the one pair is wrong by 2000. Pushed in full.
    z, none = block(2, [0, 1], [1000, -1000]), block(2, [0, 1], [0, 0])
    losses, dz = BACKEND.loss(z, none, labels(2, [1]), name)
    assert (losses.tolist(), dz.values.tolist()) == ([2000], [[1, -1]])
    losses, dz = BACKEND.loss(z, none, labels(2, [0]), name)
    assert (losses.tolist(), dz.values.tolist()) == ([0], [[0, 0]])


@pytest.mark.parametrize("seed", range(20))
def test_softmax_against_scipy(seed: int) -> None:
    # In float64: a sum of R exponentials, one logarithm, some subtractions of numbers below T.
    rng = np.random.default_rng(seed)
    for z, weights, y in loss_arguments(rng, B=5, n=12):
        logits, stored = densed(z)
        scores = np.where(stored, logits + densed_weights(weights, z.n_rows), -np.inf)
        losses, _ = BACKEND.loss(z, weights, y, "softmax")
        for i in range(z.n_rows):
            wanted = positives(y, i)[stored[i, positives(y, i)]]
            truth = -log_softmax(scores[i])[wanted].mean() if len(wanted) else 0
            scale = abs(scores[i][stored[i]]).max(initial=1)
            assert abs(losses[i] - truth) <= 16 * F64_EPS * scale


@pytest.mark.parametrize("name", ["bce", "saros"])
def test_weights_stand_for_neurons_that_are_left_out(name) -> None:
    # Neurons 1 to 3 come twice, or once and standing for 2; neuron 0 is a label, or it is not.
    once = np.random.default_rng(0).standard_normal((3, 4))
    twice = np.concatenate([once, once[:, 1:]], axis=1)
    y = labels(7, [0], [], [0])
    full, _ = BACKEND.loss(block(7, range(7), *twice), block(7, range(7), [0] * 7), y, name)
    weights = block(7, range(4), [0, log(2), log(2), log(2)])
    assert BACKEND.loss(block(7, range(4), *once), weights, y, name)[0] == pytest.approx(full)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("layout", [0, 1], ids=["csr", "block"])
def test_gradient_against_central_differences(name, layout: int) -> None:
    # The truncation error is step**2 / 6 * |third derivative|, which is below 1 for a softmax and
    # below 1/8 for each of fewer than 9 softplus terms with weights below e; rounding adds a few
    # eps * |loss| / step. Both are below 1e-9 for step = 2e-5, loss < 60.
    step = 2e-5
    for seed in range(5):
        z, weights, y = loss_arguments(np.random.default_rng(seed), B=4, n=9)[layout]
        _, dz = BACKEND.loss(z, weights, y, name)
        assert dz.values.dtype == np.float64
        for place in np.ndindex(z.values.shape):
            means = []
            for side in (step, -step):
                moved = z.values.copy()
                moved[place] += side
                means.append(BACKEND.loss(z.with_values(moved), weights, y, name)[0].mean())
            slope = (means[0] - means[1]) / (2 * step)
            assert abs(slope - dz.values[place]) < 1e-9


def loss_arguments(rng, B, n):
    """Logits, weights and labels in both layouts, float64; some examples without labels."""
    rows = [
        {j: rng.choice([1, 1, -1, 0]) for j in np.flatnonzero(rng.random(n) < 0.3 * (i > 0))}
        for i in range(B)
    ]
    for_each, shared = (
        z.with_values(3 * rng.standard_normal(z.values.shape)) for z in random_layouts(rng, B, n)
    )
    shapes = for_each.values.shape, (1, len(shared.ids))
    return [
        (z, z.with_values(rng.random(shape)), csr(n, *rows))
        for z, shape in zip((for_each, shared), shapes, strict=True)
    ]


def positives(y, i):
    """The positive labels of example i."""
    ids, values = y.row(i)
    return ids[values > 0]


def densed_weights(weights, n_rows):
    """Log weights as (B, n); those of a Block count for every row."""
    return np.broadcast_to(densed(weights)[0], (n_rows, weights.n_cols))
