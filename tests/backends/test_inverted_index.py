"""The inverted index of the threads: whatever their number, however many neurons are wanted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slide.backends.numba_threads import NumbaBackend
from slide.backends.threads.layouts import transposed, transposed_by_all
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import CSR
from slide.core.contract.sparse import InvertedIndex
from slide.reference.kernels import ReferenceBackend

N_NEURONS, N_INPUTS = 700, 8
SMALL = (1, 5, 40)
LARGE = (128, 129, 200, 341, 699, 700, 701)  # of 700 neurons, on both sides of each way to choose


def drawn(rng, n_rows, n_cols, share):
    """A matrix of a few whole numbers, so that sums are exact and often equal."""
    full = rng.integers(-2, 3, (n_rows, n_cols)) * (rng.random((n_rows, n_cols)) < share)
    rows, columns = np.nonzero(full)
    values = full[rows, columns].astype(np.float32)
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=n_rows)))
    return CSR(indptr, columns.astype(np.int32), values, n_cols)


@pytest.mark.parametrize("k", [*SMALL, *LARGE])
@given(st.integers(0, 2**32 - 1))
def test_neurons_are_found_however_many_are_wanted_and_met(k, seed):
    rng = np.random.default_rng(seed)
    lists = drawn(rng, N_INPUTS, N_NEURONS, rng.choice([0.1, 0.5, 0.95]))
    base = rng.integers(-1, 2, N_NEURONS).astype(np.float32)
    index = InvertedIndex(lists.indptr, lists.indices, lists.values, base)
    x, excluded = drawn(rng, 3, N_INPUTS, 0.7), drawn(rng, 3, N_NEURONS, 0.1)
    want = ReferenceBackend().search(index, x, excluded, k)
    got = NumbaBackend().search(index, x, excluded, k)
    for found, expected in zip(got, want, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (40, 3), (40, 500), (300, 20)])
def test_any_number_of_threads_sorts_entries_by_column(n_threads, shape):
    matrix = drawn(np.random.default_rng(n_threads), *shape, 0.5)
    want = transposed(matrix.indptr, matrix.indices, matrix.values, matrix.n_cols)
    for found, expected in zip(transposed_by_all(Pool(n_threads), matrix), want, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("limit", [1, 7, 60, 299, 300])
def test_lists_are_cut_to_the_same_entries_by_any_number_of_threads(limit):
    rng = np.random.default_rng(limit)
    weight, base = drawn(rng, 300, 20, 0.8), rng.integers(-1, 2, 300).astype(np.float32)
    want = ReferenceBackend().invert(weight, base, limit)
    for n_threads in (1, 2, 3):
        backend = NumbaBackend()
        backend.set_threads(n_threads)
        found = backend.invert(weight, base, limit)
        np.testing.assert_array_equal(found.offsets, want.offsets)
        np.testing.assert_array_equal(found.ids, want.ids)
        np.testing.assert_array_equal(found.values, want.values)
