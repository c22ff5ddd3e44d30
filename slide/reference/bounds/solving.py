"""How far the rows of `solve_rows` may be from those of the definition.

A row is a point u of its weights, its bias / constant and its duals sqrt(1 / (2 |c|)) a. A visit
moves u along one line, to the nearest point of a plane or, where a dual would fall below 0, not as
far. The first is a projection, which brings two points no further apart, so that what the visits
round adds up to a distance E of the result from the definition's. The second is none: where duals
are cut at 0 a distance may grow. How much is not proved but measured, in thousands of cases of the
kinds that `slide verify` draws: none was further away than E / 2, and ROOM times E is allowed.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SolvedRows
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY, array_difference
from slide.reference.bounds.sparse import kept_difference

ROOM = 2.0

Number = TypeVar("Number", float, Array)


def rounding_of_visit(
    terms: Number, weighed: Number, length: Number, bias: Number, dual: Number, step: Number,
    slack: Number, curvature: Number,
) -> Number:  # fmt: skip
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


def distance_after(one: plain.Descent) -> float:
    """Make all visits of a row, and tell E, which is 0 if there are none to make in any pass."""
    if not one.costs:
        return 0.0
    total = rounding_of_start(one)
    for place in one.order:
        row, dual, bias = one.examples[place], one.duals[place], abs(one.bias)
        weighed = math.fsum(abs(one.weights[f] * value) for f, value in row.items())
        length = math.hypot(*(one.weights[f] for f in row)) + over(bias, one.constant)
        one.visit(place)
        total += rounding_of_visit(
            float(len(row)), weighed, length, bias, dual, abs(one.duals[place] - dual),
            one.slack(place), one.curvature(place),
        )  # fmt: skip
    return total * EPS


def rounding_of_start(one: plain.Descent) -> float:
    """What the sums that a row starts with may be off by, in units of EPS."""
    terms = {f: [abs(value)] for f, value in one.prior.items()}
    for dual, row in zip(one.duals, one.examples, strict=True):
        for f, value in row.items():
            terms.setdefault(f, []).append(dual * abs(value))
    added = math.fsum(one.duals) * one.constant
    of_bias = (len(one.duals) + 2) * (over(abs(one.base), one.constant) + added)
    return of_bias + math.hypot(*(len(each) * math.fsum(each) for each in terms.values()))


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
    want, allowed = exact_and_allowed(x, wanted, duals, start, base, constant, passes, salt)
    for name in ("bias", "duals"):
        found, exact, margin = (getattr(each, name) for each in (got, want, allowed))
        if sentence := array_difference(f"result.{name}", found, exact, margin):
            return sentence
    everything = map(plain.rows_of, (got.weight, want.weight, allowed.weight))
    for j, (row, sums, slack) in enumerate(zip(*everything, strict=True)):
        if sentence := kept_difference(row, sums, slack, int(limits[j])):
            return f"row {j}: {sentence}"
    return ""


def solve_rows_bound(
    x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float, limits: Array,
    passes: int, salt: int,
) -> SolvedRows:  # fmt: skip
    """By how much weights, biases and duals may differ, of entries that the definition keeps."""
    exact, allowed = exact_and_allowed(x, wanted, duals, start, base, constant, passes, salt)
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
) -> tuple[SolvedRows, SolvedRows]:  # fmt: skip
    """All entries of all rows, and by how much they may differ."""
    rows, margins, biases, of_bias, after, of_duals = [], [], [], [], [], []
    for one in plain.descents(x, wanted, duals, start, base, constant, passes, salt):
        room = ROOM * distance_after(one)
        rows.append(one.weights)
        margins.append(dict.fromkeys(one.weights, room + TINY if one.costs else 0.0))
        biases.append(one.bias)
        of_bias.append(room * constant)
        after += one.duals
        of_duals += [room / one.slack(place) ** 0.5 + TINY for place in range(len(one.duals))]
    exact, allowed = (plain.csr(each, x.n_cols) for each in (rows, margins))
    numbers = (np.array(each, np.float64) for each in (biases, after, of_bias, of_duals))
    bias, solved, bias_margin, dual_margin = numbers
    return SolvedRows(exact, bias, solved), SolvedRows(allowed, bias_margin, dual_margin)
