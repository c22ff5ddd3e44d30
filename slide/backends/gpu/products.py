"""The kernels `sddmm`, `spmm`, `spmm_t` and `top_k`: cuBLAS on blocks, a row at a time on CSR."""

from __future__ import annotations

import numpy as np

from slide.backends.gpu.device import THREADS, WARP, Device
from slide.backends.gpu.segments import best_keys, columns_of, decoded
from slide.core.contract.arrays import CSR, Array, Block, RowGrad

WARPS = THREADS // WARP
CELLS = 1 << 25  # logits that top_k holds at a time


def sddmm(device: Device, h: Array, w: Array, active: CSR | Block) -> CSR | Block:
    """Logits of the active neurons."""
    if isinstance(active, Block):
        return active.with_values(h @ rows_of(w, active).T)
    out = device.xp.empty(active.nnz, np.float32)
    rows = active.row_numbers()
    device.launch(
        "dots", -(-active.nnz // WARPS), THREADS, rows, active.indices, active.nnz, h, w,
        w.shape[1], out,
    )  # fmt: skip
    return active.with_values(out)


def spmm(device: Device, z: CSR | Block, w: Array) -> Array:
    """Sums of rows of w, weighted."""
    if isinstance(z, Block):
        return z.values @ rows_of(w, z)
    return sums_of_rows(device, z.indptr, z.indices, z.values, w)


def spmm_t(device: Device, z: CSR | Block, h: Array) -> RowGrad:
    """Sums of rows of h for each column of z."""
    if isinstance(z, Block):
        return RowGrad(z.ids, z.values.T @ h)
    ids, begins, rows, values = columns_of(device.xp, z)
    return RowGrad(ids, sums_of_rows(device, begins, rows.astype(np.int32), values, h))


def sums_of_rows(device: Device, begins: Array, ids: Array, values: Array, w: Array) -> Array:
    """A sum of rows of w for each of some lists of ids and values: f32 (lists, d)."""
    n, d = len(begins) - 1, w.shape[1]
    out: Array = device.xp.empty((n, d), np.float32)
    n_threads = min(-(-max(d, 1) // WARP) * WARP, THREADS)
    device.launch("sum_rows", n, n_threads, begins, ids, values, w, d, out)
    return out


def rows_of(w: Array, block: Block) -> Array:
    """The rows that a block is over: all of them are not copied."""
    return w if len(block.ids) == len(w) else w[block.ids]


def top_k(
    device: Device, h: Array, w: Array, candidates: CSR | None, k: int
) -> tuple[Array, Array]:
    """Logits, a block of examples at a time, and the best of each row."""
    xp = device.xp
    if candidates is not None:
        logits = sddmm(device, h, w, candidates)
        keys = best_keys(device, candidates.indptr, logits.values, candidates.indices, k)
        return decoded(xp, keys)
    n = len(w)
    keys = xp.zeros((len(h), k), np.uint64)
    at_a_time = max(1, CELLS // max(n, 1))
    for start in range(0, len(h), at_a_time):
        z = h[start : start + at_a_time] @ w.T  # (rows, n)
        begins = xp.arange(len(z) + 1) * n
        keys[start : start + at_a_time] = best_keys(device, begins, z, None, k)
    return decoded(xp, keys)
