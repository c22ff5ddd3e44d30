"""The kernel `query`: all entries of all buckets at once, sorted and cut by rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.backends.gpu.device import Device
from slide.backends.gpu.segments import ID_BITS, first_places, offsets_of, places_within
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Query
from slide.core.contract.lists import merged
from slide.core.contract.tables import Tables, mix


def query(
    device: Device,
    tables: Tables | None,
    codes: Array,
    required: CSR,
    extra: CSR,
    query: Query,
    salt: int,
) -> CSR | Block:
    """The active set, in the layout that `query.shared` says."""
    xp = device.xp
    n = required.n_cols
    found = xp.zeros(0, np.int64)
    if tables is not None and codes.shape[1] and tables.L:
        found = retrieved(xp, tables, codes, query, salt)
    if query.shared:
        ids, origins = merged(required.indices, found % max(n, 1), extra.indices)
        return Block(ids.astype(np.int32), origins[None], n)
    cells, origins = merged(required.cells(), found, extra.cells())
    return CSR.of_cells(cells, origins, required.shape)


def retrieved(xp: Any, tables: Tables, codes: Array, how: Query, salt: int) -> Array:
    """The neurons that each example keeps of its buckets, as cells (row * n + id), ascending."""
    n = tables.n_neurons
    cells, turns, hits = meetings(xp, tables, codes, how.bucket_limit, salt)
    if how.strategy == "threshold":
        enough = hits >= how.threshold
        cells, turns, hits = cells[enough], turns[enough], hits[enough]
    rows = cells // n
    priority = turns if how.strategy == "vanilla" else tables.L - hits
    preference = (rows * (codes.shape[1] + 1) + priority).astype(np.uint64) << ID_BITS
    order = xp.argsort(preference | mix(cells % n, salt))  # by row, then priority, then chance
    kept: Array = xp.sort(cells[order][places_within(xp, rows) < how.budget])
    return kept


def meetings(
    xp: Any, tables: Tables, codes: Array, bucket_limit: int, salt: int
) -> tuple[Array, Array, Array]:
    """The neurons that each example meets, as cells; when first, and in how many tables: i64."""
    L, n_visits = tables.L, codes.shape[1]
    met = xp.sort(visits(xp, tables, codes, bucket_limit, salt))
    by_table, probe = met // (n_visits // L), met % (n_visits // L)
    cells, table = by_table // L, by_table % L
    begins = first_places(xp, cells)
    turns = xp.sort(cells * n_visits + probe * L + table)[begins] % max(n_visits, 1)
    first_of_table = first_places(xp, by_table)  # several probes of one table count once
    hits = xp.diff(xp.searchsorted(first_of_table, begins), append=len(first_of_table))
    return cells[begins], turns, hits


def visits(xp: Any, tables: Tables, codes: Array, bucket_limit: int, salt: int) -> Array:
    """Every entry of every bucket that an example looks into, in an order of its own tables.

    Returns:
        (row * n_neurons + id) * n_visits + visit, i64, where a visit is the number of a table in
        the example's order, times the probes of a table, plus the number of the probe.
    """
    (B, n_visits), L = codes.shape, tables.L
    order = xp.argsort(mix(xp.arange(B * L).reshape(B, L), salt), axis=1)[:, :, None]
    nearest = xp.take_along_axis(codes.reshape(B, L, n_visits // L), order, axis=1)
    buckets = (order * tables.n_buckets + nearest.astype(np.int64)).reshape(-1)
    begins = tables.offsets[buckets]
    lengths = xp.minimum(tables.offsets[buckets + 1] - begins, bucket_limit)
    ends = offsets_of(xp, lengths)
    which = xp.repeat(xp.arange(len(buckets)), lengths)
    ids = tables.ids[xp.arange(len(which)) + (begins - ends[:-1])[which]]
    rows, visit = which // n_visits, which % n_visits
    visited: Array = (rows * tables.n_neurons + ids) * n_visits + visit
    return visited
