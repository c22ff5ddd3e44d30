"""Wrong tables."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.contract.tables import mix
from slide.reference import tables as flat


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


@mutant("build", "exact")
def build_forgets_its_salt(self, codes, n_buckets, salt, policy):
    return replace(REFERENCE.build(codes, n_buckets, salt, policy), salt=0)


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
def reinsert_ignores_the_policy(self, tables, rows, codes):
    moved = REFERENCE.reinsert(replace(tables, policy="reservoir"), rows, codes)
    return replace(moved, policy=tables.policy)


@mutant("reinsert", "exact")
def reinsert_rebuilds_a_queue(self, tables, rows, codes):
    if tables.policy == "reservoir":
        return REFERENCE.reinsert(tables, rows, codes)
    everyone = codes_in(tables)
    everyone[rows] = codes
    return REFERENCE.build(everyone, tables.n_buckets, tables.salt, tables.policy)


@mutant("reinsert", "exact")
def reinsert_at_the_end_of_a_queue(self, tables, rows, codes):
    def places_of(others, rows, tables, table):
        theirs, own = right(others, rows, tables, table)
        return theirs, own + (2 * tables.n_neurons if tables.policy == "fifo" else 0)

    right = flat.places_of
    with patch.object(flat, "places_of", places_of):
        return REFERENCE.reinsert(tables, rows, codes)


@mutant("reinsert", "exact")
def reinsert_puts_smaller_ids_first(self, tables, rows, codes):
    if tables.policy == "reservoir":
        return REFERENCE.reinsert(tables, rows, codes)
    for i in reversed(range(len(rows))):
        tables = REFERENCE.reinsert(tables, rows[i : i + 1], codes[i : i + 1])
    return tables


@mutant("reinsert", "exact")
def reinsert_leaves_who_keeps_its_buckets(self, tables, rows, codes):
    moved = np.any(codes != codes_in(tables)[rows], axis=1)
    return REFERENCE.reinsert(tables, rows[moved], codes[moved])


@mutant("reinsert", "dtype")
def reinsert_forgets_the_old_entries(self, tables, rows, codes):
    moved = REFERENCE.reinsert(tables, rows, codes)
    pairs = zip(bucket_lists(tables), bucket_lists(moved), strict=True)
    lists = [new + [j for j in old if j not in new] for old, new in pairs]
    ids = np.concatenate([np.array(bucket, np.int32) for bucket in lists])
    return replace(tables, offsets=np.cumsum([0, *map(len, lists)]), ids=ids)


@mutant("reinsert", "pure", alone=True)
def reinsert_into_the_old_tables(self, tables, rows, codes):
    right = REFERENCE.reinsert(tables, rows, codes)
    tables.ids[:] = right.ids
    return right


@mutant("reinsert", "metamorphic", alone=True)
def reinsert_forgets_who_comes_late(self, tables, rows, codes):
    return REFERENCE.reinsert(tables, rows[:64], codes[:64])


def joined(tables, right):
    """Tables of one table each as one, where no bucket lies."""
    ends = np.cumsum([0, *(table.n_neurons for table in tables)])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, ends, strict=False)]
    ids = np.concatenate([table.ids for table in tables])
    return replace(right, offsets=np.append(np.concatenate(offsets), ends[-1]), ids=ids)


def codes_in(tables):
    """Where each neuron is: u32 (n, L)."""
    codes = np.empty((tables.n_neurons, tables.L), np.uint32)
    for place, bucket in enumerate(bucket_lists(tables)):
        table, code = divmod(place, tables.n_buckets)
        codes[bucket, table] = code
    return codes


def bucket_lists(tables):
    return [bucket.tolist() for bucket in np.split(tables.ids, tables.offsets[1:-1])]
