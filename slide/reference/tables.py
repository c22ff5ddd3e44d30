"""The kernels `build` and `reinsert`: flat tables, each bucket in the order of its policy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.tables import Policy, Tables, mix


def build(codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """Every table from the codes (n, L) of all neurons."""
    n, L = codes.shape
    ids = np.empty((L, n), np.int32)
    sizes = np.empty((L, n_buckets), np.int64)
    everyone = np.arange(n)
    for table, buckets in enumerate(codes.T):
        places = mix(everyone, salt + table) if policy == "reservoir" else n - 1 - everyone
        ids[table] = np.argsort(keys(buckets, places))
        sizes[table] = np.bincount(buckets, minlength=n_buckets)
    return Tables(ends(sizes), ids.reshape(-1), L, n_buckets, n, salt, policy)


def reinsert(tables: Tables, rows: Array, codes: Array) -> Tables:
    """Take `rows` out of every table, and merge them with the others by their new codes (R, L)."""
    ids = tables.ids.reshape(tables.L, -1).copy()
    sizes = np.diff(tables.offsets).reshape(tables.L, -1)
    moves = np.zeros(tables.n_neurons, bool)
    moves[rows] = True
    for table, new_buckets in enumerate(codes.T):
        old_buckets = np.repeat(np.arange(tables.n_buckets), sizes[table])
        gone = moves[ids[table]]
        others = ids[table, ~gone]
        their_places, places = places_of(others, rows, tables, table)
        new_keys = keys(new_buckets, places)
        order = np.argsort(new_keys)
        before = np.searchsorted(keys(old_buckets[~gone], their_places), new_keys[order])
        ids[table] = np.insert(others, before, rows[order])
        np.subtract.at(sizes[table], old_buckets[gone], 1)
        np.add.at(sizes[table], new_buckets, 1)
    return replace(tables, offsets=ends(sizes), ids=ids.reshape(-1))


def places_of(others: Array, rows: Array, tables: Tables, table: int) -> tuple[Array, Array]:
    """Where in their buckets neurons go that stay, and such that come."""
    if tables.policy == "reservoir":
        return mix(others, tables.salt + table), mix(rows, tables.salt + table)
    n = tables.n_neurons
    return np.full(len(others), n), n - 1 - rows


def keys(buckets: Array, places: Array) -> Array:
    """One u64 for each neuron, by which those of a table are sorted: its bucket, then its place."""
    return buckets.astype(np.uint64) << np.uint64(32) | places.astype(np.uint64)


def ends(sizes: Array) -> Array:
    """Offsets from the sizes (L, n_buckets) of the buckets."""
    return np.concatenate([[0], np.cumsum(sizes)])
