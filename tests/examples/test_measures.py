"""Each measure against its definition in plain Python, one example at a time."""

import numpy as np
import pytest
from conftest import csr_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from test_metrics import N, as_arrays, rankings

from slide.core.examples.measures import (
    PARTS,
    coverage_at,
    hit_rate_at,
    label_metrics,
    label_recall_at,
    map_at,
    mrr_at,
    parts_of,
    parts_recall_at,
    r_precision_at,
)
from slide.core.examples.metrics import hits

DEPTHS = st.sampled_from([1, 3, 5, 9])


def given_hits(ids, labels):
    arrays = as_arrays(ids, labels)
    return hits(*arrays), arrays[1].row_lengths()


@given(rankings(), DEPTHS)
def test_recall_of_labels(case, k):
    ids, labels, _ = case
    each = [
        len(set(row[:k]) & true) / len(true) if true else 0.0
        for row, true in zip(ids, labels, strict=True)
    ]
    assert label_recall_at(*given_hits(ids, labels), k) == pytest.approx(np.mean(each))


@given(rankings(), DEPTHS)
def test_hit_rate(case, k):
    ids, labels, _ = case
    each = [any(label in true for label in row[:k]) for row, true in zip(ids, labels, strict=True)]
    assert hit_rate_at(given_hits(ids, labels)[0], k) == pytest.approx(np.mean(each))


@given(rankings(), DEPTHS)
def test_mrr(case, k):
    ids, labels, _ = case
    each = []
    for row, true in zip(ids, labels, strict=True):
        places = [place for place, label in enumerate(row[:k], 1) if label in true]
        each.append(1 / places[0] if places else 0.0)
    assert mrr_at(given_hits(ids, labels)[0], k) == pytest.approx(np.mean(each))


@given(rankings(), DEPTHS)
def test_r_precision(case, k):
    ids, labels, _ = case
    each = [
        len(set(row[:k]) & true) / min(k, len(true)) if true else 0.0
        for row, true in zip(ids, labels, strict=True)
    ]
    assert r_precision_at(*given_hits(ids, labels), k) == pytest.approx(np.mean(each))


@given(rankings(), DEPTHS)
def test_mean_average_precision(case, k):
    ids, labels, _ = case
    each = []
    for row, true in zip(ids, labels, strict=True):
        precisions = [
            len(set(row[:place]) & true) / place
            for place, label in enumerate(row[:k], 1)
            if label in true
        ]
        each.append(sum(precisions) / min(k, len(true)) if true else 0.0)
    assert map_at(*given_hits(ids, labels), k) == pytest.approx(np.mean(each))


@given(rankings(), DEPTHS)
def test_coverage(case, k):
    ids, _, counts = case
    known = {label for label in range(N) if counts[label]}
    named = {label for row in ids for label in row[:k]} & known
    expected = len(named) / len(known) if known else 0.0
    assert coverage_at(np.array(ids), np.array(counts), k) == pytest.approx(expected)


def part(label, counts):
    """By the definition: what share of all pairs more frequent labels have."""
    total = sum(counts)
    more = sum(count for count in counts if count > counts[label])
    return next(i for i in range(3) if 3 * more < (i + 1) * total or i == 2 or not total)


@given(rankings(), DEPTHS)
def test_recall_of_parts(case, k):
    ids, labels, counts = case
    expected = {}
    for i, name in enumerate(PARTS):
        pairs = [
            label in row[:k]
            for row, true in zip(ids, labels, strict=True)
            for label in true
            if part(label, counts) == i
        ]
        if pairs:
            expected[f"{name}_recall_at_{k}"] = pytest.approx(np.mean(pairs))
    array, y = as_arrays(ids, labels)
    parts = parts_of(np.array(counts, np.int64))
    assert parts_recall_at(array, hits(array, y), y, parts, k) == expected


def test_parts_have_a_third_each_and_keep_equals_together():
    counts = np.array([90, 30, 30, 30, 1, 0] + [2] * 44)
    parts = parts_of(counts)
    assert parts.tolist() == [0, 1, 1, 1, 2, 2] + [2] * 44
    assert parts_of(np.array([7, 7, 7])).tolist() == [0, 0, 0]
    assert parts_of(np.array([0, 0])).tolist() == [0, 0]
    assert parts_of(np.zeros(0, np.int64)).tolist() == []


def test_by_hand():
    # Example 0 has labels 1 and 2, predicted 0, 2, 1; example 1 has label 3, predicted nothing.
    y = csr_of([{1: 1.0, 2: 1.0}, {3: 1.0}], 4)
    ids = np.array([[0, 2, 1], [-1, -1, -1]], np.int32)
    scores = label_metrics(ids, y, np.array([5, 0, 1, 4]), (1, 2, 10))
    assert scores == {
        "label_recall_at_1": 0, "hit_rate_at_1": 0, "mrr_at_1": 0, "r_precision_at_1": 0,
        "coverage_at_1": 1 / 3, "map_at_1": 0, "map_at_2": 1 / 8,
        "map_at_10": pytest.approx((1 / 2 + 2 / 3) / 2 / 2),
        "torso_recall_at_1": 0, "tail_recall_at_1": 0,
        "label_recall_at_2": 1 / 4, "hit_rate_at_2": 1 / 2, "mrr_at_2": 1 / 4,
        "r_precision_at_2": 1 / 4,
        "coverage_at_2": 2 / 3, "torso_recall_at_2": 0, "tail_recall_at_2": 1 / 2,
        "label_recall_at_10": 1 / 2, "hit_rate_at_10": 1 / 2, "mrr_at_10": 1 / 4,
        "r_precision_at_10": 1 / 2,
        "coverage_at_10": 2 / 3, "torso_recall_at_10": 0, "tail_recall_at_10": 1,
    }  # fmt: skip


def test_of_no_examples_all_is_zero():
    scores = label_metrics(np.zeros((0, 3), np.int32), csr_of([], 4), np.ones(4, np.int64), (1, 5))
    assert set(scores.values()) == {0.0}


def test_gain_recall_and_average_precision_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    true = rng.random((50, N)) < 0.4
    true[:, 0] |= ~true.any(axis=1)
    scores = rng.random((50, N))
    ids = np.argsort(-scores, axis=1).astype(np.int32)
    y = csr_of([dict.fromkeys(np.flatnonzero(row), 1.0) for row in true], N)
    from slide.core.examples.metrics import ndcg_at

    for k in (1, 3, 5):
        assert ndcg_at(ids, y, k) == pytest.approx(metrics.ndcg_score(true, scores, k=k))
        top = np.zeros_like(true)
        np.put_along_axis(top, ids[:, :k].astype(np.int64), True, axis=1)
        recall = metrics.recall_score(true, top, average="samples")
        assert label_recall_at(hits(ids, y), y.row_lengths(), k) == pytest.approx(recall)
    whole = metrics.label_ranking_average_precision_score(true, scores)
    assert map_at(hits(ids, y), y.row_lengths(), N) == pytest.approx(whole)
