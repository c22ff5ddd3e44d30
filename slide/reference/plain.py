"""Every kernel a second time, as dumb as can be: Python loops, sets, dicts and `math.fsum`.

Written from the contract in `slide.core.backend` alone, so that it and `kernels.py` check each
other. Floating results are float64, integers are exact; only `checks.py` and tests call it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.hashing import SimHash, Tables
from slide.core.optim import Adam

Row = dict[int, float]
"""One row of a sparse matrix: column -> value."""


def put(array: Array) -> Array:
    """The array itself."""
    return array


def get(array: Array) -> Array:
    """The array itself."""
    return array


def hash(x: Array, center: Array, family: SimHash) -> Array:
    """Bit after bit of every code."""
    directions = family.projection.T
    codes = np.zeros((len(x), family.L), np.uint32)
    for i, row in enumerate(x.astype(np.float64) - center):
        for table in range(family.L):
            for bit in range(family.K):
                if dot(row, directions[table * family.K + bit]) > 0:
                    codes[i, table] += np.uint32(2**bit)
    return codes


def build(codes: Array, n_buckets: int, salt: int) -> Tables:
    """A list of neurons for every bucket, each sorted by `mix`."""
    L = codes.shape[1]
    ids: list[int] = []
    offsets = [0]
    for table in range(L):
        buckets = defaultdict(list)
        for j, code in enumerate(codes[:, table].tolist()):
            buckets[code].append(j)
        for code in range(n_buckets):
            ids += sorted(buckets[code], key=lambda j: mix(j, salt + table))
            offsets.append(len(ids))
    return Tables(np.array(offsets, np.int64), np.array(ids, np.int32), L, n_buckets)


def query(
    tables: Tables | None, codes: Array, required: CSR, extra: CSR, query: Query, salt: int
) -> CSR | Block:
    """A dict from neuron to origin for every example, filled in the order of precedence."""
    B, n = required.shape
    rows: list[Row] = []
    for i in range(B):
        origins = dict.fromkeys(extra.row(i)[0].tolist(), FROM_EXTRA)
        if tables is not None:
            origins |= dict.fromkeys(retrieve(tables, codes, i, query, salt), FROM_TABLES)
        origins |= dict.fromkeys(required.row(i)[0].tolist(), FROM_LABELS)
        rows.append(origins)
    if not query.shared:
        return csr(rows, n)
    union = {j: min(row[j] for row in rows if j in row) for j in set().union(*rows)}
    ids = sorted(union)
    return Block(np.array(ids, np.int32), dense([[union[j] for j in ids]], len(ids)), n)


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


def loss(z: CSR | Block, log_weights: CSR | Block, y: CSR) -> tuple[Array, CSR | Block]:
    """The definition, one example at a time."""
    B = z.n_rows
    losses = np.zeros(B)
    gradient = []
    for i, scores in enumerate(weighted(z, log_weights)):
        labels = [j for j in y.row(i)[0].tolist() if j in scores]
        if not labels:
            gradient.append([0.0] * len(scores))
            continue
        log_p = log_softmax(scores)
        losses[i] = -math.fsum(log_p[j] for j in labels) / len(labels)
        gradient.append([(math.exp(v) - (j in labels) / len(labels)) / B for j, v in log_p.items()])
    if isinstance(z, Block):
        return losses, z.with_values(dense(gradient, len(z.ids)))
    return losses, z.with_values(np.array([v for row in gradient for v in row], np.float64))


def update_rows(param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int) -> None:
    """Element by element, in the precision of `param`."""
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    size = lr * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    for j, gradients in zip(grad.rows.tolist(), grad.values.tolist(), strict=True):
        for c, g in enumerate(gradients):
            mean = beta1 * float(param.mean[j, c]) + (1 - beta1) * g
            square = beta2 * float(param.square[j, c]) + (1 - beta2) * g * g
            param.mean[j, c] = mean
            param.square[j, c] = square
            param.weight[j, c] -= size * mean / (math.sqrt(square) + optimizer.epsilon)


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


def mix(number: int, salt: int) -> int:
    """`slide.core.hashing.mix` of one number, in Python integers."""
    z = (number ^ (salt * 0x9E3779B97F4A7C15 >> 16)) % 2**32
    z = (z ^ z >> 16) * 0x85EBCA6B % 2**32
    z = (z ^ z >> 13) * 0xC2B2AE35 % 2**32
    return z ^ z >> 16


def retrieve(tables: Tables, codes: Array, i: int, query: Query, salt: int) -> list[int]:
    """The neurons that example i keeps of those in its L buckets."""
    order = sorted(range(tables.L), key=lambda table: mix(i * tables.L + table, salt))
    hits: Counter[int] = Counter()
    first: dict[int, int] = {}
    for probe, table in enumerate(order):
        bucket = table * tables.n_buckets + int(codes[i, table])
        start, end = tables.offsets[bucket : bucket + 2].tolist()
        for j in tables.ids[start:end][: query.bucket_limit].tolist():
            hits[j] += 1
            first.setdefault(j, probe)
    if query.strategy == "topk":
        return sorted(hits, key=lambda j: (-hits[j], mix(j, salt)))[: query.budget]
    return sorted(first, key=lambda j: (first[j], mix(j, salt)))[: query.budget]


def dot(a: Array, b: Array) -> float:
    """Correctly rounded sum of the products in float64."""
    return math.fsum(p * q for p, q in zip(a.tolist(), b.tolist(), strict=True))


def log_softmax(scores: Row) -> Row:
    """The logarithm of each score's share, written so that no exponential overflows."""
    largest = max(scores.values())
    log_total = math.log(math.fsum(math.exp(s - largest) for s in scores.values()))
    return {j: s - largest - log_total for j, s in scores.items()}


def rows_of(z: CSR | Block) -> list[Row]:
    """Each row as a dict, in the order of the columns."""
    if isinstance(z, Block):
        return [dict(zip(z.ids.tolist(), row, strict=True)) for row in z.values.tolist()]
    pairs = (z.row(i) for i in range(z.n_rows))
    return [dict(zip(ids.tolist(), values.tolist(), strict=True)) for ids, values in pairs]


def patterns(active: CSR | Block, n_rows: int) -> list[list[int]]:
    """The columns that each of `n_rows` rows stores."""
    if isinstance(active, Block):
        return [active.ids.tolist()] * n_rows
    return [active.row(i)[0].tolist() for i in range(n_rows)]


def weighted(z: CSR | Block, log_weights: CSR | Block) -> list[Row]:
    """The rows of z + log_weights; the one row of a Block of weights goes with every row of z."""
    weights = rows_of(log_weights)
    if isinstance(log_weights, Block):
        weights *= z.n_rows
    pairs = zip(rows_of(z), weights, strict=True)
    return [{j: v + weight[j] for j, v in row.items()} for row, weight in pairs]


def csr(rows: Sequence[Row], n_cols: int) -> CSR:
    """Dicts as a CSR, columns ascending."""
    indptr = np.cumsum([0] + [len(row) for row in rows], dtype=np.int64)
    indices = np.array([j for row in rows for j in sorted(row)], np.int32)
    values = np.array([row[j] for row in rows for j in sorted(row)], np.float64)
    return CSR(indptr, indices, values, n_cols)


def dense(rows: Iterable[Iterable[float]], n_cols: int) -> Array:
    """Lists as a float64 array that has its n_cols columns even without rows."""
    lists = [list(row) for row in rows]
    return np.array(lists, np.float64).reshape(len(lists), n_cols)
