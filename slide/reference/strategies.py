"""Which of the neurons found in the tables are kept: the strategies of SLIDE section 3.1."""

from __future__ import annotations

import numpy as np

from slide.core.arrays import Array
from slide.core.backend import Query
from slide.core.hashing import Tables, mix


def retrieve(tables: Tables, codes: Array, query: Query, salt: int) -> tuple[Array, Array]:
    """Look into every example's buckets and keep at most `query.budget` distinct neurons.

    Returns:
        rows i64 and ids i64, sorted by row and then by id, without repetitions.
    """
    cells, turns, hits = meetings(tables, codes, query.bucket_limit, salt)
    if query.strategy == "threshold":
        enough = hits >= query.threshold
        cells, turns, hits = cells[enough], turns[enough], hits[enough]
    rows, ids = np.divmod(cells, max(tables.n_neurons, 1))
    n_turns = codes.shape[1] + 1
    priority = turns if query.strategy == "vanilla" else tables.L - hits
    preference = (rows * n_turns + priority).astype(np.uint64) << np.uint64(32)
    order = np.argsort(preference | mix(ids, salt))  # by row, then priority, then chance
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # within the row
    keep = np.sort(order[place < query.budget])
    return rows[keep], ids[keep]


def meetings(
    tables: Tables, codes: Array, bucket_limit: int, salt: int
) -> tuple[Array, Array, Array]:
    """The neurons that each example meets, when first, and in how many tables.

    An example takes the tables in an order of its own, drawn by `mix`: first the nearest bucket of
    each, then the second nearest of each, and so on.

    Returns:
        cells (row * n_neurons + id, ascending), turns and hits, all i64.
    """
    B, L = len(codes), tables.L
    P = codes.shape[1] // L
    order = np.argsort(mix(np.arange(B * L).reshape(B, L), salt), axis=1)  # (B, L) table by turn
    nearest = np.take_along_axis(codes.reshape(B, L, P), order[:, :, None], axis=1)
    buckets = order[:, None] * tables.n_buckets + nearest.transpose(0, 2, 1)  # (B, P, L)
    starts = tables.offsets[buckets].reshape(-1)
    lengths = np.minimum(tables.offsets[buckets + 1].reshape(-1) - starts, bucket_limit)
    begins = np.cumsum(lengths) - lengths
    ids = tables.ids[np.arange(lengths.sum()) + np.repeat(starts - begins, lengths)]
    rows, turns = np.divmod(np.repeat(np.arange(B * P * L), lengths), max(P * L, 1))
    # One integer holds (row, id, turn), so that one sort puts the earliest turn of each first.
    met = np.sort((rows * tables.n_neurons + ids) * (P * L) + turns)
    cells, turns = np.divmod(met, max(P * L, 1))
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    by_table = np.unique(cells * L + turns % L) // max(L, 1) if P > 1 else cells
    starts = np.flatnonzero(np.diff(by_table, prepend=-1))  # several probes of a table are one hit
    return cells[first], turns[first], np.diff(starts, append=len(by_table))
