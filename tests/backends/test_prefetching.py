"""A hint to load what comes next: the instruction is there, and in Python it is nothing."""

import numpy as np

from slide.backends.threads.compiling import compiled
from slide.backends.threads.layouts import Rows
from slide.backends.threads.prefetching import FORESEEN, LINE, prefetch, prefetch_row


@compiled
def hinted(rows, i):
    """All lines of a row."""
    prefetch_row(rows, i)
    return rows.indptr[i + 1] - rows.indptr[i]


def rows_of_lengths(*lengths):
    indptr = np.append(0, np.cumsum(lengths))
    return Rows(indptr, np.zeros(indptr[-1], np.int32), np.zeros(indptr[-1], np.float32))


def test_a_kernel_has_the_instruction():
    rows = rows_of_lengths(0, 1, LINE, LINE + 1, 3 * FORESEEN)
    assert [hinted(rows, i) for i in range(5)] == np.diff(rows.indptr).tolist()
    (code,) = hinted.inspect_llvm().values()
    assert "call void @llvm.prefetch" in code


def test_python_goes_without():
    assert prefetch(np.zeros(3), 1) is None
