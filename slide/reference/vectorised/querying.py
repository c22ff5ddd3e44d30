"""Active sets: what each example meets, which of it is kept, and where every neuron came from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.contract.tables import Tables, mix
from slide.reference.vectorised.segments import cells, places_in, places_of_segments, row_slices
from slide.reference.vectorised.sparse import is_matrix
from slide.reference.vectorised.terms import sorting_order
from slide.reference.vectorised.verdicts import (
    Verdicts,
    is_array,
    is_constant,
    is_near,
    is_of_type,
    verdict_unless,
)


class Meetings(NamedTuple):
    """The neurons that some examples meet, sorted by example and then by neuron.

    Args:
        rows: the example of each, i64.
        ids: the neuron.
        first: the turn in which it is met first.
        n_tables: in how many tables.
    """

    rows: Array
    ids: Array
    first: Array
    n_tables: Array


def query(
    got: Any,
    exact: bool,
    tables: Tables | None,
    codes: Array,
    required: CSR,
    extra: CSR,
    query: Query,
    salt: int,
) -> Verdicts:
    """All that should be active, and nothing else."""
    B, n = required.shape
    found = np.empty(0, np.int64) if tables is None else retrieved(tables, codes, query, salt)
    lists = cells(required), found, cells(extra)
    if query.shared:
        yield is_of_type(got, Block)
        yield is_constant(got.n_cols, n, "result.n_cols")
        yield is_array(got.ids, np.int32, np.shape(got.ids)[:1], "result.ids")
        yield is_array(got.values, np.float32, (1, len(got.ids)), "result.values")
        ids = got.ids.astype(np.int64)
        yield verdict_unless(
            bool(np.all(np.diff(ids) > 0)), "result.ids are not strictly increasing"
        )
        distinct = [np.flatnonzero(np.bincount(each % n, minlength=n)) for each in lists]
        yield from has_union(ids, got.values[0], distinct, n)
        return
    yield from is_matrix(got, (B, n))
    yield from has_union(cells(got), got.values, list(lists), n)


def has_union(got: Array, origins: Array, lists: list[Array], n: int) -> Verdicts:
    """Whether ascending cells are those of three lists, each with the first list that has it."""
    want = np.full(len(got), np.inf)
    for origin, members in reversed(
        list(zip((FROM_LABELS, FROM_TABLES, FROM_EXTRA), lists, strict=True))
    ):
        _, there = places_in(got, members)
        if not there.all():
            i, j = divmod(int(members[there.argmin()]), n)
            yield verdict_unless(False, f"example {i} lacks neuron {j} of origin {origin:.0f}")
        want[places_in(members, got)[1]] = origin
    surplus = np.isinf(want)
    if surplus.any():
        i, j = divmod(int(got[surplus.argmax()]), n)
        yield verdict_unless(False, f"example {i} has neuron {j}, which comes from nowhere")
    yield is_near(origins, want, 0.0, "flat result.values")


def retrieved(tables: Tables, codes: Array, query: Query, salt: int) -> Array:
    """The cells that examples keep of what they find in the tables, ascending."""
    L, n_visits = tables.L, codes.shape[1]
    costs = np.full(len(codes), n_visits) * min(query.bucket_limit, max(len(tables.ids), 1))
    if n_visits:
        buckets = np.arange(n_visits) // (n_visits // L) * tables.n_buckets + codes
        sizes = tables.offsets[buckets + 1] - tables.offsets[buckets]
        costs = np.minimum(sizes, query.bucket_limit).sum(axis=1)
    parts = [
        keep_within_budget(meetings(tables, codes, rows, query.bucket_limit, salt), query, salt)
        for rows in row_slices(costs)
    ]
    found = [rows * tables.n_neurons + ids for rows, ids in parts]
    return np.concatenate([np.empty(0, np.int64), *found])


def meetings(tables: Tables, codes: Array, rows: slice, bucket_limit: int, salt: int) -> Meetings:
    """Whom some examples meet: probe after probe, the tables in an order of each example's own."""
    L, n = tables.L, tables.n_neurons
    n_rows, n_probes = rows.stop - rows.start, codes.shape[1] // L
    numbers = np.arange(rows.start * L, rows.stop * L).reshape(n_rows, L)
    turn_of = np.argsort(np.argsort(mix(numbers, salt), axis=1), axis=1)  # of each table
    buckets = codes[rows].reshape(n_rows, L, n_probes) + np.arange(L)[:, None] * tables.n_buckets
    starts = tables.offsets[buckets].ravel()
    lengths = np.minimum(tables.offsets[buckets + 1].ravel() - starts, bucket_limit)
    turns = np.arange(n_probes) * L + turn_of[:, :, None]  # (rows, L, P)
    row, table, _ = np.indices(buckets.shape)
    base = (row.ravel() * n) * L + table.ravel()
    ids = tables.ids[places_of_segments(starts, lengths)].astype(np.int64)
    visits = np.repeat(base, lengths) + ids * L  # (row, neuron, table) as one number
    order = sorting_order(visits)
    visits = visits[order]
    members = visits // L
    begins = np.flatnonzero(np.diff(members, prepend=-1))
    is_new = np.diff(visits, prepend=-1) != 0  # another probe of a table that was met counts not
    first, n_tables = np.empty((2, len(begins)), np.int64)
    if len(begins):
        first = np.minimum.reduceat(np.repeat(turns.ravel(), lengths)[order], begins)
        n_tables = np.add.reduceat(is_new, begins, dtype=np.int64)
    found = members[begins]
    return Meetings(found // max(n, 1) + rows.start, found % max(n, 1), first, n_tables)


def keep_within_budget(met: Meetings, query: Query, salt: int) -> tuple[Array, Array]:
    """The examples and neurons that the strategy keeps within the budget, in the same order."""
    if query.strategy == "threshold":
        enough = met.n_tables >= query.threshold
        met = Meetings(*(part[enough] for part in met))
    preference = (
        met.first if query.strategy == "vanilla" else met.n_tables.max(initial=0) - met.n_tables
    )
    keys = preference << 32 | mix(met.ids, salt).astype(np.int64)
    wanted = np.ones(len(keys), bool)
    _, begins, counts = np.unique(met.rows, return_index=True, return_counts=True)
    for over in np.flatnonzero(counts > query.budget):
        segment = slice(begins[over], begins[over] + counts[over])
        if query.budget:
            bar = np.partition(keys[segment], query.budget - 1)[query.budget - 1]
            wanted[segment] = keys[segment] <= bar
        else:
            wanted[segment] = False
    return met.rows[wanted], met.ids[wanted]
