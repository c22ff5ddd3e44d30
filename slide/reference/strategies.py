"""Which of the neurons found in the tables are kept: the strategies of SLIDE section 3.1."""

from __future__ import annotations

import numpy as np

from slide.core.arrays import Array
from slide.core.backend import Query
from slide.core.hashing import Tables, mix


def retrieve(tables: Tables, codes: Array, query: Query, salt: int) -> tuple[Array, Array]:
    """Look up every example's L buckets and keep at most `query.budget` distinct neurons.

    Returns:
        rows i64 and ids i64, sorted by row and then by id, without repetitions.
    """
    rows, probes, ids = bucket_members(tables, codes, query.bucket_limit, salt)
    # One integer holds (row, id, probe), so that one sort groups the neurons of an example
    # and puts the earliest probe of each first.
    met = np.sort((rows * tables.n_neurons + ids) * tables.L + probes)
    cells, probes = np.divmod(met, tables.L)
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    hits = np.diff(first, append=len(cells))
    rows, ids = np.divmod(cells[first], tables.n_neurons)

    priority = tables.L - hits if query.strategy == "topk" else probes[first]
    preference = (rows * (tables.L + 1) + priority).astype(np.uint64) << np.uint64(32)
    order = np.argsort(preference | mix(ids, salt))  # by row, then priority, then chance
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # within the row
    keep = np.sort(order[place < query.budget])
    return rows[keep], ids[keep]


def bucket_members(
    tables: Tables, codes: Array, bucket_limit: int, salt: int
) -> tuple[Array, Array, Array]:
    """Every neuron in every bucket that the examples' codes point at.

    An example probes its tables in an order of its own, drawn by `mix`.

    Returns:
        rows, probes and ids, all i64: example, place of the table in its probing order, neuron.
    """
    n_rows, n_tables = codes.shape
    cells = np.arange(n_rows * n_tables).reshape(codes.shape)
    order = np.argsort(mix(cells, salt), axis=1)  # (B, L), the table probed first, second, ...
    buckets = order * tables.n_buckets + np.take_along_axis(codes, order, axis=1)
    starts = tables.offsets[buckets].reshape(-1)
    lengths = np.minimum(tables.offsets[buckets + 1].reshape(-1) - starts, bucket_limit)
    begins = np.cumsum(lengths) - lengths
    ids = tables.ids[np.arange(lengths.sum()) + np.repeat(starts - begins, lengths)]
    rows, probes = np.divmod(np.repeat(cells.reshape(-1), lengths), n_tables)
    return rows, probes, ids.astype(np.int64)
