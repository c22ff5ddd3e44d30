"""The kernels `build` and `reinsert`: flat tables, each bucket in the order of its policy."""

from __future__ import annotations

import numpy as np

from slide.core.arrays import Array
from slide.core.hashing import Policy, Tables, mix


def build(codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """Every table from the codes (n, L) of all neurons."""
    n, L = codes.shape
    ids = np.arange(n)
    places = [
        mix(ids, salt + table) if policy == "reservoir" else n - 1 - ids for table in range(L)
    ]
    return sorted_tables(codes, np.array(places).reshape(L, n), n_buckets, salt, policy)


def reinsert(tables: Tables, rows: Array, new_codes: Array) -> Tables:
    """The codes of all neurons, read off the tables, with those of `rows` put in."""
    n, L = tables.n_neurons, tables.L
    old = tables.ids.reshape(L, n)
    sizes = np.diff(tables.offsets).reshape(L, tables.n_buckets)
    codes = np.empty((n, L), np.uint32)
    places = np.empty((L, n), np.int64)
    for table in range(L):
        codes[old[table], table] = np.repeat(np.arange(tables.n_buckets), sizes[table])
        if tables.policy == "reservoir":
            places[table] = mix(np.arange(n), tables.salt + table)
        else:
            places[table, old[table]] = n + np.arange(n)  # in their order, after the newest
            places[table, rows] = n - 1 - rows
    codes[rows] = new_codes
    return sorted_tables(codes, places, tables.n_buckets, tables.salt, tables.policy)


def sorted_tables(codes: Array, places: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """Tables with the ids of each sorted by bucket and then by place (L, n), below 2**32."""
    n, L = codes.shape
    ids = np.empty((L, n), np.int32)
    sizes = np.empty((L, n_buckets), np.int64)
    for table in range(L):
        bucket = codes[:, table].astype(np.uint64) << np.uint64(32)
        ids[table] = np.argsort(bucket | places[table].astype(np.uint64))
        sizes[table] = np.bincount(codes[:, table], minlength=n_buckets)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Tables(offsets, ids.reshape(-1), L, n_buckets, n, salt, policy)
