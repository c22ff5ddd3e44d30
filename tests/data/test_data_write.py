"""What is written is read back bit for bit, or refused; a file appears whole or not at all."""

import numpy as np
import pytest
from data_files import N_FEATURES, N_LABELS, assert_same, dataset, datasets
from hypothesis import given

from slide.core.errors import DataError, InputError
from slide.core.examples.dataset import Dataset
from slide.data import read, write
from slide.data.target import new_file

XMC_AND_NPZ = ["a.txt", "a.txt.gz", "a.txt.zst", "a.npz"]
SVMLIGHT = ["a.svm", "a.svmlight.bz2", "a.libsvm.xz"]
TEXT = [*XMC_AND_NPZ[:3], *SVMLIGHT]
SMALL = dataset([({0, 2}, {1: 0.5, 4: 2}), ({3}, {}), (set(), {0: -1.5}), (set(), {})], 6, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("write")


def there_and_back(data: Dataset, path, **sizes: int) -> Dataset:
    path.unlink(missing_ok=True)
    write(data, path)
    got = read(path, **sizes)
    got.check()
    return got


@given(data=datasets())
def test_round_trip(folder, data):
    for name in XMC_AND_NPZ:  # the same draws, which take longest
        assert_same(there_and_back(data, folder / name), data)


@pytest.mark.filterwarnings("ignore:.*blank line")
@given(data=datasets(at_least=1))
def test_round_trip_svmlight(folder, data):
    sizes = {"n_features": N_FEATURES, "n_labels": N_LABELS, "one_based": "none"}
    for name in SVMLIGHT:
        assert_same(there_and_back(data, folder / name, **sizes), data)


def test_xmc_text_golden(tmp_path):
    write(SMALL, tmp_path / "a.txt")
    expected = b"4 6 5\n0,2 1:0.5 4:2\n3\n 0:-1.5\n\n"
    assert (tmp_path / "a.txt").read_bytes() == expected


def test_svmlight_text_golden(tmp_path):
    write(SMALL, tmp_path / "a.svm")
    assert (tmp_path / "a.svm").read_bytes() == b"0,2 1:0.5 4:2\n3\n 0:-1.5\n\n"


def test_many_rows_are_written_in_order(tmp_path):
    rows = [({i % 7}, {i % 11: i + 0.25}) for i in range(9000)]
    data = dataset(rows, 11, 7)
    for name in XMC_AND_NPZ:
        assert_same(there_and_back(data, tmp_path / name), data)


def test_every_kind_of_float32_survives(tmp_path):
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 5000, dtype=np.uint64).astype(np.uint32)
    # The last: its shortest decimal, 7.038531e-26, is another float32 by way of float64.
    bits = np.append(bits, np.array([0, 1 << 31, 1, 0x7F7FFFFF, 0x800000, 0x15AE43FD], np.uint32))
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    data = dataset([({0}, dict(enumerate(values)))], len(values), 1)
    assert_same(there_and_back(data, tmp_path / "a.txt"), data)


@pytest.mark.parametrize("name", XMC_AND_NPZ + SVMLIGHT)
def test_the_same_data_gives_the_same_bytes(tmp_path, name, monkeypatch):
    contents = []
    for seconds in (1e9, 2e9):
        monkeypatch.setattr("time.time", lambda now=seconds: now)
        write(SMALL.take(np.arange(3)), tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
        (tmp_path / name).unlink()
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", XMC_AND_NPZ + SVMLIGHT)
def test_nothing_is_overwritten(tmp_path, name):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(DataError, match="exists"):
        write(SMALL, tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def _with_x_value(value: float) -> Dataset:
    return Dataset(SMALL.x.with_values(np.full(SMALL.x.nnz, value, np.float32)), SMALL.y)


REFUSED = {
    "label values": (Dataset(SMALL.x, SMALL.y.with_values(SMALL.y.values * 2)), XMC_AND_NPZ),
    "cannot hold label values of -1": (
        Dataset(SMALL.x, SMALL.y.with_values(-SMALL.y.values)),
        TEXT,
    ),
    "no examples": (dataset([], 3, 3), SVMLIGHT),
}


@pytest.mark.parametrize(("words", "data", "names"), [(w, *case) for w, case in REFUSED.items()])
def test_what_no_file_can_hold_is_refused(tmp_path, words, data, names):
    for name in names:
        with pytest.raises(DataError, match=words):
            write(data, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (Dataset(SMALL.x, SMALL.y.take(np.array([0]))), "4 rows of features and 1 rows of labels"),
        (_with_x_value(np.nan), "x: row 0 has nan in column"),
        (_with_x_value(np.inf), "x: row 0 has inf in column"),
        (dataset([({0}, {0: 1})], 2**31, 1), "x: n_cols is 2147483648: expected"),
    ],
)
@pytest.mark.parametrize("name", XMC_AND_NPZ + SVMLIGHT)
def test_broken_invariants_are_the_callers_fault(tmp_path, name, data, words):
    with pytest.raises(InputError, match=f"^the dataset.* {words}|^the dataset, {words}"):
        write(data, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind_on_failure(tmp_path):
    def write_half() -> None:
        with new_file(tmp_path / "a.txt") as file:
            file.write(b"half")
            assert not (tmp_path / "a.txt").exists()
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/a.txt", "file/a.txt", "x" * 300])
def test_impossible_places(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError):
        write(SMALL, tmp_path / name)
