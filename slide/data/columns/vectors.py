"""Vectors of Spark ML, which are sparse or dense from row to row.

They are structs of `type` (0 for sparse, 1 for dense), `size`, `indices` and `values`, of which a
dense one has values alone. It stands for its values that are not zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.lists import indptr_of
from slide.data.columns.lists import Lists, Rows, lists_of, refuse_null, refuse_unequal

SPARSE, DENSE = 0, 1


def entries_of_vectors(column: Any, name: str, rows: Rows) -> tuple[Lists, Array]:
    """Indices and values of the vectors in a column.

    Raises:
        DataError: a vector is null, contradicts itself, or has another size than it states.
    """
    refuse_null(column, rows, f"{name!r} is null, expected a vector: drop the row")
    kinds = _filled(column.field("type"), -1)
    is_dense = kinds == DENSE
    rows.refuse_first(~is_dense & (kinds != SPARSE), f"{name!r} is no vector of Spark: its type is "
                      "neither 0 (sparse) nor 1 (dense)")  # fmt: skip
    values = lists_of(column.field("values"), f"{name}.values", rows)
    own = _lists_where(~is_dense, column.field("indices"), f"{name}.indices", rows)
    refuse_unequal(np.where(is_dense, values.lengths, own.lengths), values.lengths, rows)

    of_dense = np.repeat(is_dense, values.lengths)
    begins = np.repeat(indptr_of(values.lengths)[:-1], values.lengths)
    indices = np.arange(len(of_dense)) - begins
    indices[~of_dense] = own.numbers
    sizes = np.repeat(sizes_of(column), values.lengths)
    beyond = np.flatnonzero(indices >= sizes)
    if len(beyond):
        place = int(beyond[0])
        sentence = f"feature {indices[place]} of a vector of {sizes[place]}"
        raise rows.error(values.row_of(place), f"{sentence}, expected less: correct its size")

    kept = ~of_dense | (values.numbers != 0)
    lengths = np.diff(indptr_of(kept)[indptr_of(values.lengths)])
    return Lists(lengths, indices[kept]), values.numbers[kept]


def sizes_of(column: Any) -> Array:
    """How many features each vector of a column has, i64; 0 where that is not said."""
    is_dense = _filled(column.field("type"), -1) == DENSE
    n_values = _filled(column.field("values").value_lengths(), 0)
    sizes: Array = np.where(is_dense, n_values, _filled(column.field("size"), 0))
    return sizes


def _filled(column: Any, instead: int) -> Array:
    """Whole numbers, i64, with one in the place of nulls."""
    numbers: Array = column.fill_null(instead).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _lists_where(wanted: Array, column: Any, name: str, rows: Rows) -> Lists:
    """The lists of some rows, bool (n_rows,); those of others are empty, whatever they have."""
    import pyarrow as pa

    chosen = np.flatnonzero(wanted)
    is_null = column.is_null().to_numpy(False)
    sentence = f"{name!r} is null, expected the indices of a sparse vector: write []"
    rows.refuse_first(is_null & wanted, sentence)
    found = lists_of(column.take(pa.array(chosen)), name, rows)
    lengths = np.zeros(len(wanted), np.int64)
    lengths[chosen] = found.lengths
    return Lists(lengths, found.numbers)
