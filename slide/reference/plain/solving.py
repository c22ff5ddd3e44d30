"""Rows by dual coordinate descent: one example after the other, each of them a dict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SolvedRows
from slide.reference.plain.hashing import mix
from slide.reference.plain.rows import Row, csr, rows_of


@dataclass
class Descent:
    """A row on its way.

    Args:
        examples: that the row wants.
        costs: signed, one for each of them.
        duals: one for each of them.
        prior: the row that it is drawn to.
        base: what its bias is drawn to.
        weights: all that there are of them.
        bias: of the row.
        constant: of the input whose weight is the bias.
        order: places of the examples that are still to be visited.
    """

    examples: list[Row]
    costs: list[float]
    duals: list[float]
    prior: Row
    base: float
    weights: Row
    bias: float
    constant: float
    order: list[int]

    def side(self, place: int) -> float:
        """On which side of the row an example is wanted."""
        return math.copysign(1.0, self.costs[place])

    def slack(self, place: int) -> float:
        """What the cost of an example adds to the curvature."""
        return 1 / (2 * abs(self.costs[place]))

    def curvature(self, place: int) -> float:
        """Of the dual objective in one variable."""
        squares = [value * value for value in self.examples[place].values()]
        return math.fsum([*squares, self.constant**2, self.slack(place)])

    def score(self, place: int) -> float:
        """What the row makes of an example."""
        row = self.examples[place]
        return math.fsum([*(self.weights[f] * value for f, value in row.items()), self.bias])

    def visit(self, place: int) -> None:
        """Minimise over one variable; weights and bias follow."""
        side, before = self.side(place), self.duals[place]
        gradient = side * self.score(place) - 1 + before * self.slack(place)
        dual = max(before - gradient / self.curvature(place), 0.0)
        step = side * (dual - before)
        self.duals[place] = dual
        for f, value in self.examples[place].items():
            self.weights[f] += step * value
        self.bias += step * self.constant**2


def order_of(m: int, number: int, salt: int) -> list[int]:
    """The places of m examples in the order in which a pass visits them."""
    if not m:
        return []
    stride = m // 4 + mix(m, 2 * (salt + number) + 1) % (m // 2 + 1) + 1
    while math.gcd(stride, m) > 1:
        stride += 1
    return [(mix(m, 2 * (salt + number)) + k * stride) % m for k in range(m)]


def descents(
    x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float, passes: int,
    salt: int,
) -> Iterator[Descent]:  # fmt: skip
    """Every row as its duals have it, before the first visit."""
    examples, priors, begin = rows_of(x), rows_of(start), 0
    for j, costs in enumerate(rows_of(wanted)):
        own = [float(dual) for dual in duals[begin : begin + len(costs)]]
        begin += len(costs)
        signed = [math.copysign(a, cost) for a, cost in zip(own, costs.values(), strict=True)]
        met = [examples[i] for i in costs]
        terms: dict[int, list[float]] = {f: [value] for f, value in priors[j].items()}
        for a, row in zip(signed, met, strict=True):
            for f, value in row.items():
                terms.setdefault(f, []).append(a * value)
        weights = {f: math.fsum(each) for f, each in terms.items()}
        center = float(base[j])
        bias = center + constant**2 * math.fsum(signed)
        order = [place for p in range(passes) for place in order_of(len(costs), p, salt)]
        yield Descent(
            met, list(costs.values()), own, priors[j], center, weights, bias, constant, order
        )


def solve_rows(
    x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float, limits: Array,
    passes: int, salt: int,
) -> SolvedRows:  # fmt: skip
    """Visit by visit; then the weights of each row sorted by magnitude."""
    rows, biases, after = [], [], []
    for limit, one in zip(
        limits.tolist(),
        descents(x, wanted, duals, start, base, constant, passes, salt),
        strict=True,
    ):
        for place in one.order:
            one.visit(place)
        best = sorted(one.weights, key=lambda f: (-abs(one.weights[f]), f))[:limit]
        rows.append({f: one.weights[f] for f in best})
        biases.append(one.bias)
        after += one.duals
    bias, solved = (np.array(each, np.float64) for each in (biases, after))
    return SolvedRows(csr(rows, x.n_cols), bias, solved)
