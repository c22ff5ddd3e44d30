"""Every kernel a third time, at the sizes of use: vectorised float64, some megabytes at a time.

`plain` is the judge of kernels where sizes are small. This one is written from the contract as
well, and otherwise than the reference backend, which it judges like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.reference.vectorised.codes import hash
from slide.reference.vectorised.losses import loss
from slide.reference.vectorised.products import sddmm, spmm, spmm_t
from slide.reference.vectorised.querying import query
from slide.reference.vectorised.rankings import top_k
from slide.reference.vectorised.solving import solve_rows
from slide.reference.vectorised.sparse import invert, masked_spgemm, search, spgemm_t
from slide.reference.vectorised.tables import build, reinsert
from slide.reference.vectorised.updates import update_entries, update_rows
from slide.reference.vectorised.verdicts import (
    Verdict,
    Verdicts,
    combine_findings,
    is_array,
    verdict_unless,
)

__all__ = ["Verdict", "verdict"]


def verdict(kernel: str, arguments: tuple[Any, ...], got: Any, exact: bool = False) -> Verdict:
    """Whether a result is as near to the definition as the contract demands.

    Args:
        kernel: one of `slide.core.contract.backend.KERNELS`.
        arguments: NumPy arrays, as they were before the call.
        got: the result on the host; of a kernel that writes, its first argument after the call.
        exact: whether all partial sums are exact in float32, so that products and scores have to
            be equal and ties are decided.
    """
    return combine_findings(JUDGES[kernel](got, exact, *arguments))


def same_bits(got: Any, exact: bool, array: Array) -> Verdicts:
    """Whether an array came back as it was."""
    yield is_array(got, array.dtype.type, array.shape)
    bits = np.dtype(f"u{array.itemsize}")
    before, after = (np.ascontiguousarray(each).view(bits) for each in (array, got))
    yield verdict_unless(np.array_equal(before, after), "the array has other bits than before")


JUDGES: dict[str, Callable[..., Verdicts]] = {
    "put": same_bits,
    "get": same_bits,
    "hash": hash,
    "build": build,
    "reinsert": reinsert,
    "query": query,
    "sddmm": sddmm,
    "spmm": spmm,
    "spmm_t": spmm_t,
    "loss": loss,
    "update_rows": update_rows,
    "top_k": top_k,
    "spgemm_t": spgemm_t,
    "invert": invert,
    "search": search,
    "masked_spgemm": masked_spgemm,
    "update_entries": update_entries,
    "solve_rows": solve_rows,
}
