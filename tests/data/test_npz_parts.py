"""npz in parts: the same bits and the same sentences as at once, in memory that does not grow."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
import scipy.sparse
from data_files import assert_same, datasets
from hypothesis import given
from hypothesis import strategies as st

import slide.data
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data import read, write
from slide.data.folders.converting import convert_to_folder
from slide.data.npz import npz_parts
from slide.data.source import BEGIN, Source

FEW = 3  # entries of a part


def in_parts(path, n_entries=FEW):
    """All examples, from parts of few entries."""
    return npz_parts(Source(path), entries_at_a_time=n_entries).whole()


def saved(path, compressed=False, **changes):
    """Ten examples with two features and a label each."""
    arrays = {
        "x_indptr": np.arange(0, 21, 2), "x_indices": np.tile([0, 3], 10),
        "x_values": np.arange(20.0), "x_n_cols": np.array(5), "y_indptr": np.arange(11),
        "y_indices": np.arange(10), "y_n_cols": np.array(10), "other": np.arange(3000),
    } | changes  # fmt: skip
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("npz")


def shuffled(matrix, rng):
    """SciPy's matrix with the entries of each row in another order."""
    order = np.lexsort((rng.random(matrix.nnz), matrix.row_numbers()))
    arrays = matrix.values[order], matrix.indices[order], matrix.indptr
    return scipy.sparse.csr_matrix(arrays, matrix.shape)


@given(
    data=datasets(), n_entries=st.integers(1, 30), start=st.integers(0, 9),
    seed=st.integers(0, 99), kind=st.sampled_from(["ours", "signed", "pair", "compressed"]),
)  # fmt: skip
def test_parts_are_the_whole_from_any_row(folder, data, n_entries, start, seed, kind):
    rng, path = np.random.default_rng(seed), folder / "X_a.npz"
    if kind == "signed":
        signs = np.where(rng.random(data.y.nnz) < 0.5, 1, -1)
        data = Dataset(data.x, data.y.with_values(signs.astype(np.float32)))
    if kind in ("ours", "signed"):
        path.unlink(missing_ok=True)
        write(data, path)
    else:
        x, y = (shuffled(matrix, rng) for matrix in (data.x, data.y))
        scipy.sparse.save_npz(path, x, kind == "compressed")
        scipy.sparse.save_npz(folder / "Y_a.npz", y, kind == "compressed")
    assert_same(in_parts(path, n_entries), data)
    assert_same(read(path), data)
    start = min(start, data.n_samples)
    parts = npz_parts(
        Source(path), start=BEGIN._replace(n_lines=start), entries_at_a_time=n_entries
    )
    assert_same(parts.whole(), data.take(np.arange(start, data.n_samples)))


def test_parts_are_small(tmp_path):
    parts = list(npz_parts(Source(saved(tmp_path / "a.npz")), entries_at_a_time=5).parts)
    assert [part.examples.x.nnz for part in parts] == [4] * 5
    assert [part.end.n_lines for part in parts] == [2, 4, 6, 8, 10]
    alone = saved(tmp_path / "b.npz", y_indptr=np.array([0, *[9] * 9, 10]))
    sizes = [p.examples.n_samples for p in npz_parts(Source(alone), entries_at_a_time=5).parts]
    assert sizes[0] == 1  # which has nine labels
    assert sum(sizes) == 10


def test_pairs_to_leave_out(tmp_path):
    x, y = scipy.sparse.csr_matrix(np.eye(6)), scipy.sparse.csr_matrix(np.ones((6, 2)))
    scipy.sparse.save_npz(tmp_path / "trn_X_Xf.npz", x)
    scipy.sparse.save_npz(tmp_path / "trn_X_Y.npz", y)
    (tmp_path / "filter_labels_train.txt").write_text("0 1\n4 0\n")
    got = in_parts(tmp_path / "trn_X_Xf.npz", 1)
    assert got.left_out.cells().tolist() == [1, 8]
    assert got.y.row_lengths().tolist() == [1, 2, 2, 2, 1, 2]
    features = npz_parts(Source(tmp_path / "trn_X_Xf.npz"), True, entries_at_a_time=2).whole()
    assert (features.n_samples, features.n_features, features.n_labels) == (6, 6, 0)


BAD = {
    "an index": (
        {"x_indices": np.array([1, 9, *[0, 3] * 8, 2, -7])},
        "indices from -7 to 9, expected 0 to 4",
    ),
    "a value": ({"x_values": np.array([0.0] * 18 + [np.nan, 0])}, "a value is NaN, infinite"),
    "a sum": (
        {"x_values": np.full(20, 3e38), "x_indices": np.array([*[0, 3] * 9, 1, 1])},
        "values of a repeated feature sum",
    ),
    "a label": ({"y_indices": np.array([*range(9), 10])}, "indices from 0 to 10, expected 0 to 9"),
    "a label's value": (
        {"y_values": np.array([1.0] * 9 + [2])},
        "label values other than 1 and -1",
    ),
    "more rows": (
        {"y_indptr": np.arange(10), "y_indices": np.arange(9)},
        "10 rows of features and 9 rows",
    ),
    "fewer values": ({"x_values": np.zeros(19)}, "20 indices and 19 values"),
}


@pytest.mark.parametrize(("changes", "words"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("compressed", [False, True])
def test_sentences_are_those_of_the_whole(changes, words, compressed, tmp_path):
    path, told = saved(tmp_path / "a.npz", compressed, **changes), set()
    for n_entries in (1, FEW, 1000):
        with pytest.raises(DataError, match=words) as refused:
            in_parts(path, n_entries)
        told.add(str(refused.value))
    assert len(told) == 1


def damage(path, key):
    """Change the last number of an array."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{key}.npy")
    content = bytearray(path.read_bytes())
    begin = info.header_offset + 30 + len(info.filename)
    begin += int.from_bytes(content[info.header_offset + 28 : info.header_offset + 30], "little")
    content[begin + info.file_size - 8] ^= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("key", ["x_indptr", "x_indices", "x_values", "y_indices", "other"])
def test_checksums_of_all_arrays_are_compared(key, tmp_path):
    path = damage(big(tmp_path / "a.npz", 100, False, other=np.arange(200_000)), key)
    for n_entries in (2000, 1 << 20):
        with pytest.raises(DataError, match=r"a damaged one \(Bad CRC-32"):
            in_parts(path, n_entries)


@pytest.mark.parametrize("key", ["x_indices", "x_values"])
def test_damage_is_told_before_what_it_may_have_made(key, tmp_path):
    values = np.array([np.nan, *np.zeros(19_999)])
    path = damage(big(tmp_path / "a.npz", 100, False, x_values=values), key)
    with pytest.raises(DataError, match=r"a damaged one \(Bad CRC-32"):
        in_parts(path, 2000)


def test_numbers_that_signal_are_refused_without_a_warning(tmp_path):
    values = np.frombuffer(b"\x01\0\0\0\0\0\xf0\x7f" * 20, np.float64)
    with pytest.raises(DataError, match="a value is NaN"):
        in_parts(saved(tmp_path / "a.npz", x_values=values))


def test_an_array_that_ends_too_early_is_refused(tmp_path):
    path = saved(tmp_path / "a.npz")
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["x_values.npy"] = members["x_values.npy"][:-8]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=r"cannot reshape array of size 19 into shape \(20,\)"):
        in_parts(path)


def test_what_comes_through_a_pipe(tmp_path, monkeypatch):
    content = saved(tmp_path / "a.npz", True).read_bytes()

    class Stdin:
        buffer = io.BytesIO(content)

    monkeypatch.setattr("sys.stdin", Stdin)
    assert_same(read("-"), read(tmp_path / "a.npz"))


def opener(n_entries):
    return lambda source, start: npz_parts(source, False, start, n_entries)


def big(path, n, compressed, **changes):
    """Examples of 200 features and 20 labels."""
    arrays = {
        "x_indptr": np.arange(0, 200 * n + 1, 200), "x_indices": np.tile(np.arange(200), n),
        "x_values": np.random.default_rng(0).random(200 * n), "x_n_cols": np.array(200),
        "y_indptr": np.arange(0, 20 * n + 1, 20), "y_indices": np.tile(np.arange(20), n),
        "y_n_cols": np.array(20),
    }  # fmt: skip
    return saved(path, compressed, **arrays | changes)


@pytest.mark.parametrize("compressed", [False, True])
def test_memory_does_not_grow_with_the_file(compressed, tmp_path):
    peaks = []
    for n in (100, 3000):
        path = big(tmp_path / f"{n}.npz", n, compressed)
        tracemalloc.start()
        try:
            data = convert_to_folder([path], tmp_path / str(n), opener(2000))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert_same(data, read(path))
    assert peaks[1] < peaks[0] + 800_000
    assert peaks[1] < 2_500_000  # indices of features alone are 4,800,000 bytes


@pytest.mark.parametrize("compressed", [False, True])
def test_a_conversion_goes_on_and_tells_how_far_it_is(compressed, tmp_path):
    path, seen, again = big(tmp_path / "a.npz", 100, compressed), [], []

    def stop(n_bytes):
        seen.append(n_bytes)
        if len(seen) == 3:
            raise KeyboardInterrupt

    arguments = [path], tmp_path / "out", opener(2000)
    convert_to_folder([path], tmp_path / "whole", opener(2000))
    with pytest.raises(KeyboardInterrupt):
        convert_to_folder(*arguments, watch=stop, every=1)
    convert_to_folder(*arguments, watch=again.append, every=1)
    assert 0 < seen[0] < seen[1] < again[0] < again[-1] == path.stat().st_size
    assert len(again) == 8  # of ten parts
    for each in (tmp_path / "whole").iterdir():
        assert each.read_bytes() == (tmp_path / "out" / each.name).read_bytes()


def test_a_conversion_by_the_public_function_goes_on(tmp_path):
    path, seen = big(tmp_path / "a.npz", 1500, False), []  # two parts

    def stop(n_bytes):
        seen.append(n_bytes)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        slide.data.convert_to_folder([path], tmp_path / "out", watch=stop, every=1)
    data = slide.data.convert_to_folder([path], tmp_path / "out", watch=stop, every=1)
    assert len(seen) == 3
    assert_same(data, read(path))


def test_a_late_fault_leaves_nothing(tmp_path):
    path = saved(tmp_path / "a.npz", **BAD["a value"][0])
    with pytest.raises(DataError, match="NaN"):
        convert_to_folder([path], tmp_path / "out", opener(FEW), every=1)
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]
