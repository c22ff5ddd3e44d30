"""Blocks of a log of clicks: by hand, and against a loop over its lines."""

import tracemalloc

import numpy as np
import pytest
from data_files import assert_same
from hypothesis import example, given
from hypothesis import strategies as st

from slide.core.errors import ConfigError, InputError
from slide.data import blocks, earlier, held_out, interactions, last_of_users, read, write

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
BY_HAND = [([5], {0: 1, 2: 1, 3: -1, 4: -1}), ([0, 2, 5], {1: 1}), ([], {2: -1, 3: 1})]
EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=40)


def columns(log):
    users, items, clicked = (
        (list(column) for column in zip(*log, strict=True)) if log else ([],) * 3
    )
    return np.array(users, int), np.array(items, int), np.array(clicked, bool)


def listed(data):
    """(items clicked before, {item: value}) of each example, by the names of items."""
    names, pairs = [int(name) for name in data.label_names.values], []
    assert data.feature_names == data.label_names
    for i in range(data.n_samples):
        (ids, values), (had, ones) = data.y.row(i), data.x.row(i)
        assert set(ones.tolist()) <= {1}
        labels = {names[j]: value for j, value in zip(ids.tolist(), values.tolist(), strict=True)}
        pairs.append((sorted(names[j] for j in had.tolist()), labels))
    return pairs


def test_blocks_by_hand() -> None:
    data = blocks(*columns(LOG))
    data.check()
    assert listed(data) == BY_HAND
    assert list(data.label_names) == ["5", "3", "2", "4", "1", "0", "6"]
    assert data.times.tolist() == [1, 8, 2]  # places in the log


def test_names_and_times_may_be_any() -> None:
    """The same log, shuffled, of other names: the times are what orders it."""
    users, items, clicked = columns(LOG)
    order = np.random.default_rng(0).permutation(len(LOG))
    named = np.array([f"user {user}" for user in users], object), items.astype(str)
    times = np.datetime64("2026-11-30") + np.arange(len(LOG))
    data = blocks(*(each[order] for each in (*named, clicked, times)))
    assert sorted(listed(data), key=str) == sorted(BY_HAND, key=str)
    assert (
        sorted(data.times.tolist())
        == times[[1, 2, 8]].astype("datetime64[us]").astype(int).tolist()
    )


def test_items_are_those_of_a_model_and_then_others() -> None:
    known = blocks(*columns(LOG))
    more = blocks(*columns([(7, 9, False), (7, 0, True)]), like=known)
    assert listed(more) == [([], {9: -1, 0: 1})]
    assert more.label_names.values[:7] == known.label_names.values
    assert more.n_labels == 8


@pytest.mark.parametrize(
    ("limits", "rows"),
    [((1, 1), [2]), ((2, None), [0, 1]), ((0, 2), [0, 1, 2]), ((3, None), []), ((1, 0), [])],
)
def test_users_with_too_few_or_too_many_blocks_are_left_out(limits, rows) -> None:
    data = blocks(*columns(LOG), fewest=limits[0], most=limits[1])
    data.check()
    assert listed(data) == [BY_HAND[row] for row in rows]
    assert data.n_labels == 7  # the numbering stays


@given(EVENTS, st.integers(0, 3), st.none() | st.integers(0, 4), st.integers(1, 4))
@example(LOG, 0, None, 1)
def test_blocks_against_a_loop(log, fewest, most, longest) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interactions, "LONGEST", longest)
        patch.setattr(interactions, "ENTRIES_AT_A_TIME", 2)
        data = blocks(*columns(log), fewest=fewest, most=most)
    data.check()
    assert listed(data) == looped(log, fewest, float("inf") if most is None else most, longest)


def looped(log, fewest, most, longest):
    examples = []
    for user in dict.fromkeys(user for user, _, _ in log):
        found, had, skipped, clicked = [], [], [], []
        for _, item, click in [line for line in log if line[0] == user] + [(user, None, False)]:
            if click:
                clicked.append(item)
                continue
            if clicked:
                if skipped:
                    labels = dict.fromkeys(skipped, -1) | dict.fromkeys(clicked, 1)
                    found.append((sorted(set(had[-longest:])), labels))
                had += clicked
                skipped, clicked = [], []
            skipped.append(item)
        if fewest <= len(found) <= most:
            examples += found
    return examples


@given(EVENTS, st.sampled_from([0.2, 0.5, 0.9]))
def test_the_latest_share_of_each_user_is_held_out(log, share) -> None:
    is_earlier = earlier(columns(log)[0], share=share).tolist()
    expected = []
    for user in dict.fromkeys(user for user, _, _ in log):
        own = [place for place, line in enumerate(log) if line[0] == user]
        n = round((1 - share) * len(own))
        assert [is_earlier[place] for place in own] == [True] * n + [False] * (len(own) - n)
        had = {log[place][1] for place in own[:n] if log[place][2]}
        later = [log[place] for place in own[n:]]
        labels = {item: -1 for _, item, click in later if not click}
        labels |= {item: 1 for _, item, click in later if click}
        if 1 in labels.values():
            expected.append((sorted(had), labels))
    assert listed(held_out(*columns(log), share=share)) == expected


def test_the_latest_is_told_by_time() -> None:
    users, times = [1, 1, 2, 1, 1, 1, 2], [50, 30, 7, 10, 20, 40, 6]
    assert earlier(users, times).tolist() == [False, True, True, True, True, True, True]
    half = [False, False, False, True, True, False, True]
    assert earlier(users, times, share=0.5).tolist() == half


def test_what_was_shown_is_no_answer_without_repeats() -> None:
    log = [(0, 1, False), (0, 2, True), (0, 1, False), (0, 2, True), (0, 3, False), (0, 1, True),
           (0, 2, False), (0, 4, True)]  # fmt: skip
    assert listed(blocks(*columns(log))) == [
        ([], {1: -1, 2: 1}), ([2], {1: -1, 2: 1}), ([2], {1: 1, 3: -1}), ([1, 2], {2: -1, 4: 1}),
    ]  # fmt: skip
    data = blocks(*columns(log), seen_are_answers=False)
    assert listed(data) == [([], {1: -1, 2: 1}), ([1, 2], {4: 1})]
    assert data.left_out.row(0)[0].tolist() == []
    assert [data.label_names.values[j] for j in data.left_out.row(1)[0]] == ["1", "2", "3"]
    later = held_out(*columns(log), share=0.25, seen_are_answers=False)
    assert listed(later) == [([1, 2], {4: 1})]
    who, ends = last_of_users(*columns(log[:3]), seen_are_answers=False)
    assert (who, ends.x.row(0)[0].tolist(), ends.left_out.row(0)[0].tolist()) == ([0], [1], [0, 1])


def test_a_new_user_is_what_they_clicked() -> None:
    known = blocks(*columns(LOG))
    who, data = last_of_users(["new", "old", "new"], [2, 3, 0], [True, False, True], like=known)
    assert who == ["new", "old"]
    assert listed(data) == [([0, 2], {}), ([], {})]
    assert data.n_features == known.n_features


def test_memory_follows_users_in_use_and_not_the_largest_id() -> None:
    users = np.array([5, 5, 2**31 - 2, 2**31 - 2])
    tracemalloc.start()
    data = blocks(users, np.array([0, 1, 2, 2**31 - 2]), np.array([False, True] * 2))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.n_labels == 4
    assert most < 1 << 20


def test_blocks_survive_npz(tmp_path) -> None:
    data = blocks(*columns(LOG))
    write(data, tmp_path / "log.npz")
    found = read(tmp_path / "log.npz")
    assert_same(found, data)
    assert found.y.values.min() == -1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"users": np.array([0.5, 1])}, "users: they are float64"),
        ({"items": np.array([[0, 1]])}, "items: there are 2 dimensions"),
        ({"items": [0, None]}, "items: "),
        ({"clicked": np.array([0, 1])}, "clicked: they are int64: expected bool"),
        ({"clicked": np.array([True])}, "there are 2 users and items and 1 clicks"),
        ({"items": np.array([0, 1, 2])}, "users, items and times have 2 and 3 entries"),
        ({"times": [1, float("nan")]}, "times: one is not finite"),
        ({"like": 3}, "like was not trained on"),
    ],
)
def test_what_is_no_log_is_refused(change, words) -> None:
    good = {"users": [0, 1], "items": [0, 1], "clicked": [True, False]}
    for call in (blocks, held_out, last_of_users):
        with pytest.raises(InputError, match=words):
            call(**good | change)


@pytest.mark.parametrize("limit", ["3", 1.5, True, -1])
def test_limits_and_shares_are_numbers(limit) -> None:
    for name in ("fewest", "most"):
        with pytest.raises(ConfigError, match=f"{name} is "):
            blocks(*columns(LOG), **{name: limit})
    for share in (0, 1, 0.0, 1.0, float("nan"), "0.2", None):
        with pytest.raises(ConfigError, match="share is "):
            held_out(*columns(LOG), share=share)
        with pytest.raises(ConfigError, match="share is "):
            earlier([1], share=share)


def test_without_events_there_is_nothing() -> None:
    for data in (blocks([], [], []), held_out([], [], []), last_of_users([], [], [])[1]):
        assert (data.n_samples, data.n_labels) == (0, 0)
    assert earlier([]).tolist() == []
