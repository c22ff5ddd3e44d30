"""Runs of equal numbers in an ordered array, and rows of a CSR: the vocabulary of array code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from slide.backends.gpu.device import Device
from slide.core.contract.arrays import CSR, Array

ID_BITS = np.uint64(32)
ID_MASK = np.uint64(0xFFFFFFFF)


def first_places(xp: Any, ordered: Array) -> Array:
    """The places at which a number of an ordered array comes for the first time, i64."""
    is_first = xp.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    places: Array = xp.flatnonzero(is_first)
    return places


def places_within(xp: Any, ordered: Array) -> Array:
    """How many equal numbers come before each one of an ordered array, i64."""
    places: Array = xp.arange(len(ordered)) - xp.searchsorted(ordered, ordered)
    return places


def offsets_of(xp: Any, lengths: Array) -> Array:
    """Where each of some lists begins that lie one after the other, and the end: i64 (n + 1,)."""
    begins: Array = xp.zeros(len(lengths) + 1, np.int64)
    begins[1:] = xp.cumsum(lengths)
    return begins


def find_in(xp: Any, ordered: Array, wanted: Array) -> tuple[Array, Array]:
    """Whether an ordered array has each of some numbers, and where it would be."""
    if not len(ordered):
        return xp.zeros(len(wanted), bool), xp.zeros(len(wanted), np.int64)
    places = xp.searchsorted(ordered, wanted)
    found = ordered[xp.minimum(places, len(ordered) - 1)] == wanted
    return found, places


class Columns(NamedTuple):
    """A CSR (B, n) by column, without the columns that it does not store.

    Args:
        ids: i32 (C,), the columns, ascending.
        begins: i64 (C + 1,), where the entries of each begin.
        rows: i64 (nnz,), the rows of the entries, ascending within a column.
        values: f32 (nnz,).
    """

    ids: Array
    begins: Array
    rows: Array
    values: Array


def columns_of(xp: Any, z: CSR) -> Columns:
    """Sort the entries of z by column."""
    order = xp.argsort(z.indices)  # stable, so rows stay in order
    ordered = z.indices[order]
    begins = first_places(xp, ordered)
    ends = xp.concatenate([begins, xp.full(1, z.nnz, np.int64)])
    return Columns(ordered[begins], ends, z.row_numbers()[order], z.values[order])


def best_keys(device: Device, begins: Array, scores: Array, ids: Array | None, k: int) -> Array:
    """Keys of the k largest scores of each row (see `decoded`): u64 (R, k), largest first.

    Args:
        device: computes.
        begins: i64 (R + 1,), where the scores of each row begin.
        scores: f32.
        ids: i32, of each score; None for their numbers within the row.
        k: at least 1.
    """
    n_rows = len(begins) - 1
    keys = device.xp.zeros((n_rows, k), np.uint64)
    device.launch("best_of_rows", n_rows, 256, begins, scores, ids, k, keys)
    return descending(device.xp, keys)


def descending(xp: Any, keys: Array) -> Array:
    """Each row sorted, the largest first."""
    ordered: Array = xp.sort(keys, axis=1)[:, ::-1]
    return ordered


def decoded(xp: Any, keys: Array) -> tuple[Array, Array]:
    """Ids i32 and scores f32 of keys as `key_of` in cuda/common.cuh makes them.

    A key of 0 stands for an empty place: id -1 and score -inf.
    """
    keys = xp.ascontiguousarray(keys)
    ids = (ID_MASK - (keys & ID_MASK)).astype(np.uint32).view(np.int32)
    upper = (keys >> ID_BITS).astype(np.uint32)
    sign = np.uint32(0x80000000)
    scores = xp.where(upper & sign, upper ^ sign, ~upper).view(np.float32)
    is_empty = keys == 0
    return xp.where(is_empty, np.int32(-1), ids), xp.where(is_empty, np.float32(-np.inf), scores)
