"""Wrong active sets."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.contract.arrays import CSR, Block
from slide.reference import strategies


@mutant("query", "exact")
def query_drops_the_last_label(self, tables, codes, required, extra, query, salt):
    ends = np.where(required.row_lengths() > 0, required.indptr[1:], required.nnz + 1)
    kept = np.setdiff1d(np.arange(required.nnz), ends - 1)
    indptr = np.searchsorted(kept, required.indptr)
    fewer = CSR(indptr, required.indices[kept], required.values[kept], required.n_cols)
    return REFERENCE.query(tables, codes, fewer, extra, query, salt)


@mutant("query", "exact")
def query_ignores_the_salt(self, tables, codes, required, extra, query, salt):
    return REFERENCE.query(tables, codes, required, extra, query, 0)


@mutant("query", "exact")
def query_keeps_one_too_many(self, tables, codes, required, extra, query, salt):
    more = replace(query, budget=query.budget + 1)
    return REFERENCE.query(tables, codes, required, extra, more, salt)


@mutant("query", "exact")
def query_ignores_the_bucket_limit(self, tables, codes, required, extra, query, salt):
    unlimited = replace(query, bucket_limit=required.n_cols + 1)
    return REFERENCE.query(tables, codes, required, extra, unlimited, salt)


@mutant("query", "exact")
def query_swaps_labels_and_extra(self, tables, codes, required, extra, query, salt):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    return active.with_values(2 - active.values)


@mutant("query", "exact")
def query_always_topk(self, tables, codes, required, extra, query, salt):
    topk = replace(query, strategy="topk")
    return REFERENCE.query(tables, codes, required, extra, topk, salt)


@mutant("query", "exact")
def query_probes_alike_for_all_examples(self, tables, codes, required, extra, query, salt):
    if query.shared or not len(codes):
        return REFERENCE.query(tables, codes, required, extra, query, salt)
    each = [
        REFERENCE.query(
            tables,
            codes[i : i + 1],
            required.take(np.array([i])),
            extra.take(np.array([i])),
            query,
            salt,
        )
        for i in range(len(codes))
    ]
    indptr = np.cumsum([0] + [one.nnz for one in each])
    indices = np.concatenate([one.indices for one in each])
    return CSR(indptr, indices, np.concatenate([one.values for one in each]), required.n_cols)


@mutant("query", "metamorphic")
def query_cuts_the_shared_set_as_a_whole(self, tables, codes, required, extra, query, salt):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    if not query.shared:
        return active
    found = np.flatnonzero(active.values[0] == 1)
    ids = np.delete(active.ids, found[query.budget :])
    return Block(ids, np.delete(active.values, found[query.budget :], axis=1), active.n_cols)


@mutant("query", "wide", alone=True)
def query_numbers_cells_in_int32(self, tables, codes, required, extra, query, salt):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    if query.shared:
        return active
    cells = (active.row_numbers() * active.n_cols + active.indices).astype(np.int32)
    return replace(
        active, indices=(cells % max(active.n_cols, 1)).astype(np.int32)[np.argsort(cells)]
    )


@mutant("query", "exact")
def query_with_a_strict_threshold(self, tables, codes, required, extra, query, salt):
    stricter = replace(query, threshold=query.threshold + 1)
    return REFERENCE.query(tables, codes, required, extra, stricter, salt)


@mutant("query", "exact")
def query_takes_all_above_the_threshold(self, tables, codes, required, extra, query, salt):
    if query.strategy == "threshold":
        query = replace(query, budget=required.n_cols)
    return REFERENCE.query(tables, codes, required, extra, query, salt)


@mutant("query", "exact")
def query_looks_into_the_nearest_bucket_alone(self, tables, codes, required, extra, query, salt):
    if tables is not None:
        codes = codes[:, :: codes.shape[1] // tables.L]
    return REFERENCE.query(tables, codes, required, extra, query, salt)


def with_meetings(wrong):
    """A kernel `query` that counts otherwise whom an example meets."""
    right = strategies.meetings

    def query_(self, tables, codes, required, extra, query, salt):
        def meetings(tables, codes, bucket_limit, salt):
            return wrong(right, tables, codes, bucket_limit, salt)

        with patch.object(strategies, "meetings", meetings):
            return REFERENCE.query(tables, codes, required, extra, query, salt)

    query_.__name__ = wrong.__name__
    return query_


@mutant("query", "exact")
@with_meetings
def query_counts_every_probe_as_a_hit(meetings, tables, codes, bucket_limit, salt):
    cells, turns, _ = meetings(tables, codes, bucket_limit, salt)
    met = strategies.visits(tables, codes, bucket_limit, salt) // codes.shape[1]
    return cells, turns, np.unique(met, return_counts=True)[1]


@mutant("query", "exact")
@with_meetings
def query_exhausts_a_table_before_the_next(meetings, tables, codes, bucket_limit, salt):
    cells, turns, hits = meetings(tables, codes, bucket_limit, salt)
    probe, table = np.divmod(turns, tables.L)
    return cells, table * (codes.shape[1] // tables.L) + probe, hits


@mutant("query", "exact")
@with_meetings
def query_looks_into_the_furthest_bucket_first(meetings, tables, codes, bucket_limit, salt):
    mirrored = codes.reshape(len(codes), tables.L, codes.shape[1] // tables.L)[:, :, ::-1]
    return meetings(tables, mirrored.reshape(codes.shape), bucket_limit, salt)


@mutant("query", "exact")
@with_meetings
def query_takes_the_probes_for_the_tables(meetings, tables, codes, bucket_limit, salt):
    swapped = codes.reshape(len(codes), codes.shape[1] // tables.L, tables.L).transpose(0, 2, 1)
    return meetings(tables, swapped.reshape(codes.shape), bucket_limit, salt)


@mutant("query", "exact")
@with_meetings
def query_takes_the_tables_in_turn(meetings, tables, codes, bucket_limit, salt):
    def same_for_all(numbers, salt):
        return np.broadcast_to(np.arange(numbers.shape[1]), numbers.shape)

    with patch.object(strategies, "mix", same_for_all):
        return meetings(tables, codes, bucket_limit, salt)
