"""Tables, checked neuron by neuron: each in the bucket and at the place where it has to be."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.tables import Policy, Tables, mix
from slide.reference.vectorised.verdicts import (
    Verdict,
    Verdicts,
    is_array,
    is_constant,
    is_equal_array,
    is_of_type,
    verdict_unless,
)


def build(
    got: Any, exact: bool, codes: Array, n_buckets: int, salt: int, policy: Policy
) -> Verdicts:
    """Every neuron by its code."""
    n, L = codes.shape
    yield from has_table_sizes(got, n, L, n_buckets, salt, policy)
    everyone = np.arange(n)
    for table in range(L):
        keys = everyone[::-1] if policy == "fifo" else mix(everyone, salt + table)
        yield from is_table(got, table, codes[:, table], keys)


def reinsert(got: Any, exact: bool, tables: Tables, rows: Array, codes: Array) -> Verdicts:
    """Those that move by their new code and the others by their old one."""
    n, L = tables.n_neurons, tables.L
    yield from has_table_sizes(got, n, L, tables.n_buckets, tables.salt, tables.policy)
    for table in range(L):
        buckets, keys = positions(tables, table)
        if tables.policy == "fifo":
            keys[rows] = -1 - rows.astype(np.int64)  # before all that were there
        else:
            keys = mix(np.arange(n), tables.salt + table)
        buckets[rows] = codes[:, table]
        yield from is_table(got, table, buckets, keys)


def positions(tables: Tables, table: int) -> tuple[Array, Array]:
    """The bucket of each neuron in a table, and its place in the table, both i64."""
    n, n_buckets = tables.n_neurons, tables.n_buckets
    offsets = tables.offsets[table * n_buckets : (table + 1) * n_buckets + 1]
    ids = tables.ids[offsets[0] : offsets[-1]]
    buckets, places = np.zeros((2, n), np.int64)
    buckets[ids] = np.repeat(np.arange(n_buckets), np.diff(offsets))
    places[ids] = np.arange(len(ids))
    return buckets, places


def has_table_sizes(
    got: Any, n: int, L: int, n_buckets: int, salt: int, policy: Policy
) -> Verdicts:
    """Whether a result is Tables of these sizes."""
    yield is_of_type(got, Tables)
    expected = {
        "L": L, "n_buckets": n_buckets, "n_neurons": n, "salt": salt, "policy": policy
    }  # fmt: skip
    for name, value in expected.items():
        yield is_constant(getattr(got, name), value, f"result.{name}")
    yield is_array(got.ids, np.int32, (L * n,), "result.ids")
    yield is_array(got.offsets, np.int64, (L * n_buckets + 1,), "result.offsets")


def is_table(got: Tables, table: int, buckets: Array, keys: Array) -> Verdicts:
    """Whether a table has each neuron once, in its bucket, keys ascending in a bucket.

    Args:
        got: the result.
        table: which.
        buckets: of each neuron.
        keys: of each neuron, distinct within a bucket.
    """
    n, n_buckets = got.n_neurons, got.n_buckets
    ends = np.append(0, np.cumsum(np.bincount(buckets, minlength=n_buckets))) + table * n
    found = got.offsets[table * n_buckets : (table + 1) * n_buckets + 1]
    yield is_equal_array(found, ends, f"offsets of table {table}, result.offsets")
    ids = got.ids[table * n : (table + 1) * n]
    outside = (ids < 0) | (ids >= n)
    yield at_place(outside, ids, table, "is no neuron")
    present = np.zeros(n, bool)
    present[ids] = True
    lacking = int(present.argmin()) if n else 0
    yield verdict_unless(bool(present.all()), f"table {table} does not have neuron {lacking}")
    of_ids, keys = buckets[ids].astype(np.int64), keys[ids]
    sizes = np.diff(ends)
    yield at_place(
        of_ids != np.repeat(np.arange(n_buckets), sizes), ids, table, "is in a wrong bucket"
    )
    disorder = (of_ids[1:] == of_ids[:-1]) & (keys[1:] <= keys[:-1])
    yield at_place(np.append(False, disorder), ids, table, "is not in the order of its bucket")


def at_place(wrong: Array, ids: Array, table: int, why: str) -> Verdict:
    """The first place of a table that is wrong."""
    if not wrong.any():
        return Verdict()
    place = int(wrong.argmax())
    return Verdict(f"table {table}: neuron {ids[place]} at place {place} {why}")
