"""Wrong codes and wrong tables."""

from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.hashing import SimHash, Tables, mix


@mutant("hash", "exact")
def hash_forgets_the_center(self, x, center, family):
    return REFERENCE.hash(x, np.zeros_like(center), family)


@mutant("hash", "exact")
def hash_with_the_highest_bit_first(self, x, center, family):
    L, K = family.L, family.K
    flipped = family.projection.reshape(-1, L, K)[:, :, ::-1].reshape(-1, L * K)
    return REFERENCE.hash(x, center, SimHash(flipped, K, L))


@mutant("hash", "exact", alone=True)
def hash_counts_zero_as_positive(self, x, center, family):
    away = REFERENCE.hash(-x, -center, family)
    return ~away & np.uint32(family.n_buckets - 1)


@mutant("hash", "bound", alone=True)
def hash_of_float16(self, x, center, family):
    return REFERENCE.hash((x - center).astype(np.float16), np.float16(0), family)


@mutant("hash", "metamorphic", alone=True)
def hash_drops_the_second_chunk(self, x, center, family):
    codes = REFERENCE.hash(x, center, family)
    codes[256:] = 0
    return codes


@mutant("hash", "metamorphic")
def hash_remembers_arguments_by_shape(self, x, center, family):
    remembered = self.__dict__.setdefault("remembered", {})
    key = x.shape, family.K, family.L
    return remembered.setdefault(key, REFERENCE.hash(x, center, family))


@mutant("hash", "dtype", alone=True)
def hash_to_int64(self, x, center, family):
    return REFERENCE.hash(x, center, family).astype(np.int64)


@mutant("build", "exact")
def build_ignores_the_salt(self, codes, n_buckets, salt):
    return REFERENCE.build(codes, n_buckets, 0)


@mutant("build", "metamorphic")
def build_salts_all_tables_alike(self, codes, n_buckets, salt):
    tables = [REFERENCE.build(column[:, None], n_buckets, salt) for column in codes.T]
    return joined(tables, n_buckets)


@mutant("build", "exact")
def build_orders_a_bucket_by_signed_numbers(self, codes, n_buckets, salt):
    n, L = codes.shape
    ids = [
        np.lexsort((mix(np.arange(n), salt + table).view(np.int32), codes[:, table]))
        for table in range(L)
    ]
    right = REFERENCE.build(codes, n_buckets, salt)
    return replace(right, ids=np.concatenate(ids).astype(np.int32))


@mutant("build", "dtype")
def build_with_offsets_within_each_table(self, codes, n_buckets, salt):
    right = REFERENCE.build(codes, n_buckets, salt)
    starts = np.repeat(np.arange(right.L) * right.n_neurons, n_buckets)
    return replace(right, offsets=np.append(right.offsets[:-1] - starts, right.n_neurons))


def joined(tables, n_buckets):
    ends = np.cumsum([0, *(table.n_neurons for table in tables)])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, ends, strict=False)]
    ids = np.concatenate([table.ids for table in tables])
    return Tables(np.append(np.concatenate(offsets), ends[-1]), ids, len(tables), n_buckets)
