"""The active set: who is in it, for how many each neuron stands, when the tables are rebuilt."""

import math

import numpy as np
import pytest
from conftest import csr_of

from slide.core.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES
from slide.core.config import Config
from slide.core.hashing import SimHash
from slide.core.sampling import Sampler, draw_uniform, log_weights
from slide.core.schedule import RebuildSchedule

N, D = 200, 6
Y = csr_of([{3: 1.0, 50: 1.0}, {}, {3: 1.0, 199: 1.0}], N)


def sampler_of(rng, **settings):
    config = Config(K=4, L=5, **settings)
    family = SimHash.draw(D, config.K, config.L, rng) if config.sampler == "lsh" else None
    return Sampler(config, family)


def sample(backend, seed=0, **settings):
    rng = np.random.default_rng(seed)
    sampler = sampler_of(rng, **settings)
    w = rng.standard_normal((N, D), dtype=np.float32)
    sampler.keep_tables(backend, w, 0)
    return sampler.sample(backend, rng.standard_normal((3, D), dtype=np.float32), Y, rng)


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
    one = sampler_of(rng, sampler=sampler, active=30, scope=scope)
    one.keep_tables(backend, rng.standard_normal((N, D), dtype=np.float32), 0)
    h = rng.standard_normal((3, D), dtype=np.float32)
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


def test_uniform_draws_are_distinct_sorted_and_fair():
    rng = np.random.default_rng(0)
    counts = np.zeros(50)
    for _ in range(4000):
        drawn = draw_uniform(50, 10, 1, 3, rng)
        drawn.check()
        assert drawn.row_lengths().tolist() == [10, 0, 0]
        counts[drawn.indices] += 1
    # Each id is drawn in each of 4000 trials with p = 1/5: binomial, 6 standard deviations.
    assert abs(counts - 800).max() < 6 * math.sqrt(4000 * 0.2 * 0.8)


def test_examples_with_sets_of_their_own_draw_apart():
    drawn = draw_uniform(1000, 10, 3, 3, np.random.default_rng(0))
    drawn.check()
    assert drawn.row_lengths().tolist() == [10, 10, 10]
    assert len(np.unique(drawn.indices)) > 20


def test_rebuilds_come_at_growing_gaps():
    schedule = RebuildSchedule(first_gap=10, growth=0.5)
    due = [step for step in range(200) if schedule.take_turn(step)]
    gaps = [10 * math.exp(0.5 * i) for i in range(len(due) - 1)]
    assert due == [math.ceil(at) for at in np.cumsum([0, *gaps])]


def test_tables_follow_the_weights_only_when_due(backend):
    rng = np.random.default_rng(0)
    sampler = sampler_of(rng, rebuild_every=3, rebuild_growth=0.0)
    seen = []
    for step in range(7):
        sampler.keep_tables(backend, rng.standard_normal((N, D), dtype=np.float32), step)
        seen.append(sampler.tables)
    changed = [step for step in range(1, 7) if seen[step] is not seen[step - 1]]
    assert changed == [3, 6]


def test_centering_spreads_rows_that_share_a_direction(backend):
    """Rows collapsed onto a common mean would share one bucket; centred, they do not."""
    rng = np.random.default_rng(0)
    sampler = sampler_of(rng)
    w = 100 + rng.standard_normal((N, D), dtype=np.float32)
    sampler.keep_tables(backend, w, 0)
    largest = np.diff(sampler.tables.offsets).max()
    assert largest < N / 2


@pytest.mark.parametrize(("active", "share", "budget"), [(30, 0.5, 5), (31, 0.5, 6), (30, 1.0, 0)])
def test_a_shared_budget_is_divided_by_the_examples(active, share, budget):
    sampler = Sampler(Config(active=active, uniform_share=share), None)
    assert sampler.query(3).budget == budget
