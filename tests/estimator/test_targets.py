import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

import slide
from slide.core.contract.arrays import CSR
from slide.core.errors import InputError
from slide.core.examples.dataset import Dataset
from slide.core.examples.targets import read_targets
from slide.estimator.joining import first_targets

X = np.eye(3, dtype=np.float32)


def dense(y, known=None):
    targets, matrix = read_targets(y, known)
    return targets, matrix.dense().astype(int).tolist()


NAMES = [["b", "a"], [], ["b", "b"]]


@pytest.mark.parametrize(
    "y",
    [
        NAMES,
        [tuple(row) for row in NAMES],
        [set(row) for row in NAMES],
        [np.array(row, object) for row in NAMES],
        pd.Series(NAMES),
        pl.Series([*NAMES]),
    ],
)
def test_lists_of_names_are_sorted_and_repeated_ones_count_once(y):
    targets, matrix = dense(y)
    assert (targets.form, targets.classes.tolist()) == ("names", ["a", "b"])
    assert matrix == [[1, 1], [0, 0], [0, 1]]


def test_names_that_cannot_be_sorted_come_as_they_are_met():
    targets, matrix = dense([[("t", 1), 2], ["x", None], [2]])
    assert targets.classes.tolist() == [("t", 1), 2, "x", None]
    assert matrix == [[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]]


MIXED = [np.int64(3), np.str_("3"), np.float64(2.5)]


@pytest.mark.parametrize(
    "y", [MIXED, np.array(MIXED, object), [[each] for each in MIXED], [{each} for each in MIXED]]
)
def test_numbers_and_texts_of_numpy_are_different_names(y):
    targets, _ = read_targets(y)
    assert set(map(type, targets.classes.tolist())) == {int, str, float}
    assert set(Dataset(X, y).label_names.values) == {3, "3", 2.5}
    estimator = slide.SlideClassifier(backend="reference").fit(X, y)
    assert set(estimator.classes_.tolist()) == {3, "3", 2.5}


def test_first_labels_of_several_types_are_different_names():
    assert first_targets([3, "3"]).names.tolist() == [3, "3"]


@pytest.mark.parametrize(
    "y", [["u", "v", "u"], np.array(["u", "v", "u"]), pd.Series(["u", "v", "u"])]
)
def test_one_for_each_example_is_its_class(y):
    targets, matrix = dense(y)
    assert (targets.form, targets.classes.tolist()) == ("classes", ["u", "v"])
    assert matrix == [[1, 0], [0, 1], [1, 0]]


MARKS = [[1, 0, 1], [0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize(
    "y", [MARKS, np.array(MARKS), np.array(MARKS, bool), list(np.array(MARKS))]
)
def test_rows_that_repeat_0_or_1_mark_labels(y):
    targets, matrix = dense(y)
    assert (targets.form, matrix) == ("marks", MARKS)


def test_columns_of_a_frame_name_labels():
    targets, matrix = dense(pd.DataFrame(MARKS, columns=["p", "q", "r"]))
    assert (targets.classes.tolist(), matrix) == (["p", "q", "r"], MARKS)


@pytest.mark.parametrize(
    "make", [sp.csr_array, sp.coo_matrix, lambda y: CSR.from_scipy(sp.csr_array(y))]
)
def test_matrices_have_ids_for_names(make):
    targets, matrix = dense(make(np.array(MARKS)))
    assert (targets.form, targets.names, matrix) == ("matrix", None, MARKS)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([[0, 1], [1, 0]], "where they mark labels"),
        ([[["a"]], []], "no name"),
        (np.array([[0, 2], [1, 0]]), "expected 0 and 1"),
        (np.zeros((2, 2, 2)), "3 dimensions"),
    ],
)
def test_what_could_mean_two_things_is_refused(y, words):
    with pytest.raises(InputError, match=words):
        read_targets(y)


NAN = float("nan")


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([["a"], None, ["b"]], "row 1 is None"),
        ([None, ["a"], ["b"]], "row 0 is None"),
        ([["a"], ["b"], {"a": 1}], "row 2 is {'a': 1}"),
        ([["a"], "b", ["c"]], "row 1 is 'b'"),
        (["a", ["b"], "c"], "row 0 is 'a'"),
        ([{"a": 1}, {"b": 1}, {"c": 1}], "row 0, is {'a': 1}"),
        (["a", {"b": 1}, "c"], "row 1, is {'b': 1}"),
        ([["a"], [NAN], ["b"]], "label nan"),
        ([[1.5], [np.float32("nan")], [2.5]], "label nan"),
        (["a", NAN, "b"], "label nan"),
        ([["a"], [float("inf")], ["b"]], "label inf"),
    ],
)
def test_rows_and_names_that_cannot_be_are_refused_in_a_sentence(y, words):
    for take in (
        read_targets,
        lambda y: slide.fit(X, y),
        lambda y: slide.SlideClassifier(backend="reference").fit(X, y),
    ):
        with pytest.raises(InputError, match=words):
            take(y)


def test_new_labels_come_after_those_that_were_there():
    first, _ = read_targets(NAMES)
    second, matrix = dense([["0", "b"]], first)
    assert (second.classes.tolist(), matrix) == (["a", "b", "0"], [[0, 1, 1]])
    with pytest.raises(InputError, match="of the form 'matrix': expected 'names' again"):
        read_targets(sp.csr_array(MARKS), first)


def test_ids_are_found_and_missed_in_a_sentence():
    named, numbered = read_targets(NAMES)[0], read_targets(sp.csr_array(MARKS))[0]
    assert named.ids(["b", "a"]).tolist() == [1, 0]
    assert numbered.ids([2]).tolist() == [2]
    assert named.named(np.array([[0, -1]])).tolist() == [["a", None]]
    for targets, wrong in ((named, "c"), (numbered, 3)):
        with pytest.raises(InputError, match="expected"):
            targets.ids([wrong])


def test_a_dataset_takes_lists_of_ids_and_of_names():
    numbers = Dataset(X, [[4, 1], [], [1]])
    assert (numbers.n_labels, numbers.y.indices.tolist()) == (5, [1, 4, 1])
    assert numbers.label_names is None
    named = Dataset(X, ["no", "yes", "no"])
    assert (named.y.indices.tolist(), named.label_names.values) == ([0, 1, 0], ("no", "yes"))


@pytest.mark.parametrize("names", [["a"], ["c", "b", "a"], ["a", "b", "c", "d"]])
def test_a_dataset_refuses_other_names_than_those_of_its_lists(names):
    y = [["a"], ["b"], ["c"]]
    with pytest.raises(InputError, match="y names its labels itself"):
        Dataset(X, y, label_names=names)
    assert Dataset(X, y, label_names=["a", "b", "c"]).label_names.values == ("a", "b", "c")
