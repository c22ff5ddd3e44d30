"""Blocks of an interaction log: by hand, and against a loop over its lines."""

import tracemalloc

import numpy as np
import pytest
from data_files import assert_same
from hypothesis import given
from hypothesis import strategies as st

from slide.core.errors import InputError
from slide.data import blocks, read, write

# User 1 clicks 5 at once, skips 3 and 4, clicks 2 and 0, skips 1, clicks 1, and skips 6 at last.
# User 0, in between, skips 2 and clicks 3. User 3 only skips.
LOG = [
    (1, 5, True),
    (1, 3, False),
    (0, 2, False),
    (1, 4, False),
    (1, 2, True),
    (3, 1, False),
    (1, 0, True),
    (0, 3, True),
    (1, 1, False),
    (1, 1, True),
    (1, 6, False),
]


def columns(log):
    users, items, clicked = (
        (list(column) for column in zip(*log, strict=True)) if log else ([],) * 3
    )
    return np.array(users, int), np.array(items, int), np.array(clicked, bool)


def listed(data):
    """(user, {item: value}) of each example."""
    pairs = []
    for i in range(data.n_samples):
        ids, values = data.y.row(i)
        assert data.x.row(i)[1].tolist() == [1]
        pairs.append(
            (int(data.x.row(i)[0][0]), dict(zip(ids.tolist(), values.tolist(), strict=True)))
        )
    return pairs


def test_blocks_by_hand() -> None:
    data = blocks(*columns(LOG))
    data.check()
    assert listed(data) == [(0, {2: -1, 3: 1}), (1, {0: 1, 2: 1, 3: -1, 4: -1}), (1, {1: 1})]
    assert (data.n_features, data.n_labels) == (4, 7)


@pytest.mark.parametrize(
    ("limits", "users"),
    [((1, 1), [0]), ((2,), [1, 1]), ((0, 2), [0, 1, 1]), ((3,), []), ((1, 0), [])],
)
def test_users_with_too_few_or_too_many_blocks_are_left_out(limits, users) -> None:
    data = blocks(*columns(LOG), *limits)
    data.check()
    assert [user for user, _ in listed(data)] == users
    assert (data.n_features, data.n_labels) == (4, 7)  # the numbering stays


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=40),
    st.integers(0, 3),
    st.none() | st.integers(0, 4),
)
def test_blocks_against_a_loop(log, fewest, most) -> None:
    data = blocks(*columns(log), fewest, most)
    data.check()
    assert listed(data) == looped(log, fewest, float("inf") if most is None else most)


def looped(log, fewest, most):
    examples = []
    for user in range(4):
        found, skipped, clicked = [], [], []
        for _, item, click in [line for line in log if line[0] == user] + [(user, None, False)]:
            if click:
                clicked.append(item)
                continue
            if clicked:
                if skipped:
                    found.append((user, dict.fromkeys(skipped, -1) | dict.fromkeys(clicked, 1)))
                skipped, clicked = [], []
            skipped.append(item)
        if fewest <= len(found) <= most:
            examples += found
    return examples


def test_memory_follows_users_in_use_and_not_the_largest_id() -> None:
    users = np.array([5, 5, 2**31 - 2, 2**31 - 2])
    tracemalloc.start()
    data = blocks(users, np.array([0, 1, 2, 2**31 - 2]), np.array([False, True] * 2))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.x.indices.tolist() == [5, 2**31 - 2]
    assert most < 1 << 20


def test_blocks_survive_npz(tmp_path) -> None:
    data = blocks(*columns(LOG))
    write(data, tmp_path / "log.npz")
    assert_same(read(tmp_path / "log.npz"), data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"users": np.array([0.5, 1])}, "users are float64"),
        ({"items": np.array([[0, 1]])}, "2 dimensions"),
        ({"items": np.array([0, -1])}, "items go down to -1"),
        ({"users": np.array([0, 2**40])}, "users go up to 1099511627776"),
        ({"clicked": np.array([0, 1])}, "clicked is int64"),
        ({"items": np.array([0, 1, 2])}, "2 users, 3 items and 2 clicks"),
    ],
)
def test_what_is_no_log_is_refused(change, words) -> None:
    good = {
        "users": np.array([0, 1]),
        "items": np.array([0, 1]),
        "clicked": np.array([True, False]),
    }
    with pytest.raises(ValueError, match=words):
        blocks(**good | change)


def test_lists_are_taken_and_what_is_none_is_a_sentence():
    data = blocks([0, 0], [1, 0], [False, True])
    assert data.y.indices.tolist() == [0, 1]
    for arguments in (
        ("x", [1], [True]),
        ([[0]], [1], [True]),
        ([0], [1], [1]),
        ([0.5], [1], [True]),
    ):
        with pytest.raises(InputError, match=r"^blocks: "):
            blocks(*arguments)
