"""The products sddmm, spmm and spmm_t: BLAS on blocks for a Block, compiled loops for a CSR."""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import call_compiled, compiled, summing
from slide.backends.threads.layouts import columns_of
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import CSR, Array, Block, RowGrad

NEURONS = 1024  # of a block of a BLAS product: their rows stay in L2
EXAMPLES = 128
ENTRIES = 1 << 12  # below which a product is not worth a thread


def sddmm(pool: Pool, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
    """Logits of the active neurons."""
    if isinstance(active, CSR):
        values = np.empty(active.nnz, h.dtype)
        grain = grain_of(active.nnz, active.n_rows)
        pool.spread(
            dot_entries, active.n_rows, active.indptr, active.indices, h, w, values, grain=grain
        )
        return active.with_values(values)
    values = np.empty((len(h), len(active.ids)), h.dtype)

    def block(start: int, stop: int) -> None:
        np.matmul(h, rows_of(w, active.ids[start:stop]).T, out=values[:, start:stop])

    pool.blocks(block, len(active.ids), NEURONS)
    return active.with_values(values)


def spmm(pool: Pool, z: CSR | Block, w: Array) -> Array:
    """Sums of rows of w, weighted by the entries of z."""
    out = np.empty((z.n_rows, w.shape[1]), w.dtype)
    if isinstance(z, CSR):
        grain = grain_of(z.nnz, z.n_rows)
        pool.spread(sum_rows, z.n_rows, z.indptr, z.indices, z.values, w, out, grain=grain)
        return out
    chosen = gather_rows(pool, w, z.ids)

    def block(start: int, stop: int) -> None:
        np.matmul(z.values[start:stop], chosen, out=out[start:stop])

    pool.blocks(block, z.n_rows, EXAMPLES)
    return out


def spmm_t(pool: Pool, z: CSR | Block, h: Array) -> RowGrad:
    """Sums of rows of h for each column that z stores."""
    if isinstance(z, CSR):
        ids, *by_column = columns_of(z)
        out = np.empty((len(ids), h.shape[1]), h.dtype)
        pool.spread(sum_rows, len(ids), *by_column, h, out, grain=grain_of(z.nnz, len(ids)))
        return RowGrad(ids, out)
    out = np.empty((len(z.ids), h.shape[1]), h.dtype)

    def block(start: int, stop: int) -> None:
        np.matmul(z.values[:, start:stop].T, h, out=out[start:stop])

    pool.blocks(block, len(z.ids), NEURONS)
    return RowGrad(z.ids, out)


def grain_of(n_entries: int, n_rows: int) -> int:
    """Rows that have together entries enough for a thread."""
    return max(1, ENTRIES * n_rows // max(n_entries, 1))


def gather_rows(pool: Pool, w: Array, ids: Array) -> Array:
    """Rows of w, copied unless they are all of them."""
    if len(ids) == len(w):
        return w
    out = np.empty((len(ids), w.shape[1]), w.dtype)
    pool.spread(gather_span, len(ids), w, ids, out, grain=NEURONS)
    return out


def rows_of(w: Array, ids: Array) -> Array:
    """The same for one block, in the caller's thread; neighbours are not copied."""
    if len(ids) and ids[-1] - ids[0] == len(ids) - 1:
        return w[ids[0] : ids[-1] + 1]
    out = np.empty((len(ids), w.shape[1]), w.dtype)
    call_compiled(gather_span, 0, len(ids), w, ids, out)
    return out


@compiled
def gather_span(start: int, stop: int, w: Array, ids: Array, out: Array) -> None:
    """out[r] = w[ids[r]], by a loop, which compiles better than an assignment of slices."""
    for r in range(start, stop):
        source, target = w[ids[r]], out[r]
        for c in range(len(target)):
            target[c] = source[c]


@summing
def dot_entries(
    start: int, stop: int, indptr: Array, indices: Array, h: Array, w: Array, out: Array
) -> None:
    """One inner product an entry."""
    for i in range(start, stop):
        a = h[i]
        for e in range(indptr[i], indptr[i + 1]):
            b = w[indices[e]]
            total = a.dtype.type(0)
            for c in range(len(a)):
                total += a[c] * b[c]
            out[e] = total


@compiled
def sum_rows(
    start: int, stop: int, indptr: Array, indices: Array, values: Array, w: Array, out: Array
) -> None:
    """One sum of weighted rows of w a row, its entries from first to last."""
    for i in range(start, stop):
        total = out[i]
        total[:] = 0
        for e in range(indptr[i], indptr[i + 1]):
            a, b = values[e], w[indices[e]]
            for c in range(len(total)):
                total[c] += a * b[c]
