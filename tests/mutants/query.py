"""Wrong active sets."""

from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.arrays import CSR, Block


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


@mutant("query", "exact")
def query_counts_every_probe_as_a_hit(self, tables, codes, required, extra, query, salt):
    if tables is None or codes.shape[1] == tables.L or query.strategy == "vanilla":
        return REFERENCE.query(tables, codes, required, extra, query, salt)
    twins, several = [], codes.shape[1] // tables.L
    for table in range(tables.L):
        start, end = (table + np.arange(2)) * tables.n_buckets
        offsets, first = tables.offsets[start : end + 1], tables.offsets[start]
        twins += [(offsets - first, tables.ids[first : offsets[-1]])] * several
    starts = np.cumsum([0, *(len(ids) for _, ids in twins)])
    offsets = [o[:-1] + start for (o, _), start in zip(twins, starts, strict=False)]
    many = replace(
        tables,
        offsets=np.append(np.concatenate(offsets), starts[-1]),
        ids=np.concatenate([ids for _, ids in twins]),
        L=codes.shape[1],
    )
    return REFERENCE.query(many, codes, required, extra, query, salt)


@mutant("query", "exact")
def query_exhausts_a_table_before_the_next(self, tables, codes, required, extra, query, salt):
    if tables is None or query.strategy != "vanilla":
        return REFERENCE.query(tables, codes, required, extra, query, salt)
    first = codes.reshape(len(codes), tables.L, -1)[:, ::-1].reshape(codes.shape)
    return REFERENCE.query(tables, first, required, extra, query, salt)
