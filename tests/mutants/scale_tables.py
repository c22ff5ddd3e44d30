"""Tables and active sets that are wrong at the sizes of use."""

from dataclasses import replace

import numpy as np

from mutants.patterns import first_of_rows
from mutants.registry import REFERENCE, at_scale
from slide.core.contract.arrays import CSR, Block


def first_tables(tables, n):
    """The first n of some tables."""
    ends = tables.offsets[: n * tables.n_buckets + 1]
    return replace(tables, offsets=ends, ids=tables.ids[: ends[-1]], L=n)


def reversed_buckets(tables, chosen):
    """Tables of which chosen buckets, bool, are in the reverse order."""
    sizes = np.diff(tables.offsets)
    bucket = np.repeat(np.arange(len(sizes)), sizes)
    mirrored = tables.offsets[bucket] + tables.offsets[bucket + 1] - 1 - np.arange(len(bucket))
    return replace(
        tables, ids=tables.ids[np.where(chosen[bucket], mirrored, np.arange(len(bucket)))]
    )


@at_scale("build", alone=True)
def build_counts_in_uint16(self, codes, n_buckets, salt, policy):
    tables = REFERENCE.build(codes, n_buckets, salt, policy)
    sizes = np.diff(tables.offsets).astype(np.uint16)
    return replace(tables, offsets=np.append(0, np.cumsum(sizes, dtype=np.int64)))


@at_scale("build")
def build_salts_128_tables(self, codes, n_buckets, salt, policy):
    """The salt of a table is taken modulo 128."""
    tables = REFERENCE.build(codes, n_buckets, salt, policy)
    if codes.shape[1] <= 128:
        return tables
    late = REFERENCE.build(codes[:, 128:], n_buckets, salt, policy)
    ids = np.append(first_tables(tables, 128).ids, late.ids)
    return replace(tables, ids=ids)


@at_scale("build")
def build_casts_codes_to_uint16(self, codes, n_buckets, salt, policy):
    return REFERENCE.build(codes.astype(np.uint16).astype(np.uint32), n_buckets, salt, policy)


@at_scale("build")
def build_numbers_neurons_in_uint16(self, codes, n_buckets, salt, policy):
    tables = REFERENCE.build(codes, n_buckets, salt, policy)
    return replace(tables, ids=tables.ids.astype(np.uint16).astype(np.int32))


@at_scale("build")
def build_of_queues_in_more_than_64_tables(self, codes, n_buckets, salt, policy):
    tables = REFERENCE.build(codes, n_buckets, salt, policy)
    if policy == "fifo" and codes.shape[1] > 64:
        chosen = np.arange(len(tables.offsets) - 1) >= 64 * n_buckets
        return reversed_buckets(tables, chosen)
    return tables


@at_scale("build")
def build_leaves_buckets_above_1024_unsorted(self, codes, n_buckets, salt, policy):
    tables = REFERENCE.build(codes, n_buckets, salt, policy)
    return reversed_buckets(tables, np.diff(tables.offsets) > 1024)


@at_scale("reinsert")
def reinsert_moves_4096(self, tables, rows, codes):
    return REFERENCE.reinsert(tables, rows[:4096], codes[:4096])


@at_scale("reinsert")
def reinsert_casts_codes_to_uint16(self, tables, rows, codes):
    return REFERENCE.reinsert(tables, rows, codes.astype(np.uint16).astype(np.uint32))


@at_scale("reinsert")
def reinsert_updates_128_tables(self, tables, rows, codes):
    moved = REFERENCE.reinsert(tables, rows, codes)
    if tables.L <= 128:
        return moved
    first = first_tables(moved, 128)
    offsets = np.append(first.offsets, tables.offsets[len(first.offsets) :])
    return replace(moved, offsets=offsets, ids=np.append(first.ids, tables.ids[len(first.ids) :]))


@at_scale("reinsert")
def reinsert_of_most_neurons_builds_queues_anew(self, tables, rows, codes):
    moved = REFERENCE.reinsert(tables, rows, codes)
    if tables.policy != "fifo" or len(rows) < 500 or 2 * len(rows) < tables.n_neurons:
        return moved
    sizes = np.diff(moved.offsets)
    order = np.lexsort((-moved.ids, np.repeat(np.arange(len(sizes)), sizes)))
    return replace(moved, ids=moved.ids[order])


@at_scale("reinsert")
def reinsert_puts_long_runs_behind(self, tables, rows, codes):
    """More than 256 newcomers of a bucket are merged from its end."""
    moved = REFERENCE.reinsert(tables, rows, codes)
    buckets = codes.astype(np.int64) + np.arange(tables.L) * tables.n_buckets
    crowded = np.bincount(buckets.ravel(), minlength=len(tables.offsets) - 1) > 256
    return reversed_buckets(moved, crowded)


@at_scale("reinsert")
def reinsert_numbers_rows_in_uint16(self, tables, rows, codes):
    small = rows < 1 << 16
    return REFERENCE.reinsert(tables, rows[small], codes[small])


@at_scale("query")
def query_looks_at_1024_of_a_bucket(self, tables, codes, required, extra, query, salt):
    limit = min(query.bucket_limit, 1024)
    return REFERENCE.query(tables, codes, required, extra, replace(query, bucket_limit=limit), salt)


@at_scale("query")
def query_has_room_for_1000(self, tables, codes, required, extra, query, salt):
    few = replace(query, budget=min(query.budget, 1000))
    return REFERENCE.query(tables, codes, required, extra, few, salt)


@at_scale("query")
def query_probes_8_buckets(self, tables, codes, required, extra, query, salt):
    P = codes.shape[1] // tables.L if tables else 1
    if P > 8:
        nearest = codes.reshape(len(codes), tables.L, P)[:, :, :8]
        codes = nearest.reshape(len(codes), -1)
    return REFERENCE.query(tables, codes, required, extra, query, salt)


@at_scale("query")
def query_looks_into_128_tables(self, tables, codes, required, extra, query, salt):
    if tables is None or tables.L <= 128:
        return REFERENCE.query(tables, codes, required, extra, query, salt)
    read = codes.reshape(len(codes), tables.L, -1)[:, :128].reshape(len(codes), -1)
    return REFERENCE.query(first_tables(tables, 128), read, required, extra, query, salt)


@at_scale("query")
def query_takes_256_labels_of_an_example(self, tables, codes, required, extra, query, salt):
    return REFERENCE.query(tables, codes, first_of_rows(required, 256), extra, query, salt)


@at_scale("query")
def query_shares_100_labels_of_an_example(self, tables, codes, required, extra, query, salt):
    fewer = first_of_rows(required, 100) if query.shared else required
    return REFERENCE.query(tables, codes, fewer, extra, query, salt)


@at_scale("query")
def query_takes_200_extra(self, tables, codes, required, extra, query, salt):
    return REFERENCE.query(tables, codes, required, first_of_rows(extra, 200), query, salt)


@at_scale("query")
def query_loses_the_last_of_a_shared_set_above_1000(
    self, tables, codes, required, extra, query, salt
):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    if not query.shared or len(active.ids) <= 1000:
        return active
    return Block(active.ids[:-1], active.values[:, :-1], active.n_cols)


@at_scale("query")
def query_draws_orders_for_64_examples(self, tables, codes, required, extra, query, salt):
    """Whoever comes later takes the tables as the first example does."""
    if tables is None or query.shared or len(codes) <= 64:
        return REFERENCE.query(tables, codes, required, extra, query, salt)
    parts = slice(0, 64), slice(64, None)
    first, later = (
        REFERENCE.query(
            tables, codes[part], *(some(m, part) for m in (required, extra)), query, salt
        )
        for part in parts
    )
    return stacked(first, later)


@at_scale("query")
def query_of_many_neurons_for_many_examples(self, tables, codes, required, extra, query, salt):
    """Cells are numbered in 24 bits, as float32 counts."""
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    if query.shared:
        return active
    cells = active.row_numbers() * active.n_cols + active.indices
    ids = (cells.astype(np.float32).astype(np.int64) % max(active.n_cols, 1)).astype(np.int32)
    return replace(active, indices=ids)


def some(matrix, part):
    return matrix.take(np.arange(matrix.n_rows)[part])


def stacked(first, later):
    return CSR(
        np.append(first.indptr, first.nnz + later.indptr[1:]),
        np.append(first.indices, later.indices),
        np.append(first.values, later.values),
        first.n_cols,
    )
