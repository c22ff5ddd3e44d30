"""Tables and queries: the reference against arithmetic by hand and the mathematics."""

import numpy as np
import pytest
from kernel_arguments import BACKEND, labels
from scipy.stats import chi2

from slide.core.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.hashing import Tables, mix
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


def test_the_cut_of_a_long_bucket_is_uniform_over_salts() -> None:
    # Each of n neurons in one bucket is among the first m for a share m / n of the salts. One
    # salt's indicators have variance share * (1 - share) and covariance -1 / (n - 1) of it, hence
    # the eigenvalue share * (1 - share) * n / (n - 1) in n - 1 directions: the sum of squares over
    # it is chi-square with n - 1 degrees of freedom. Exceeded by chance once in a million.
    n, m, n_salts = 50, 10, 4000
    codes = np.zeros((n, 1), np.uint32)
    kept = np.zeros(n)
    for salt in range(n_salts):
        kept[BACKEND.build(codes, 1, salt, "reservoir").ids[:m]] += 1
    share = m / n
    variance = n_salts * share * (1 - share) * n / (n - 1)
    assert np.square(kept - n_salts * share).sum() / variance < chi2.isf(1e-6, n - 1)


def test_fifo_puts_the_newest_first() -> None:
    # Bucket 0 has 2 and then 1 gone in, bucket 2 has 0 and then 3: the larger id is the newer.
    tables = BACKEND.build(np.array([[2], [0], [0], [2]], np.uint32), 3, salt=0, policy="fifo")
    assert tables.ids.tolist() == [2, 1, 3, 0]


def test_reinserting_by_hand() -> None:
    # 0 moves from bucket 2 to the front of bucket 0; 2 is put in again where it was.
    tables = BACKEND.build(np.array([[2], [0], [0], [2]], np.uint32), 3, salt=0, policy="fifo")
    moved = BACKEND.reinsert(tables, np.array([0, 2], np.int32), np.array([[0], [0]], np.uint32))
    assert moved.ids.tolist() == [2, 0, 1, 3]
    assert moved.offsets.tolist() == [0, 3, 3, 4]
    assert tables.ids.tolist() == [2, 1, 3, 0]


@pytest.mark.parametrize("policy", ["reservoir", "fifo"])
def test_moves_add_up_to_a_rebuild(policy) -> None:
    """Any moves for a reservoir; for a queue those that end with all neurons in their order."""
    rng = np.random.default_rng(0)
    n, L, n_buckets = 60, 3, 8
    codes = rng.integers(n_buckets, size=(n, L), dtype=np.uint32)
    tables = BACKEND.build(codes, n_buckets, 7, policy)
    for _ in range(20):
        rows = np.flatnonzero(rng.random(n) < 0.3).astype(np.int32)
        codes[rows] = rng.integers(n_buckets, size=(len(rows), L))
        tables = BACKEND.reinsert(tables, rows, codes[rows])
        rebuilt = BACKEND.build(codes, n_buckets, 7, policy)
        assert np.array_equal(tables.offsets, rebuilt.offsets)
        assert np.array_equal(tables.ids, rebuilt.ids) == (policy == "reservoir")
    everyone = BACKEND.reinsert(tables, np.arange(n, dtype=np.int32), codes)
    assert np.array_equal(everyone.ids, rebuilt.ids)


def test_the_cut_is_still_uniform_after_moves() -> None:
    """The chi-square test above, of a bucket that its neurons reached by reinserts, 5 a time."""
    n, m, n_salts = 30, 6, 2000
    kept = np.zeros(n)
    for salt in range(n_salts):
        tables = BACKEND.build(np.ones((n, 1), np.uint32), 2, salt, "reservoir")
        for start in range(0, n, 10):
            rows = np.arange(start, start + 10, dtype=np.int32)
            tables = BACKEND.reinsert(tables, rows, np.zeros((10, 1), np.uint32))
        kept[tables.ids[:m]] += 1
    share = m / n
    variance = n_salts * share * (1 - share) * n / (n - 1)
    assert np.square(kept - n_salts * share).sum() / variance < chi2.isf(1e-6, n - 1)


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
    table_0_first = plain.mix(0, salt) < plain.mix(1, salt)
    got = ask(Query("vanilla", 3, 9, shared=False), salt=salt).indices.tolist()
    assert set(got) < {0, 1, 2, 3} if table_0_first else got == [0, 3, 5]


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
