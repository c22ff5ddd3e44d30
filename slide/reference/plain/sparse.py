"""Sparse weights: dicts of dicts, and sorting everything."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.reference.plain.rows import Row, csr, rows_of


def products_t(z: CSR, x: CSR) -> dict[int, dict[int, list[float]]]:
    """Neuron -> input -> the terms z[i, j] x[i, f]."""
    terms: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for a, b in zip(rows_of(z), rows_of(x), strict=True):
        for j, p in a.items():
            for f, q in b.items():
                terms[j][f].append(p * q)
    return terms


def spgemm_t(z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
    """Sums of lists, sorted by magnitude."""
    terms, left_out = products_t(z, x), rows_of(excluded)
    rows = []
    for j, limit in enumerate(limits.tolist()):
        sums = {f: math.fsum(v) for f, v in terms[j].items() if f not in left_out[j]}
        best = sorted(sums, key=lambda f: (-abs(sums[f]), f))[:limit]
        rows.append({f: sums[f] for f in best})
    return csr(rows, x.n_cols)


def invert(w: CSR, base: Array, limit: int) -> InvertedIndex:
    """A list of neurons for each input."""
    lists: dict[int, Row] = defaultdict(dict)
    for j, row in enumerate(rows_of(w)):
        for f, value in row.items():
            lists[f][j] = value

    def rank(f: int, j: int) -> tuple[float, int]:
        return -float(np.float32(lists[f][j]) + np.float32(base[j])), j

    kept = []
    for f in range(w.n_cols):
        best = sorted(lists[f], key=lambda j: rank(f, j))[:limit]
        kept.append({j: lists[f][j] for j in best})
    inverse = csr(kept, w.n_rows)
    return InvertedIndex(inverse.indptr, inverse.indices, inverse.values, base)


def terms_met(index: InvertedIndex, row: Row, excluded: Row) -> dict[int, list[float]]:
    """Neuron -> base and products, for those that a row of inputs meets."""
    terms: dict[int, list[float]] = {}
    for f, value in row.items():
        for place in range(index.offsets[f], index.offsets[f + 1]):
            j = int(index.ids[place])
            if j not in excluded:
                terms.setdefault(j, [float(index.base[j])]).append(
                    value * float(index.values[place])
                )
    return terms


def search(index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
    """All scores, sorted."""
    ids = np.full((x.n_rows, k), -1, np.int32)
    scores = np.full((x.n_rows, k), -np.inf)
    for i, (row, unwanted) in enumerate(zip(rows_of(x), rows_of(excluded), strict=True)):
        met = terms_met(index, row, unwanted)
        best = sorted((-math.fsum(terms), j) for j, terms in met.items())[:k]
        for place, (minus_score, j) in enumerate(best):
            ids[i, place], scores[i, place] = j, -minus_score
    return ids, scores


def masked_spgemm(x: CSR, w: CSR, active: CSR) -> CSR:
    """One sum over common inputs an entry."""
    values = []
    for i, row in enumerate(rows_of(x)):
        for j in active.row(i)[0].tolist():
            inputs, weights = (part.tolist() for part in w.row(j))
            values.append(
                math.fsum(row[f] * v for f, v in zip(inputs, weights, strict=True) if f in row)
            )
    return active.with_values(np.array(values, np.float64))


def update_entries(param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
    """One entry after the other."""
    terms = products_t(dz, x)
    w = param.weight
    for j in range(w.n_rows):
        for e in range(w.indptr[j], w.indptr[j + 1]):
            g = math.fsum(terms[j][int(w.indices[e])]) if j in terms else 0.0
            param.square[e] += g * g
            w.values[e] -= lr * g / math.sqrt(param.square[e])
