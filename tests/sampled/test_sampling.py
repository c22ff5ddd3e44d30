"""The active set: who is in it, for how many each neuron stands, when the tables are rebuilt."""

import math

import numpy as np
import pytest
from conftest import csr_of

from slide.core.contract.arrays import Block
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.learners.config import Config
from slide.core.sampled.sampling import Sampler, draw_uniform, inclusion_probabilities, log_weights

N, D = 200, 6
Y = csr_of([{3: 1.0, 50: 1.0}, {}, {3: 1.0, 199: 1.0}], N)


def sampler_of(backend, rng, **settings):
    config = Config(**{"K": 4, "L": 5} | settings)
    sampler = Sampler.of(config, config.active, (N, D))
    if sampler.tables is not None:
        w = rng.standard_normal((N, D), dtype=np.float32)
        sampler.tables.refresh(backend, w, sampler.tables.due(0), 0, 1.0, rng)
    return sampler


def sample(backend, seed=0, **settings):
    rng = np.random.default_rng(seed)
    sampler = sampler_of(backend, rng, **settings)
    h = rng.standard_normal((3, D), dtype=np.float32)
    return sampler.sample(backend, Block.of(h), Y, rng)


@pytest.mark.parametrize("sampler", ["lsh", "uniform", "full"])
def test_labels_are_always_active(backend, sampler):
    shared = sample(backend, sampler=sampler, active=20)
    shared.check()
    assert set(shared.ids[shared.values[0] == FROM_LABELS]) == {3, 50, 199}
    private = sample(backend, sampler=sampler, active=20, scope="example")
    private.check()
    for i in range(3):
        ids, origins = private.row(i)
        assert ids[origins == FROM_LABELS].tolist() == Y.row(i)[0].tolist()


def test_in_batch_is_the_labels_of_the_batch(backend):
    active = sample(backend, sampler="in-batch")
    active.check()
    assert active.ids.tolist() == [3, 50, 199]
    assert (active.values == FROM_LABELS).all()
    assert not log_weights(active).values.any()


def test_lsh_mixes_tables_and_chance(backend):
    active = sample(backend, active=40, uniform_share=0.5, scope="example")
    origins = active.values
    assert (origins == FROM_TABLES).sum() > 0
    assert 0 < (origins == FROM_EXTRA).sum() <= 3 * 20
    assert max(active.row_lengths()) <= 2 + 20 + 20


def test_full_is_everyone_and_stands_for_itself(backend):
    for scope in ("batch", "example"):
        active = sample(backend, sampler="full", scope=scope)
        weights = log_weights(active).values
        assert weights.size == (N if scope == "batch" else 3 * N)
        assert not weights.any()


@pytest.mark.parametrize("scope", ["batch", "example"])
@pytest.mark.parametrize("sampler", ["lsh", "uniform"])
def test_weighted_sum_is_unbiased(backend, scope, sampler):
    """E[sum over the active set of weight * value] = sum over all neurons of value.

    Given the tables the estimate of one draw is bounded, so the mean of 2,000 independent draws
    is within 5 standard errors of the truth except once in 1.7 million.
    """
    value = np.random.default_rng(5).random(N)
    rng = np.random.default_rng(0)
    one = sampler_of(backend, rng, sampler=sampler, active=30, scope=scope)
    h = Block.of(rng.standard_normal((3, D), dtype=np.float32))
    estimates = []
    for _ in range(2000):
        active = one.sample(backend, h, Y, rng)
        weight = np.exp(log_weights(active).values)
        if scope == "batch":
            estimates.append((weight[0] * value[active.ids]).sum())
        else:  # the first example's set
            end = active.indptr[1]
            estimates.append((weight[:end] * value[active.indices[:end]]).sum())
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert abs(np.mean(estimates) - value.sum()) < 5 * error


@pytest.mark.parametrize("m", [0, 1, 10, 20, 50])  # few of the ids, many, all
def test_uniform_draws_are_distinct_sorted_and_fair(m):
    rng = np.random.default_rng(0)
    counts, pairs = np.zeros(50), np.zeros((50, 50))
    for _ in range(4000):
        drawn = draw_uniform(50, m, 1, 3, rng)
        drawn.check()
        assert drawn.row_lengths().tolist() == [m, 0, 0]
        counts[drawn.indices] += 1
        pairs[np.ix_(drawn.indices, drawn.indices)] += 1
    # Each id is drawn in each of 4000 trials with p = m / 50: binomial, 6 standard deviations.
    # So is each pair of ids, which sees draws that stay near each other.
    p, q = m / 50, m * (m - 1) / (50 * 49)
    assert abs(counts - 4000 * p).max() <= 6 * math.sqrt(4000 * p * (1 - p))
    apart = pairs[~np.eye(50, dtype=bool)]
    assert abs(apart - 4000 * q).max() <= 6 * math.sqrt(4000 * q * (1 - q))


def test_examples_with_sets_of_their_own_draw_apart():
    drawn = draw_uniform(1000, 10, 3, 3, np.random.default_rng(0))
    drawn.check()
    assert drawn.row_lengths().tolist() == [10, 10, 10]
    assert len(np.unique(drawn.indices)) > 20


def test_the_correction_is_minus_the_log_of_the_inclusion_probability():
    # Of 10 neurons 2 are labels, 1 is retrieved, 3 of the other 7 are drawn.
    ids = np.array([0, 2, 3, 5, 7, 8], np.int32)
    origins = np.float32(
        [FROM_LABELS, FROM_EXTRA, FROM_TABLES, FROM_EXTRA, FROM_LABELS, FROM_EXTRA]
    )
    active = Block(ids, origins[None], 10)
    expected = [1, 3 / 7, 1, 3 / 7, 1, 3 / 7]
    np.testing.assert_allclose(inclusion_probabilities(active).values[0], expected, rtol=1e-6)
    np.testing.assert_allclose(log_weights(active).values[0], -np.log(expected), atol=1e-6)
    assert (log_weights(active).values[0, origins == FROM_LABELS] == 0).all()


def test_sets_may_be_empty():
    origins = csr_of([{}, {0: FROM_EXTRA, 2: FROM_LABELS}, {}], 3)
    probabilities = inclusion_probabilities(origins)
    assert probabilities.row_lengths().tolist() == [0, 2, 0]
    assert probabilities.values.tolist() == [0.5, 1]


def test_sparse_inputs_are_hashed_as_their_dense_rows(backend):
    rng = np.random.default_rng(0)
    sampler = sampler_of(backend, rng)
    x = csr_of([{0: 1.0, 4: -2.0}, {1: 3.0}, {2: 1.0, 5: 1.0}], D)
    dense = Block.of(x.to_scipy().toarray())
    one, other = (sampler.sample(backend, a, Y, np.random.default_rng(1)) for a in (x, dense))
    np.testing.assert_array_equal(one.ids, other.ids)


def test_the_sampler_remembers_who_was_touched(backend):
    sampler = sampler_of(backend, np.random.default_rng(0))
    sampler.mark_touched(np.array([3, 5], np.int32))
    sampler.mark_touched(np.array([5, 9], np.int32))
    assert np.flatnonzero(sampler.touched).tolist() == [3, 5, 9]
    assert np.flatnonzero(sampler.tables.moved).tolist() == [3, 5, 9]


@pytest.mark.parametrize(("active", "share", "budget"), [(30, 0.5, 5), (31, 0.5, 6), (30, 1.0, 0)])
def test_a_shared_budget_is_divided_by_the_examples(active, share, budget):
    sampler = Sampler.of(Config(uniform_share=share), active, (N, D))
    assert sampler.query(3).budget == budget


def test_a_query_is_what_the_settings_say():
    config = Config(
        strategy="threshold", threshold=3, bucket_limit=9, scope="example", uniform_share=0.25
    )
    expected = Query("threshold", 30, bucket_limit=9, shared=False, threshold=3)
    assert Sampler.of(config, 40, (N, D)).query(3) == expected


def test_who_is_kept_of_equals_is_decided_anew_for_each_batch(backend):
    rng = np.random.default_rng(0)
    sampler = sampler_of(backend, rng, active=10, uniform_share=0.0, K=1, L=1, scope="example")
    h = Block.of(rng.standard_normal((3, D), dtype=np.float32))
    one, other = (sampler.sample(backend, h, Y, rng).indices.tolist() for _ in range(2))
    assert one != other
