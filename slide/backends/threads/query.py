"""The kernel `query`: each example looks into its buckets, then everything is merged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from slide.backends.threads.buckets import look_into_buckets
from slide.backends.threads.compiling import call_compiled, compiled
from slide.backends.threads.pool import Pool
from slide.backends.threads.tables import salt_spread
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.contract.lists import indptr_of, merged
from slide.core.contract.tables import Tables

GRAIN = 4  # examples
LABELS, FOUND, EXTRA = (np.float32(x) for x in (FROM_LABELS, FROM_TABLES, FROM_EXTRA))
END = np.int64(1 << 40)  # after every id


class Lists(NamedTuple):
    """Neurons of each example: the ids of example i are `ids[indptr[i]:indptr[i + 1]]`."""

    indptr: Array
    ids: Array


def query(
    pool: Pool,
    tables: Tables | None,
    codes: Array,
    required: CSR,
    extra: CSR,
    query: Query,
    salt: int,
) -> CSR | Block:
    """The active set, in the layout that `query.shared` says."""
    B, n = required.shape
    found = retrieve(pool, tables, codes, query, salt, B)
    if query.shared:
        ids, origins = merged(required.indices, found.ids, extra.indices)
        return Block(ids.astype(np.int32), origins[None], n)
    lists = required.indptr, required.indices, *found, extra.indptr, extra.indices
    bounds = required.indptr + found.indptr + extra.indptr
    ids, origins = np.empty(bounds[-1], np.int32), np.empty(bounds[-1], np.float32)
    lengths = np.empty(B, np.int64)
    pool.spread(merge_rows, B, *lists, bounds, ids, origins, lengths, grain=GRAIN)
    indptr = indptr_of(lengths)
    if indptr[-1] < bounds[-1]:
        ids, origins = pack_rows(bounds, indptr, ids), pack_rows(bounds, indptr, origins)
    return CSR(indptr, ids, origins, n)


def retrieve(
    pool: Pool, tables: Tables | None, codes: Array, how: Query, salt: int, B: int
) -> Lists:
    """What each example keeps of its buckets, ids i32 ascending."""
    if tables is None or codes.shape[1] == 0:
        return Lists(np.zeros(B + 1, np.int64), np.zeros(0, np.int32))
    visits = call_compiled(
        visits_of, codes, tables.offsets, tables.L, tables.n_buckets, how.bucket_limit
    )
    threshold = how.threshold if how.strategy == "threshold" else 1
    spans = pool.spread(
        look_into_buckets, B, codes, tables.offsets, tables.ids, tables.L, tables.n_buckets,
        tables.n_neurons, visits, how.bucket_limit, how.budget,
        how.strategy == "vanilla", threshold, salt_spread(salt), grain=GRAIN,
    )  # fmt: skip
    indptr = indptr_of(np.concatenate([lengths for lengths, _ in spans]))
    return Lists(indptr, np.concatenate([ids for _, ids in spans]))


@compiled
def visits_of(codes: Array, offsets: Array, L: int, n_buckets: int, limit: int) -> Array:
    """How many entries each example reads, i64 (B,)."""
    probes = codes.shape[1] // L
    visits = np.zeros(len(codes), np.int64)
    for i in range(len(codes)):
        for c in range(codes.shape[1]):
            bucket = c // probes * n_buckets + np.int64(codes[i, c])
            visits[i] += min(offsets[bucket + 1] - offsets[bucket], limit)
    return visits


@compiled
def merge_rows(
    start: int,
    stop: int,
    labels_indptr: Array,
    labels: Array,
    found_indptr: Array,
    found: Array,
    extra_indptr: Array,
    extra: Array,
    bounds: Array,
    ids: Array,
    origins: Array,
    lengths: Array,
) -> None:
    """A merge of three ascending lists a row, written from `bounds[i]` on."""
    for i in range(start, stop):
        a, b, c = labels_indptr[i], found_indptr[i], extra_indptr[i]
        a_end, b_end, c_end = labels_indptr[i + 1], found_indptr[i + 1], extra_indptr[i + 1]
        place = bounds[i]
        while a < a_end or b < b_end or c < c_end:
            from_a = labels[a] if a < a_end else END
            from_b = found[b] if b < b_end else END
            from_c = extra[c] if c < c_end else END
            smallest = min(from_a, from_b, from_c)
            ids[place] = smallest
            origins[place] = (
                LABELS if from_a == smallest else FOUND if from_b == smallest else EXTRA
            )
            a += from_a == smallest
            b += from_b == smallest
            c += from_c == smallest
            place += 1
        lengths[i] = place - bounds[i]


@compiled
def pack_rows(bounds: Array, indptr: Array, values: Array) -> Array:
    """Rows that begin at `bounds` moved to where `indptr` says."""
    out = np.empty(indptr[-1], values.dtype)
    for i in range(len(indptr) - 1):
        length = indptr[i + 1] - indptr[i]
        out[indptr[i] : indptr[i + 1]] = values[bounds[i] : bounds[i] + length]
    return out
