"""Tests of `slide.backends.threads.selecting`."""

import numpy as np
import pytest

from slide.backends.threads.selecting import FEW, N_DIGITS, largest_ids, ordered


@pytest.mark.parametrize("n", [0, 1, 5, FEW, 300, 5000])
@pytest.mark.parametrize("kinds", [1, 7, 10**6], ids=["equal", "ties", "different"])
def test_largest_ids_are_those_that_sorting_gives(n, kinds):
    rng = np.random.default_rng(n)
    ids = rng.permutation(10 * n)[:n].astype(np.int32)
    sizes = (rng.integers(kinds, size=n) / kinds).astype(np.float32) ** 4
    for limit in (0, 1, n // 3, n - 1, n, n + 1):
        order = np.lexsort((ids, -sizes))[: max(limit, 0)]
        np.testing.assert_array_equal(largest_ids(ids, sizes, limit), np.sort(ids[order]))


@pytest.mark.parametrize("largest", [N_DIGITS - 1, N_DIGITS, N_DIGITS**2, N_DIGITS**3, 2**31 - 1])
def test_ids_of_any_number_of_digits_are_ordered(largest):
    ids = np.random.default_rng(0).integers(largest + 1, size=4 * FEW).astype(np.int32)
    ids[7] = largest
    given = ids.copy()
    np.testing.assert_array_equal(ordered(ids), np.sort(ids))
    np.testing.assert_array_equal(ids, given)
