"""Files that count from 1: told, shifted when it is said, and never guessed."""

import warnings

import pytest
from data_files import assert_same, dataset

from slide.core.errors import ConfigError, DataError, SlideWarning
from slide.core.examples.counting import OneBased
from slide.data import read, write
from slide.data.formats import read_pair

ROWS = [({0, 2}, {1: 0.5, 4: 2}), ({1}, {0: 1}), (set(), {3: 1}), ({2}, {})]
DATA = dataset(ROWS, 5, 3)


def spelled(folder, features, labels, name="a.svm"):
    """The examples in a file that counts from these numbers."""
    lines = []
    for y, x in ROWS:
        words = [f"{i + features}:{value}" for i, value in x.items()]
        lines.append(" ".join([",".join(str(i + labels) for i in sorted(y)), *words]) + "\n")
    (folder / name).write_text("".join(lines))
    return folder / name


@pytest.mark.parametrize("one_based", OneBased)
def test_what_is_said_is_shifted(tmp_path, one_based):
    path = spelled(tmp_path, one_based.first_feature, one_based.first_label)
    assert_same(read(path, one_based=one_based), DATA)
    assert_same(read(path, one_based=one_based.value), DATA)


@pytest.mark.parametrize(
    ("features", "labels", "told"),
    [(0, 0, None), (1, 0, "features"), (0, 1, "labels"), (1, 1, "both"), (2, 2, None)],
)
def test_what_counts_from_1_is_told_once_with_the_option(tmp_path, features, labels, told):
    path = spelled(tmp_path, features, labels)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = read(path)
    assert (got.n_features, got.n_labels) == (5 + features, 3 + labels)  # as they stand
    sentences = [str(each.message) for each in caught if each.category is SlideWarning]
    assert len(sentences) == (told is not None)
    if told:
        assert f"one_based='{told}'" in sentences[0]
        assert sentences[0].startswith(f"{path}: ")


@pytest.mark.parametrize(("one_based", "shift"), [("none", 0), ("both", 1)])
def test_who_has_said_it_is_not_told(tmp_path, one_based, shift):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        got = read(spelled(tmp_path, 1, 1), one_based=one_based)
    assert told == []
    assert (got.n_features, got.n_labels) == (6 - shift, 4 - shift)


@pytest.mark.parametrize(
    ("one_based", "line", "word"),
    [("labels", "2,0 0:1", "label '0'"), ("features", "0 1:1 0:1", "feature '0'")],
)
def test_zero_is_out_of_range_for_what_counts_from_1(tmp_path, one_based, line, word):
    (tmp_path / "a.svm").write_text(f"1 1:1\n{line}\n")
    with pytest.raises(DataError, match=f"{word} is out of range.*one_based") as caught:
        read(tmp_path / "a.svm", one_based=one_based)
    assert caught.value.line == 2


@pytest.mark.parametrize("name", ["a.txt", "a.npz"])
def test_formats_that_count_from_0_do_so_whatever_is_said(tmp_path, name):
    write(DATA, tmp_path / name)
    assert_same(read(tmp_path / name, one_based="both"), DATA)


def test_both_files_of_a_run_count_alike_and_are_told_of_once(tmp_path):
    train, valid = spelled(tmp_path, 1, 1), spelled(tmp_path, 1, 1, "b.svm")
    with pytest.warns(SlideWarning, match="one_based='both'") as told:
        read_pair(train, valid)
    assert len(told) == 1
    for got in read_pair(train, valid, "both"):
        assert_same(got, DATA)


def test_a_training_set_that_counts_from_0_is_not_said_to_count_from_1(tmp_path):
    write(DATA, tmp_path / "a.txt")
    with pytest.raises(DataError, match="this format counts from 0"):
        read_pair(tmp_path / "a.txt", None, "labels")
    assert read_pair(tmp_path / "a.txt", None, "none")[1] is None


def test_another_word_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="one_based is 'yes': expected one of none, features"):
        read(spelled(tmp_path, 0, 0), one_based="yes")
