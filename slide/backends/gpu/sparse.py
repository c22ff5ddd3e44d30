"""The kernels on sparse weights: a block of threads adds up sparse rows, or walks along one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from slide.backends.gpu.device import THREADS, WARP, Device
from slide.backends.gpu.segments import (
    ID_BITS,
    ID_MASK,
    columns_of,
    decoded,
    descending,
    offsets_of,
    places_within,
)
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex, SparseParam

WARPS = THREADS // WARP
ROOM = 1 << 28  # bytes that all blocks of threads have for themselves


class Sums(NamedTuple):
    """The best cells of sums of sparse rows, those of result r from `places[r]` on.

    Args:
        keys: u64, which decided (see cuda/common.cuh); what is not written is 0.
        values: f32, the sums; None with a base, for then the keys have them.
        places: i64 (R + 1,).
        n_kept: i64 (R,), how many of each result are written.
    """

    keys: Array
    values: Array | None
    places: Array
    n_kept: Array


def add_up(
    device: Device, begins: Array, terms: Array, weights: Array, rows: CSR, excluded: CSR,
    names: Array | None, base: Array | None, limits: Array, places: Array,
) -> Sums:  # fmt: skip
    """Launch `add_up` of cuda/sparse.cu, which says what the arguments are."""
    xp, n, n_results = device.xp, rows.n_cols, len(begins) - 1
    n_blocks = max(1, min(n_results, device.n_blocks, ROOM // (8 * max(n, 1))))
    totals = xp.zeros(n_blocks * n, np.float32)
    met = xp.empty(n_blocks * n, np.int32)
    room = int(places[-1])
    keys = xp.zeros(room, np.uint64)
    values = xp.zeros(room, np.float32) if base is None else None
    n_kept = xp.zeros(n_results, np.int64)
    device.launch(
        "add_up", n_blocks, THREADS, n_results, begins, terms, weights, rows.indptr, rows.indices,
        rows.values, names, excluded.indptr, excluded.indices, base, limits, places, n, totals,
        met, keys, values, n_kept,
    )  # fmt: skip
    return Sums(keys, values, places, n_kept)


def spgemm_t(device: Device, z: CSR, x: CSR, limits: Array, excluded: CSR) -> CSR:
    """The largest entries of each row of z^T x."""
    xp = device.xp
    columns, begins, rows, values = columns_of(xp, z)
    n_terms = offsets_of(xp, x.row_lengths()[rows])[begins]  # up to each column
    limits = xp.minimum(limits[columns], n_terms[1:] - n_terms[:-1])
    places = offsets_of(xp, limits)
    sums = add_up(device, begins, rows, values, x, excluded, columns, None, limits, places)
    lengths = xp.zeros(z.n_cols, np.int64)
    lengths[columns] = sums.n_kept
    return CSR(offsets_of(xp, lengths), *in_order(xp, sums), x.n_cols)


def in_order(xp: Any, sums: Sums) -> tuple[Array, Array]:
    """Cells i32 and values of what is written, ascending within each result."""
    assert sums.values is not None
    written = xp.flatnonzero(sums.keys)
    which = xp.searchsorted(sums.places, written, side="right") - 1
    cells = ID_MASK - (sums.keys[written] & ID_MASK)
    order = xp.argsort(which.astype(np.uint64) << ID_BITS | cells)
    return cells[order].astype(np.int32), sums.values[written[order]]


def invert(device: Device, w: CSR, base: Array, limit: int) -> InvertedIndex:
    """Entries by input; those of an input by score, of which the best stay."""
    xp = device.xp
    neurons, inputs, values = w.row_numbers().astype(np.int32), w.indices, w.values
    order = xp.argsort(inputs)  # stable: neurons ascend within an input
    neurons, inputs, values = neurons[order], inputs[order], values[order]
    offsets = xp.searchsorted(inputs, xp.arange(w.n_cols + 1, dtype=np.int32))
    lengths = xp.diff(offsets)
    if len(inputs) and int(lengths.max()) > limit:
        long = xp.flatnonzero(lengths[inputs] > limit)
        scores = values[long] + base[neurons[long]]
        by_score = xp.argsort(-scores)
        ranked = by_score[xp.argsort(inputs[long][by_score])]  # by input, then by score
        kept = xp.ones(len(inputs), bool)
        kept[long[ranked]] = places_within(xp, inputs[long][ranked]) < limit
        neurons, values = neurons[kept], values[kept]
        offsets = offsets_of(xp, xp.minimum(lengths, limit))
    return InvertedIndex(offsets, neurons, values, base.copy())


def search(
    device: Device, index: InvertedIndex, x: CSR, excluded: CSR, k: int
) -> tuple[Array, Array]:
    """The k best neurons that each example meets."""
    xp, B, n = device.xp, x.n_rows, len(index.base)
    lists = CSR(index.offsets, index.ids, index.values, n)
    limits, places = xp.full(B, k, np.int64), xp.arange(B + 1) * k
    inputs = x.indices.astype(np.int64)
    sums = add_up(
        device, x.indptr, inputs, x.values, lists, excluded, None, index.base, limits, places
    )
    return decoded(xp, descending(xp, sums.keys.reshape(B, k)))


def masked_spgemm(device: Device, x: CSR, w: CSR, active: CSR) -> CSR:
    """Logits of the active neurons."""
    out = device.xp.empty(active.nnz, np.float32)
    device.launch(
        "sparse_dots", -(-active.nnz // WARPS), THREADS, active.row_numbers(), active.indices,
        active.nnz, x.indptr, x.indices, x.values, w.indptr, w.indices, w.values, out,
    )  # fmt: skip
    return active.with_values(out)


def update_entries(device: Device, param: SparseParam, dz: CSR, x: CSR, lr: float) -> None:
    """One Adagrad step, each row by one block."""
    columns, begins, rows, values = columns_of(device.xp, dz)
    w = param.weight
    device.launch(
        "update_entries", len(columns), THREADS, begins, columns, rows, values, x.indptr,
        x.indices, x.values, w.indptr, w.indices, w.values, param.square, np.float32(lr),
    )  # fmt: skip
