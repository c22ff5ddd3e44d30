"""Features and labels in files of their own, text or npz, and the pairs that are left out."""

import gzip
from unittest.mock import patch

import numpy as np
import pytest
from data_files import assert_same, dataset
from scipy.sparse import save_npz

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError, SlideWarning
from slide.core.examples.dataset import Dataset
from slide.data import convert_to_folder, read, write
from slide.data.folders.writing import FolderWriter

ROWS = [({1, 3}, {0: 0.5, 2: 1}), ({0}, {1: 1}), (set(), {4: 0.25}), ({2}, {})]
DATA = dataset(ROWS, 5, 4)
FEATURES = "4 5\n0:0.5 2:1\n1:1\n4:0.25\n\n"
LABELS = "4 4\n1:1 3:1.00000\n0:1\n\n2:1\n"


def laid_out(folder, features=FEATURES, labels=LABELS, stem="trn"):
    (folder / f"{stem}_X_Xf.txt").write_text(features)
    (folder / f"{stem}_X_Y.txt").write_text(labels)
    return folder / f"{stem}_X_Xf.txt"


@pytest.mark.parametrize("stem", ["trn", "tst", "val"])
def test_text_golden(tmp_path, stem):
    got = read(laid_out(tmp_path, stem=stem))
    got.check()
    assert_same(got, DATA)
    assert got.left_out is None


@pytest.mark.parametrize(
    ("features", "labels"),
    [("X_a.txt", "Y_a.txt"), ("x.dat", "y.dat"), ("X.trn.txt", "Y.trn.txt"), ("a_X_Xf", "a_X_Y")],
)
def test_other_names_of_a_pair(tmp_path, features, labels):
    (tmp_path / features).write_text(FEATURES)
    (tmp_path / labels).write_text(LABELS)
    assert_same(read(tmp_path / features), DATA)


@pytest.mark.parametrize("suffixes", [(".gz", ".gz"), ("", ".gz"), (".gz", "")])
def test_each_may_be_compressed(tmp_path, suffixes):
    for name, text, suffix in zip(("Xf", "Y"), (FEATURES, LABELS), suffixes, strict=True):
        content = gzip.compress(text.encode()) if suffix else text.encode()
        (tmp_path / f"trn_X_{name}.txt{suffix}").write_bytes(content)
    assert_same(read(tmp_path / f"trn_X_Xf.txt{suffixes[0]}"), DATA)


def test_npz_of_that_name(tmp_path):
    save_npz(tmp_path / "trn_X_Xf.npz", DATA.x.to_scipy())
    save_npz(tmp_path / "trn_X_Y.npz", DATA.y.to_scipy())
    (tmp_path / "filter_labels_train.txt").write_text("0 3\n")
    got = read(tmp_path / "trn_X_Xf.npz")
    assert_same(got, dataset([({1}, ROWS[0][1]), *ROWS[1:]], 5, 4))
    assert got.left_out.cells().tolist() == [3]


@pytest.mark.parametrize(
    ("features", "labels", "words", "name", "line"),
    [
        (FEATURES, "3 4\n1:1\n0:1\n2:1\n", "4 rows of features and 3 rows of labels", "Y", None),
        (FEATURES, "4 4\n1:1\n0:2\n\n2:1\n", "label 0 has a value other than 1", "Y", 3),
        (FEATURES, "4 4\n1:1\n0\n\n2:1\n", "'0' is no entry, expected index:value", "Y", 3),
        (FEATURES, "4 4\n1:1\n4:1\n\n2:1\n", "feature '4' is out of range", "Y", 3),
        (FEATURES, "4 4\n1:1\n", "ends after 1 of the 4", "Y", 2),
        (FEATURES, "4 4 1\n1:1\n", "expected two whole numbers", "Y", 1),
        (FEATURES.replace("1:1", "7 1:1"), LABELS, "'7' is no entry", "Xf", 3),
        (FEATURES + "1:1\n", LABELS, "more examples than the 4", "Xf", 6),
    ],
)
def test_pairs_that_are_refused(tmp_path, features, labels, words, name, line):
    path = laid_out(tmp_path, features, labels)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert caught.value.path == str(tmp_path / f"trn_X_{name}.txt")
    assert caught.value.line == line


def test_labels_are_missing(tmp_path):
    path = laid_out(tmp_path)
    (tmp_path / "trn_X_Y.txt").unlink()
    with pytest.raises(DataError, match=r"features only.* labels in trn_X_Y\.txt beside it"):
        read(path)
    got = read(path, features_only=True)
    assert_same(got, dataset([(set(), x) for _, x in ROWS], 5, 0))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lbl_X_Xf.txt", "features of labels, which slide does not use: .*trn_X_Xf"),
        ("trn_X_Y.txt", r"labels only, expected features: name trn_X_Xf\.txt"),
        ("Y_a.txt", r"labels only, expected features: name X_a\.txt"),
        ("bow.txt", r"one matrix, expected features in trn_X_Xf\.txt"),
    ],
)
def test_names_that_are_no_examples(tmp_path, name, words):
    (tmp_path / name).write_text(FEATURES)
    with pytest.raises(DataError, match=words):
        read(tmp_path / name)


def test_features_of_labels_in_npz(tmp_path):
    save_npz(tmp_path / "lbl_X_Xf.npz", DATA.x.to_scipy())
    with pytest.raises(DataError, match="features of labels"):
        read(tmp_path / "lbl_X_Xf.npz", features_only=True)


@pytest.mark.parametrize(("stem", "part"), [("trn", "train"), ("tst", "test")])
@pytest.mark.parametrize("pairs", ["0 3\n3 0\n0 3", "3 0\r\n 0\t3 \r\n\n", "0 3\n3 0"])
def test_pairs_to_leave_out(tmp_path, stem, part, pairs):
    path = laid_out(tmp_path, stem=stem)
    (tmp_path / f"filter_labels_{part}.txt").write_bytes(pairs.encode())
    got = read(path)
    assert_same(got, dataset([({1}, ROWS[0][1]), *ROWS[1:]], 5, 4))
    assert got.left_out.cells().tolist() == [3, 12]
    assert got.take(np.array([3, 1])).left_out.cells().tolist() == [0]
    with pytest.raises(ValueError, match=r"left out has the shape \(4, 4\), labels \(4, 6\)"):
        Dataset(got.x, CSR.empty(4, 6), got.left_out).check()


def test_pairs_of_the_other_set_are_not_for_this_one(tmp_path):
    path = laid_out(tmp_path, stem="tst")
    (tmp_path / "filter_labels_train.txt").write_text("0 3\n")
    assert read(path).left_out is None


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_no_pairs(tmp_path, content):
    path = laid_out(tmp_path)
    (tmp_path / "filter_labels_train.txt").write_text(content)
    assert_same(read(path), DATA)


@pytest.mark.parametrize(
    ("pairs", "words", "line"),
    [
        ("0 3\n4 0\n", "example 4 and label 0, expected less than 4 and 4", 2),
        ("0 4\n", "example 0 and label 4, expected less", 1),
        ("0 3\n0 x\n", "'0 x' is no pair", 2),
        ("0 3\n\n0 1\n", "'' is no pair", 2),
        ("0,3\n", "'0,3' is no pair", 1),
        ("0 3 1\n", "'0 3 1' is no pair", 1),
        ("0 -1\n", "'0 -1' is no pair", 1),
        ("0 " + "9" * 30 + "\n", "is no pair", 1),
    ],
)
def test_pairs_that_are_none(tmp_path, pairs, words, line):
    path = laid_out(tmp_path)
    beside = tmp_path / "filter_labels_train.txt"
    beside.write_text(pairs)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert (caught.value.path, caught.value.line) == (str(beside), line)


def test_what_is_left_out_is_not_written_silently(tmp_path):
    path = laid_out(tmp_path)
    (tmp_path / "filter_labels_train.txt").write_text("0 3\n")
    with pytest.warns(SlideWarning, match="1 pairs that are left out"):
        write(read(path), tmp_path / "a.npz")
    assert isinstance(read(tmp_path / "a.npz").y, CSR)


def test_a_folder_of_two_files_is_made_a_few_at_a_time(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        (set(rng.integers(9, size=2).tolist()), {int(rng.integers(40)): 1.0}) for _ in range(300)
    ]
    features = "".join(f"{next(iter(x))}:1\n" for _, x in rows)
    labels = "".join(" ".join(f"{label}:1" for label in sorted(y)) + "\n" for y, _ in rows)
    path = laid_out(tmp_path, f"300 40\n{features}", f"300 9\n{labels}")
    (tmp_path / "filter_labels_train.txt").write_text("".join(f"{i} {i % 9}\n" for i in range(290)))
    sizes, append = [], FolderWriter.append

    def appending(self, part):
        sizes.append(part.n_samples)
        append(self, part)

    with patch.object(FolderWriter, "append", appending):
        made = convert_to_folder([path], tmp_path / "made", chunk_size=256)
    assert max(sizes) < 100
    assert_same(made, read(path))
    whole = dataset([(y - {i % 9} if i < 290 else y, x) for i, (y, x) in enumerate(rows)], 40, 9)
    assert_same(made, whole)
    assert made.left_out.cells().tolist() == [9 * i + i % 9 for i in range(290)]
