"""The vectorised judge where there is a choice: rankings, cuts, buckets, and what stays."""

from dataclasses import replace

import numpy as np
import pytest
from kernel_arguments import BACKEND, csr, f32

from slide.core.contract.arrays import Block, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.families import HASH_NAMES, draw_family
from slide.core.contract.optim import Adam
from slide.core.contract.sparse import SparseParam
from slide.reference.running import map_arrays
from slide.reference.vectorised import verdict
from slide.reference.vectorised.terms import sorting_order


def ranking(ids, scores):
    return np.array([ids], np.int32), f32(scores)


RANKINGS = {
    "right": ([0, 2, 3], [2, 1, 1], ""),
    "tie to the larger id": ([0, 3, 2], [2, 1, 1], "comes before it"),
    "tie left out": ([0, 2, 4], [2, 1, 1], "id 4 is kept and id 3 is not"),
    "better one left out": ([2, 3, 4], [1, 1, 1], "another one (2.0) comes before it"),
    "twice": ([0, 2, 2], [2, 1, 1], "id 2 at place 2 is there a second time"),
    "none": ([0, 2, 5], [2, 1, 1], "id 5 at place 2 is no candidate"),
    "negative": ([0, 2, -1], [2, 1, 1], "id -1 at place 2 is no candidate"),
    "score": ([0, 2, 3], [2, 1, 1.25], "result[1][0, 2] is 1.25, expected 1.0"),
}


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize(("ids", "scores", "sentence"), RANKINGS.values(), ids=RANKINGS)
def test_an_exact_ranking_is_the_only_one(ids, scores, sentence, everywhere):
    w = f32([2], [0], [1], [1], [1])
    candidates = None if everywhere else csr(5, dict.fromkeys([0, 2, 3, 4], 0))
    said = verdict("top_k", (f32([1]), w, candidates, 3), ranking(ids, scores), True).sentence
    assert said == sentence if not sentence else sentence in said


def test_places_are_exchanged_where_rounding_may_and_only_there():
    near, far = np.nextafter(np.float32(1), np.float32(2)), np.float32(1.001)
    for other, is_right in (near, True), (far, False):
        arguments = f32([1]), f32([1], [other]), None, 2
        got = ranking([0, 1], [1, other])
        assert (verdict("top_k", arguments, got).sentence == "") is is_right
        assert verdict("top_k", arguments, got, exact=True).sentence


def test_places_that_nobody_takes_are_minus_one_and_minus_infinity():
    arguments = f32([1]), f32([1], [2]), csr(2, {1: 0.0}), 2
    assert not verdict("top_k", arguments, ranking([1, -1], [2, -np.inf])).sentence
    for ids, scores in ([1, 0], [2, -np.inf]), ([1, -1], [2, 0]), ([1, -1], [2, np.nan]):
        assert verdict("top_k", arguments, ranking(ids, scores)).sentence


CUTS = {
    "right": ({1: 2.0, 3: -3.0}, ""),
    "tie of the larger input": ({2: -2.0, 3: -3.0}, "row 0: entry 1 is not kept, a tie of"),
    "smaller one": ({0: 1.0, 3: -3.0}, "row 0: entry 0 was kept, a larger one was not"),
    "excluded": ({3: -3.0, 4: 9.0}, "row 0: entry 4 is none of the product, or was excluded"),
    "too few": ({3: -3.0}, "is 1, expected 2"),
    "value": ({1: 2.25, 3: -3.0}, "result.values[0] is 2.25, expected 2.0"),
}


@pytest.mark.parametrize(("row", "sentence"), CUTS.values(), ids=CUTS)
def test_rows_of_a_cut_product_are_the_only_ones(row, sentence):
    x = csr(5, {0: 1.0, 1: 2.0, 2: -2.0, 3: -3.0, 4: 9.0})
    arguments = csr(1, {0: 1.0}), x, np.array([2]), csr(5, {4: 0.0})
    said = verdict("spgemm_t", arguments, csr(5, row), True).sentence
    assert said == sentence if not sentence else sentence in said


@pytest.mark.parametrize(("ids", "is_right"), [([0, 1], True), ([1, 2], False), ([0, 2], False)])
def test_a_cut_list_keeps_the_first_of_equal_neurons(ids, is_right):
    w = csr(1, {0: 1.0}, {0: 1.0}, {0: 1.0})
    arguments = w, np.zeros(3, np.float32), 2
    got = compute_on(BACKEND.invert, arguments)
    wrong = replace(got, ids=np.array(ids, np.int32))
    assert (verdict("invert", arguments, wrong).sentence == "") is is_right


def compute_on(kernel, arguments):
    return kernel(*map_arrays(arguments, np.copy))


def test_rows_and_entries_that_no_step_touches_stay_as_they_are():
    param = Adam().begin(f32([1, 2], [3, 4]))
    arguments = param, RowGrad(np.array([1], np.int32), f32([1, 1])), Adam(), 0.1, 1
    got = map_arrays(param, np.copy)
    BACKEND.update_rows(got, *arguments[1:])
    assert not verdict("update_rows", arguments, got).sentence
    for name in "weight", "mean", "square":
        wrong = map_arrays(got, np.copy)
        getattr(wrong, name)[0, 0] += 1
        assert "[0, 0]" in verdict("update_rows", arguments, wrong).sentence
    entries = SparseParam(csr(2, {0: 1.0, 1: 1.0}), f32(1, 1))
    arguments = entries, csr(1, {0: 1.0}), csr(2, {1: 2.0}), 0.1
    got = map_arrays(entries, np.copy)
    BACKEND.update_entries(got, *arguments[1:])
    assert not verdict("update_entries", arguments, got).sentence
    got.square[0] = np.nextafter(np.float32(1), np.float32(2))
    assert "result.square[0]" in verdict("update_entries", arguments, got).sentence


@pytest.mark.parametrize("limit", [1 << 30, 1 << 5])
@pytest.mark.parametrize("name", HASH_NAMES)
def test_buckets_that_rounding_cannot_change_are_demanded(name, limit):
    rng = np.random.default_rng(3)
    family = draw_family(name, 40, 6, 5, limit, rng)
    x = rng.standard_normal((50, 40), dtype=np.float32)
    for probes in 1, 4:
        arguments = x, None, family, probes
        got = BACKEND.hash(*arguments)
        assert not verdict("hash", arguments, got).sentence
        assert verdict("hash", arguments, got ^ np.uint32(1)).sentence
        assert verdict("hash", arguments, np.roll(got, 1, axis=0)).sentence
        for column in range(got.shape[1]):
            wrong = got.copy()
            wrong[30, column] = wrong[30, column - 1] ^ np.uint32(5)
            assert (
                verdict("hash", arguments, wrong).sentence or wrong[30, column] == got[30, column]
            )


def test_a_projection_near_zero_may_have_either_sign():
    family = draw_family("simhash", 2, 1, 1, 2, np.random.default_rng(0))
    r = family.projection[:, 0].astype(np.float64)
    for nudge, is_right in (0.0, True), (1e-3, False):
        x = f32([r[1] + nudge, -r[0]])
        for code in 0, 1:
            got = np.array([[code]], np.uint32)
            found = verdict("hash", (x, None, family, 1), got)
            assert is_right or (found.sentence == "") is (code == int(x[0] @ r > 0))
            assert not is_right or (not found.sentence and found.worst <= 1)


@pytest.mark.parametrize("name", HASH_NAMES)
def test_of_thousands_of_vectors_the_far_buckets_of_the_last_are_tried(name):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4000, 32), dtype=np.float32)
    arguments = x, None, draw_family(name, 32, 9, 4, 1 << 30, rng), 8
    got = BACKEND.hash(*arguments)
    assert not verdict("hash", arguments, got).sentence
    got[3999, -1] ^= np.uint32(1)
    assert "3999" in verdict("hash", arguments, got).sentence


def test_a_code_of_k_signs_has_no_more_than_k_bits():
    family = draw_family("simhash", 8, 3, 2, 1 << 30, np.random.default_rng(0))
    arguments = np.ones((5, 8), np.float32), None, family, 2
    got = BACKEND.hash(*arguments)
    got[4, 3] |= np.uint32(8)
    assert "vector 4, table 1, probe 1" in verdict("hash", arguments, got).sentence


@pytest.mark.parametrize("policy", ["reservoir", "fifo"])
def test_neurons_are_in_their_buckets_and_these_in_order(policy):
    codes = np.random.default_rng(0).integers(4, size=(500, 2)).astype(np.uint32)
    arguments = codes, 4, 7, policy
    right = BACKEND.build(*arguments)
    rows = np.arange(0, 500, 3, dtype=np.int32)
    moves = right, rows, codes[rows[::-1]]
    moved = BACKEND.reinsert(*moves)
    for kernel, called, tables in ("build", arguments, right), ("reinsert", moves, moved):
        assert not verdict(kernel, called, tables).sentence
        first_bucket = int(tables.offsets[1])
        for place, sentence in (1, "not in the order"), (first_bucket, "in a wrong bucket"):
            ids = tables.ids.copy()
            ids[[0, place]] = ids[[place, 0]]
            assert sentence in verdict(kernel, called, replace(tables, ids=ids)).sentence


def test_an_active_set_tells_where_its_neurons_came_from():
    query = Query("vanilla", budget=5, bucket_limit=5, shared=True)
    arguments = (
        None,
        np.empty((2, 0), np.uint32),
        csr(9, {4: 1.0}, {}),
        csr(9, {}, {4: 1, 7: 1}),
    )
    arguments = *arguments, query, 3
    right = Block(np.array([4, 7], np.int32), f32([0, 2]), 9)
    assert not verdict("query", arguments, right).sentence
    for ids, origins, sentence in (
        ([4, 7], [2, 2], "is 2.0, expected 0.0"),
        ([4], [0], "lacks neuron 7"),
        ([4, 6, 7], [0, 2, 2], "has neuron 6"),
        ([7, 4], [2, 0], "not strictly increasing"),
    ):
        wrong = Block(np.array(ids, np.int32), f32(origins), 9)
        assert sentence in verdict("query", arguments, wrong).sentence


@pytest.mark.parametrize("high", [1 << 20, 1 << 62])
def test_numbers_are_sorted_with_or_without_their_places(high):
    numbers = np.random.default_rng(0).integers(high, size=5000)
    numbers[:100] = numbers[100]
    order = sorting_order(numbers)
    np.testing.assert_array_equal(numbers[order], np.sort(numbers))
    np.testing.assert_array_equal(np.sort(order), np.arange(len(numbers)))
