"""Which of the neurons found in the tables are kept: the strategies of SLIDE section 3.1."""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Query
from slide.core.contract.tables import Tables, mix


def retrieve(tables: Tables, codes: Array, query: Query, salt: int) -> tuple[Array, Array]:
    """Look into every example's buckets and keep at most `query.budget` distinct neurons.

    Returns:
        rows i64 and ids i64, sorted by row and then by id, without repetitions.
    """
    cells, turns, hits = meetings(tables, codes, query.bucket_limit, salt)
    if query.strategy == "threshold":
        enough = hits >= query.threshold
        cells, turns, hits = cells[enough], turns[enough], hits[enough]
    rows, ids = np.divmod(cells, tables.n_neurons)
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

    The nearest buckets of all tables are looked into in the first turns, one a table, then the
    second nearest ones, and so on.

    Returns:
        cells (row * n_neurons + id, ascending), turns and hits, all i64.
    """
    L = tables.L
    met = np.sort(visits(tables, codes, bucket_limit, salt))
    by_table, probe = np.divmod(met, codes.shape[1] // L)
    cells, table = np.divmod(by_table, L)
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    turns = np.minimum.reduceat(probe * L + table, first)
    is_hit = np.diff(by_table, prepend=-1) > 0  # several probes of one table count once
    return cells[first], turns, np.add.reduceat(is_hit, first, dtype=np.int64)


def visits(tables: Tables, codes: Array, bucket_limit: int, salt: int) -> Array:
    """Every entry of every bucket that an example looks into.

    An example takes the tables in an order of its own, drawn by `mix`, and of each first the
    nearest bucket.

    Returns:
        (row * n_neurons + id) * n_visits + visit, i64: the visit-th of the row's L * P buckets.
    """
    (B, n_visits), L = codes.shape, tables.L
    draws = mix(np.arange(B * L).reshape(B, L), salt)
    order = np.argsort(draws, axis=1)[:, :, None]  # (B, L, 1): table by turn
    nearest = np.take_along_axis(codes.reshape(B, L, n_visits // L), order, axis=1)  # (B, L, P)
    buckets = order * tables.n_buckets + nearest
    starts = tables.offsets[buckets].reshape(-1)
    lengths = np.minimum(tables.offsets[buckets + 1].reshape(-1) - starts, bucket_limit)
    begins = np.cumsum(lengths) - lengths
    ids = tables.ids[np.arange(lengths.sum()) + np.repeat(starts - begins, lengths)]
    row, visit = np.divmod(np.arange(B * n_visits), n_visits)
    begin = row * tables.n_neurons * n_visits + visit
    visited: Array = np.repeat(begin, lengths) + ids.astype(np.int64) * n_visits
    return visited
