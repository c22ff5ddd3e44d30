"""The kernels `build` and `reinsert`: each table is a sort by bucket and place within it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from slide.backends.gpu.device import Device
from slide.backends.gpu.segments import ID_BITS
from slide.core.contract.arrays import Array
from slide.core.contract.tables import Policy, Tables, mix

List = tuple[Array, Array, Array]
"""Of the neurons of one table: the bucket of each, its place there, and its id."""


def build(device: Device, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """Every table from the codes (n, L) of all neurons."""
    n, L = codes.shape
    empty = Tables(codes[:0], codes[:0], L, n_buckets, n, salt, policy)
    return fill_tables(device.xp, empty, new_lists(device.xp, empty, codes))


def reinsert(device: Device, tables: Tables, rows: Array, codes: Array) -> Tables:
    """Every table again, from its own order and the new codes (R, L) of some neurons."""
    return fill_tables(device.xp, tables, moved_lists(device.xp, tables, rows, codes))


def new_lists(xp: Any, tables: Tables, codes: Array) -> Iterator[List]:
    """All neurons, table by table."""
    everyone = xp.arange(tables.n_neurons)
    for table in range(tables.L):
        yield codes[:, table], places_of(tables, table, everyone), everyone


def moved_lists(xp: Any, tables: Tables, rows: Array, codes: Array) -> Iterator[List]:
    """The neurons that move, and the others as they are, table by table."""
    n, n_buckets = tables.n_neurons, tables.n_buckets
    is_moved = xp.zeros(n, bool)
    is_moved[rows] = True
    for table in range(tables.L):
        ids = tables.ids[table * n : (table + 1) * n]
        ends = tables.offsets[table * n_buckets + 1 : (table + 1) * n_buckets + 1] - table * n
        stays = ~is_moved[ids]
        others = ids[stays]
        buckets = xp.searchsorted(ends, xp.arange(n), side="right")[stays]
        theirs = n + xp.arange(len(others))  # after all that come, in the order they have
        if tables.policy == "reservoir":
            theirs = places_of(tables, table, others)
        yield (
            xp.concatenate([codes[:, table].astype(np.int64), buckets]),
            xp.concatenate([places_of(tables, table, rows), theirs]),
            xp.concatenate([rows, others]),
        )


def places_of(tables: Tables, table: int, ids: Array) -> Array:
    """Where in its bucket a neuron goes that comes."""
    if tables.policy == "reservoir":
        return mix(ids, tables.salt + table)
    return tables.n_neurons - 1 - ids


def fill_tables(xp: Any, tables: Tables, lists: Iterator[List]) -> Tables:
    """Tables like these, of other contents: what is made of a list is gone before the next."""
    n, n_buckets = tables.n_neurons, tables.n_buckets
    ids = xp.empty(tables.L * n, np.int32)
    offsets = xp.zeros(tables.L * n_buckets + 1, np.int64)
    for table, (buckets, places, neurons) in enumerate(lists):
        order = xp.argsort(buckets.astype(np.uint64) << ID_BITS | places.astype(np.uint64))
        ids[table * n : (table + 1) * n] = neurons[order]
        ordered = buckets[order].astype(np.int64)
        ends = table * n + xp.searchsorted(ordered, xp.arange(n_buckets), side="right")
        offsets[table * n_buckets + 1 : (table + 1) * n_buckets + 1] = ends
    return replace(tables, offsets=offsets, ids=ids)
