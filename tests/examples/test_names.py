"""Names of ids: looked up both ways, distinct, and of types that a file can hold."""

import copy
import pickle
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slide.core.errors import InputError
from slide.core.examples.names import Names

TAGS = Names(["python", "java", "c++", 'new\n"line"\t', "", "日本語", 1, 2.5, True + 1])


def test_names_and_ids_are_each_others_inverse():
    ids = np.arange(len(TAGS), dtype=np.int32)
    assert TAGS.of(ids) == list(TAGS.values)
    found = TAGS.ids(TAGS.values)
    np.testing.assert_array_equal(found, ids)
    assert found.dtype == np.int32
    assert TAGS.ids([]).dtype == np.int32


@given(st.lists(st.one_of(st.text(st.characters(codec="utf-8")), st.integers()), unique=True))
def test_any_text_and_number_is_a_name(values):
    names = Names(values)
    assert names.of(names.ids(values)) == values
    assert pickle.loads(pickle.dumps(names)) == copy.deepcopy(names) == names


def test_names_are_a_sequence():
    names = Names(["a", "b", 3])
    assert isinstance(names, Sequence)
    assert (len(names), [*names], names[2], names[1:]) == (3, ["a", "b", 3], 3, ("b", 3))
    assert ("a" in names, "c" in names, ["a"] in names, names.index(3)) == (True, False, False, 2)


def test_names_keep_the_shape_of_ids_and_none_is_none():
    assert TAGS.of(np.array([[0, 2], [1, -1]])) == [["python", "c++"], ["java", None]]
    assert TAGS.of(np.empty((2, 0), np.int32)) == [[], []]


@pytest.mark.parametrize("ids", [[9], [-2], [0.5], ["python"], [[0], [1, 2]]])
def test_ids_without_a_name_are_refused(ids):
    with pytest.raises(InputError, match=r"^ids"):
        TAGS.of(ids)


def test_text_of_a_number_is_another_name_than_the_number():
    names = Names([1, "1"])
    assert names.ids(["1", 1]).tolist() == [1, 0]
    assert Names([1, "1"]) != Names(["1", 1])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["a", "b", "a"], "0 and 2 are both called 'a'"),
        ([1, True], "0 and 1 are called 1 and True, which are equal in Python: expected"),
        ([1, 1.0], "0 and 1 are called 1 and 1.0, which are equal"),
        (["a", None], "a name is None: expected text"),
        ([["a"]], "a name is \\['a'\\]"),
        ([float("nan")], "a name is nan"),
        ([b"a"], "a name is b'a'"),
        (["a", "\ud800"], "half of a character"),
    ],
)
def test_what_is_no_set_of_names_is_refused(values, sentence):
    with pytest.raises(InputError, match=sentence):
        Names(values)


def test_numbers_of_numpy_are_plain_ones():
    names = Names(np.array([3, 4]))
    assert [type(name) for name in names.values] == [int, int]
    assert type(Names(np.array(["a"])).values[0]) is str


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="no name 'pyhton': did you mean 'python'"):
        TAGS.ids(["java", "pyhton"])
    with pytest.raises(InputError, match="no name 'Zebra': expected one of 9 names, such as 'py"):
        TAGS.ids(["Zebra"])
    with pytest.raises(InputError, match=r"no name \[1\]"):
        TAGS.ids([[1]])
    with pytest.raises(InputError, match="there are no names"):
        Names([]).ids(["a"])
    with pytest.raises(InputError, match="expected a list of names"):
        TAGS.ids("python")


def test_names_are_read_when_one_is_wanted():
    reads = []
    names = Names.later(2, lambda: reads.append(1) or ["a", "b"])
    assert len(names) == 2
    assert not reads
    assert names.of([1]) == ["b"]
    assert names.ids(["a"]).tolist() == [0]
    assert names == Names(["a", "b"])
    assert len(reads) == 1
    assert hash(names) == hash(Names(["a", "b"]))
    assert repr(names) == "Names(['a', 'b'])"
