"""Long lists of whole numbers: in runs, as offsets, and several in one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
AT_A_TIME = 1 << 20  # entries of a matrix that is looked at as a whole


def spans(n: int) -> Iterator[slice]:
    """0 to n in runs: what is computed from large arrays by them needs no array as large."""
    for start in range(0, n, AT_A_TIME):
        yield slice(start, min(start + AT_A_TIME, n))


def indptr_of(lengths: Array) -> Array:
    """Where each of some runs of these lengths begins, and where the last ends: i64 (n + 1,)."""
    return np.append(0, np.cumsum(lengths))


def gini(sizes: Array) -> float:
    """Mean absolute difference of two sizes over twice their mean; 0 where all are 0.

    With sizes s_1 <= ... <= s_m it is sum_i (2 i - m - 1) s_i / (m sum_i s_i).
    """
    m, total = len(sizes), float(sizes.sum())
    ranks = 2 * np.arange(1, m + 1) - m - 1
    return float(ranks @ np.sort(sizes)) / (m * total) if total else 0.0


def occupancy_of_lists(offsets: Array) -> dict[str, float]:
    """How evenly entries are spread over lists.

    Args:
        offsets: i64 (n + 1,), where each list begins, and where the last ends.

    Returns:
        list_mean (of lists that are not empty), list_largest, list_empty (share of all) and
        list_gini (of all sizes: 0 if all are equal, near 1 if one list has all).
    """
    sizes = np.diff(offsets)
    filled = int(np.count_nonzero(sizes))
    return {
        "list_mean": float(sizes.sum()) / max(filled, 1),
        "list_largest": float(sizes.max(initial=0)),
        "list_empty": 1 - filled / max(len(sizes), 1),
        "list_gini": gini(sizes),
    }


def distinct(numbers: Array) -> Array:
    """The distinct ones of some whole numbers from 0 on, ascending.

    np.unique does the same, and of large arrays takes 30 times as long since it hashes (NumPy 2.3).
    """
    ordered = np.sort(numbers)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]


def merged(*lists: Array) -> tuple[Array, Array]:
    """The distinct numbers of up to four lists, ascending i64, and the first list that has each.

    Args:
        lists: whole numbers from 0 to 2**61, repeated or not.

    Returns:
        numbers, and f32 0 for those of the first list, 1 for the others of the second, and so on.
    """
    marked = [4 * numbers.astype(np.int64) + place for place, numbers in enumerate(lists)]
    ordered = np.sort(np.concatenate(marked))  # a number before its double in a later list
    numbers = ordered >> 2
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    return numbers[first], (ordered[first] & 3).astype(np.float32)
