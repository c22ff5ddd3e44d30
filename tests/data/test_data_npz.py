"""npz: our single file, pairs that SciPy wrote, and what is refused."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from data_files import assert_same, dataset, datasets
from hypothesis import given
from scipy.sparse import csc_matrix, csr_matrix, save_npz

from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data import read, write

GOOD = {
    "x_indptr": np.array([0, 2, 2, 3]),
    "x_indices": np.array([1, 4, 0], np.int32),
    "x_values": np.array([0.5, 2, -1], np.float32),
    "x_n_cols": np.array(5),
    "y_indptr": np.array([0, 1, 2, 2]),
    "y_indices": np.array([0, 3], np.int32),
    "y_n_cols": np.array(4),
}
EXPECTED = dataset([({0}, {1: 0.5, 4: 2}), ({3}, {}), (set(), {0: -1})], 5, 4)


def saved(tmp_path, **changes):
    np.savez(tmp_path / "a.npz", **{**GOOD, **changes})
    return tmp_path / "a.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("npz")


def test_golden(tmp_path):
    got = read(saved(tmp_path))
    got.check()
    assert_same(got, EXPECTED)


def test_written_keys(tmp_path):
    write(EXPECTED, tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz", allow_pickle=False) as arrays:
        assert dict(arrays).keys() == GOOD.keys()


SIGNED = Dataset(EXPECTED.x, EXPECTED.y.with_values(np.array([1, -1], np.float32)))


def test_label_values_golden(tmp_path):
    for values in (np.array([1, -1]), np.array([1.0, -1.0])):
        assert_same(read(saved(tmp_path, y_values=values)), SIGNED)


def test_known_negatives_survive(tmp_path):
    write(SIGNED, tmp_path / "b.npz")
    assert_same(read(tmp_path / "b.npz"), SIGNED)
    with np.load(tmp_path / "b.npz", allow_pickle=False) as arrays:
        assert dict(arrays).keys() == {*GOOD, "y_values"}


def test_a_repeated_label_is_positive_if_one_of_them_is(tmp_path):
    path = saved(
        tmp_path,
        y_indptr=np.array([0, 3, 5, 5]),
        y_indices=np.array([0, 0, 0, 3, 3]),
        y_values=np.array([-1, 1, -1, -1, -1]),
    )
    assert_same(read(path), SIGNED)


@pytest.mark.parametrize("dtype", [np.uint64, np.int16, ">i4"])
def test_any_whole_numbers_will_do(tmp_path, dtype):
    changes = {key: np.asarray(array, dtype) for key, array in GOOD.items() if key != "x_values"}
    assert_same(read(saved(tmp_path, **changes)), EXPECTED)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int8, ">f4"])
def test_any_real_values_will_do(tmp_path, dtype):
    values = np.array([0.5, 2, -1]).astype(dtype)
    expected = EXPECTED.x.with_values(values.astype(np.float32))
    assert read(saved(tmp_path, x_values=values)).x.values.tobytes() == expected.values.tobytes()


def test_rows_are_sorted_and_repeats_merged(tmp_path):
    path = saved(
        tmp_path,
        x_indptr=np.array([0, 3, 3, 6]),
        x_indices=np.array([4, 1, 4, 2, 0, 0]),
        x_values=np.array([1, 0.5, 1, 0, -3, 2], np.float32),
        y_indptr=np.array([0, 2, 3, 3]),
        y_indices=np.array([0, 0, 3]),
    )
    expected = dataset([({0}, {1: 0.5, 4: 2}), ({3}, {}), (set(), {0: -1, 2: 0})], 5, 4)
    assert_same(read(path), expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x_indptr": np.array([0, 2, 2, 4])}, "end at 4"),
        ({"x_indptr": np.array([1, 2, 2, 3])}, "rise from 0"),
        ({"x_indptr": np.array([0, 3, 2, 3])}, "rise from 0"),
        ({"x_indptr": np.array([], np.int64)}, "rise from 0"),
        ({"x_indptr": np.array([[0, 3]])}, "2 dimensions"),
        ({"x_indptr": np.array([0.0, 2, 2, 3])}, "float64"),
        ({"x_indptr": np.array([0, 3])}, "1 rows of features and 3"),
        ({"x_indptr": np.array([0, 2**64 - 5, 2**64 - 3, 3], np.uint64)}, "rise from 0"),
        ({"x_indices": np.array([1, 5, 0])}, "indices from 0 to 5, expected 0 to 4"),
        ({"x_indices": np.array([1, -4, 0])}, "indices from -4"),
        ({"x_indices": np.array([1, 4, 2**40])}, "indices from 1 to 1099511627776"),
        ({"x_indices": np.array([1, 4])}, "2 indices and 3 values"),
        ({"x_indices": np.array(["1", "4", "0"])}, "<U1"),
        ({"x_values": np.array([0.5, np.nan, 1])}, "NaN"),
        ({"x_values": np.array([0.5, 1e39, 1])}, "overflows"),
        ({"x_values": np.array([0.5, 2j, 1])}, "complex"),
        ({"x_values": np.array([0.5, 2])}, "2 values"),
        ({"x_values": np.array([3e38, 3e38, 1]), "x_indices": np.array([1, 1, 0])}, "sum"),
        ({"x_values": np.array([1, 2, None])}, "objects"),
        ({"x_n_cols": np.array(2**31)}, "2147483648 columns"),
        ({"x_n_cols": np.array(-1)}, "-1 columns"),
        ({"x_n_cols": np.array([5])}, "1 dimensions"),
        ({"y_indices": np.array([0, 4])}, "0 to 3"),
        ({"y_n_cols": np.array(3)}, "0 to 2"),
        ({"y_values": np.array([1, 2])}, "label values other than 1 and -1"),
        ({"y_values": np.array([1, 0])}, "label values other than 1 and -1"),
        ({"y_values": np.array([1, np.nan])}, "NaN"),
        ({"y_values": np.array([1])}, "2 indices and 1 values"),
    ],
)
def test_bad_arrays(tmp_path, changes, words):
    with pytest.raises(DataError, match=words):
        read(saved(tmp_path, **changes))


@pytest.mark.parametrize("key", [key for key in GOOD if key != "x_indptr"])
def test_missing_array(tmp_path, key):
    np.savez(tmp_path / "a.npz", **{k: v for k, v in GOOD.items() if k != key})
    with pytest.raises(DataError, match=f"'{key}' is missing"):
        read(tmp_path / "a.npz")


def _claiming(shape: tuple[int, ...]) -> bytes:
    """An npy file that claims a shape and holds one number."""
    file = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + b"\0" * 8


@pytest.mark.parametrize("shape", [(10**7,), (10**13,), (10**30,), (2,), (-1, 1, 7), (0,), ()])
def test_claimed_shapes_take_no_memory(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x_indptr.npy", _claiming(shape))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"damaged|missing"):
        read(tmp_path / "a.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6


@pytest.mark.parametrize("content", [b"", b"PK", b"1 1 1\n0 0:1\n", b"\x93NUMPY\x01\x00"])
def test_no_archive(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match="no npz file"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("names", [("X_a.npz", "Y_a.npz"), ("x.npz", "y.npz"), ("X.npz", "Y.npz")])
@given(data=datasets())
def test_scipy_pair(folder, names, data):
    save_npz(folder / names[0], data.x.to_scipy())
    save_npz(folder / names[1], data.y.to_scipy().astype(bool), compressed=False)
    got = read(folder / names[0])
    got.check()
    assert_same(got, data)


def scipy_pair(folder, x, y):
    save_npz(folder / "X_a.npz", x)
    save_npz(folder / "Y_a.npz", y)
    return folder / "X_a.npz"


X, Y = csr_matrix(np.eye(3)), csr_matrix(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X, 2 * Y, "label values other than 1"),
        (X, -Y, "label values other than 1"),
        (X, Y[:2], "3 rows of features and 2 rows of labels"),
        (csc_matrix(X), Y, "csc.*tocsr"),
        (X, csc_matrix(Y), "csc.*tocsr"),
    ],
)
def test_pairs_that_are_refused(tmp_path, x, y, words):
    with pytest.raises(DataError, match=words):
        read(scipy_pair(tmp_path, x, y))


def test_unsorted_pair(tmp_path):
    x = csr_matrix(([1.0, 2.0, 4.0], [2, 0, 2], [0, 3]), shape=(1, 3))
    y = csr_matrix(([1, 1, 1], [1, 0, 1], [0, 3]), shape=(1, 2))
    got = read(scipy_pair(tmp_path, x, y))
    assert_same(got, dataset([({0, 1}, {0: 2, 2: 5})], 3, 2))


def test_partner_is_missing(tmp_path):
    scipy_pair(tmp_path, X, Y)
    (tmp_path / "Y_a.npz").unlink()
    with pytest.raises(DataError, match=r"labels in Y_a.npz beside it"):
        read(tmp_path / "X_a.npz")


def test_neither_ours_nor_a_pair(tmp_path):
    scipy_pair(tmp_path, X, Y)
    np.savez(tmp_path / "X_b.npz", something=np.arange(3))
    for name in ("Y_a.npz", "X_b.npz"):
        with pytest.raises(DataError, match="neither"):
            read(tmp_path / name)


@pytest.mark.parametrize("shape", [np.array([3]), np.array([4, 3]), np.array([3, 2])])
def test_shape_that_does_not_fit(tmp_path, shape):
    scipy_pair(tmp_path, X, Y)
    with np.load(tmp_path / "X_a.npz") as arrays:
        np.savez(tmp_path / "X_a.npz", **{**arrays, "shape": shape})
    with pytest.raises(DataError, match=r"shape|indices from 0 to 2"):
        read(tmp_path / "X_a.npz")
