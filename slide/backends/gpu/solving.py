"""The kernel `solve_rows`: a block of threads for each row."""

from __future__ import annotations

import numpy as np

from slide.backends.gpu.device import THREADS, Device
from slide.backends.gpu.segments import offsets_of
from slide.backends.gpu.sparse import ROOM, WARPS, Sums, in_order
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import SolvedRows, visits

THREADS_OF_ROW = 64  # few, for at every example they wait for each other


def solve_rows(
    device: Device, x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float,
    limits: Array, passes: int, salt: int,
) -> SolvedRows:  # fmt: skip
    """All passes of each row, and its largest weights."""
    xp, n_rows, n = device.xp, wanted.n_rows, x.n_cols
    n_terms = offsets_of(xp, x.row_lengths()[wanted.indices])[wanted.indptr]
    most = n_terms[1:] - n_terms[:-1] + start.row_lengths()  # weights that a row has
    limits = xp.minimum(limits, xp.minimum(most, n))
    places = offsets_of(xp, limits)
    firsts, strides = orders_of(device, wanted.row_lengths(), passes, salt)
    n_blocks = max(1, min(n_rows, device.n_blocks, ROOM // (12 * max(n, 1))))
    weights, marks = xp.zeros(n_blocks * n, np.float32), xp.zeros(n_blocks * n, np.int32)
    met = xp.empty(n_blocks * n, np.int32)
    keys, kept = xp.zeros(int(places[-1]), np.uint64), xp.zeros(int(places[-1]), np.float32)
    n_kept, bias, duals = xp.zeros(n_rows, np.int64), base.copy(), duals.copy()
    device.launch(
        "solve_rows", n_blocks, THREADS_OF_ROW, n_rows, x.indptr, x.indices, x.values,
        squared_norms(device, x), wanted.indptr, wanted.indices, wanted.values, start.indptr,
        start.indices, start.values, firsts, strides, passes, np.float32(constant), limits,
        places, n, weights, marks, met, duals, bias, keys, kept, n_kept,
    )  # fmt: skip
    inputs, values = in_order(xp, Sums(keys, kept, places, n_kept))
    return SolvedRows(CSR(offsets_of(xp, n_kept), inputs, values, n), bias, duals)


def orders_of(device: Device, lengths: Array, passes: int, salt: int) -> tuple[Array, Array]:
    """First and stride of all rows, of one pass after the other: i64 (passes * n,)."""
    here = device.get(lengths)  # where the contract's own formula can be computed
    orders = np.array([visits(here, number, salt) for number in range(passes)], np.int64)
    firsts, strides = orders.reshape(passes, 2, len(here)).transpose(1, 0, 2)
    return device.put(firsts.reshape(-1)), device.put(strides.reshape(-1))


def squared_norms(device: Device, x: CSR) -> Array:
    """Of each row."""
    norms: Array = device.xp.empty(x.n_rows, np.float32)
    device.launch(
        "squared_norms", -(-x.n_rows // WARPS), THREADS, x.indptr, x.values, x.n_rows, norms
    )
    return norms
