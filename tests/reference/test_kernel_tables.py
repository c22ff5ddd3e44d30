"""Tables and queries: the reference against arithmetic by hand and the mathematics."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_arguments import BACKEND, labels
from scipy.stats import chi2

from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.contract.tables import Tables, mix
from slide.reference import plain


def test_build_by_hand() -> None:
    # mix with salt 0 keeps 0 first (mix(0) = 0), then orders by
    #   1 -> 0x514e28b7, 2 -> 0x30f4c306, 3 -> 0x85f0b427.
    # Bucket 0 has {1, 2}: 2 before 1. Bucket 2 has {0, 3}: 0 before 3. Bucket 1 is empty.
    assert [hex(z) for z in mix(np.arange(4), 0).tolist()] == [
        "0x0", "0x514e28b7", "0x30f4c306", "0x85f0b427",
    ]  # fmt: skip
    tables = BACKEND.build(
        np.array([[2], [0], [0], [2]], np.uint32), n_buckets=3, salt=0, policy="reservoir"
    )
    assert tables.ids.tolist() == [2, 1, 0, 3]
    assert tables.offsets.tolist() == [0, 2, 2, 4]
    assert (tables.ids.dtype, tables.offsets.dtype) == (np.int32, np.int64)


def test_fifo_puts_the_newest_first() -> None:
    # Bucket 0 has 1 and then 2 gone in, bucket 2 has 0 and then 3: the larger id is the newer.
    tables = BACKEND.build(np.array([[2], [0], [0], [2]], np.uint32), 3, salt=0, policy="fifo")
    assert tables.ids.tolist() == [2, 1, 3, 0]


def test_reinserting_by_hand() -> None:
    # 0 moves from bucket 2 to the front of bucket 0; 2, put in again where it was, is newer still.
    tables = BACKEND.build(np.array([[2], [0], [0], [2]], np.uint32), 3, salt=0, policy="fifo")
    moved = BACKEND.reinsert(tables, np.array([0, 2], np.int32), np.array([[0], [0]], np.uint32))
    assert moved.ids.tolist() == [2, 0, 1, 3]
    assert moved.offsets.tolist() == [0, 3, 3, 4]
    # 1, the oldest of bucket 0, is put in again where it was.
    again = BACKEND.reinsert(moved, np.array([1], np.int32), np.array([[0]], np.uint32))
    assert again.ids.tolist() == [1, 2, 0, 3]
    assert tables.ids.tolist() == [2, 1, 3, 0]
    # The same moves in a reservoir: 0, 2, 1 by mix.
    tables = BACKEND.build(np.array([[2], [0], [0], [2]], np.uint32), 3, 0, "reservoir")
    moved = BACKEND.reinsert(tables, np.array([0, 2], np.int32), np.array([[0], [0]], np.uint32))
    assert moved.ids.tolist() == [0, 2, 1, 3]


def unevenness(kept, m: int, n_salts: int) -> float:
    """Chi-square statistic of how often each of n neurons was among the m that were kept.

    Each is kept for a share m / n of the salts. One salt's indicators have variance
    share * (1 - share) and covariance -1 / (n - 1) of it, hence the eigenvalue share * (1 - share)
    * n / (n - 1) in n - 1 directions: the sum of squares over it is chi-square with n - 1 degrees
    of freedom. The tests allow what chance exceeds once in a million.
    """
    n, share = len(kept), m / len(kept)
    variance = n_salts * share * (1 - share) * n / (n - 1)
    return np.square(kept - n_salts * share).sum() / variance


def test_the_cut_of_a_long_bucket_is_uniform_over_salts() -> None:
    n, m, n_salts = 50, 10, 4000
    codes = np.zeros((n, 1), np.uint32)
    kept = np.zeros(n)
    for salt in range(n_salts):
        kept[BACKEND.build(codes, 1, salt, "reservoir").ids[:m]] += 1
    assert unevenness(kept, m, n_salts) < chi2.isf(1e-6, n - 1)


def test_the_cut_is_still_uniform_after_moves() -> None:
    """Of 40 neurons some go between two buckets, others never move: no salt can tell them apart."""
    n, m, n_salts = 40, 5, 2000
    rng = np.random.default_rng(0)
    codes = rng.integers(2, size=(n, 1), dtype=np.uint32)
    moves = [np.sort(rng.choice(n // 2, 6, replace=False)).astype(np.int32) for _ in range(5)]
    kept = np.zeros(n)
    for salt in range(n_salts):
        now = codes.copy()
        tables = BACKEND.build(now, 2, salt, "reservoir")
        for rows in moves:
            now[rows] = 1 - now[rows]
            tables = BACKEND.reinsert(tables, rows, now[rows])
        kept[tables.ids[:m]] += 1
    members = now[:, 0] == 0
    assert kept[~members].sum() == 0
    assert len(np.unique(members[: n // 2])) == len(np.unique(members[n // 2 :])) == 2
    assert unevenness(kept[members], m, n_salts) < chi2.isf(1e-6, members.sum() - 1)


@st.composite
def codes_and_moves(draw):
    """Codes (n, L), the number of buckets, and moves: some rows with their new codes."""
    n, L, n_buckets = (draw(st.integers(1, high)) for high in (12, 3, 4))
    code = st.lists(st.integers(0, n_buckets - 1), min_size=L, max_size=L)
    codes = draw(st.lists(code, min_size=n, max_size=n))
    moves = draw(st.lists(st.dictionaries(st.integers(0, n - 1), code), max_size=5))
    return np.array(codes, np.uint32), n_buckets, [dict(sorted(move.items())) for move in moves]


def after(tables, moves):
    for move in moves:
        rows = np.array(list(move), np.int32)
        codes = np.array(list(move.values()), np.uint32).reshape(len(move), tables.L)
        tables = BACKEND.reinsert(tables, rows, codes)
    return tables


@given(codes_and_moves(), st.integers(0, 2**40))
def test_moves_in_a_reservoir_add_up_to_a_rebuild(drawn, salt) -> None:
    codes, n_buckets, moves = drawn
    moved = after(BACKEND.build(codes, n_buckets, salt, "reservoir"), moves)
    for move in moves:
        codes[list(move)] = np.array(list(move.values())).reshape(len(move), codes.shape[1])
    rebuilt = BACKEND.build(codes, n_buckets, salt, "reservoir")
    assert moved.ids.tolist() == rebuilt.ids.tolist()
    assert moved.offsets.tolist() == rebuilt.offsets.tolist()


@given(codes_and_moves())
def test_moves_in_a_queue_are_those_of_deques(drawn) -> None:
    codes, n_buckets, moves = drawn
    L = codes.shape[1]
    queues = [[deque() for _ in range(n_buckets)] for _ in range(L)]
    for move in (dict(enumerate(codes.tolist())), *moves):
        for j, new in move.items():
            for table, code in enumerate(new):
                for queue in queues[table]:
                    if j in queue:
                        queue.remove(j)
                queues[table][code].appendleft(j)
    moved = after(BACKEND.build(codes, n_buckets, 0, "fifo"), moves)
    lists = [bucket.tolist() for bucket in np.split(moved.ids, moved.offsets[1:-1])]
    assert lists == [list(queue) for table in queues for queue in table]


@pytest.mark.parametrize("policy", ["reservoir", "fifo"])
def test_moving_everyone_is_a_rebuild(policy) -> None:
    rng = np.random.default_rng(0)
    old, new = rng.integers(8, size=(2, 60, 3), dtype=np.uint32)
    tables = BACKEND.build(old, 8, 7, policy)
    some = np.array([3, 30, 31], np.int32)
    tables = BACKEND.reinsert(tables, some, new[some])
    moved = BACKEND.reinsert(tables, np.arange(60, dtype=np.int32), new)
    rebuilt = BACKEND.build(new, 8, 7, policy)
    assert moved.ids.tolist() == rebuilt.ids.tolist()
    assert moved.offsets.tolist() == rebuilt.offsets.tolist()
    assert (moved.salt, moved.policy) == (7, policy)


def test_a_limited_bucket_shows_the_newest() -> None:
    # All eight in one bucket, 7 the newest; then 2 and 5 are put in again.
    tables = BACKEND.build(np.zeros((8, 1), np.uint32), 1, salt=0, policy="fifo")
    first_three = Query("topk", 9, bucket_limit=3, shared=False)
    code = np.zeros((1, 1), np.uint32)
    nobody = labels(8, [])
    assert BACKEND.query(tables, code, nobody, nobody, first_three, 0).indices.tolist() == [5, 6, 7]
    rows = np.array([2, 5], np.int32)
    tables = BACKEND.reinsert(tables, rows, np.zeros((2, 1), np.uint32))
    assert BACKEND.query(tables, code, nobody, nobody, first_three, 0).indices.tolist() == [2, 5, 7]


# Six neurons in two tables of two buckets; the order within a bucket is as given.
TABLES = Tables(
    offsets=np.array([0, 4, 6, 9, 12]),
    ids=np.array([0, 1, 2, 3, 4, 5, 3, 0, 5, 1, 2, 4], np.int32),
    L=2,
    n_buckets=2,
    n_neurons=6,
    salt=0,
    policy="fifo",
)
CODES = np.array([[0, 0]], np.uint32)  # meets {0, 1, 2, 3} and {3, 0, 5}
NOBODY = labels(6, [])


def ask(query, required=NOBODY, extra=NOBODY, codes=CODES, tables=TABLES, salt=0):
    return BACKEND.query(tables, codes, required, extra, query, salt)


def test_topk_prefers_neurons_met_twice() -> None:
    # 0 and 3 are met twice; next by mix with salt 0: 2 (0x30f4..) before 1 (0x514e..) before 5.
    assert ask(Query("topk", 2, 9, shared=False)).indices.tolist() == [0, 3]
    assert ask(Query("topk", 3, 9, shared=False)).indices.tolist() == [0, 2, 3]
    assert mix(np.array([5]), 0) > mix(np.array([1]), 0)
    assert ask(Query("topk", 4, 9, shared=False)).indices.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("salt", range(8))
def test_vanilla_exhausts_the_table_probed_first(salt: int) -> None:
    # {0, 1, 2, 3} in table 0 and {1, 2, 4} in table 1.
    codes = np.array([[0, 1]], np.uint32)
    table_0_first = plain.mix(0, salt) < plain.mix(1, salt)
    got = ask(Query("vanilla", 3, 9, shared=False), codes=codes, salt=salt).indices.tolist()
    assert set(got) < {0, 1, 2, 3} if table_0_first else got == [1, 2, 4]


def test_the_bucket_limit_cuts_before_anything_is_counted() -> None:
    # {0} and {3} are left of the two buckets; no other neuron is seen.
    assert ask(Query("topk", 9, 1, shared=False)).indices.tolist() == [0, 3]


def test_origins_by_precedence() -> None:
    # 3 is a label and in a bucket; 1 is in a bucket and extra; 4 is extra alone.
    active = ask(
        Query("topk", 9, 2, shared=False), labels(6, [3, 5]), labels(6, [1, 4])
    )  # finds {0, 1} and {3, 0}
    assert dict(zip(active.indices.tolist(), active.values.tolist(), strict=True)) == {
        0: FROM_TABLES, 1: FROM_TABLES, 3: FROM_LABELS, 4: FROM_EXTRA, 5: FROM_LABELS,
    }  # fmt: skip


def test_a_shared_set_is_the_union_of_the_examples() -> None:
    # Example 0 finds {0} and {3} of its buckets, example 1 {4} and {1}; each may keep one by mix:
    # 0 (mix is 0), and of {4, 1} the smaller of mix.
    codes = np.array([[0, 0], [1, 1]], np.uint32)
    kept = min([4, 1], key=lambda j: plain.mix(j, 0))
    active = ask(Query("topk", 1, 1, shared=True), labels(6, [], [2]), labels(6, [], []), codes)
    assert active.ids.tolist() == sorted([0, 2, kept])
    assert active.values.shape == (1, 3)
    assert active.values[0, active.ids == 2] == FROM_LABELS


def test_without_tables_only_labels_and_extra_are_active() -> None:
    nothing = np.zeros((2, 0), np.uint32)
    active = ask(
        Query("topk", 9, 9, shared=False),
        labels(6, [3], []),
        labels(6, [5], [5]),
        nothing,
        None,
    )
    assert active.indptr.tolist() == [0, 2, 3]
    assert active.indices.tolist() == [3, 5, 5]


def test_the_threshold_is_a_number_of_tables() -> None:
    # 0 and 3 are met twice, 1, 2 and 5 once; the budget cuts the rest.
    assert ask(Query("threshold", 9, 9, shared=False, threshold=2)).indices.tolist() == [0, 3]
    assert ask(Query("threshold", 9, 9, False, threshold=1)).indices.tolist() == [0, 1, 2, 3, 5]
    assert ask(Query("threshold", 1, 9, shared=False, threshold=2)).indices.tolist() == [0]
    assert ask(Query("threshold", 9, 9, shared=False, threshold=3)).nnz == 0


def test_two_probes_of_one_table_are_one_hit() -> None:
    # Both buckets of table 0 have all six; the first of table 1, looked into twice, {3, 0, 5}.
    codes = np.array([[0, 1, 0, 0]], np.uint32)
    twice = Query("threshold", 9, 9, shared=False, threshold=2)
    assert ask(twice, codes=codes).indices.tolist() == [0, 3, 5]
    assert ask(Query("topk", 9, 9, shared=False), codes=codes).indices.tolist() == list(range(6))


@pytest.mark.parametrize("salt", range(8))
def test_vanilla_takes_the_nearest_bucket_of_each_table_first(salt: int) -> None:
    # Nearest: {4, 5} of table 0 and {1, 2, 4} of table 1; second nearest are the others.
    codes = np.array([[1, 0, 1, 0]], np.uint32)
    got = ask(Query("vanilla", 4, 9, shared=False), codes=codes, salt=salt).indices.tolist()
    assert got == [1, 2, 4, 5]


@pytest.mark.parametrize("salt", range(8))
def test_vanilla_takes_second_nearest_buckets_in_the_same_order(salt: int) -> None:
    # As above, but of a bucket three entries: the second nearest are {0, 1, 2} and {3, 0, 5}, of
    # which 0 and 3 are new. Both are in reach of the fifth place only if table 1 comes first.
    codes = np.array([[1, 0, 1, 0]], np.uint32)
    got = ask(Query("vanilla", 5, 3, shared=False), codes=codes, salt=salt).indices.tolist()
    table_0_first = plain.mix(0, salt) < plain.mix(1, salt)
    fifth = 0 if table_0_first else min([0, 3], key=lambda j: plain.mix(j, salt))
    assert got == sorted([1, 2, 4, 5, fifth])


def test_a_neuron_in_two_buckets_of_a_table_is_met_in_one_table() -> None:
    # 1 is in both buckets of table 0 and in one of table 1; 0 and 2 are not in table 1 at all.
    tables = Tables(
        offsets=np.array([0, 2, 4, 5, 5]),
        ids=np.array([0, 1, 1, 2, 1], np.int32),
        L=2,
        n_buckets=2,
        n_neurons=3,
        salt=0,
        policy="reservoir",
    )
    twice = Query("threshold", 9, 9, shared=False, threshold=2)
    nobody = labels(3, [])
    for codes, met_twice in ([0, 1, 1, 1], []), ([0, 1, 0, 1], [1]):
        row = np.array([codes], np.uint32)
        assert BACKEND.query(tables, row, nobody, nobody, twice, 0).indices.tolist() == met_twice
