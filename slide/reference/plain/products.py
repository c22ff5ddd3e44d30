"""Products, an entry at a time, and rankings by sorting everything."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.reference.plain.rows import dense, dot, patterns, rows_of


def sddmm(h: Array, w: Array, active: CSR | Block) -> CSR | Block:
    """One dot product an entry."""
    values = [
        [dot(h[i], w[j]) for j in columns] for i, columns in enumerate(patterns(active, len(h)))
    ]
    if isinstance(active, Block):
        return active.with_values(dense(values, len(active.ids)))
    return active.with_values(np.array([v for row in values for v in row], np.float64))


def spmm(z: CSR | Block, w: Array) -> Array:
    """One column of the result after the other."""
    return dense(
        [
            [math.fsum(v * float(w[j, c]) for j, v in row.items()) for c in range(w.shape[1])]
            for row in rows_of(z)
        ],
        w.shape[1],
    )


def spmm_t(z: CSR | Block, h: Array) -> RowGrad:
    """A list of (value, example) for every column that is stored."""
    stored = defaultdict(list)
    for i, row in enumerate(rows_of(z)):
        for j, value in row.items():
            stored[j].append((value, i))
    columns = sorted(set((z.ids if isinstance(z, Block) else z.indices).tolist()))
    values = [
        [math.fsum(v * float(h[i, c]) for v, i in stored[j]) for c in range(h.shape[1])]
        for j in columns
    ]
    return RowGrad(np.array(columns, np.int32), dense(values, h.shape[1]))


def top_k(h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
    """Sort everything, keep the beginning."""
    ids = np.full((len(h), k), -1, np.int32)
    scores = np.full((len(h), k), -np.inf)
    for i in range(len(h)):
        pool = range(len(w)) if candidates is None else candidates.row(i)[0].tolist()
        best = sorted((-dot(h[i], w[j]), j) for j in pool)[:k]
        for place, (minus_score, j) in enumerate(best):
            ids[i, place], scores[i, place] = j, -minus_score
    return ids, scores
