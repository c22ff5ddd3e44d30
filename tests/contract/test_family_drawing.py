"""Hash families: what is drawn, and how digits become buckets."""

from itertools import product
from math import ceil, gcd

import numpy as np
import pytest
from collisions import NO_LIMIT, assert_share, rng
from kernel_arguments import BACKEND

from slide.core.contract.families import (
    HASH_NAMES,
    WTA,
    Buckets,
    draw_bins,
    draw_borrowing,
    draw_family,
)


@pytest.mark.parametrize(("d", "n_bins"), [(1, 3), (7, 5), (8, 20), (64, 8), (129, 40), (1000, 30)])
def test_bins_of_one_order_share_no_coordinate_and_leave_few_out(d: int, n_bins: int) -> None:
    bins = draw_bins(d, n_bins, rng())
    m = bins.shape[1]
    assert (bins.dtype, bins.shape[0]) == (np.int32, n_bins)
    assert min(8, d) <= m <= d
    for start in range(0, n_bins, d // m):
        coordinates = bins[start : start + d // m].ravel()
        assert len(set(coordinates.tolist())) == len(coordinates)
        assert set(coordinates.tolist()) <= set(range(d))
    if n_bins * 8 <= d:  # all coordinates in one order, but for a remainder of the division
        assert d - n_bins * m < n_bins


def test_bins_are_in_no_particular_order() -> None:
    # Coordinate 0 comes to each of the 16 places of the order alike.
    places = [np.flatnonzero(draw_bins(16, 2, rng(seed)) == 0)[0] for seed in range(2000)]
    for place in range(16):
        assert_share(np.mean(np.array(places) == place), 1 / 16, 2000)


@pytest.mark.parametrize("n_bins", [1, 2, 12, 400])
def test_borrowing_reaches_every_bin(n_bins: int) -> None:
    first, stride = draw_borrowing(n_bins, rng())
    assert (first.dtype, stride.dtype) == (np.int32, np.int32)
    assert len(first) == len(stride) == n_bins
    assert all(gcd(s, n_bins) == 1 for s in stride.tolist())
    for start, step in zip(first.tolist(), stride.tolist(), strict=True):
        assert {(start + t * step) % n_bins for t in range(n_bins)} == set(range(n_bins))
    assert len(set(first.tolist())) > n_bins // 3


@pytest.mark.parametrize("d", [1, 2, 3, 10, 128])
def test_a_third_of_a_sparse_projection_is_not_zero(d: int) -> None:
    r = draw_family("sparse-simhash", d, 5, 8, NO_LIMIT, rng()).projection
    assert (r.dtype, r.shape) == (np.float32, (d, 40))
    assert set(np.unique(r).tolist()) <= {-1, 0, 1}
    assert (np.count_nonzero(r, axis=0) == ceil(d / 3)).all()


def test_sparse_projections_have_no_favourites() -> None:
    r = draw_family("sparse-simhash", 6, 1, 20_000, NO_LIMIT, rng()).projection
    for j in range(6):
        assert_share(np.mean(r[j] == 1), 1 / 6, 20_000)
        assert_share(np.mean(r[j] == -1), 1 / 6, 20_000)


@pytest.mark.parametrize("name", HASH_NAMES)
def test_a_family_has_the_shape_that_was_asked_for(name) -> None:
    family = draw_family(name, 40, 3, 7, 1 << 18, rng())
    assert (family.K, family.L, family.d) == (3, 7, 40)
    assert family.n_buckets == (2 if name.endswith("simhash") else 8) ** 3
    codes = BACKEND.hash(rng(1).standard_normal((99, 40), np.float32), None, family)
    assert codes.max() < family.n_buckets
    assert draw_family(name, 40, 3, 7, 4, rng()).n_buckets == 4


@pytest.mark.parametrize("name", HASH_NAMES)
def test_a_seed_draws_the_same_family_and_another_seed_another(name) -> None:
    def arrays(seed):
        found = []
        draw_family(name, 40, 6, 7, 16, rng(seed)).map(lambda a: found.append(a.tobytes()) or a)
        return found

    assert arrays(0) == arrays(0)
    assert all(a != b for a, b in zip(arrays(0), arrays(1), strict=True))


@pytest.mark.parametrize("name", HASH_NAMES)
def test_placed_replaces_every_array_and_nothing_else(name) -> None:
    family = draw_family(name, 40, 3, 7, 16, rng())
    moved = family.map(lambda array: ("moved", array.shape))
    assert type(moved) is type(family)
    for before, after in ((family, moved), (family.buckets, moved.buckets)):
        for field in before.__dataclass_fields__:
            value = getattr(before, field)
            if isinstance(value, np.ndarray):
                assert getattr(after, field) == ("moved", value.shape)
            elif field != "buckets":
                assert getattr(after, field) == value


# Buckets


def digit_rows(radix, K):
    """All rows of K digits as vectors whose coordinate `radix * k + digit` is 1 for each k."""
    digits = np.array(list(product(range(radix), repeat=K)))
    return np.eye(radix, dtype=np.float32)[digits].reshape(len(digits), radix * K)


def family_of(buckets, radix):
    """A family whose digits are those of `digit_rows`."""
    positions = np.arange(radix * buckets.K, dtype=np.int32).reshape(buckets.K, radix)
    return WTA(buckets, radix * buckets.K, np.tile(positions, (buckets.L, 1)))


def test_all_buckets_are_reached() -> None:
    # K = 6 digits of 3 bits, as in the authors' release, whose shift by 2 bits reaches 9,556.
    rows = digit_rows(8, 6)
    codes = BACKEND.hash(rows, None, family_of(Buckets.draw(8, 6, 1, 1 << 18, rng()), 8))
    assert np.array_equal(np.sort(codes[:, 0]), np.arange(262_144))
    folded = BACKEND.hash(rows, None, family_of(Buckets.draw(8, 6, 5, 1 << 12, rng()), 8))
    assert [len(np.unique(table)) for table in folded.T] == [4096] * 5


@pytest.mark.parametrize("pair", [(0, 1), (0, 2000), (77, 3210)])
def test_different_digits_share_a_folded_bucket_once_in_n_buckets(pair) -> None:
    # Tables are independent, and multiply-shift is universal with probability 1 / n_buckets.
    n_tables, n_buckets = 20_000, 16
    family = family_of(Buckets.draw(8, 4, n_tables, n_buckets, rng()), 8)
    first, second = BACKEND.hash(digit_rows(8, 4)[list(pair)], None, family)
    assert_share(np.mean(first == second), 1 / n_buckets, n_tables)
    for bucket in range(n_buckets):
        assert_share(np.mean(first == bucket), 1 / n_buckets, n_tables)


def test_buckets_are_folded_only_above_the_limit() -> None:
    assert Buckets.draw(8, 3, 2, 512, rng()).n_buckets == 512
    assert Buckets.draw(8, 3, 2, 512, rng()).dropped_bits == 0
    assert Buckets.draw(8, 3, 2, 256, rng()).n_buckets == 256
    assert Buckets.draw(8, 3, 2, 256, rng()).dropped_bits == 56
