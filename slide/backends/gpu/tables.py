"""The kernels `build` and `reinsert`: each table is a sort by bucket and place within it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.backends.gpu.device import Device
from slide.backends.gpu.segments import ID_BITS
from slide.core.arrays import Array
from slide.core.hashing import Policy, Tables, mix


def build(device: Device, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """Every table from the codes (n, L) of all neurons."""
    xp = device.xp
    n, L = codes.shape
    everyone = xp.arange(n)
    lists = []
    for table in range(L):
        places = mix(everyone, salt + table) if policy == "reservoir" else n - 1 - everyone
        lists.append((codes[:, table], places, everyone))
    return filled(xp, Tables(codes, codes, L, n_buckets, n, salt, policy), lists)


def reinsert(device: Device, tables: Tables, rows: Array, codes: Array) -> Tables:
    """Every table again, from its own order and the new codes (R, L) of some neurons."""
    xp, n, n_buckets = device.xp, tables.n_neurons, tables.n_buckets
    is_moved = xp.zeros(n, bool)
    is_moved[rows] = True
    lists = []
    for table in range(tables.L):
        ids = tables.ids[table * n : (table + 1) * n]
        ends = tables.offsets[table * n_buckets + 1 : (table + 1) * n_buckets + 1] - table * n
        buckets = xp.searchsorted(ends, xp.arange(n), side="right")
        stays = ~is_moved[ids]
        others, theirs = ids[stays], buckets[stays]
        if tables.policy == "reservoir":
            salt = tables.salt + table
            places = xp.concatenate([mix(rows, salt), mix(others, salt)])
        else:
            places = xp.concatenate([n - 1 - rows, n + xp.arange(len(others))])
        moved = codes[:, table].astype(np.int64)
        lists.append((xp.concatenate([moved, theirs]), places, xp.concatenate([rows, others])))
    return filled(xp, tables, lists)


def filled(xp: Any, tables: Tables, lists: list[tuple[Array, Array, Array]]) -> Tables:
    """Tables like these, of other contents.

    Args:
        xp: array module.
        tables: their sizes, salt and policy.
        lists: of each table the bucket of every neuron, its place there, and its id.
    """
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
