"""Pairs of labels and examples: joined, forgotten, and what they cost."""

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from kernel_arguments import labels

from slide.backends import create
from slide.core.svm import parts
from slide.core.svm.cells import Cells, drawn_cells, found_cells
from slide.core.svm.shortlists import DRAWN, HARD, OWN, Shortlists

Y = labels(3, [0], [0, 1], [], [1])  # four examples, three labels of which the last has none

BACKEND = create("numba")
BACKEND.set_threads(2)


def lists_of(drawn=(), usable=(0, 1, 2, 3)):
    return joined(Shortlists.of(Y, np.array(usable)), drawn, DRAWN)


def joined(lists, cells, reason):
    return lists.joined((run_of(cells), reason))


def run_of(cells):
    return Cells.of([np.array(cells, np.int64)])


def told(lists):
    """Cell -> reason."""
    return dict(zip(lists.cells.tolist(), lists.reasons.tolist(), strict=True))


def test_own_examples_come_first_and_drawn_ones_do_not_replace_them():
    assert told(lists_of([1, 2, 2, 7])) == {0: OWN, 1: OWN, 2: DRAWN, 5: OWN, 7: OWN}
    assert told(lists_of(usable=(0, 3))) == {0: OWN, 7: OWN}


def test_a_drawn_pair_that_is_found_hard_stands_for_itself():
    lists = joined(lists_of([2, 3]), [3, 6, 0], HARD)
    assert told(lists) == {0: OWN, 1: OWN, 2: DRAWN, 3: HARD, 5: OWN, 6: HARD, 7: OWN}


def test_duals_stay_with_their_pairs():
    lists = lists_of([2])
    lists = Shortlists(lists.cells, lists.reasons, lists.cells.astype(np.float32), lists.shape)
    more = joined(lists, [11, 3, 6], HARD)
    assert more.duals.tolist() == [0, 1, 2, 0, 5, 0, 7, 0]
    assert more.cells.tolist() == [0, 1, 2, 3, 5, 6, 7, 11]


def test_negatives_that_are_easy_are_forgotten_and_others_are_not():
    lists = joined(lists_of([2, 10]), [3, 6], HARD)
    duals = np.where(np.isin(lists.cells, (6, 10)), np.float32(0.5), np.float32(0))
    kept = Shortlists(lists.cells, lists.reasons, duals, lists.shape).unsatisfied()
    assert told(kept) == {0: OWN, 1: OWN, 5: OWN, 6: HARD, 7: OWN, 10: DRAWN}


def test_drawn_examples_cost_what_they_stand_for():
    """Of 4 examples label 0 has 2 on its list that were not drawn: the one drawn stands for 2."""
    costs = lists_of([2, 4]).costs(0.5, 4)
    assert costs.shape == (3, 4)
    dense = costs.to_scipy().toarray()
    assert dense.tolist() == [[0.5, 0.5, -1, 0], [-1, 0.5, 0, 0.5], [0, 0, 0, 0]]
    costs.check()


@given(st.lists(st.integers(0, 11)), st.lists(st.integers(0, 11)))
def test_lists_are_sets_whatever_comes(drawn, hard):
    own = {0, 1, 5, 7}
    wanted = {
        cell: OWN if cell in own else HARD if cell in hard else DRAWN
        for cell in sorted({*own, *drawn, *hard})
    }
    cells = (run_of(drawn), DRAWN), (run_of(hard), HARD)
    assert told(lists_of().joined(*cells)) == wanted
    assert told(lists_of().joined(cells[0]).joined(cells[1])) == wanted
    assert told(lists_of().joined(cells[1]).joined(cells[0])) == wanted


@given(st.lists(st.integers(0, 11)), st.lists(st.integers(0, 11)), st.integers(1, 4))
def test_lists_are_the_same_in_however_many_parts_they_are_made(drawn, hard, at_a_time):
    cells = (run_of(drawn), DRAWN), (run_of(hard), HARD)
    begun = lists_of([2, 10])
    duals = (begun.cells % 3).astype(np.float32)
    begun = Shortlists(begun.cells, begun.reasons, duals, begun.shape)
    assert len(begun.cells) <= parts.PAIRS_AT_A_TIME
    whole = made_of(begun, cells, None)
    with (
        patch.object(parts, "PAIRS_AT_A_TIME", at_a_time),
        patch.object(parts, "PARTS_AT_ONCE", 3),
    ):
        assert made_of(begun, cells, BACKEND) == whole


def made_of(lists, cells, backend):
    """All that is made of lists in parts."""
    joined = lists.joined(*cells, backend=backend)
    kept, places = joined.without(np.array([1, 3]), backend)
    duals = joined.duals_with(places, 5 + kept.duals)
    costs = joined.costs(0.5, 4, backend=backend)
    left = joined.unsatisfied(backend)
    return (
        told(joined), joined.duals.tolist(), told(kept), duals.tolist(), costs.dense().tolist(),
        told(left), left.duals.tolist(),
    )  # fmt: skip


@given(st.lists(st.integers(0, 3), max_size=5), st.integers(1, 4))
def test_entries_are_the_same_in_however_many_parts_they_are_kept(kept, at_a_time):
    matrix = labels(4, [0], [0, 1], [], [1, 3], [2])
    is_kept = np.isin(matrix.indices, kept)
    with (
        patch.object(parts, "PAIRS_AT_A_TIME", at_a_time),
        patch.object(parts, "ENTRIES_AT_A_TIME", at_a_time),
    ):
        rows = parts.where(matrix, is_kept, BACKEND)
        picked = parts.picked(matrix.indices, is_kept, BACKEND)
        changed = np.array(matrix.indices)
        parts.put(changed, is_kept, 10 + picked, BACKEND)
    wanted = matrix.where(is_kept)
    rows.check()
    assert rows.dense().tolist() == wanted.dense().tolist()
    assert picked.tolist() == wanted.indices.tolist()
    assert changed.tolist() == (matrix.indices + 10 * is_kept).tolist()


def test_examples_are_drawn_for_labels_that_have_any():
    rng = np.random.default_rng(0)
    (cells,) = drawn_cells(np.array([2, 0, 5]), np.array([4, 4, 99]), np.array([1, 3]), 4, rng)
    names, rows = np.divmod(cells, 4)
    assert np.bincount(names, minlength=3).tolist() == [2, 0, 2]  # no more than there are
    assert set(rows.tolist()) <= {1, 3}


def test_what_was_found_becomes_pairs():
    found = np.array([[2, 0], [1, -1]], np.int32)
    cells = found_cells(found, found >= 0, np.array([3, 1]), 4)
    assert sorted(cells.tolist()) == [3, 5, 11]


def test_an_example_costs_as_often_as_it_counts():
    lists = lists_of([2, 4])
    once, cells = lists.costs(0.5, 4), np.arange(len(lists.cells))
    weights = np.array([3, 0.5, 2, 4, 1, 1, 1, 1, 1], np.float32)[: lists.shape[1]]
    own = lists.reasons == OWN
    assert cells[own].size
    heavy = lists.costs(0.5, float(weights.sum()), weights)
    assert np.array_equal(heavy.values[own], (once.values * weights[once.indices])[own])
    same = lists.costs(0.5, 4, np.ones(lists.shape[1], np.float32))
    assert np.array_equal(same.values, once.values)
