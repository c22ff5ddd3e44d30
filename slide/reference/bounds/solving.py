"""How far the rows of `solve_rows` may be from those of the definition.

A row is a point u of its weights, its bias / constant and its duals sqrt(1 / (2 |c|)) a. A visit
moves u along one line, to the nearest point of a plane or, where a dual would fall below 0, not as
far. The first is a projection, which brings two points no further apart, so that what each visit
rounds adds up, and to no more than the root of the sum of squares where roundings are independent:
this is E. Neither is a theorem for u: roundings may conspire, and where duals are cut at 0 a
distance may grow. So it is measured: in 500 cases drawn as `slide verify` draws them, and 100 at
the sizes of use, no number of the reference or of `numba` was off by more than 0.4 E, which one sum
of two terms may be, and by 0.2 E after visits. Allowed is ROOM times E.

Weights and biases follow the duals, so they are held against the duals of the result, too. They may
differ by ROOM times what additions to them round: this is the drift. In the same cases no number
was off by more than 0.6 times that.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeVar

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SolvedRows
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY, array_difference
from slide.reference.bounds.sparse import kept_difference

ROOM = 4.0

Number = TypeVar("Number", float, Array)


def rounding_of_visit(
    terms: Number, weighed: Number, length: Number, bias: Number, dual: Number, step: Number,
    slack: Number, curvature: Number,
) -> Any:  # fmt: skip
    """How far apart the roundings of one visit bring two rows, in units of EPS.

    Args:
        terms: inputs of the example.
        weighed: sum |w_f x_f| over them.
        length: of the weights that they have and of bias / constant.
        bias: |b|.
        dual: before the visit.
        step: |change| of it.
        slack: 1 / (2 |c|).
        curvature: |x|**2 + constant**2 + slack.
    """
    of_gradient = (terms + 4) * (bias + weighed + 1 + slack * dual) / curvature**0.5
    return of_gradient + length + 2 * step * curvature**0.5 + slack**0.5 * dual


class Rounded(NamedTuple):
    """How far a row may be from the definition, and from its own duals, after all visits.

    Args:
        distance: E.
        drift: of each weight.
        of_bias: the drift of the bias.
    """

    distance: float
    drift: plain.Row
    of_bias: float


def rounded_by_visits(one: plain.Descent) -> Rounded:
    """Make all visits of a row; nothing is rounded if it wants no example."""
    if not one.costs:
        return Rounded(0.0, dict.fromkeys(one.weights, 0.0), 0.0)
    drift, of_bias = rounding_of_start(one)
    squares = [(over(of_bias, one.constant) + math.hypot(*drift.values())) ** 2]
    for place in one.order:
        row, dual, bias = one.examples[place], one.duals[place], abs(one.bias)
        weights = {f: abs(one.weights[f]) for f in row}
        length = math.hypot(*weights.values()) + over(bias, one.constant)
        one.visit(place)
        step = abs(one.duals[place] - dual)
        rounding = rounding_of_visit(
            float(len(row)), math.fsum(abs(weights[f] * row[f]) for f in row), length, bias, dual,
            step, one.slack(place), one.curvature(place),
        )  # fmt: skip
        squares.append(rounding**2)
        for f in row:
            drift[f] += weights[f] + 2 * abs(step * row[f])
        of_bias += bias + 2 * one.constant**2 * step
    distance = EPS * math.sqrt(math.fsum(squares))
    more = len(one.order) * ROOM * distance  # as far as the result was elsewhere meanwhile
    drift = {f: EPS * (size + more) for f, size in drift.items()}
    return Rounded(distance, drift, EPS * (of_bias + more * one.constant))


def rounding_of_start(one: plain.Descent) -> tuple[plain.Row, float]:
    """What the sums that a row starts with may be off by, weights and bias, in units of EPS."""
    terms = {f: [abs(value)] for f, value in one.prior.items()}
    for dual, row in zip(one.duals, one.examples, strict=True):
        for f, value in row.items():
            terms.setdefault(f, []).append(dual * abs(value))
    added = math.fsum(one.duals) * one.constant**2
    of_bias = (len(one.duals) + 2) * (abs(one.base) + added) if one.constant else 0.0
    return {f: len(each) * math.fsum(each) for f, each in terms.items()}, of_bias


def over(bias: float, constant: float) -> float:
    """A bias as a coordinate; there is none without a constant."""
    return bias / constant if constant else 0.0


def solve_rows_difference(
    got: SolvedRows, x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float,
    limits: Array, passes: int, salt: int,
) -> str:  # fmt: skip
    """The first row that is not the definition's, as far as rounding tells."""
    if got.weight.shape != start.shape:
        return f"the weight is {got.weight.shape}, expected {start.shape}"
    got.weight.check()
    given = x, wanted, duals, start, base, constant, passes, salt
    want, allowed, drift = exact_and_allowed(*given)
    for name in ("bias", "duals"):
        found, exact, margin = (getattr(each, name) for each in (got, want, allowed))
        if sentence := array_difference(f"result.{name}", found, exact, margin):
            return sentence
    everything = map(plain.rows_of, (got.weight, want.weight, allowed.weight))
    for j, (row, sums, slack) in enumerate(zip(*everything, strict=True)):
        if sentence := kept_difference(row, sums, slack, int(limits[j])):
            return f"row {j}: {sentence}"
    own = exact_and_allowed(x, wanted, got.duals, start, base, constant, 0, 0)[0]
    return array_difference(
        "by its own duals result.bias", got.bias, own.bias, drift.bias
    ) or drift_difference(got.weight, own.weight, drift.weight)


def drift_difference(got: CSR, own: CSR, drift: CSR) -> str:
    """The first weight that does not follow the duals."""
    everything = map(plain.rows_of, (got, own, drift))
    for j, (row, sums, slack) in enumerate(zip(*everything, strict=True)):
        for f, value in row.items():
            if not abs(value - sums[f]) <= slack[f]:
                within = f"{sums[f]} within {slack[f]:.3g}"
                return f"row {j}: entry {f} is {value}, by its own duals expected {within}"
    return ""


def solve_rows_bound(
    x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float, limits: Array,
    passes: int, salt: int,
) -> SolvedRows:  # fmt: skip
    """By how much weights, biases and duals may differ, of entries that the definition keeps."""
    exact, allowed, _ = exact_and_allowed(x, wanted, duals, start, base, constant, passes, salt)
    places = []
    for j, limit in enumerate(limits.tolist()):
        best = np.sort(np.argsort(-abs(exact.weight.row(j)[1]), kind="stable")[:limit])
        places.append(best + exact.weight.indptr[j])
    kept = np.zeros(exact.weight.nnz, bool)
    kept[np.concatenate([np.zeros(0, int), *places])] = True
    return SolvedRows(allowed.weight.where(kept), allowed.bias, allowed.duals)


def exact_and_allowed(
    x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float, passes: int,
    salt: int,
) -> tuple[SolvedRows, SolvedRows, SolvedRows]:  # fmt: skip
    """All entries of all rows, by how much they may differ, and by how much from their duals."""
    rows, distances, of_duals = [], [], []
    for one in plain.descents(x, wanted, duals, start, base, constant, passes, salt):
        rounded = rounded_by_visits(one)
        room = ROOM * rounded.distance
        of_duals += [room / one.slack(place) ** 0.5 + TINY for place in range(len(one.duals))]
        rows.append(one)
        distances.append(rounded)
    least = [TINY if one.costs else 0.0 for one in rows]
    margins = [ROOM * each.distance for each in distances]
    after = [dual for one in rows for dual in one.duals]
    return (
        solved([one.weights for one in rows], [one.bias for one in rows], after, x.n_cols),
        solved(
            [
                dict.fromkeys(one.weights, margin + tiny)
                for one, margin, tiny in zip(rows, margins, least, strict=True)
            ],
            [margin * constant for margin in margins], of_duals, x.n_cols,
        ),
        solved(
            [
                {f: ROOM * size + tiny for f, size in each.drift.items()}
                for each, tiny in zip(distances, least, strict=True)
            ],
            [ROOM * each.of_bias for each in distances], [], x.n_cols,
        ),
    )  # fmt: skip


def solved(
    rows: list[plain.Row], bias: list[float], duals: list[float], n_inputs: int
) -> SolvedRows:
    """Numbers about a result in its structure."""
    numbers = (np.array(each, np.float64) for each in (bias, duals))
    return SolvedRows(plain.csr(rows, n_inputs), *numbers)
