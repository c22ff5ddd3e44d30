"""The largest of some numbers, found by counting: no two of them are compared.

Of numbers that are at least 0 the bits are in the same order, as whole numbers. Counts of their
upper bits tell where the bound is among them, and only those near to it are looked at again.
"""

from __future__ import annotations

import numpy as np

from slide.backends.threads.compiling import Number, compiled
from slide.core.contract.lists import Array

UPPER, N_UPPER = np.uint32(20), 1 << 11  # bits below those that are counted; how many these can be
DIGIT, N_DIGITS = np.uint32(8), 1 << 8  # bits that ids are ordered by at a time
FEW = 64  # ids that are ordered sooner by comparing them


@compiled
def largest_ids(ids: Array, sizes: Array, limit: int) -> Array:
    """The ids of the `limit` largest sizes, ties to the smaller id; ascending.

    Args:
        ids: i32 (n,), at least 0, none twice.
        sizes: f32 (n,), at least 0.
        limit: of ids.
    """
    n = len(ids)
    if limit <= 0:
        return ids[:0].copy()
    if n <= limit:
        return ordered(ids)
    keys = sizes.view(np.uint32)
    bound = bound_of(keys, limit)
    chosen, ties = np.empty(limit + 1, np.int32), np.empty(n + 1, np.int32)
    n_chosen, n_ties = 0, 0
    for t in range(n):
        chosen[n_chosen] = ties[n_ties] = ids[t]
        n_chosen += keys[t] > bound
        n_ties += keys[t] == bound
    chosen[n_chosen:limit] = np.sort(ties[:n_ties])[: limit - n_chosen]
    return ordered(chosen[:limit])


@compiled
def bound_of(keys: Array, limit: int) -> Number:
    """The smallest of the `limit` largest keys, u32 below 2**31; of at least as many."""
    counts = np.zeros(N_UPPER, np.int64)
    for key in keys:
        counts[key >> UPPER] += 1
    upper, n_above = N_UPPER - 1, 0
    while n_above + counts[upper] < limit:
        n_above += counts[upper]
        upper -= 1
    near, n = np.empty(counts[upper] + 1, np.uint32), 0
    for key in keys:
        near[n] = key
        n += (key >> UPPER) == upper
    place = n - (limit - n_above)
    return np.partition(near[:n], place)[place]


@compiled
def ordered(ids: Array) -> Array:
    """Some ids, i32, at least 0, ascending: by one digit after the other, the lowest first."""
    if len(ids) < FEW:
        return np.sort(ids)
    given, moved = ids.copy(), np.empty_like(ids)
    largest, below = ids.max(), np.uint32(0)
    places = np.empty(N_DIGITS + 1, np.int64)
    while largest >> below:
        places[:] = 0
        for f in given:
            places[((f >> below) & (N_DIGITS - 1)) + 1] += 1
        for digit in range(N_DIGITS):
            places[digit + 1] += places[digit]
        for f in given:
            digit = (f >> below) & (N_DIGITS - 1)
            moved[places[digit]] = f
            places[digit] += 1
        given, moved = moved, given
        below += DIGIT
    return given
