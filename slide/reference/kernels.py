"""The reference backend: every kernel of the protocol in the plainest NumPy that is still fast.

What a kernel promises is written in `slide.core.contract.backend`; this file shows it. B examples,
d fan_in, n neurons, K digits per code, L tables, R neurons of an active set.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.contract.families import Family
from slide.core.contract.losses import LossName
from slide.core.contract.opening import n_threads
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam
from slide.core.contract.tables import Policy, Tables
from slide.reference import families, losses, optimizers, sparse
from slide.reference import tables as flat
from slide.reference.strategies import retrieve

TOP_K_CELLS = 1 << 22  # logits held at a time by top_k


class ReferenceBackend:
    """NumPy and SciPy on one thread."""

    name = "reference"

    def set_threads(self, n: int) -> int:
        n_threads(n)  # refuses what is no number of them
        return 1

    def put(self, array: Array) -> Array:
        return array

    def get(self, array: Array) -> Array:
        return array

    def hash(self, x: Array | CSR, center: Array | None, family: Family, probes: int = 1) -> Array:
        return families.hash_rows(x, center, family, probes)

    def build(self, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
        return flat.build(codes, n_buckets, salt, policy)

    def reinsert(self, tables: Tables, rows: Array, codes: Array) -> Tables:
        return flat.reinsert(tables, rows, codes)

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

    def loss(
        self, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName
    ) -> tuple[Array, CSR | Block]:
        return losses.loss(z, log_weights, y, name)

    def update_rows(
        self, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
    ) -> None:
        optimizers.update_rows(param, grad, optimizer, lr, step)

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

    def spgemm_t(self, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
        return sparse.spgemm_t(z, x, limits, excluded)

    def invert(self, w: CSR, base: Array, limit: int) -> InvertedIndex:
        return sparse.invert(w, base, limit)

    def search(self, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> tuple[Array, Array]:
        ids = np.full((x.n_rows, k), -1, np.int32)
        scores = np.full((x.n_rows, k), -np.inf, np.float32)
        best_of_rows(*sparse.scored(index, x, excluded), ids, scores)
        return ids, scores

    def masked_spgemm(self, x: CSR, w: CSR, active: CSR) -> CSR:
        return sparse.masked_spgemm(x, w, active)

    def update_entries(self, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
        sparse.update_entries(param, dz, x, lr)

    def solve_rows(
        self,
        x: CSR,
        wanted: CSR,
        duals: Array,
        start: CSR,
        base: Array,
        constant: float,
        limits: Array,
        passes: int,
        salt: int,
    ) -> SolvedRows:
        return sparse.solve_rows(x, wanted, duals, start, base, constant, limits, passes, salt)


def merge(labels: Array, found: Array, extra: Array) -> tuple[Array, Array]:
    """The distinct cells of three lists, ascending, and the first list that has each."""
    cells = np.concatenate([labels, found, extra])
    origins = np.repeat(
        np.array([FROM_LABELS, FROM_TABLES, FROM_EXTRA], np.float32),
        [len(labels), len(found), len(extra)],
    )
    cells, first = np.unique(cells, return_index=True)
    return cells, origins[first]


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
