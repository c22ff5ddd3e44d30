"""The reference backend: every kernel of the protocol in the plainest NumPy that is still fast.

What a kernel promises is written in `slide.core.backend`; this file shows it. B examples,
d fan_in, n neurons, K bits per code, L tables, R neurons of an active set.
"""

from __future__ import annotations

import numpy as np

from slide.core.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.hashing import SimHash, Tables, mix
from slide.core.optim import Adam
from slide.reference.strategies import retrieve

HASH_ROWS = 4096  # hashed at a time: their L * K projections stay below a hundred megabytes
TOP_K_CELLS = 1 << 22  # logits held at a time by top_k


class ReferenceBackend:
    """NumPy and SciPy in one process; BLAS products are the only part that uses threads."""

    name = "reference"

    def put(self, array: Array) -> Array:
        return array

    def get(self, array: Array) -> Array:
        return array

    def hash(self, x: Array, center: Array, family: SimHash) -> Array:
        codes = np.empty((len(x), family.L), np.uint32)
        digits = 1 << np.arange(family.K, dtype=np.uint32)
        for start in range(0, len(x), HASH_ROWS):
            rows = slice(start, start + HASH_ROWS)
            bits = (x[rows] - center) @ family.projection > 0  # (rows, L * K)
            codes[rows] = bits.reshape(-1, family.L, family.K) @ digits
        return codes

    def build(self, codes: Array, n_buckets: int, salt: int) -> Tables:
        n, L = codes.shape
        ids = np.empty((L, n), np.int32)
        sizes = np.empty((L, n_buckets), np.int64)
        for table in range(L):
            order = codes[:, table].astype(np.uint64) << np.uint64(32)  # by bucket, then chance
            ids[table] = np.argsort(order | mix(np.arange(n), salt + table))
            sizes[table] = np.bincount(codes[:, table], minlength=n_buckets)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        return Tables(offsets, ids.reshape(-1), L, n_buckets)

    def query(
        self,
        tables: Tables | None,
        codes: Array,
        required: CSR,
        extra: CSR,
        query: Query,
        salt: int,
    ) -> CSR | Block:
        B, n = required.shape
        label_rows, labels = required.row_numbers(), required.indices
        found_rows, found = (
            (label_rows[:0], labels[:0]) if tables is None else retrieve(tables, codes, query, salt)
        )
        if query.shared:
            ids, origins = merge(labels, found, extra.indices)
            return Block(ids.astype(np.int32), origins[None], n)
        cells, origins = merge(
            label_rows * n + labels,
            found_rows * n + found,
            extra.row_numbers() * n + extra.indices,
        )
        rows, ids = np.divmod(cells, n)
        return CSR(np.searchsorted(rows, np.arange(B + 1)), ids.astype(np.int32), origins, n)

    def sddmm(self, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
        if isinstance(active, Block):
            return active.with_values(h @ w[active.ids].T)
        values = np.empty(active.nnz, h.dtype)
        for i in range(active.n_rows):
            span = slice(active.indptr[i], active.indptr[i + 1])
            values[span] = w[active.indices[span]] @ h[i]
        return active.with_values(values)

    def spmm(self, z: CSR | Block, w: Array) -> Array:
        if isinstance(z, Block):
            return z.values @ w[z.ids]
        return np.asarray(z.to_scipy() @ w)

    def spmm_t(self, z: CSR | Block, h: Array) -> RowGrad:
        if isinstance(z, Block):
            return RowGrad(z.ids, z.values.T @ h)
        rows, columns = np.unique(z.indices, return_inverse=True)
        touched = CSR(z.indptr, columns, z.values, len(rows))  # (B, R): untouched columns left out
        return RowGrad(rows, np.asarray(touched.to_scipy().T @ h))

    def loss(self, z: CSR | Block, log_weights: CSR | Block, y: CSR) -> tuple[Array, CSR | Block]:
        s = padded(z.with_values(z.values + log_weights.values))  # (B, R)
        s = s - s.max(axis=1, keepdims=True, initial=np.finfo(s.dtype).min)
        p = np.exp(s)
        total = p.sum(axis=1)  # 0 where a row has no active neuron at all
        rows, columns = active_labels(z, y)
        n_labels = np.bincount(rows, minlength=z.n_rows)
        target = (1 / np.maximum(n_labels, 1)).astype(s.dtype)[rows]
        minus_log_p = np.log(total[rows]) - s[rows, columns]
        loss = np.bincount(rows, target * minus_log_p, minlength=z.n_rows).astype(s.dtype)
        p /= np.where(n_labels > 0, total, np.inf)[:, None]
        p[rows, columns] -= target
        return loss, unpadded(z, p / p.dtype.type(max(z.n_rows, 1)))

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Adam, lr: float, step: int
    ) -> None:
        rows, g = grad.rows, grad.values
        mean = param.mean[rows]
        mean += (1 - optimizer.beta1) * (g - mean)
        param.mean[rows] = mean
        square = param.square[rows]
        square += (1 - optimizer.beta2) * (g * g - square)
        param.square[rows] = square
        scale = np.sqrt(square) + optimizer.epsilon
        param.weight[rows] -= optimizer.step_size(lr, step) * mean / scale

    def top_k(self, h: Array, w: Array, candidates: CSR | None, k: int) -> tuple[Array, Array]:
        ids = np.full((len(h), k), -1, np.int32)
        scores = np.full((len(h), k), -np.inf, h.dtype)
        if candidates is not None:
            logits = self.sddmm(h, w, candidates).values
            best_of_rows(candidates.row_numbers(), candidates.indices, logits, ids, scores)
            return ids, scores
        at_a_time = max(1, TOP_K_CELLS // max(len(w), 1))
        for start in range(0, len(h), at_a_time):
            block = slice(start, start + at_a_time)
            z = h[block] @ w.T  # (rows, n)
            rows, columns = np.nonzero(z >= kth_largest(z, k))
            best_of_rows(rows, columns, z[rows, columns], ids[block], scores[block])
        return ids, scores


def merge(labels: Array, found: Array, extra: Array) -> tuple[Array, Array]:
    """The distinct cells of three lists, ascending, and the first list that has each."""
    cells = np.concatenate([labels, found, extra])
    origins = np.repeat(
        np.array([FROM_LABELS, FROM_TABLES, FROM_EXTRA], np.float32),
        [len(labels), len(found), len(extra)],
    )
    cells, first = np.unique(cells, return_index=True)
    return cells, origins[first]


def padded(z: CSR | Block) -> Array:
    """Logits as (B, R), rows of a CSR filled up with -inf to the longest."""
    if isinstance(z, Block):
        return z.values
    dense = np.full((z.n_rows, z.row_lengths().max(initial=0)), -np.inf, z.values.dtype)
    dense[filled(z)] = z.values
    return dense


def unpadded(z: CSR | Block, dense: Array) -> CSR | Block:
    """The values of a (B, R) array in the layout of z: the way back from `padded`."""
    return z.with_values(dense if isinstance(z, Block) else dense[filled(z)])


def filled(z: CSR) -> Array:
    """Which cells of `padded(z)` hold an entry of z, bool (B, R)."""
    lengths = z.row_lengths()
    return np.arange(lengths.max(initial=0)) < lengths[:, None]


def active_labels(z: CSR | Block, y: CSR) -> tuple[Array, Array]:
    """Rows and columns, in `padded(z)`, of the labels that are active."""
    rows = y.row_numbers()
    if isinstance(z, Block):
        active, wanted = z.ids, y.indices
        starts = np.zeros_like(rows)
    else:
        active, wanted = z.row_numbers() * z.n_cols + z.indices, rows * z.n_cols + y.indices
        starts = z.indptr[rows]
    places = np.searchsorted(active, wanted)
    present = np.zeros(len(wanted), bool)
    inside = places < len(active)
    present[inside] = active[places[inside]] == wanted[inside]
    return rows[present], (places - starts)[present]


def kth_largest(logits: Array, k: int) -> Array:
    """The k-th largest of each row, (B, 1); -inf where a row is shorter than k."""
    n = logits.shape[1]
    if n <= k:
        return np.full((len(logits), 1), -np.inf, logits.dtype)
    return np.partition(logits, n - k, axis=1)[:, n - k, None]


def best_of_rows(rows: Array, columns: Array, values: Array, ids: Array, scores: Array) -> None:
    """Write each row's largest values, largest first, into `ids` and `scores` (B, k)."""
    order = np.lexsort((columns, -values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    keep = place < ids.shape[1]
    ids[rows[keep], place[keep]] = columns[keep]
    scores[rows[keep], place[keep]] = values[keep]
