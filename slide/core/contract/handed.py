"""Arrays as people hand them over: brought into the engine's types and checked, once, or refused.

What is taken: `CSR` and `Block`, matrices of `scipy.sparse` in any format, and whatever NumPy takes
for an array of two dimensions. Kernels see the dtypes and layouts that they were compiled for, in
native byte order; an array that has them already is not copied. Every check is a pass over it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any, TypeVar

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.invariants import check_rows, demand, increases
from slide.core.contract.lists import spans
from slide.core.errors import InputError, a_type

MAX_COLUMNS = 2**31 - 1  # column numbers are i32
MATRICES = "a slide.CSR, a scipy.sparse matrix, or a NumPy array of two dimensions"
FORMATS_OF_POINTERS = ("csc", "bsr")  # whose arrays SciPy itself can check
Dtype = np.dtype[Any]
STARTS: Dtype = np.dtype(np.int64)
COLUMNS: Dtype = np.dtype(np.int32)
VALUES: Dtype = np.dtype(np.float32)

Given = TypeVar("Given")
Matrix = TypeVar("Matrix", CSR, Block, CSR | Block)


def features(x: Any, what: str = "features") -> CSR | Block:
    """Features of examples, checked: CSR where they are sparse, Block where they are dense.

    Args:
        x: (n, n_features) as `MATRICES`, or a list of rows; of dtype bool, integer or float.
        what: it is called in a sentence.

    Raises:
        InputError: it is no such matrix, its arrays contradict each other, or a number is not
            finite in float32.
    """
    return refusing(what, lambda: sound(as_features(x)))


def labels(y: Any, what: str = "labels") -> CSR:
    """Labels of examples, checked.

    Args:
        y: (n, n_labels) as `MATRICES`. Of SciPy and NumPy matrices an entry above 0 is a label,
            one below 0 a label that was shown and not chosen, and a 0 is nothing.
        what: it is called in a sentence.

    Raises:
        InputError: see `features`; or it is a list, of which nobody knows whether it lists labels.
    """
    return refusing(what, lambda: as_labels(y))


def refusing(what: str, handed: Callable[[], Given]) -> Given:
    """What a function gives, or InputError in place of the ValueError that says what is wrong."""
    try:
        return handed()
    except ValueError as error:
        raise InputError(f"{what}: {error}") from None


def as_features(x: Any) -> CSR | Block:
    """In the engine's types; the arrays of CSR and Block are not yet checked."""
    if isinstance(x, CSR):
        return as_csr(x)
    if isinstance(x, Block):
        return as_block(x)
    if hasattr(x, "columns") and hasattr(x, "sparse"):  # a frame all of whose columns are sparse
        x = x.sparse.to_coo()
    return of_scipy(x) if is_scipy(x) else Block.of(numbers("values", x, 2))


def as_labels(y: Any) -> CSR:
    """The same of labels, and checked."""
    if isinstance(y, CSR):
        return sound(as_csr(y))
    demand(not isinstance(y, list | tuple), f"got {a_type(y)}: expected {MATRICES}")
    entries = entries_of(sound(as_features(y)))
    entries = entries.where(entries.values != 0)
    return entries.with_values(np.sign(entries.values))


def sound(x: Matrix) -> Matrix:
    """The same, or ValueError if an invariant does not hold or a number is not finite."""
    x.check_entries()
    if not all(np.isfinite(x.values[span]).all() for span in spans(len(x.values))):
        refuse_infinite(x)
    return x


def refuse_infinite(x: CSR | Block) -> None:
    """Raise ValueError that names the first number which is not finite."""
    place = int(np.flatnonzero(~np.isfinite(x.values))[0])
    if isinstance(x, CSR):
        row, column = x.row_numbers()[place], x.indices[place]
    else:
        row, column = place // len(x.ids), x.ids[place % len(x.ids)]
    value = x.values.ravel()[place]
    raise ValueError(
        f"row {row} has {value} in column {column}: expected numbers that are finite in float32, "
        "so mend the value or leave it out"
    )


def as_csr(x: CSR) -> CSR:
    """With arrays of the dtypes and the layout that kernels take."""
    starts = whole_numbers("indptr", x.indptr, STARTS)
    columns = whole_numbers("indices", x.indices, COLUMNS)
    values, n_cols = numbers("values", x.values, 1), n_columns(x.n_cols)
    if starts is x.indptr and columns is x.indices and values is x.values and n_cols is x.n_cols:
        return x
    return CSR(starts, columns, values, n_cols)


def as_block(x: Block) -> Block:
    """With arrays of the dtypes and the layout that kernels take."""
    ids = whole_numbers("ids", x.ids, COLUMNS)
    return Block(ids, numbers("values", x.values, 2), n_columns(x.n_cols))


def n_columns(n: Any) -> int:
    """A number of columns as an int."""
    if not (is_whole(n) and 0 <= n <= MAX_COLUMNS):
        raise ValueError(f"n_cols is {n!r}: expected a whole number from 0 to {MAX_COLUMNS}")
    return index(n)


def is_whole(number: Any) -> bool:
    """Whether it is one whole number, Python's or NumPy's, and no bool."""
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def whole_numbers(name: str, given: Any, dtype: Dtype) -> Array:
    """An array (n,) of whole numbers as this dtype, or ValueError."""
    array = as_array(name, given)
    if is_ready(array, dtype, 1):
        return array
    demand(array.ndim == 1, f"{name} has {array.ndim} dimensions: expected 1")
    if not array.size:  # NumPy's empty arrays are float64 unless somebody says otherwise
        return np.zeros(0, dtype)
    demand(array.dtype.kind in "iu", f"{name} is {array.dtype}: expected whole numbers")
    low, high, most = int(array.min()), int(array.max()), np.iinfo(dtype).max
    demand(low >= 0, f"{name} has {low}, which is negative: expected numbers from 0")
    demand(high <= most, f"{name} has {high}: expected {most} at most")
    return np.require(array, dtype, ["C", "A"])


def numbers(name: str, given: Any, ndim: int) -> Array:
    """An array of real numbers as float32, or ValueError; what overflows becomes infinite."""
    array = as_array(name, given)
    if is_ready(array, VALUES, ndim):
        return array
    rows = " with a row for each example (one example is x[None, :])" if ndim == 2 else ""
    demand(array.ndim == ndim, f"{name} has {array.ndim} dimensions: expected {ndim}{rows}")
    demand(array.dtype.kind in "biuf", f"{name} is {array.dtype}: expected real numbers")
    with np.errstate(over="ignore"):
        return np.require(array, VALUES, ["C", "A"])


def as_array(name: str, given: Any) -> Array:
    """What NumPy makes of it, or ValueError if that is no array."""
    if type(given) is np.ndarray:
        return given
    refuse_masked(name, given)
    try:
        array = np.asarray(given)
    except Exception as error:  # ragged lists, and whatever an array of others may raise
        reason = " ".join(str(error).split())
        kind = type(given).__name__
        raise ValueError(f"{name} is a {kind} that is no array: {reason}") from None
    if not array.ndim:
        raise ValueError(f"{name} is {a_type(given)}: expected {MATRICES}")
    return array


def refuse_masked(name: str, given: Any) -> None:
    """Raise ValueError where entries of an array, or of one in a list, are masked."""
    rows = given if isinstance(given, list | tuple) else (given,)
    is_any = any(isinstance(row, np.ma.MaskedArray) and np.ma.is_masked(row) for row in rows)
    demand(not is_any, f"{name} has masked entries: fill them or leave them out")


def is_ready(array: Array, dtype: Dtype, ndim: int) -> bool:
    """Whether kernels take it as it is; they take what is read-only, too."""
    flags = array.flags
    return bool(
        array.dtype == dtype and array.ndim == ndim and flags.c_contiguous and flags.aligned
    )


def is_scipy(x: Any) -> bool:
    """Whether it is a matrix of `scipy.sparse`, which need not be imported to say so."""
    return hasattr(x, "tocsr") and hasattr(x, "nnz") and hasattr(x, "format")


def of_scipy(matrix: Any) -> CSR:
    """A sparse matrix of SciPy with sorted rows and repeated entries summed in its own dtype.

    Raises:
        ValueError: it has other than two dimensions, no real numbers, or arrays that SciPy would
            read beyond their ends.
    """
    demand(is_scipy(matrix), f"got {a_type(matrix)}: expected a scipy.sparse matrix")
    demand(len(matrix.shape) == 2, f"shape is {matrix.shape}: expected two dimensions")
    demand(matrix.dtype.kind in "biuf", f"values are {matrix.dtype}: expected real numbers")
    n_cols = n_columns(matrix.shape[1])
    csr = matrix if matrix.format == "csr" else converted(matrix)
    indptr = whole_numbers("indptr", csr.indptr, STARTS)
    last = int(indptr[-1]) if len(indptr) else 0  # SciPy leaves room after it
    indices = whole_numbers("indices", csr.indices[:last], COLUMNS)
    result = CSR(indptr, indices, numbers("values", csr.data[:last], 1), n_cols)
    check_rows(result)
    return result if increases(result) else summed(result, csr.data[:last])


def converted(matrix: Any) -> Any:
    """In SciPy's CSR format, or ValueError if its arrays contradict each other."""
    native = matrix.dtype.newbyteorder("=")
    matrix = matrix if matrix.dtype == native else matrix.astype(native)
    try:
        if matrix.format in FORMATS_OF_POINTERS:
            matrix.check_format(full_check=True)
        demand_sound_rows(matrix)
        return matrix.tocsr()
    except (IndexError, OverflowError, TypeError) as error:
        raise ValueError(f"SciPy cannot read the matrix ({error}): make it anew") from None


def demand_sound_rows(matrix: Any) -> None:
    """Raise ValueError where SciPy would read beyond arrays that it does not check itself."""
    if matrix.format == "coo":
        demand_within(matrix)
    if matrix.format == "lil":
        for i, (columns, values) in enumerate(zip(matrix.rows, matrix.data, strict=True)):
            demand(len(columns) == len(values), f"row {i} has {len(columns)} columns: expected "
                   f"{len(values)}, as values")  # fmt: skip
    if matrix.format == "dia":
        demand(matrix.offsets.dtype.kind == "i", f"offsets are {matrix.offsets.dtype}: expected "
               "whole numbers")  # fmt: skip
        demand(len(matrix.offsets) == len(matrix.data), f"offsets has {len(matrix.offsets)} "
               f"numbers: expected {len(matrix.data)}, as data has rows")  # fmt: skip


def demand_within(matrix: Any) -> None:
    """Raise ValueError if an entry of a matrix in COO format lies outside of it."""
    for name, places, n in zip(("row", "col"), (matrix.row, matrix.col), matrix.shape, strict=True):
        places = whole_numbers(name, places, STARTS)
        high = int(places.max(initial=-1))
        demand(high < n, f"{name} has {high}: expected numbers below {n}")
        demand(len(places) == len(matrix.data), f"{name} has {len(places)} numbers: expected "
               f"{len(matrix.data)}, as data")  # fmt: skip


def summed(matrix: CSR, values: Array) -> CSR:
    """A CSR of these values, in their own dtype, sorted and summed as SciPy does it."""
    from scipy.sparse import csr_matrix

    native = values.astype(values.dtype.newbyteorder("="))
    parts = (native, matrix.indices.copy(), matrix.indptr.copy())  # SciPy sorts in place
    other = csr_matrix(parts, shape=matrix.shape)
    other.sum_duplicates()
    return CSR(
        whole_numbers("indptr", other.indptr, STARTS),
        whole_numbers("indices", other.indices, COLUMNS),
        numbers("values", other.data, 1),
        matrix.n_cols,
    )


def entries_of(x: CSR | Block) -> CSR:
    """As CSR; of dense rows the entries that are not zero."""
    if isinstance(x, CSR):
        return x
    rows, places = np.nonzero(x.values)
    indptr = np.searchsorted(rows, np.arange(x.n_rows + 1))
    return CSR(indptr, x.ids[places], x.values[rows, places], x.n_cols)
