"""The rows of `solve_rows`: every row makes its k-th visit at the same time as the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of
from slide.core.contract.sparse import SolvedRows, visits
from slide.reference.bounds.comparing import EPS, TINY
from slide.reference.bounds.solving import ROOM, rounding_of_visit
from slide.reference.vectorised.segments import (
    BLAS_CELLS,
    cells,
    places_in,
    places_of_segments,
    row_slices,
    segment_sums,
    some_rows,
)
from slide.reference.vectorised.sparse import is_cut, is_matrix
from slide.reference.vectorised.verdicts import (
    Verdicts,
    is_array,
    is_near,
    is_of_type,
    verdict_unless,
)


def solve_rows(
    got: Any, exact: bool, x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array,
    constant: float, limits: Array, passes: int, salt: int,
) -> Verdicts:  # fmt: skip
    """Rows that want examples as they are after their visits; all others as they were."""
    yield is_of_type(got, SolvedRows)
    yield from is_matrix(got.weight, start.shape)
    yield is_array(got.bias, np.float32, base.shape, "result.bias")
    yield is_array(got.duals, np.float32, duals.shape, "result.duals")
    yield verdict_unless(bool(np.all(got.duals >= 0)), "result.duals: one is below 0, or is none")
    lengths = wanted.row_lengths()
    orders = [visits(lengths, number, salt) for number in range(passes)]
    terms = segment_sums(x.row_lengths()[wanted.indices], wanted.indptr).astype(np.int64)
    for rows in row_slices(terms + start.row_lengths() + 1, BLAS_CELLS):
        entries = slice(int(wanted.indptr[rows.start]), int(wanted.indptr[rows.stop]))
        some, prior = some_rows(wanted, rows), some_rows(start, rows)
        one = Descent(x, some, duals[entries], prior, base[rows], constant)
        for first, stride in orders:
            one.descend(first[rows], stride[rows])
        room = ROOM * EPS * np.sqrt(one.squares)
        margin = room[some.row_numbers()] / np.sqrt(one.slack) + TINY
        yield is_near(got.bias[rows], one.bias, room * constant, "result.bias", (rows.start,))
        yield is_near(got.duals[entries], one.duals, margin, "result.duals", (entries.start,))
        yield from has_largest(got.weight, one, some, prior, room, limits[rows], rows)
        own = Descent(x, some, got.duals[entries], prior, base[rows], constant)
        more = passes * one.lengths * room  # as far as the result was elsewhere meanwhile
        yield from follows_duals(got, one, own, more, rows)


def has_largest(
    got: CSR, one: Descent, wanted: CSR, prior: CSR, room: Array, limits: Array, rows: slice
) -> Verdicts:
    """Whether rows keep their entries of largest magnitude.

    Args:
        got: the weights of all rows.
        one: some rows after their visits.
        wanted, prior: what they want, and are drawn to.
        room: by how much weights of each may differ.
        limits: how many entries of each to keep.
        rows: which they are.
    """
    found = some_rows(got, rows)
    margins = room[one.cells // max(found.n_cols, 1)] + TINY
    wants = wanted.row_lengths() > 0
    begin, of_found = int(got.indptr[rows.start]), cells(found)
    yield from is_cut(found, one.cells, abs(one.weights), margins, limits, rows.start)
    places, _ = places_in(one.cells, of_found)
    allowed = np.where(wants[found.row_numbers()], margins[places], 0.0)
    yield is_near(found.values, one.weights[places], allowed, "result.weight.values", (begin,))
    # Where nothing is wanted nothing is rounded, so that ties are decided.
    found, prior = (each.where(~wants[each.row_numbers()]) for each in (found, prior))
    sizes = abs(prior.values.astype(np.float64))
    yield from is_cut(found, cells(prior), sizes, 0.0, np.where(wants, 0, limits), rows.start)


def follows_duals(
    got: SolvedRows, one: Descent, own: Descent, more: Array, rows: slice
) -> Verdicts:
    """Whether weights and biases are what the duals of the result make of them.

    Args:
        got: all rows.
        one: some of them after their visits.
        own: the same rows as their own duals have them.
        more: what `one` may have missed of what each could round.
        rows: which they are.
    """
    found, begin = some_rows(got.weight, rows), int(got.weight.indptr[rows.start])
    places, _ = places_in(own.cells, cells(found))
    numbers = found.row_numbers()
    name = "by its own duals, result.weight.values"
    allowed = ROOM * EPS * (one.drift[places] + more[numbers]) + TINY * (one.lengths[numbers] > 0)
    yield is_near(found.values, own.weights[places], allowed, name, (begin,))
    allowed = ROOM * EPS * (one.of_bias + more * one.constant)
    name = "by its own duals, result.bias"
    yield is_near(got.bias[rows], own.bias, allowed, name, (rows.start,))


class Descent:
    """Some rows on their way, f64.

    Args:
        x: all examples.
        wanted: CSR (R, B), those that each row wants.
        duals: one for each of them.
        prior: CSR (R, d), what the rows are drawn to.
        base: (R,), what their biases are drawn to.
        constant: of the input whose weight is the bias.

    Attributes:
        begins, lengths: (R,), where the examples of each row begin, and how many they are.
        by_length: rows, the longest first.
        ends: where the terms of each example begin, one after the other, and the last ends.
        values, places: of each term, the value of its input, and where its weight is.
        cells: row * d + input of all weights, ascending.
        weights, bias, duals: so far.
        sides, slack, curvature: +1 or -1, 1 / (2 |c|) and so on of each example that a row wants.
        squares: (R,), of what was rounded so far, in units of EPS.
        drift, of_bias: how far weights and biases may be from what duals say, in units of EPS.
    """

    def __init__(
        self, x: CSR, wanted: CSR, duals: Array, prior: CSR, base: Array, constant: float
    ) -> None:
        self.constant, self.duals = constant, duals.astype(np.float64)
        self.sides = np.where(wanted.values > 0, 1.0, -1.0)
        self.slack = 0.5 / abs(wanted.values.astype(np.float64))
        self.begins, self.lengths = wanted.indptr[:-1], wanted.row_lengths()
        self.by_length = np.argsort(-self.lengths, kind="stable")
        n_terms = x.row_lengths()[wanted.indices]
        self.ends = indptr_of(n_terms)  # of the terms of each entry
        sources = places_of_segments(x.indptr[wanted.indices], n_terms)
        self.values = x.values[sources].astype(np.float64)
        self.curvature = segment_sums(self.values**2, self.ends) + constant**2 + self.slack
        met = np.repeat(wanted.row_numbers(), n_terms) * x.n_cols + x.indices[sources]
        self.cells = np.unique(np.append(met, cells(prior)))
        self.places, _ = places_in(self.cells, met)
        self.begin(prior, base.astype(np.float64))

    def begin(self, prior: CSR, base: Array) -> None:
        """What the rows are before any visit, and what the sums for it may be off by."""
        n, signed = len(self.cells), self.duals * self.sides
        own, _ = places_in(self.cells, cells(prior))
        terms = np.repeat(signed, np.diff(self.ends)) * self.values
        self.weights, sizes, counts = (
            np.bincount(self.places, each, n).astype(np.float64)  # i64 where there are no terms
            for each in (terms, abs(terms), terms**0)
        )
        self.weights[own] += prior.values
        sizes[own] += abs(prior.values)
        counts[own] += 1
        of_rows = np.append(self.begins, len(signed))
        self.bias = base + self.constant**2 * segment_sums(signed, of_rows)
        added = segment_sums(self.duals, of_rows) * self.constant**2
        wants = self.lengths > 0  # else nothing is rounded
        of_rows = np.searchsorted(self.cells, np.arange(len(base) + 1) * prior.n_cols)
        self.drift = counts * sizes * np.repeat(wants, np.diff(of_rows))
        self.of_bias = (self.lengths + 2) * (abs(base) + added) * wants * bool(self.constant)
        of_weights = np.sqrt(segment_sums(self.drift**2, of_rows))
        self.squares = (self.over(self.of_bias) + of_weights) ** 2

    def over(self, bias: Array) -> Array:
        """Biases as coordinates; there are none without a constant."""
        return bias / self.constant if self.constant else np.zeros(len(bias))

    def descend(self, first: Array, stride: Array) -> None:
        """One pass, given the orders of the visits."""
        rows = self.by_length
        for k in range(int(self.lengths.max(initial=0))):
            rows = rows[: np.searchsorted(-self.lengths[rows], -k)]  # that are longer than k
            at = (first[rows] + k * stride[rows]) % self.lengths[rows]
            self.visit(rows, self.begins[rows] + at)

    def visit(self, rows: Array, entries: Array) -> None:
        """Minimise over one variable of each of some rows."""
        n_terms = self.ends[entries + 1] - self.ends[entries]
        places, ends = places_of_segments(self.ends[entries], n_terms), indptr_of(n_terms)
        own, values = self.places[places], self.values[places]
        weights, sides, slack = self.weights[own], self.sides[entries], self.slack[entries]
        bias, before, curvature = self.bias[rows], self.duals[entries], self.curvature[entries]
        terms = weights * values
        gradient = sides * (segment_sums(terms, ends) + bias) - 1 + slack * before
        self.duals[entries] = np.maximum(before - gradient / curvature, 0)
        step = self.duals[entries] - before
        self.weights[own] += np.repeat(sides * step, n_terms) * values
        self.bias[rows] += self.constant**2 * sides * step
        length = np.sqrt(segment_sums(weights**2, ends)) + self.over(abs(bias))
        weighed = segment_sums(abs(terms), ends)
        rounding = rounding_of_visit(
            n_terms, weighed, length, abs(bias), before, abs(step), slack, curvature
        )
        self.squares[rows] += rounding**2
        self.of_bias[rows] += abs(bias) + 2 * self.constant**2 * abs(step)
        self.drift[own] += abs(weights) + 2 * abs(np.repeat(step, n_terms) * values)
