"""Rows by dual coordinate descent: arithmetic by hand, orders of visits, where passes lead to."""

import numpy as np
import pytest
from kernel_arguments import BACKEND, csr, f32

import slide
from slide.core.contract.sparse import SolvedRows, visits
from slide.reference import plain
from slide.reference.bounds import solve_rows_difference
from slide.reference.plain.solving import order_of
from slide.reference.vectorised import verdict

BACKENDS = pytest.mark.parametrize(
    "backend", [BACKEND, slide.load_backend("numba"), plain], ids=["reference", "numba", "plain"]
)
X = csr(3, {0: 2.0}, {})  # an example of one input, and one of none


def solved(backend, cost, dual=0.0, start=0.0, constant=1.0, passes=1, example=0):
    """Weight, bias and dual of a row that wants one example."""
    row = backend.solve_rows(
        X, csr(2, {example: cost}), f32(dual), csr(3, {0: start}), f32(0), constant,
        np.array([9]), passes, 0,
    )  # fmt: skip
    assert row.weight.indices.tolist() == [0]
    return pytest.approx((row.weight.values[0], row.bias[0], row.duals[0]), abs=1e-6)


@BACKENDS
def test_one_visit_by_hand(backend) -> None:
    # A cost of 1/2 is a slack of 1, so the curvature is 4 + 1 + 1; g = 0 - 1.
    assert solved(backend, 0.5) == (2 / 6, 1 / 6, 1 / 6)
    # Of the other side: g = -(2 * 1) - 1, so a = 3 / 6.
    assert solved(backend, -0.5, start=1.0) == (0, -0.5, 0.5)
    # Twice as far from 0 is no loss, and the dual that it starts with goes: g = 2 * 3 + 1 - 1 + 1.
    assert solved(backend, 0.5, dual=1.0, start=1.0) == (1, 0, 0)
    assert solved(backend, 0.5, dual=1.0, start=1.0, passes=0) == (3, 1, 1)
    # Without a constant: curvature 4 + 1; and with 1/2, whose square is 1/4: 4 + 1/4 + 1.
    assert solved(backend, 0.5, constant=0.0) == (2 / 5, 0, 1 / 5)
    assert solved(backend, 0.5, constant=0.5) == (2 / 5.25, 0.25 / 5.25, 1 / 5.25)
    # An example without inputs has the constant alone, and a second visit finds nothing to do.
    assert solved(backend, -0.5, example=1, passes=2) == (0, -0.5, 0.5)


@BACKENDS
def test_what_is_kept_by_hand(backend) -> None:
    x, wanted = csr(4, {1: 1.0, 2: 1.0}), csr(1, {0: 0.25}, {})  # slack 2, curvature 4
    start = csr(4, {0: -0.5, 3: 0.125}, {1: 2.0, 2: -3.0, 3: 3.0})
    one = backend.solve_rows(
        x, wanted, f32(0), start, f32(0, 7), 0.0, np.array([2, 2]), 3, 0
    )  # fmt: skip
    # 1/4 at both inputs of the example, and the first of two that tie; a row that wants nothing.
    assert one.weight.indptr.tolist() == [0, 2, 4]
    assert one.weight.indices.tolist() == [0, 1, 2, 3]
    assert one.weight.values.tolist() == [-0.5, 0.25, -3, 3]
    assert one.bias.tolist() == [0, 7]
    assert one.duals.tolist() == [0.25]


@pytest.mark.parametrize("m", [*range(1, 70), 97, 128, 210, 1000])
def test_every_pass_visits_every_example_once(m) -> None:
    orders = []
    for number in range(4):
        first, stride = (int(each[0]) for each in visits(np.array([m]), number, 5))
        orders.append([(first + k * stride) % m for k in range(m)])
        assert sorted(orders[-1]) == list(range(m))
        assert orders[-1] == order_of(m, number, 5)
        assert m // 4 < stride < m // 4 + m // 2 + 10
    assert m < 12 or len(set(map(tuple, orders))) == 4


def test_passes_that_are_numbered_on_are_those_of_a_later_salt() -> None:
    lengths = np.array([0, 1, 7, 300])
    for one, other in zip(visits(lengths, 3, 10), visits(lengths, 0, 13), strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(visits(lengths, 0, 1)[0][:1], [0])  # of nothing


@BACKENDS
@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_many_passes_lead_to_the_least_loss(backend, constant) -> None:
    """Where a dual is above 0 its example is at its margin, less the slack; elsewhere beyond it."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(30, 6)).astype(np.float32)
    costs = rng.choice([-1, 1], 30) * rng.uniform(0.1, 1, 30)
    inputs, wanted = csr(6, *(dict(enumerate(row)) for row in x)), csr(30, dict(enumerate(costs)))
    prior = csr(6, dict(enumerate(rng.normal(size=6))))
    row = backend.solve_rows(
        inputs, wanted, np.zeros(30, np.float32), prior, f32(0.5), constant, np.array([6]), 300, 3
    )
    margins = np.sign(costs) * (x @ row.weight.values + row.bias[0])
    met = row.duals > 0
    assert 5 < met.sum() < 30
    slack = row.duals / (2 * abs(costs))
    np.testing.assert_allclose((margins + slack)[met], 1, atol=1e-3)
    assert (margins[~met] > 1 - 1e-3).all()


def test_judges_see_duals_below_zero_and_weights_that_do_not_follow_their_duals() -> None:
    x, start = csr(2, {0: 1000.0, 1: 0.5}), csr(2, {0: 1000.0})
    limits = np.array([9])
    arguments = x, csr(1, {0: -0.5}), f32(0), start, f32(0), 1.0, limits, 1, 0
    row = BACKEND.solve_rows(*arguments)
    assert said(arguments, row) == ["", ""]
    below = SolvedRows(row.weight, row.bias, row.duals - np.float32(2000))
    with pytest.raises(ValueError, match="a dual is below 0"):
        below.check()
    assert all("dual" in each for each in said(arguments, below))
    w = row.weight.with_values(row.weight.values + f32(0, 1e-4))
    moved = SolvedRows(w, row.bias, row.duals)
    assert all("by its own duals" in each for each in said(arguments, moved))


def said(arguments, row):
    """What the two judges say."""
    return [
        verdict("solve_rows", arguments, row).sentence, solve_rows_difference(row, *arguments),
    ]  # fmt: skip
