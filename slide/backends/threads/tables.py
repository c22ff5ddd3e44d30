"""The kernels `build` and `reinsert`: a table a thread, each a counting sort.

Ids of a bucket are sorted as numbers whose upper half is their place in the order of the policy.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slide.backends.threads.compiling import Number, compiled
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import Array
from slide.core.contract.tables import Policy, Tables

ID_BITS = np.uint64(32)
ID_MASK = np.uint64(0xFFFFFFFF)


def build(pool: Pool, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """Every table from the codes (n, L) of all neurons."""
    n, L = codes.shape
    offsets = np.zeros(L * n_buckets + 1, np.int64)
    ids = np.empty(L * n, np.int32)
    spreads = salt_spreads(salt, L)
    reservoir = policy == "reservoir"
    pool.spread(build_tables, L, codes, n_buckets, spreads, reservoir, offsets, ids)
    return Tables(offsets, ids, L, n_buckets, n, salt, policy)


def reinsert(pool: Pool, tables: Tables, rows: Array, codes: Array) -> Tables:
    """Every table again, from its own order and the new codes (R, L) of some neurons."""
    offsets, ids = np.zeros_like(tables.offsets), np.empty_like(tables.ids)
    spreads = salt_spreads(tables.salt, tables.L)
    old = tables.offsets, tables.ids, tables.n_buckets, tables.n_neurons
    reservoir = tables.policy == "reservoir"
    pool.spread(move_neurons, tables.L, *old, rows, codes, spreads, reservoir, offsets, ids)
    return replace(tables, offsets=offsets, ids=ids)


def salt_spreads(salt: int, n: int) -> Array:
    """What `slide.core.contract.tables.mix` makes of the salts salt, salt + 1, ...: u32 (n,)."""
    return np.array([salt_spread(salt + i) for i in range(n)], np.uint32)


def salt_spread(salt: int) -> int:
    """What `mix` makes of a salt before it meets a number."""
    return (salt * 0x9E3779B97F4A7C15 >> 16) & 0xFFFFFFFF


@compiled
def mix_number(number: Number, spread: Number) -> Number:
    """`slide.core.contract.tables.mix` of one number, u32."""
    z = np.uint32(number) ^ np.uint32(spread)
    z ^= z >> np.uint32(16)
    z = np.uint32(z * np.uint32(0x85EBCA6B))
    z ^= z >> np.uint32(13)
    z = np.uint32(z * np.uint32(0xC2B2AE35))
    z ^= z >> np.uint32(16)
    return np.uint32(z)


@compiled
def build_tables(
    start: int,
    stop: int,
    codes: Array,
    n_buckets: int,
    spreads: Array,
    reservoir: bool,
    offsets: Array,
    ids: Array,
) -> None:
    """Tables start to stop: ids from last to first by bucket, which is the order of fifo."""
    n = len(codes)
    buckets, order = np.empty(n, np.uint32), np.arange(n - 1, -1, -1).astype(np.int32)
    for table in range(start, stop):
        for i in range(n):
            buckets[i] = codes[i, table]
        ends = offsets[table * n_buckets + 1 : (table + 1) * n_buckets + 1]
        sort_by_bucket(order, buckets, spreads[table], reservoir, table * n, ends, ids)


@compiled
def move_neurons(
    start: int,
    stop: int,
    old_offsets: Array,
    old_ids: Array,
    n_buckets: int,
    n: int,
    rows: Array,
    codes: Array,
    spreads: Array,
    reservoir: bool,
    offsets: Array,
    ids: Array,
) -> None:
    """Tables start to stop: the moved ids from last to first, then the others as they were."""
    is_moved = np.zeros(n, np.bool_)
    is_moved[rows] = True
    buckets, order = np.empty(n, np.uint32), np.empty(n, np.int32)
    for table in range(start, stop):
        place = 0
        for r in range(len(rows) - 1, -1, -1):
            order[place] = rows[r]
            buckets[rows[r]] = codes[r, table]
            place += 1
        for b in range(n_buckets):
            bucket = table * n_buckets + b
            for e in range(old_offsets[bucket], old_offsets[bucket + 1]):
                if not is_moved[old_ids[e]]:
                    order[place] = old_ids[e]
                    buckets[old_ids[e]] = b
                    place += 1
        ends = offsets[table * n_buckets + 1 : (table + 1) * n_buckets + 1]
        sort_by_bucket(order, buckets, spreads[table], reservoir, table * n, ends, ids)


@compiled
def sort_by_bucket(
    order: Array,
    buckets: Array,
    spread: Number,
    reservoir: bool,
    begin: int,
    ends: Array,
    ids: Array,
) -> None:
    """A stable counting sort of one table, in `reservoir` also by `mix_number` in each bucket.

    Args:
        order: i32 (n,), ids in the order in which a bucket takes them.
        buckets: u32 (n,), of each id.
        spread: of the salt.
        reservoir: whether the buckets are sorted.
        begin: where in `ids` the table begins.
        ends: i64 (n_buckets,), written: where in `ids` each bucket ends.
        ids: i32, of all tables; those of this one are written.
    """
    places = np.zeros(len(ends) + 1, np.int64)
    for b in buckets:
        places[np.int64(b) + 1] += 1
    places[0] = begin
    for b in range(len(ends)):
        places[b + 1] += places[b]
        ends[b] = places[b + 1]
    if not reservoir:
        for i in order:
            ids[places[buckets[i]]] = i
            places[buckets[i]] += 1
        return
    keys = np.empty(len(order), np.uint64)
    for i in order:
        key = np.uint64(mix_number(i, spread)) << ID_BITS | np.uint64(i)
        keys[places[buckets[i]] - begin] = key
        places[buckets[i]] += 1
    low = 0
    for b in range(len(ends)):
        high = ends[b] - begin
        if high - low > 1:
            keys[low:high].sort()
        low = high
    for e in range(len(keys)):
        ids[begin + e] = np.int32(keys[e] & ID_MASK)
