"""Lists of numbers in the columns of a record batch, as arrays; what is wrong names its row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import indptr_of
from slide.core.errors import DataError
from slide.data.block import MAX_COLUMNS
from slide.data.rows import canonical


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file, in sentences.

    Args:
        path: of the file.
        n_before: rows of it before these.
    """

    path: Path
    n_before: int

    def error(self, row: int, sentence: str) -> DataError:
        """The error to raise for something in a row, which counts from 0 here."""
        return DataError(f"row {self.n_before + row + 1}: {sentence}", self.path)

    def refuse_first(self, faulty: Array, sentence: str) -> None:
        """Raise DataError for the first row, bool (n_rows,), that is faulty."""
        found = np.flatnonzero(faulty)
        if len(found):
            raise self.error(int(found[0]), sentence)


class Lists(NamedTuple):
    """A list of numbers for each row.

    Args:
        lengths: i64 (n_rows,).
        numbers: of all rows, one after the other, (sum of lengths,).
    """

    lengths: Array
    numbers: Array

    def row_of(self, place: int) -> int:
        """The row that has a number."""
        return int(np.searchsorted(np.cumsum(self.lengths), place, side="right"))


def lists_of(column: Any, name: str, rows: Rows) -> Lists:
    """The lists of a column, or DataError where one is null, or has a null."""
    lengths, items = items_of(column, name, rows)
    return Lists(lengths, numbers_of(items, lengths, name, rows))


def items_of(column: Any, name: str, rows: Rows) -> tuple[Array, Any]:
    """How many items each list of a column has, i64, and all of them, as an array of pyarrow."""
    import pyarrow as pa

    refuse_null(column, rows, f"{name!r} is null, expected a list: write [] where there is none")
    if pa.types.is_fixed_size_list(column.type):
        return np.full(len(column), column.type.list_size, np.int64), column.flatten()
    lengths = np.diff(column.offsets.to_numpy()).astype(np.int64)
    if pa.types.is_map(column.type):
        begin, end = column.offsets[0].as_py(), column.offsets[-1].as_py()
        fields = [each.slice(begin, end - begin) for each in (column.keys, column.items)]
        return lengths, pa.StructArray.from_arrays(fields, ["key", "value"])
    return lengths, column.flatten()


def numbers_of(items: Any, lengths: Array, name: str, rows: Rows) -> Array:
    """The numbers in lists of these lengths, or DataError where one is null."""
    if items.null_count:
        place = int(np.flatnonzero(items.is_null().to_numpy(False))[0])
        row = Lists(lengths, items).row_of(place)
        raise rows.error(row, f"{name!r} has a null, expected numbers: leave it out")
    if not len(items):
        return np.zeros(0, np.int64)  # which may be of the type null
    numbers: Array = items.to_numpy(zero_copy_only=False)
    return numbers


def refuse_null(column: Any, rows: Rows, sentence: str) -> None:
    """Raise DataError if a row of a column is null."""
    if column.null_count:
        rows.refuse_first(column.is_null().to_numpy(False), sentence)


def refuse_unequal(indices: Array, values: Array, rows: Rows) -> None:
    """Raise DataError where a row has not as many indices as values, i64 (n_rows,) both."""
    others = np.flatnonzero(indices != values)
    if len(others):
        row = int(others[0])
        sentence = f"{indices[row]} indices and {values[row]} values, expected as many"
        raise rows.error(row, f"{sentence}: write a value for each index")


def matrix_of(indices: Lists, values: Array, rows: Rows) -> CSR:
    """Features of each row as the files of other formats have them.

    Args:
        indices: any whole numbers.
        values: of each of them, any real numbers.
        rows: where they come from.

    Raises:
        DataError: an index is out of range, or a value or sum is none of 32 bits.
    """
    columns = as_columns(indices, "feature", rows)
    with np.errstate(over="ignore", invalid="ignore"):
        small = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(small))
    if len(bad):
        place = int(bad[0])
        value, feature = values[place], columns[place]
        if np.isfinite(value):
            fault = "overflows 32-bit floating point: scale the features down"
        else:
            fault = "is not finite: remove the feature or clean its value"
        raise rows.error(indices.row_of(place), f"the value {value} of feature {feature} {fault}")
    summed = canonical(CSR(indptr_of(indices.lengths), columns, small, MAX_COLUMNS))
    bad = np.flatnonzero(~np.isfinite(summed.values))
    if len(bad):
        row = Lists(summed.row_lengths(), summed.values).row_of(int(bad[0]))
        raise rows.error(
            row,
            f"the values given for feature {summed.indices[bad[0]]} sum to more than 32-bit "
            "floating point holds: give each feature once",
        )
    return summed


def as_columns(numbers: Lists, what: str, rows: Rows) -> Array:
    """Numbers as columns, i32; whole ones may be floats, as Spark has labels.

    Raises:
        DataError: one is not whole, below 0, or too large.
    """
    found = numbers.numbers
    is_whole = True
    if found.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # of NaN, which is not whole
            found = found.astype(np.float64)
            is_whole = found == np.floor(found)
    bad = ~((found >= 0) & (found < MAX_COLUMNS) & is_whole)
    places = np.flatnonzero(bad)
    if len(places):
        place = int(places[0])
        sentence = f"{what} {found[place]}, expected a whole number from 0 to {MAX_COLUMNS - 1}"
        remedy = f"number the {what}s from 0"
        if what == "label" and found[place] < 0:
            remedy = "leave out labels that an example does not have"
        raise rows.error(numbers.row_of(place), f"{sentence}: {remedy}")
    return found.astype(np.int32)
