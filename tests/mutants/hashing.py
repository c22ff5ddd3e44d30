"""Wrong tables."""

from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.hashing import mix


@mutant("build", "exact")
def build_ignores_the_salt(self, codes, n_buckets, salt, policy):
    return REFERENCE.build(codes, n_buckets, 0, policy)


@mutant("build", "metamorphic")
def build_salts_all_tables_alike(self, codes, n_buckets, salt, policy):
    tables = [REFERENCE.build(column[:, None], n_buckets, salt, policy) for column in codes.T]
    return joined(tables, REFERENCE.build(codes, n_buckets, salt, policy))


@mutant("build", "exact")
def build_orders_a_bucket_by_signed_numbers(self, codes, n_buckets, salt, policy):
    if policy == "fifo":
        return REFERENCE.build(codes, n_buckets, salt, policy)
    n, L = codes.shape
    ids = [
        np.lexsort((mix(np.arange(n), salt + table).view(np.int32), codes[:, table]))
        for table in range(L)
    ]
    right = REFERENCE.build(codes, n_buckets, salt, policy)
    return replace(right, ids=np.concatenate(ids).astype(np.int32))


@mutant("build", "dtype")
def build_with_offsets_within_each_table(self, codes, n_buckets, salt, policy):
    right = REFERENCE.build(codes, n_buckets, salt, policy)
    starts = np.repeat(np.arange(right.L) * right.n_neurons, n_buckets)
    return replace(right, offsets=np.append(right.offsets[:-1] - starts, right.n_neurons))


@mutant("build", "exact")
def build_always_samples(self, codes, n_buckets, salt, policy):
    return replace(REFERENCE.build(codes, n_buckets, salt, "reservoir"), policy=policy)


@mutant("build", "exact")
def build_puts_the_oldest_first(self, codes, n_buckets, salt, policy):
    right = REFERENCE.build(codes, n_buckets, salt, policy)
    if policy == "reservoir":
        return right
    buckets = np.split(right.ids, right.offsets[1:-1])
    return replace(right, ids=np.concatenate([bucket[::-1] for bucket in buckets]))


@mutant("reinsert", "exact")
def reinsert_does_nothing(self, tables, rows, codes):
    return tables


@mutant("reinsert", "exact")
def reinsert_drops_the_last_row(self, tables, rows, codes):
    return REFERENCE.reinsert(tables, rows[:-1], codes[:-1])


@mutant("reinsert", "exact")
def reinsert_by_a_fresh_salt(self, tables, rows, codes):
    fresh = REFERENCE.reinsert(replace(tables, salt=tables.salt + 1), rows, codes)
    return replace(fresh, salt=tables.salt)


@mutant("reinsert", "exact")
def reinsert_keeps_the_place_in_a_bucket(self, tables, rows, codes):
    moved = REFERENCE.reinsert(replace(tables, policy="reservoir"), rows, codes)
    return replace(moved, policy=tables.policy)


@mutant("reinsert", "pure", alone=True)
def reinsert_into_the_old_tables(self, tables, rows, codes):
    right = REFERENCE.reinsert(tables, rows, codes)
    tables.ids[:] = right.ids
    return right


@mutant("reinsert", "metamorphic")
def reinsert_forgets_who_comes_late(self, tables, rows, codes):
    return REFERENCE.reinsert(tables, rows[:64], codes[:64])


def joined(tables, right):
    """Tables of one table each as one, where no bucket lies."""
    ends = np.cumsum([0, *(table.n_neurons for table in tables)])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, ends, strict=False)]
    ids = np.concatenate([table.ids for table in tables])
    return replace(right, offsets=np.append(np.concatenate(offsets), ends[-1]), ids=ids)
