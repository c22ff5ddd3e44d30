"""What must hold of arrays that come from outside, each a sentence where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slide.core.contract.lists import Array, spans
from slide.core.errors import a_type

if TYPE_CHECKING:
    from slide.core.contract.arrays import CSR

ROWS = "expected row i from indptr[i] to indptr[i + 1]"


def demand(ok: bool, sentence: str) -> None:
    """Raise ValueError with the sentence unless `ok`."""
    if not ok:
        raise ValueError(sentence)


def demand_dtype(name: str, array: Array, dtype: type, ndim: int) -> None:
    """Raise ValueError unless it is an array of so many dimensions of this dtype."""
    demand(hasattr(array, "dtype"), f"{name} is {a_type(array)}, expected an array")
    demand(
        array.dtype == dtype and array.ndim == ndim,
        f"{name} is {array.dtype} with {array.ndim} dimensions, "
        f"expected {np.dtype(dtype)} with {ndim}",
    )


def check_rows(matrix: CSR) -> None:
    """Raise ValueError unless rows follow on each other, and columns are there."""
    starts, n = matrix.indptr, len(matrix.indices)
    demand(len(starts) >= 1 and starts[0] == 0, f"indptr does not start with 0: {ROWS}")
    demand(bool((starts[1:] >= starts[:-1]).all()), f"indptr decreases: {ROWS}")
    if not starts[-1] == n == len(matrix.values):
        raise ValueError(
            f"indptr ends at {starts[-1]}, but there are {n} indices and {len(matrix.values)} "
            f"values: {ROWS}"
        )
    # As unsigned numbers, those that are negative are beyond all columns.
    if n and matrix.indices.view(np.uint32).max() >= matrix.n_cols:
        low, high = matrix.indices.min(), matrix.indices.max()
        beyond = f"{high} is not below n_cols = {matrix.n_cols}"
        wrong = f"{low} is negative" if low < 0 else beyond
        raise ValueError(f"index {wrong}: columns count from 0")


def check_order(matrix: CSR) -> None:
    """Raise ValueError unless indices increase strictly within every row."""
    demand(
        increases(matrix),
        "indices of a row are not strictly increasing: sort them and sum those that are repeated, "
        "as CSR.from_scipy does",
    )


def increases(matrix: CSR) -> bool:
    """Whether indices increase strictly within every row."""
    return all(_increases_within(matrix, span) for span in spans(max(matrix.nnz - 1, 0)))


def _increases_within(matrix: CSR, span: slice) -> bool:
    """Whether of these entries each is followed by a larger one, or by another row."""
    larger = matrix.indices[1:][span] > matrix.indices[:-1][span]
    begins = matrix.indptr - (span.start + 1)  # a row may begin anywhere
    larger[begins[(begins >= 0) & (begins < len(larger))]] = True
    return bool(larger.all())
