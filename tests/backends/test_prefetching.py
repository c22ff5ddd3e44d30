"""A hint to load what comes next: the instruction is there, and in Python it is nothing."""

import numba
import numpy as np

from slide.backends.threads.layouts import Rows
from slide.backends.threads.prefetching import FORESEEN, LINE, prefetch, prefetch_row


def rows_of_lengths(*lengths):
    indptr = np.append(0, np.cumsum(lengths))
    return Rows(indptr, np.zeros(indptr[-1], np.int32), np.zeros(indptr[-1], np.float32))


def test_a_kernel_has_the_instruction():
    rows = rows_of_lengths(0, 1, LINE, LINE + 1, 3 * FORESEEN)
    compiled = numba.njit(prefetch_row.py_func)  # anew: what comes from disk shows no code
    for i in range(5):
        compiled(rows, i)
    (code,) = compiled.inspect_llvm().values()
    assert "call void @llvm.prefetch" in code


def test_python_goes_without():
    assert prefetch(np.zeros(3), 1) is None
