"""The tables of a layer: three clocks, staleness, and what they may forget."""

import math

import numpy as np
import pytest

from slide.core.contract.arrays import Block
from slide.core.learners.config import Config
from slide.core.sampled.layer_tables import LayerTables
from slide.core.settings.schedule import Schedule

N, D = 200, 6


def weights(seed):
    return np.random.default_rng(seed).standard_normal((N, D), dtype=np.float32)


def tables_of(**settings):
    config = Config(**{"K": 4, "L": 5, "hash_norm": False} | settings)
    own = config.learner
    return LayerTables(own.hashing, config.refresh, own.upkeep, N, D)


def renew(tables, backend, step, weight, recall=None, fresh=1.0, rng=None):
    """Do what is due; `recall` is given to who asks, and `fresh` is that of new tables."""
    due = tables.due(step)
    told = recall if tables.asks_for_recall(due) else math.nan
    if tables.refresh(backend, weight, due, step, told, rng or np.random.default_rng(9)):
        tables.fresh_recall = fresh
    return due


def same(one, other):
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.offsets, other.offsets)


def test_rebuilds_come_at_growing_gaps():
    schedule = Schedule(first_gap=10, growth=0.5)
    due = [step for step in range(200) if schedule.take_turn(step)]
    gaps = [10 * math.exp(0.5 * i) for i in range(len(due) - 1)]
    assert due == [math.ceil(at) for at in np.cumsum([0, *gaps])]


def test_an_infinite_gap_is_one_turn():
    schedule = Schedule(math.inf)
    assert [step for step in range(100) if schedule.take_turn(step)] == [0]


def test_only_the_gaps_between_rebuilds_grow():
    tables = tables_of(rebuild_every=2, rebuild_growth=0.5, rehash_every=2, reinsert_every=2)
    due = [tables.due(step) for step in range(12)]
    struck = [[step for step in range(12) if due[step][clock]] for clock in range(3)]
    # Rebuilds at 0, 2, 2 + 2 e^0.5 = 5.3 and 5.3 + 2 e = 10.7.
    assert struck == [[0, 2, 4, 6, 8, 10], [0, 2, 6, 11], [0, 2, 4, 6, 8, 10]]


def test_tables_follow_the_weights_only_when_due(backend):
    tables = tables_of(rebuild_every=3, rebuild_growth=0.0)
    seen = []
    for step in range(7):
        renew(tables, backend, step, weights(step))
        seen.append(tables.tables)
    assert [step for step in range(1, 7) if seen[step] is not seen[step - 1]] == [3, 6]
    assert tables.built_at == 6


def test_a_rehash_draws_new_functions_and_rebuilds(backend):
    tables = tables_of(rebuild_every=1000, rehash_every=2)
    rng = np.random.default_rng(0)
    families = []
    for step in range(5):
        renew(tables, backend, step, weights(0), rng=rng)
        families.append((tables.functions.family, tables.built_at))
    assert [step for step in range(1, 5) if families[step][0] is not families[step - 1][0]] == [
        2,
        4,
    ]
    assert [built_at for _, built_at in families] == [0, 0, 2, 2, 4]


def test_reinserting_touched_rows_equals_a_rebuild_of_them_all(backend):
    """Salt and centre are those of the last rebuild, so that old and new codes go together."""
    tables = tables_of(reinsert_every=1, rebuild_every=1000)
    old = 5 + weights(0)
    renew(tables, backend, 0, old)
    new = old.copy()
    rows = np.arange(0, N, 2)  # enough for the mean to move
    new[rows] = weights(1)[rows]
    tables.mark_moved(rows)
    renew(tables, backend, 1, new)
    codes = backend.hash(new, old.mean(axis=0), tables.functions.family)
    expected = backend.build(codes, tables.functions.family.n_buckets, 0, "reservoir")
    assert same(tables.tables, expected)
    assert not same(backend.build(backend.hash(old, old.mean(axis=0), tables.functions.family),
                    tables.functions.family.n_buckets, 0, "reservoir"), expected)  # fmt: skip
    assert not tables.moved.any()


def test_rows_that_nobody_touched_stay_where_they_were(backend):
    tables = tables_of(reinsert_every=1, rebuild_every=1000)
    renew(tables, backend, 0, weights(0))
    before = tables.tables
    renew(tables, backend, 1, weights(1))  # other weights, but not said to be
    assert same(tables.tables, before)


@pytest.mark.parametrize(("bound", "rebuilt_at"), [(0.0, [2, 4, 6]), (0.8, [4]), (0.2, [])])
def test_a_rebuild_may_wait_until_recall_has_fallen(backend, bound, rebuilt_at):
    """Recall 1 when fresh, 0.9 at step 2, 0.7 at step 4: below 0.8 of 1; fresh again after."""
    tables = tables_of(rebuild_every=2, rebuild_growth=0.0, stale_recall=bound)
    recalls = {0: 1.0, 2: 0.9, 4: 0.7, 6: 0.9}
    built = []
    for step in range(7):
        renew(tables, backend, step, weights(step), recalls.get(step, 1.0))
        built.append(tables.built_at)
    assert sorted({at for at in built if at}) == rebuilt_at


def test_recall_is_compared_with_what_it_was_after_the_last_rebuild(backend):
    """0.5 then, 0.25 is half of it and 0.2 less; 1 after that rebuild, and 0.4 less than half."""
    tables = tables_of(rebuild_every=1, rebuild_growth=0.0, stale_recall=0.5)
    built = []
    for step, (recall, fresh) in enumerate([(None, 0.5), (0.25, None), (0.2, 1.0), (0.4, 1.0)]):
        renew(tables, backend, step, weights(step), recall, fresh)
        built.append(tables.built_at)
    assert built == [0, 0, 2, 3]


def test_touched_rows_are_reinserted_while_a_rebuild_waits(backend):
    tables = tables_of(rebuild_every=1, reinsert_every=1, stale_recall=0.5)
    renew(tables, backend, 0, weights(0))
    before = tables.tables
    tables.mark_moved(np.arange(N))
    renew(tables, backend, 1, weights(1), 1.0)
    assert tables.built_at == 0
    assert not same(tables.tables, before)


def test_a_rebuild_leaves_nobody_to_reinsert(backend):
    tables = tables_of(rebuild_every=1)
    tables.mark_moved(np.array([3, 50]))
    renew(tables, backend, 0, weights(0))
    assert not tables.moved.any()


def test_each_rebuild_cuts_full_buckets_anew(backend):
    tables = tables_of(center=False, rebuild_every=1)
    first_of_all = []
    for step in range(2):
        renew(tables, backend, step, 100 + weights(0))  # one bucket has all
        first_of_all.append(set(tables.tables.ids[:10].tolist()))
    assert first_of_all[0] != first_of_all[1]


def test_the_newest_come_first_if_so_wished(backend):
    tables = tables_of(center=False, policy="fifo", L=1)
    renew(tables, backend, 0, 100 + weights(0))
    assert tables.tables.ids.tolist() == list(range(N))[::-1]


def test_codes_are_folded_to_the_most_buckets_allowed(backend):
    tables = tables_of(K=8, max_buckets=16)
    renew(tables, backend, 0, weights(0))
    assert tables.tables.n_buckets == 16


def test_centring_spreads_rows_that_share_a_direction(backend):
    """Rows collapsed onto a common mean share one bucket of each table; centred, they do not."""
    largest = {}
    for center in (True, False):
        tables = tables_of(center=center)
        renew(tables, backend, 0, 100 + weights(0))
        largest[center] = np.diff(tables.tables.offsets).max()
    assert largest[True] < N / 2
    assert largest[False] == N


def test_the_bias_is_hashed_or_not(backend):
    """Rows that differ in nothing but their bias."""
    w = np.zeros((N, D), np.float32)
    w[:, -1] = np.linspace(-1, 1, N)
    spread = {}
    for hash_bias in (True, False):
        tables = tables_of(hash_bias=hash_bias)
        renew(tables, backend, 0, w)
        spread[hash_bias] = np.count_nonzero(np.diff(tables.tables.offsets))
    assert spread == {True: 2 * 5, False: 5}  # above and below the mean; all in one bucket


@pytest.mark.parametrize("family", ["simhash", "sparse-simhash", "wta", "dwta", "doph"])
def test_every_family_finds_the_row_that_is_the_query(backend, family):
    tables = tables_of(hash=family, center=False, K=2, L=8)
    w = weights(0)
    renew(tables, backend, 0, w)
    codes = tables.codes(backend, Block.of(w[:20]))
    assert codes.shape == (20, 8)
    np.testing.assert_array_equal(codes, backend.hash(w, None, tables.functions.family)[:20])


def test_probes_look_into_more_buckets(backend):
    tables = tables_of(probes=3)
    renew(tables, backend, 0, weights(0))
    codes = tables.codes(backend, Block.of(weights(1)[:4]))
    assert codes.shape == (4, 5 * 3)
    np.testing.assert_array_equal(
        codes[:, ::3], backend.hash(weights(1)[:4], None, tables.functions.family)
    )
