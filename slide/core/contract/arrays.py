"""The few array types that everything is made of: CSR, Block, RowGrad, Param.

All are frozen and slotted, hold plain arrays, and know how to check their own invariants.
`check()` is for the borders (readers, tests, `slide verify`), not for the inner loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from slide.core.contract.invariants import check_order, check_rows, demand, demand_dtype
from slide.core.contract.lists import AT_A_TIME, distinct, indptr_of, spans
from slide.core.contract.lists import Array as Array  # whose address is here

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True)
class CSR:
    """A sparse matrix by rows: features, labels, active sets, their logits and gradients.

    Args:
        indptr: i64 (n_rows + 1), row i is `indptr[i]:indptr[i + 1]`.
        indices: i32 (nnz), column numbers, strictly increasing within a row.
        values: f32 (nnz).
        n_cols: number of columns.
    """

    indptr: Array
    indices: Array
    values: Array
    n_cols: int

    @classmethod
    def empty(cls, n_rows: int, n_cols: int) -> CSR:
        """A matrix without entries, on the host: sets of nobody."""
        none = np.zeros(0, np.int32)
        return cls(np.zeros(n_rows + 1, np.int64), none, none.astype(np.float32), n_cols)

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        return len(self.indices)

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_rows, self.n_cols

    def row_lengths(self) -> Array:
        """Stored entries of each row, i64 (n_rows)."""
        return np.diff(self.indptr)

    def row_numbers(self) -> Array:
        """The row of each stored entry, i64 (nnz)."""
        return np.repeat(np.arange(self.n_rows, like=self.indptr), self.row_lengths())

    def cells(self) -> Array:
        """Row and column of each entry as one number, row * n_cols + column: ascending, i64."""
        numbers: Array = self.row_numbers() * self.n_cols + self.indices
        return numbers

    def row(self, i: int) -> tuple[Array, Array]:
        """Indices and values of row i, as views."""
        span = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[span], self.values[span]

    def take(self, rows: Array) -> CSR:
        """The given rows in the given order, as a new CSR; negative numbers count from the end."""
        lengths = self.indptr[1:][rows] - self.indptr[:-1][rows]
        indptr = indptr_of(lengths)
        shift = np.repeat(self.indptr[:-1][rows] - indptr[:-1], lengths)
        source = np.arange(len(shift), like=shift) + shift
        return CSR(indptr, self.indices[source], self.values[source], self.n_cols)

    def where(self, kept: Array) -> CSR:
        """The same rows without the entries whose `kept`, bool (nnz,), is false."""
        places = np.flatnonzero(kept)
        indptr = np.searchsorted(places, self.indptr)
        return CSR(indptr, self.indices[places], self.values[places], self.n_cols)

    def first_columns(self, n_cols: int) -> CSR:
        """The same rows without the columns from n_cols on."""
        return replace(self.where(self.indices < n_cols), n_cols=n_cols)

    def positive(self) -> CSR:
        """The same rows without the entries that are not above 0; itself if all are."""
        kept = self.values > 0
        return self if kept.all() else self.where(kept)

    def union(self, other: CSR) -> CSR:
        """The entries of two matrices of one shape that have none in common."""
        cells = np.concatenate([self.cells(), other.cells()])
        values = np.concatenate([self.values, other.values])
        order = np.argsort(cells, kind="stable")  # which merges what is sorted
        return CSR.of_cells(cells[order], values[order], self.shape)

    def column_ids(self) -> Array:
        """The columns that have entries, i32, ascending."""
        return distinct(self.indices)

    def dense(self) -> Array:
        """The same matrix as an array (n_rows, n_cols) with all the zeros."""
        full = np.zeros_like(self.values, shape=self.shape)
        full[self.row_numbers(), self.indices] = self.values
        return full

    def with_values_of(self, full: Array) -> CSR:
        """The same pattern holding what an array (n_rows, n_cols) has there."""
        return self.with_values(full[self.row_numbers(), self.indices])

    def row_counts(self, mask: Array) -> Array:
        """In each row the entries whose `mask`, bool in the shape of values, is true: i64."""
        return np.diff(indptr_of(mask)[self.indptr])

    def for_entries(self, by_row: Array) -> Array:
        """For each entry the number of its row, of (n_rows,) numbers: in the shape of values."""
        return np.repeat(by_row, self.row_lengths())

    def with_values(self, values: Array) -> CSR:
        """The same pattern holding other values."""
        return CSR(self.indptr, self.indices, values, self.n_cols)

    def with_unit_rows(self) -> CSR:
        """Each row divided by its Euclidean length; rows of zeros stay as they are."""
        rows = self.row_numbers()
        squares = np.square(self.values, dtype=np.float64)
        length = np.sqrt(np.bincount(rows, squares, minlength=self.n_rows))
        length[length == 0] = 1
        return self.with_values((self.values / length[rows]).astype(self.values.dtype))

    def map(self, function: Callable[[Array], Array]) -> CSR:
        """The same matrix with each of its arrays replaced by `function(array)`."""
        return CSR(
            function(self.indptr), function(self.indices), function(self.values), self.n_cols
        )

    def with_constant(self) -> CSR:
        """One more column, equal to 1 in every row: the input of a bias."""
        indptr = self.indptr + np.arange(self.n_rows + 1, like=self.indptr)
        n_entries = self.nnz + self.n_rows
        indices = np.full_like(self.indices, self.n_cols, shape=n_entries)
        values = np.ones_like(self.values, shape=n_entries)
        others = np.ones_like(self.indices, bool, shape=n_entries)
        others[indptr[1:] - 1] = False
        indices[others], values[others] = self.indices, self.values
        return CSR(indptr, indices, values, self.n_cols + 1)

    def without_constant(self) -> CSR:
        """The inverse of `with_constant`, whose column is the last entry of every row."""
        others = np.ones_like(self.indices, bool)
        others[self.indptr[1:] - 1] = False
        indptr = self.indptr - np.arange(self.n_rows + 1, like=self.indptr)
        return CSR(indptr, self.indices[others], self.values[others], self.n_cols - 1)

    def column_counts(self) -> Array:
        """Stored entries of each column, i64 (n_cols)."""
        counts = np.bincount(self.indices[:AT_A_TIME], minlength=self.n_cols)
        for span in spans(max(self.nnz - AT_A_TIME, 0)):
            counts += np.bincount(self.indices[AT_A_TIME:][span], minlength=self.n_cols)
        return counts

    @classmethod
    def of_cells(cls, cells: Array, values: Array, shape: tuple[int, int]) -> CSR:
        """The inverse of `cells`.

        Args:
            cells: i64 (nnz,), strictly increasing: row * n_cols + column of each entry.
            values: f32 (nnz,).
            shape: (n_rows, n_cols).
        """
        n_rows, n_cols = shape
        indptr = np.searchsorted(cells, np.arange(n_rows + 1, like=cells) * n_cols)
        return cls(indptr, (cells % n_cols).astype(np.int32), values, n_cols)

    @classmethod
    def stack(
        cls,
        parts: Sequence[CSR],
        n_cols: int,
        join: Callable[[list[Array]], Array] = np.concatenate,
    ) -> CSR:
        """The rows of all parts, one below the other.

        Args:
            parts: at least one.
            n_cols: of the result, at least those of each part.
            join: puts indices, and values, one after the other into the memory that is wanted.
        """
        indptr = indptr_of(np.concatenate([part.row_lengths() for part in parts]))
        indices = join([part.indices for part in parts])
        return cls(indptr, indices, join([part.values for part in parts]), n_cols)

    def to_scipy(self) -> csr_matrix:
        """The same matrix as `scipy.sparse.csr_matrix`, sharing memory."""
        from scipy.sparse import csr_matrix

        return csr_matrix((self.values, self.indices, self.indptr), shape=self.shape)

    @classmethod
    def from_scipy(cls, matrix: Any) -> CSR:
        """From any `scipy.sparse` matrix; unsorted indices are sorted, duplicates summed.

        Raises:
            InputError: its arrays contradict each other, or it has no real numbers.
        """
        from slide.core.contract.handed import of_scipy, refusing

        result: CSR = refusing("the matrix", lambda: of_scipy(matrix))
        return result

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        demand_dtype("indptr", self.indptr, np.int64, 1)
        demand_dtype("indices", self.indices, np.int32, 1)
        demand_dtype("values", self.values, np.float32, 1)
        self.check_entries()

    def check_entries(self) -> None:
        """The same of arrays whose dtypes are known."""
        check_rows(self)
        check_order(self)


@dataclass(frozen=True, slots=True)
class Block:
    """A dense block over columns that all rows share: logits of one active set per batch.

    Args:
        ids: i32 (n_active), column numbers, strictly increasing.
        values: f32 (n_rows, n_active).
        n_cols: number of columns of the matrix that this is a block of.
    """

    ids: Array
    values: Array
    n_cols: int

    @classmethod
    def of(cls, array: Array) -> Block:
        """All of an array (n_rows, n_cols): dense features, or the units of a dense layer."""
        ids = np.arange(array.shape[1], dtype=np.int32)
        return cls(np.asarray(ids, like=array), array, array.shape[1])

    @property
    def n_rows(self) -> int:
        return len(self.values)

    @property
    def nnz(self) -> int:
        return int(self.values.size)

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_rows, self.n_cols

    def row_lengths(self) -> Array:
        """Stored entries of each row, i64 (n_rows)."""
        return np.full_like(self.ids, len(self.ids), np.int64, shape=self.n_rows)

    def column_ids(self) -> Array:
        """The columns that have entries, i32, ascending."""
        return self.ids

    def dense(self) -> Array:
        """The same matrix as an array (n_rows, n_cols), itself if that is what it is."""
        if len(self.ids) == self.n_cols:
            return self.values
        full = np.zeros_like(self.values, shape=self.shape)
        full[:, self.ids] = self.values
        return full

    def with_values_of(self, full: Array) -> Block:
        """The same ids holding what an array (n_rows, n_cols) has there."""
        return self.with_values(full if len(self.ids) == self.n_cols else full[:, self.ids])

    def row_counts(self, mask: Array) -> Array:
        """In each row the entries whose `mask`, bool in the shape of values, is true: i64."""
        counts: Array = mask.sum(axis=1)
        return counts

    def for_entries(self, by_row: Array) -> Array:
        """For each entry the number of its row, of (n_rows,) numbers: in the shape of values."""
        return np.repeat(by_row[:, None], len(self.ids), axis=1)

    def take(self, rows: Array) -> Block:
        """The given rows in the given order, as a new Block."""
        return self.with_values(self.values[rows])

    def with_values(self, values: Array) -> Block:
        """The same ids holding other values."""
        return Block(self.ids, values, self.n_cols)

    def with_unit_rows(self) -> Block:
        """Each row divided by its Euclidean length; rows of zeros stay as they are."""
        length = np.sqrt(np.square(self.values, dtype=np.float64).sum(axis=1, keepdims=True))
        length[length == 0] = 1
        return self.with_values((self.values / length).astype(self.values.dtype))

    def with_constant(self) -> Block:
        """One more column, equal to 1 in every row: the input of a bias."""
        one = np.ones_like(self.values[:, :1], shape=(self.n_rows, 1))
        ids = np.append(self.ids, self.ids.dtype.type(self.n_cols))
        return Block(ids, np.concatenate([self.values, one], axis=1), self.n_cols + 1)

    def without_constant(self) -> Block:
        """The inverse of `with_constant`."""
        return Block(self.ids[:-1], self.values[:, :-1], self.n_cols - 1)

    def map(self, function: Callable[[Array], Array]) -> Block:
        """The same block with each of its arrays replaced by `function(array)`."""
        return Block(function(self.ids), function(self.values), self.n_cols)

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        demand_dtype("ids", self.ids, np.int32, 1)
        demand_dtype("values", self.values, np.float32, 2)
        self.check_entries()

    def check_entries(self) -> None:
        """The same of arrays whose dtypes are known."""
        demand(bool(np.all(np.diff(self.ids) > 0)), "ids are not strictly increasing")
        if len(self.ids):
            demand(self.ids[0] >= 0, f"id {self.ids[0]} is negative")
            demand(self.ids[-1] < self.n_cols, f"id {self.ids[-1]} is not below n_cols")
        demand(
            self.values.shape[1] == len(self.ids),
            f"values have {self.values.shape[1]} columns for {len(self.ids)} ids",
        )


@dataclass(frozen=True, slots=True)
class RowGrad:
    """The gradient of a matrix of which only some rows were touched.

    Args:
        rows: i32 (R,), strictly increasing.
        values: f32 (R, d).
    """

    rows: Array
    values: Array

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        demand_dtype("rows", self.rows, np.int32, 1)
        demand_dtype("values", self.values, np.float32, 2)
        demand(bool(np.all(np.diff(self.rows) > 0)), "rows are not strictly increasing")
        demand(
            len(self.rows) == len(self.values),
            f"{len(self.values)} rows of values for {len(self.rows)} row numbers",
        )


@dataclass(frozen=True, slots=True)
class Param:
    """A weight matrix and its optimizer's state, one row per input feature or per neuron.

    Args:
        weight: f32 (n, d), C order.
        mean: f32 (n, d) or (n, 0), mean of past gradients, where the optimizer keeps one.
        square: f32 (n, d), (n, 1) or (n, 0), of past squared gradients, by element or row.

    The optimizer's `begin` makes one with the state that it needs (`slide.core.contract.optim`).
    """

    weight: Array
    mean: Array
    square: Array

    @property
    def shape(self) -> tuple[int, int]:
        n, d = self.weight.shape
        return n, d

    def map(self, function: Callable[[Array], Array]) -> Param:
        """The same parameter with each of its arrays replaced by `function(array)`."""
        return Param(function(self.weight), function(self.mean), function(self.square))

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        n, d = self.shape
        for name, widths in (("weight", (d,)), ("mean", (d, 0)), ("square", (d, 1, 0))):
            array = getattr(self, name)
            demand_dtype(name, array, np.float32, 2)
            demand(array.flags.c_contiguous, f"{name} is not in C order")
            demand(
                len(array) == n and array.shape[1] in widths,
                f"{name} has shape {array.shape}, expected {n} rows and "
                f"{' or '.join(map(str, widths))} columns",
            )
