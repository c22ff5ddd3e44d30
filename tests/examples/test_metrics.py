"""Each metric against a second formula: plain Python over sets, one example at a time."""

import math

import numpy as np
import pytest
from conftest import csr_of
from hypothesis import given
from hypothesis import strategies as st

from slide.core.examples.metrics import (
    inverse_propensities,
    ndcg_at,
    precision_at,
    psp_at,
    ranking_metrics,
    recall_at,
    without,
)

N = 8


@st.composite
def rankings(draw):
    """Predicted ids (some missing), label sets, and label counts."""
    n = draw(st.integers(1, 5))
    ids = [draw(st.permutations(range(N)))[:5] for _ in range(n)]
    for row in ids:
        cut = draw(st.integers(0, 5))
        row[cut:] = [-1] * (5 - cut)
    labels = [draw(st.sets(st.integers(0, N - 1))) for _ in range(n)]
    counts = draw(st.lists(st.integers(0, 50), min_size=N, max_size=N))
    return ids, labels, counts


def as_arrays(ids, labels):
    return np.array(ids, np.int32), csr_of([dict.fromkeys(row, 1.0) for row in labels], N)


@given(rankings(), st.sampled_from([1, 3, 5]))
def test_precision(case, k):
    ids, labels, _ = case
    slow = [len(set(row[:k]) & true) / k for row, true in zip(ids, labels, strict=True)]
    assert precision_at(*as_arrays(ids, labels), k) == pytest.approx(sum(slow) / len(slow))


@given(rankings(), st.sampled_from([1, 3, 5]))
def test_ndcg(case, k):
    ids, labels, _ = case
    total = 0.0
    for row, true in zip(ids, labels, strict=True):
        gain = sum(1 / math.log2(place + 2) for place, j in enumerate(row[:k]) if j in true)
        best = sum(1 / math.log2(place + 2) for place in range(min(k, len(true))))
        total += gain / best if true else 0.0
    assert ndcg_at(*as_arrays(ids, labels), k) == pytest.approx(total / len(ids))


@given(rankings(), st.sampled_from([1, 3, 5]), st.sampled_from([(0.55, 1.5), (0.6, 2.6)]))
def test_psp(case, k, propensity):
    ids, labels, counts = case
    a, b = propensity
    n = 1000
    c = (math.log(n) - 1) * (b + 1) ** a
    p = [1 / (1 + c * math.exp(-a * math.log(count + b))) for count in counts]
    won = sum(1 / p[j] for row, true in zip(ids, labels, strict=True) for j in row[:k] if j in true)
    best = sum(sum(sorted((1 / p[j] for j in true), reverse=True)[:k]) for true in labels)
    inverse = inverse_propensities(np.array(counts), n, a, b)
    np.testing.assert_allclose(inverse, [1 / one for one in p])
    expected = won / best if best else 0.0
    assert psp_at(*as_arrays(ids, labels), k, inverse) == pytest.approx(expected)


@given(rankings(), rankings(), st.sampled_from([1, 3, 5]))
def test_recall(case, exact, k):
    n = min(len(case[0]), len(exact[0]))
    found = wanted = 0
    for row, best in zip(case[0][:n], exact[0][:n], strict=True):
        true = set(best[:k]) - {-1}
        found, wanted = found + len(set(row[:k]) & true), wanted + len(true)
    got = recall_at(np.array(case[0][:n]), np.array(exact[0][:n]), k)
    assert got == pytest.approx(found / wanted if wanted else 0.0)


def test_by_hand():
    # Example 0 has labels 1 and 2, predicted 2, 0, 1; example 1 has label 3, predicted 3, 1, 0.
    y = csr_of([{1: 1.0, 2: 1.0}, {3: 1.0}], N)
    ids = np.array([[2, 0, 1], [3, 1, 0]], np.int32)
    scores = ranking_metrics(ids, y, np.ones(N))
    assert scores["precision_at_1"] == 1.0
    assert scores["precision_at_3"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    best = 1 + 1 / math.log2(3)
    assert scores["ndcg_at_3"] == pytest.approx(((1 + 1 / 2) / best + 1) / 2)
    assert scores["psp_at_1"] == 1.0  # every 1 / p is 1: two hits of two possible
    assert scores["psp_at_3"] == 1.0  # three hits of three possible


def test_examples_without_labels_count():
    y = csr_of([{0: 1.0}, {}], N)
    ids = np.array([[0], [0]], np.int32)
    assert precision_at(ids, y, 1) == 0.5
    assert ndcg_at(ids, y, 1) == 0.5


def test_rare_labels_are_worth_more():
    inverse = inverse_propensities(np.array([1, 10, 1000]), 10_000)
    assert inverse[0] > inverse[1] > inverse[2] > 1


@given(rankings(), st.sampled_from([1, 3, 5]))
def test_without_takes_labels_out_of_rankings(drawn, k):
    ids, out, _ = drawn
    array, pairs = as_arrays(ids, out)
    scores = np.float32(-array)
    got, of_got = without(array, scores, pairs, k)
    assert (got.dtype, of_got.dtype) == (np.int32, np.float32)
    assert (of_got == -got)[got >= 0].all()
    for row, ranked, taken in zip(got.tolist(), ids, out, strict=True):
        expected = [i for i in ranked if i >= 0 and i not in taken][:k]
        assert row == expected + [-1] * (k - len(expected))
