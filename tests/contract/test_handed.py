"""What people hand over: taken in every form that says the same, or refused in a sentence."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from slide.core.contract import handed
from slide.core.contract.arguments import path_of
from slide.core.contract.arrays import CSR, Block
from slide.core.errors import InputError, SlideError
from slide.core.examples.dataset import Dataset, checked

DENSE = np.array([[0, 2, 0, 0.5], [0, 0, 0, 0], [1, 0, -3, 4]], np.float32)
X = CSR.from_scipy(sp.csr_matrix(DENSE))
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
DTYPES = (*"?bhilBHILfdg", ">f4", ">f8", ">i8", ">u2")


def assert_same(got, wanted=X):
    """Fail unless two CSRs are equal, with arrays as kernels take them."""
    got.check()
    assert got.n_cols == wanted.n_cols
    assert type(got.n_cols) is int
    for name in ("indptr", "indices", "values"):
        array = getattr(got, name)
        np.testing.assert_array_equal(array, getattr(wanted, name))
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.dtype.isnative


def test_what_is_right_already_is_not_copied():
    assert handed.features(X) is X
    block = Block.of(DENSE)
    assert handed.features(block).values is block.values
    data = Dataset(X, X)
    assert checked(data, "it") is data


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_every_format_of_scipy_is_taken_and_stays_as_it_is(form, kind):
    matrix = getattr(sp, f"csr_{kind}")(DENSE).asformat(form)
    before = matrix.copy()
    assert_same(handed.features(matrix))
    assert_same(CSR.from_scipy(matrix))
    assert (matrix != before).nnz == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_every_real_dtype_of_scipy_is_taken(form, dtype):
    wanted = np.abs(DENSE).astype(dtype)
    native = sp.csr_matrix(np.abs(DENSE).astype(np.dtype(dtype).newbyteorder("=")))
    matrix = native.asformat(form)
    matrix.data = matrix.data.astype(dtype)
    assert_same(handed.features(matrix), CSR.from_scipy(sp.csr_matrix(wanted.astype(np.float32))))


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
def test_rows_of_scipy_in_any_order_are_sorted_and_summed_in_their_own_dtype(kind):
    # Not in float32, which does not tell 2**24 + 1 from 2**24.
    values = np.array([2**24, 5, 1, 1], np.int64)
    matrix = kind((values, np.array([3, 0, 3, 3]), np.array([0, 4, 4])), shape=(2, 4))
    matrix.data.flags.writeable = matrix.indices.flags.writeable = False
    got = handed.features(matrix)
    assert got.indices.tolist() == [0, 3]
    assert got.values.tolist() == [5, 2**24 + 2]
    assert matrix.indices.tolist() == [3, 0, 3, 3]  # as it was
    swapped = kind((values.astype(">i8"), matrix.indices, matrix.indptr), shape=(2, 4))
    assert_same(handed.features(swapped), got)


def test_a_mark_of_scipy_that_rows_are_sorted_is_not_believed():
    matrix = sp.csr_matrix(DENSE)
    assert matrix.has_canonical_format
    matrix.indices[:2] = [3, 1]
    assert handed.features(matrix).indices[:2].tolist() == [1, 3]


def test_room_after_the_last_row_is_no_entry():
    matrix = sp.csr_matrix(DENSE)
    matrix.indices, matrix.data = (
        np.append(each, [9, 9]) for each in (matrix.indices, matrix.data)
    )
    assert_same(handed.features(matrix))


def beyond(form):
    """A matrix of SciPy with a place that is not there, which SciPy lets pass."""
    matrix = sp.csr_matrix(DENSE).asformat(form)
    if form == "coo":
        matrix.row[0] = 1_000_000
    else:
        matrix.indices[0] = 1_000_000
    return matrix


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr"])
def test_scipy_is_not_asked_to_read_foreign_memory(form):
    with pytest.raises(InputError):
        handed.features(beyond(form))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr"])
def test_nor_below_its_arrays(form):
    matrix = beyond(form)
    (matrix.row if form == "coo" else matrix.indices)[0] = -1_000_000
    with pytest.raises(InputError):
        handed.features(matrix)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16, ">i4", ">i8", "<u8"])
@pytest.mark.parametrize("value", [np.float64, np.float16, np.int8, ">f4", ">f8", bool])
def test_arrays_of_a_csr_may_have_any_dtype_that_holds_them(dtype, value):
    ones = np.ones(X.nnz)
    odd = CSR(X.indptr.astype(dtype), X.indices.astype(dtype), ones.astype(value), np.int64(4))
    assert_same(handed.features(odd), X.with_values(ones.astype(np.float32)))
    assert_same(handed.labels(odd), X.with_values(ones.astype(np.float32)))


def spaced(array):
    """The same numbers, each after a gap."""
    return np.repeat(array, 2)[::2]


def unaligned(array):
    """The same numbers, at odd addresses."""
    room = np.zeros(array.nbytes + 1, np.uint8)[1:]
    room.view(array.dtype)[:] = array
    return room.view(array.dtype)


def read_only(array):
    """The same numbers, which nobody may change."""
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("odd", [spaced, unaligned, read_only, np.ndarray.tolist])
def test_arrays_may_have_any_layout(odd):
    assert_same(handed.features(CSR(odd(X.indptr), odd(X.indices), odd(X.values), 4)))


@pytest.mark.parametrize(
    "x",
    [
        DENSE.astype(np.float64), np.asfortranarray(DENSE), DENSE[::-1][::-1], DENSE.astype(">f8"),
        read_only(DENSE), DENSE.tolist(), [tuple(row) for row in DENSE], DENSE.view(np.matrix),
        np.ma.array(DENSE),
    ],
)  # fmt: skip
def test_dense_rows_are_a_block(x):
    got = handed.features(x)
    got.check()
    assert isinstance(got, Block)
    np.testing.assert_array_equal(got.values, DENSE)
    assert got.values.flags.c_contiguous
    assert got.values.dtype.isnative


class Frame:
    """Whatever says how it becomes an array, as data frames and tensors do."""

    def __array__(self, dtype=None, copy=None):
        return DENSE.astype(dtype or np.float64)


def test_what_becomes_an_array_is_taken():
    np.testing.assert_array_equal(handed.features(Frame()).values, DENSE)


class Elsewhere:
    """An array that is not on the host, say."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("cannot be read\nfrom here")


def test_what_others_raise_is_told():
    with pytest.raises(InputError, match=r"^x: values is a Elsewhere that is no array: cannot be"):
        handed.features(Elsewhere(), "x")


def test_lists_of_lists_of_scipy_may_lie():
    matrix = sp.lil_matrix(DENSE)
    matrix.rows[0] = [1, 1000]
    with pytest.raises(InputError, match=r"^features: index 1000 is not below n_cols = 4"):
        handed.features(matrix)


def test_labels_are_the_entries_above_0():
    marks = np.array([[0, 3, 0], [0.5, 0, -2]])
    wanted = CSR(np.array([0, 1, 3]), np.array([1, 0, 2], np.int32),
                 np.array([1, 1, -1], np.float32), 3)  # fmt: skip
    explicit = sp.csr_matrix(([0, 3, 0.5, -2], [0, 1, 0, 2], [0, 2, 4]), shape=(2, 3))
    for y in (marks, sp.coo_array(marks), explicit, Block.of(marks)):
        assert_same(handed.labels(y), wanted)
    assert_same(handed.labels(marks > 0), wanted.positive())
    assert_same(handed.labels(sp.csr_matrix(marks > 0)), wanted.positive())


def with_part(name, array):
    """X with one array in place of its own."""
    return CSR(**{each: getattr(X, each) for each in CSR.__slots__} | {name: array})


def broken_rows():
    """A LIL matrix whose second row has two columns and one value."""
    matrix = sp.lil_array(DENSE)
    matrix.rows[1], matrix.data[1] = [0, 1], [1.0]
    return matrix


def broken_offsets(offsets):
    """A DIA matrix of two diagonals with other offsets."""
    matrix = sp.dia_array((np.ones((2, 4)), [0, 1]), shape=(4, 4))
    matrix.offsets = np.array(offsets)
    return matrix


REFUSED = {
    "row 0 has nan in column 3": with_part("values", [1, np.nan, 1, 1, 1]),
    "row 2 has -inf in column 0": with_part("values", [1, 1, -np.inf, 1, 1]),
    "row 2 has inf in column 2": with_part("values", [1, 1, 1, 1e39, 1]),  # beyond float32
    "index 4 is not below n_cols = 4": with_part("indices", X.indices + 1),
    "indices has -1, which is negative": with_part("indices", X.indices.astype(np.int64) - 1),
    "index -1 is negative": with_part("indices", X.indices - 1),
    "indices has 4294967299: expected 2147483647 at most": with_part(
        "indices", X.indices.astype(np.int64) + (1 << 32)
    ),
    "indices of a row are not strictly increasing": with_part("indices", X.indices[::-1]),
    "indices is float64: expected whole": with_part("indices", X.indices.astype(float)),
    "indices is bool: expected whole": with_part("indices", X.indices > 0),
    "indices has 2 dimensions": with_part("indices", X.indices[None]),
    "indices is a NoneType": with_part("indices", None),
    "indptr does not start with 0": with_part("indptr", X.indptr + 1),
    "indptr decreases": with_part("indptr", [0, 3, 2, 5]),
    "indptr ends at 4, but there are 5 indices and 5": with_part("indptr", [0, 2, 2, 4]),
    "indptr does not start": with_part("indptr", []),
    "indptr is float64": with_part("indptr", X.indptr.astype(float)),
    "ends at 5, but there are 5 indices and 4 values": with_part("values", X.values[1:]),
    "values is complex64": with_part("values", X.values.astype(np.complex64)),
    "values is object": with_part("values", X.values.astype(object)),
    "values is <U32": with_part("values", X.values.astype(str)),
    "n_cols is 4.0": with_part("n_cols", 4.0),
    "n_cols is -1": with_part("n_cols", -1),
    "n_cols is True": with_part("n_cols", True),
    "n_cols is 2147483648": with_part("n_cols", 1 << 31),
    "values has 1 dimensions: expected 2 with a row for each example": DENSE[0],
    "values has 3 dimensions: expected 2": DENSE[None],
    "values is a float": 1.0,
    "values is a str": "x",
    "values is a NoneType": None,
    "values is a dict": {0: 1},
    "values is a set": {0, 1},
    "values is a list that is no array: ": [[1, 2], [3]],
    "values is <U1: expected real": [["a"]],
    "values is object: expected real": DENSE.astype(object),
    "values is complex128: expected real": DENSE.astype(complex),
    "values is datetime64": np.zeros((1, 2), "M8[s]"),
    "values has masked entries": np.ma.masked_equal(DENSE, 4),
    "row 2 has inf in column 3": np.where(DENSE == 4, 1e39, DENSE.astype(float)),
    "ids are not strictly increasing": Block(np.array([1, 0]), DENSE[:, :2], 4),
    "id 4 is not below n_cols": Block(np.array([0, 4]), DENSE[:, :2], 4),
    "ids has -1, which is negative": Block(np.array([-1, 2]), DENSE[:, :2], 4),
    "values have 4 columns for 3 ids": Block(np.arange(3), DENSE, 4),
    "row 0 has nan in column 2": Block(np.array([1, 2]), [[0, np.nan]], 4),
    "values are complex128": sp.csr_matrix(DENSE.astype(complex)),
    "row 1 has 2 columns: expected 1, as values": broken_rows(),
    "offsets has 1 numbers: expected 2, as data has rows": broken_offsets([0]),
    "offsets are float64: expected whole numbers": broken_offsets([0.5, 1.5]),
    "shape is (4,): expected two": sp.coo_array(DENSE[0]),
    "row 0 has nan in column 1": sp.csc_matrix(np.where(DENSE == 2, np.nan, DENSE)),
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_no_matrix_of_features_is_a_sentence(words):
    with pytest.raises(InputError) as caught:
        handed.features(REFUSED[words], "x")
    assert str(caught.value).startswith("x: ")
    assert words in str(caught.value)
    assert isinstance(caught.value, SlideError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("words", REFUSED)
def test_nor_is_it_one_of_labels(words):
    with pytest.raises(InputError):
        handed.labels(REFUSED[words], "y")


@pytest.mark.parametrize("y", [[[0, 1]], ([0], [1, 2]), [3, 4]])
def test_lists_of_labels_could_be_anything(y):
    with pytest.raises(InputError, match=r"^y: got a .*: expected a slide.CSR, a scipy.sparse"):
        handed.labels(y, "y")


@pytest.mark.parametrize(
    "x",
    [
        CSR.empty(0, 3), CSR.empty(2, 3), CSR([0], [], [], 3), np.zeros((0, 3)),
        Block.of(np.zeros((0, 3))), sp.csr_array((0, 3)),
    ],
)  # fmt: skip
def test_nothing_is_something(x):
    got = handed.features(x)
    assert got.n_cols == 3
    got.check()


@pytest.mark.parametrize("matrix", [np.eye(3), None, [[1.0]]])
def test_what_is_not_of_scipy_is_said_to_be_none(matrix):
    with pytest.raises(InputError, match=r"expected a scipy\.sparse matrix"):
        CSR.from_scipy(matrix)


@given(st.data())
def test_a_change_of_one_number_is_found_or_changes_no_invariant(data):
    """Against a dumb reading of the invariants, number by number."""
    indptr, indices = X.indptr.copy(), X.indices.copy()
    array = data.draw(st.sampled_from([indptr, indices]))
    array[data.draw(st.integers(0, len(array) - 1))] = data.draw(st.integers(-2, 7))
    ends = list(indptr)
    good = ends[0] == 0 and ends[-1] == 5 and ends == sorted(ends)
    for start, stop in pairwise(ends):
        row = list(indices[start:stop]) if good else []
        good = good and row == sorted(set(row)) and all(0 <= j < 4 for j in row)
    odd = CSR(indptr, indices, X.values, 4)
    if good:
        assert handed.features(odd) is odd
    else:
        with pytest.raises(InputError):
            handed.features(odd)


def test_a_dataset_takes_matrices_of_others():
    data = Dataset(sp.csc_array(DENSE), DENSE > 0)
    assert_same(data.x)
    assert data.y.indices.tolist() == [1, 3, 0, 3]
    with pytest.raises(InputError, match=r"^y is a list of rows of 0 and 1"):
        Dataset(X, [[0, 1], [1, 0], [0, 1]])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (X, "^it is a CSR: expected a slide.Dataset"),
        ((X, X), "^it is a tuple: expected a slide.Dataset"),
        (Dataset(X, X.take(np.arange(2))), "^it: 3 rows of features and 2 rows of labels"),
        (Dataset(REFUSED["n_cols is -1"], X), "^it, x: n_cols is -1"),
        (Dataset(X, REFUSED["n_cols is -1"]), "^it, y: n_cols is -1"),
        (Dataset(X, X, REFUSED["n_cols is -1"]), "^it, left_out: n_cols is -1"),
        (Dataset(X, X, CSR.empty(3, X.n_cols + 1)), "^it: left_out has the shape"),
        (Dataset(X, X, CSR.empty(2, X.n_cols)), "^it: left_out has the shape"),
    ],
)
def test_what_are_no_examples_is_a_sentence(data, words):
    with pytest.raises(InputError, match=words):
        checked(data, "it")


def test_pairs_to_leave_out_are_brought_into_form():
    matrix = X.to_scipy()
    data = checked(Dataset(X, X, matrix.astype(np.float64)), "it")
    assert data.left_out.values.dtype == np.float32
    np.testing.assert_array_equal(data.left_out.cells(), X.cells())
    kept = Dataset(X, X, X)
    assert checked(kept, "it") is kept
    changed = checked(
        Dataset(CSR(X.indptr, X.indices.astype(np.int64), X.values, X.n_cols), X, X), "it"
    )
    assert changed.left_out is X


@pytest.mark.parametrize("given", ["", 3, b"m", "a\0b"])
def test_what_is_no_path_is_refused(given):
    with pytest.raises(InputError, match=r"^folder is .*: expected a path"):
        path_of(given, "folder")
