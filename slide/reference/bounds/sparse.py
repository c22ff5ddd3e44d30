"""Bounds of the kernels on sparse weights, and where their choices are not those of the contract.

What is chosen by size may be chosen otherwise where rounding decides, and only there.
"""

from __future__ import annotations

import math

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.reference import plain
from slide.reference.bounds.comparing import EPS, TINY
from slide.reference.bounds.deciding import ranking_difference


def slack_of(terms: list[float]) -> float:
    """By how much a sum of these products may differ."""
    return len(terms) * EPS * math.fsum(map(abs, terms)) + TINY


def search_difference(
    got: tuple[Array, Array], index: InvertedIndex, x: CSR, excluded: CSR, k: int
) -> str:
    """The first example whose k places do not go to the best neurons that it meets."""
    ids, scores = got
    if ids.shape != (x.n_rows, k) or scores.shape != (x.n_rows, k):
        return f"ids are {ids.shape} and scores {scores.shape}, expected {(x.n_rows, k)} of each"
    rows, unwanted = plain.rows_of(x), plain.rows_of(excluded)
    for i in range(x.n_rows):
        met = plain.terms_met(index, rows[i], unwanted[i])
        z = {j: math.fsum(terms) for j, terms in met.items()}
        slack = {j: slack_of(terms) for j, terms in met.items()}
        if sentence := ranking_difference(ids[i].tolist(), scores[i].tolist(), z, slack):
            return f"example {i}: {sentence}"
    return ""


def spgemm_t_difference(got: CSR, z: CSR, x: CSR, limits: Array, excluded: CSR) -> str:
    """The first row that does not hold its largest entries."""
    if got.shape != (z.n_cols, x.n_cols):
        return f"the result is {got.shape}, expected {(z.n_cols, x.n_cols)}"
    got.check()
    products, left_out = plain.products_t(z, x), plain.rows_of(excluded)
    for j, row in enumerate(plain.rows_of(got)):
        terms = {f: t for f, t in products[j].items() if f not in left_out[j]}
        sums = {f: math.fsum(each) for f, each in terms.items()}
        slack = {f: slack_of(each) for f, each in terms.items()}
        if sentence := kept_difference(row, sums, slack, int(limits[j])):
            return f"row {j}: {sentence}"
    return ""


def kept_difference(row: plain.Row, sums: plain.Row, slack: plain.Row, limit: int) -> str:
    """Why a row is not the `limit` largest of sums that may be so far off; empty if it is."""
    if len(row) != min(limit, len(sums)):
        return f"{len(row)} entries, expected {min(limit, len(sums))}"
    for f, value in row.items():
        if f not in sums:
            return f"entry {f} is not one of the sums, or was excluded"
        if not abs(value - sums[f]) <= slack[f]:
            return f"entry {f} is {value}, expected {sums[f]} within {slack[f]:.3g}"
    lost = max((abs(sums[f]) - slack[f] for f in sums.keys() - row.keys()), default=0.0)
    for f in row:
        if abs(sums[f]) + slack[f] < lost:
            return f"entry {f} ({sums[f]}) was kept, and one of magnitude {lost} was not"
    if not any(slack.values()):  # so that ties are decided
        best = sorted(sums, key=lambda f: (-abs(sums[f]), f))[:limit]
        if others := set(best) - row.keys():
            return f"entry {min(others)} is not kept, a tie of larger column is"
    return ""


def masked_spgemm_bound(x: CSR, w: CSR, active: CSR) -> CSR:
    """As many terms as inputs that both rows store."""
    a, b = (matrix.with_values(abs(matrix.values)) for matrix in (x, w))
    z = plain.masked_spgemm(a, b, active)
    a, b = (matrix.with_values(np.ones(matrix.nnz)) for matrix in (x, w))
    terms = plain.masked_spgemm(a, b, active).values
    return z.with_values(terms * EPS * z.values + TINY)


def update_entries_bound(param: SparseParam, dz: CSR, x: CSR, lr: float) -> SparseParam:
    """g may be off by its bound; then few ulp of each term.

    The step lr g / sqrt(square + g**2) changes with g by lr / sqrt(square) at most.
    """
    w, products = param.weight, plain.products_t(dz, x)
    g, slack = np.zeros(w.nnz), np.zeros(w.nnz)
    for j in range(w.n_rows):
        for e in range(w.indptr[j], w.indptr[j + 1]):
            terms = products[j][int(w.indices[e])] if j in products else []
            g[e], slack[e] = math.fsum(terms), slack_of(terms)
    before = param.square.astype(np.float64)
    after = before + g * g
    of_square = 2 * abs(g) * slack + slack**2 + 8 * EPS * after + TINY
    largest = np.maximum(abs(w.values), lr * (abs(g) + slack) / np.sqrt(before))
    of_weight = lr * slack / np.sqrt(before) + 8 * EPS * largest + TINY
    return SparseParam(w.with_values(of_weight), of_square)
