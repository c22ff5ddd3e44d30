"""The few array types that everything is made of: CSR, Block, RowGrad, Param, Dataset.

All are frozen and slotted, hold plain arrays, and know how to check their own invariants.
`check()` is for the borders (readers, tests, `slide verify`), not for the inner loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = npt.NDArray[Any]


def _demand(ok: bool, sentence: str) -> None:
    if not ok:
        raise ValueError(sentence)


def _demand_dtype(name: str, array: Array, dtype: type, ndim: int) -> None:
    _demand(
        array.dtype == dtype and array.ndim == ndim,
        f"{name} is {array.dtype} with {array.ndim} dimensions, "
        f"expected {np.dtype(dtype)} with {ndim}",
    )


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
        return np.repeat(np.arange(self.n_rows), self.row_lengths())

    def row(self, i: int) -> tuple[Array, Array]:
        """Indices and values of row i, as views."""
        span = slice(self.indptr[i], self.indptr[i + 1])
        return self.indices[span], self.values[span]

    def take(self, rows: Array) -> CSR:
        """The given rows in the given order, as a new CSR."""
        lengths = self.row_lengths()[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        shift = np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        source = np.arange(indptr[-1]) + shift
        return CSR(indptr, self.indices[source], self.values[source], self.n_cols)

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
        ends = self.indptr[1:]
        return CSR(
            self.indptr + np.arange(self.n_rows + 1),
            np.insert(self.indices, ends, np.int32(self.n_cols)),
            np.insert(self.values, ends, self.values.dtype.type(1)),
            self.n_cols + 1,
        )

    def column_counts(self) -> Array:
        """Stored entries of each column, i64 (n_cols)."""
        return np.bincount(self.indices, minlength=self.n_cols)

    def to_scipy(self) -> csr_matrix:
        """The same matrix as `scipy.sparse.csr_matrix`, sharing memory."""
        from scipy.sparse import csr_matrix

        return csr_matrix((self.values, self.indices, self.indptr), shape=self.shape)

    @classmethod
    def from_scipy(cls, matrix: Any) -> CSR:
        """From any `scipy.sparse` matrix; unsorted indices are sorted, duplicates summed."""
        matrix = matrix.tocsr().copy()
        matrix.sum_duplicates()
        return cls(
            matrix.indptr.astype(np.int64),
            matrix.indices.astype(np.int32),
            matrix.data.astype(np.float32),
            int(matrix.shape[1]),
        )

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        _demand_dtype("indptr", self.indptr, np.int64, 1)
        _demand_dtype("indices", self.indices, np.int32, 1)
        _demand_dtype("values", self.values, np.float32, 1)
        lengths = self.row_lengths()
        _demand(len(self.indptr) >= 1 and self.indptr[0] == 0, "indptr does not start with 0")
        _demand(bool(np.all(lengths >= 0)), "indptr decreases")
        _demand(
            self.indptr[-1] == len(self.indices) == len(self.values),
            f"indptr ends at {self.indptr[-1]}, but there are {len(self.indices)} indices "
            f"and {len(self.values)} values",
        )
        if self.nnz:
            low, high = int(self.indices.min()), int(self.indices.max())
            _demand(low >= 0, f"index {low} is negative")
            _demand(high < self.n_cols, f"index {high} is not below n_cols = {self.n_cols}")
        inner = np.diff(self.indices)
        starts = self.indptr[1:-1]
        starts = starts[(starts > 0) & (starts < self.nnz)]
        inner[starts - 1] = 1  # from one row to the next, anything goes
        _demand(bool(np.all(inner > 0)), "indices of a row are not strictly increasing")


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

    @property
    def n_rows(self) -> int:
        return len(self.values)

    def with_values(self, values: Array) -> Block:
        """The same ids holding other values."""
        return Block(self.ids, values, self.n_cols)

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        _demand_dtype("ids", self.ids, np.int32, 1)
        _demand_dtype("values", self.values, np.float32, 2)
        _demand(bool(np.all(np.diff(self.ids) > 0)), "ids are not strictly increasing")
        if len(self.ids):
            _demand(self.ids[0] >= 0, f"id {self.ids[0]} is negative")
            _demand(self.ids[-1] < self.n_cols, f"id {self.ids[-1]} is not below n_cols")
        _demand(
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
        _demand_dtype("rows", self.rows, np.int32, 1)
        _demand_dtype("values", self.values, np.float32, 2)
        _demand(bool(np.all(np.diff(self.rows) > 0)), "rows are not strictly increasing")
        _demand(
            len(self.rows) == len(self.values),
            f"{len(self.values)} rows of values for {len(self.rows)} row numbers",
        )


@dataclass(frozen=True, slots=True)
class Param:
    """A weight matrix and its optimizer's state, one row per input feature or per neuron.

    Args:
        weight: f32 (n, d), C order.
        mean: f32 (n, d), Adam's first moment.
        square: f32 (n, d), Adam's second moment.
    """

    weight: Array
    mean: Array
    square: Array

    @classmethod
    def of(cls, weight: Array) -> Param:
        """A parameter that no step has touched: both moments zero."""
        return cls(weight, np.zeros_like(weight), np.zeros_like(weight))

    @property
    def shape(self) -> tuple[int, int]:
        n, d = self.weight.shape
        return n, d

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        for name in ("weight", "mean", "square"):
            array = getattr(self, name)
            _demand_dtype(name, array, np.float32, 2)
            _demand(array.flags.c_contiguous, f"{name} is not in C order")
            _demand(
                array.shape == self.weight.shape,
                f"{name} has shape {array.shape}, expected {self.weight.shape}",
            )


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples: row i of `x` holds the features and row i of `y` the labels of example i."""

    x: CSR
    y: CSR

    @property
    def n_samples(self) -> int:
        return self.x.n_rows

    @property
    def n_features(self) -> int:
        return self.x.n_cols

    @property
    def n_labels(self) -> int:
        return self.y.n_cols

    def take(self, rows: Array) -> Dataset:
        """The given examples in the given order."""
        return Dataset(self.x.take(rows), self.y.take(rows))

    def widened(self, n_features: int, n_labels: int) -> Dataset:
        """The same examples in a space of at least so many features and labels."""
        return Dataset(
            replace(self.x, n_cols=max(self.n_features, n_features)),
            replace(self.y, n_cols=max(self.n_labels, n_labels)),
        )

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        self.x.check()
        self.y.check()
        _demand(
            self.x.n_rows == self.y.n_rows,
            f"{self.x.n_rows} rows of features and {self.y.n_rows} rows of labels",
        )
