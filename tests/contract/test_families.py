"""Hash families: how often two vectors share digits, against the theory.

The kernel is the reference's; a table of one digit shows the digit. Tolerances are 5 standard
errors of independent trials: one such test in two million fails by chance, and seeds are fixed.
"""

from itertools import combinations, product
from math import comb, cos, pi, sin, sqrt

import numpy as np
import pytest
from collisions import NO_LIMIT, assert_mean, assert_share, rng, share_of_equal_digits
from kernel_arguments import BACKEND

from slide.core.contract.families import (
    DOPH,
    DWTA,
    HASH_NAMES,
    WTA,
    SimHash,
    draw_family,
    inclusion_probability,
)

# How often digits are equal


@pytest.mark.parametrize("angle", [0.1, pi / 3, pi / 2, 2.5])
def test_simhash_bits_collide_as_the_angle_says(angle: float) -> None:
    x = [3.0, *[0.0] * 7]
    y = [2 * cos(angle), 2 * sin(angle), *[0.0] * 6]
    share = share_of_equal_digits("simhash", x, y, 20_000)
    assert_share(share, 1 - angle / pi, 20_000)


@pytest.mark.parametrize("pair", [((3, 1, -2, 5), (1, 4, -2, 2)), ((1, 0, 2, 0), (0, -3, 1, 1))])
def test_sparse_simhash_bits_collide_as_all_directions_say(pair) -> None:
    # d = 4: two of four coordinates with two signs each, 24 equally likely directions.
    x, y = np.array(pair)
    equal = []
    for places in combinations(range(4), 2):
        for signs in product([-1, 1], repeat=2):
            direction = np.zeros(4)
            direction[list(places)] = signs
            equal.append((x @ direction > 0) == (y @ direction > 0))
    assert len(equal) == 24
    assert_share(share_of_equal_digits("sparse-simhash", x, y, 20_000), np.mean(equal), 20_000)


@pytest.mark.parametrize("angle", [0.3, pi / 2, 2.5])
def test_sparse_simhash_bits_of_gaussian_pairs_collide_as_the_angle_says(angle: float) -> None:
    # Whatever the direction, the projections of a Gaussian pair with correlation cos(angle) have
    # that correlation, too: for each pair the expected share of equal bits is 1 - angle / pi.
    n_pairs, d = 4000, 30
    x, noise = rng(1).standard_normal((2, n_pairs, d))
    y = cos(angle) * x + sin(angle) * noise
    family = draw_family("sparse-simhash", d, 1, 20, NO_LIMIT, rng())
    bits = BACKEND.hash(np.concatenate([x, y]).astype(np.float32), None, family)
    assert_mean((bits[:n_pairs] == bits[n_pairs:]).mean(axis=1), 1 - angle / pi)


def wta_probability(x, y, m):
    """Two vectors of distinct values: both have coordinate i for the winner if no other of the m
    coordinates is above it in either (Yagnik et al. 2011)."""
    d = len(x)
    below = [sum(x[j] < x[i] and y[j] < y[i] for j in range(d)) for i in range(d)]
    return sum(comb(c, m - 1) for c in below) / comb(d, m)


def noisy_pair(d, noise):
    x, e = rng(3).standard_normal((2, d))
    return x, x + noise * e


@pytest.mark.parametrize("noise", [0.2, 1, 100])
def test_wta_digits_collide_as_the_common_order_says(noise: float) -> None:
    x, y = noisy_pair(20, noise)
    p = wta_probability(x, y, 8)
    assert_share(share_of_equal_digits("wta", x, y, 20_000), p, 20_000)


def equal_digits_of_draws(name, x, y, n_bins, n_draws=3000):
    """The share of the n_bins digits that are equal, for every draw of a family."""
    generator, shares = rng(), []
    for _ in range(n_draws):
        family = draw_family(name, len(x), 1, n_bins, NO_LIMIT, generator)
        codes = BACKEND.hash(np.array([x, y], np.float32), None, family)
        shares.append(np.mean(codes[0] == codes[1]))
    return shares


def densified_probability(d, m, n_bins, x, y, same):
    """Of equal digits in bins of one order, where empty bins borrow.

    A bin and those that it asks are bins in a random order of their own. The first one that is not
    empty for both vectors comes after t bins, which hold t m of the d - |union| other coordinates,
    and has m of the N = d - t m that are left. Where it has coordinates of both vectors both take
    their digits from it, and `same(N)` is the probability that this is so and they are equal. Where
    it has coordinates of one vector alone the other vector's digit comes from another bin, and is
    the same place once in m, since all places are alike. If there is no such bin, both are 0.

    Args:
        x: set of the coordinates that compete in the one vector.
        y: in the other.
        same: from N.
    """
    union, total = len(x | y), 0
    for t in range(n_bins):
        N = d - t * m
        if union > N:  # so many empty bins there cannot be
            break
        reached = comb(d - union, t * m) / comb(d, t * m)
        only_one = comb(N - len(x), m) + comb(N - len(y), m) - 2 * comb(N - union, m)
        total += reached * (same(N) + only_one / comb(N, m) / m)
    return total + comb(d - union, n_bins * m) / comb(d, n_bins * m)


def dwta_probability(x, y, m, n_bins):
    """`same`: coordinate i is in the bin and none of those that are above it in x or in y."""
    d = len(x)
    in_x, in_y = ({j for j in range(d) if v[j] != 0} for v in (x, y))
    above = {
        i: sum((j in in_x and x[j] > x[i]) or (j in in_y and y[j] > y[i]) for j in range(d))
        for i in in_x & in_y
    }

    def same(n_left):
        return sum(comb(n_left - 1 - b, m - 1) for b in above.values()) / comb(n_left, m)

    return densified_probability(d, m, n_bins, in_x, in_y, same)


def sparse_pair(d, n_common, n_own):
    """Values that are distinct, some of them negative, and zeros."""
    x, y = noisy_pair(d, 0.5)
    x[n_common + n_own :] = 0
    y[n_common : n_common + n_own] = 0
    y[n_common + 2 * n_own :] = 0
    return x, y


@pytest.mark.parametrize(
    ("d", "n_common", "n_own"), [(64, 3, 2), (64, 1, 1), (70, 1, 2), (64, 20, 9)]
)
def test_dwta_digits_of_sparse_vectors_collide_as_they_should(d, n_common, n_own) -> None:
    x, y = sparse_pair(d, n_common, n_own)
    p = dwta_probability(x, y, m=8, n_bins=8)
    assert_mean(equal_digits_of_draws("dwta", x, y, n_bins=8), p)


def test_dwta_digits_of_dense_vectors_collide_as_those_of_wta() -> None:
    x, y = noisy_pair(64, 1)
    p = wta_probability(x, y, 8)
    assert dwta_probability(x, y, 8, 8) == pytest.approx(p, rel=1e-12)
    assert_mean(equal_digits_of_draws("dwta", x, y, n_bins=8), p)


@pytest.mark.parametrize(("n_x", "n_y", "shift"), [(5, 5, 2), (10, 3, 5), (40, 30, 9), (2, 3, 8)])
def test_doph_digits_collide_as_the_sets_say(n_x: int, n_y: int, shift: int) -> None:
    # The first coordinate of the union in a bin is any one of the union: it is common, and then
    # both digits are its place, with probability J.
    x, y = np.full((2, 64), -1.0)
    x[:n_x] = np.arange(n_x, 0, -1)
    y[shift : shift + n_y] = np.arange(n_y, 0, -1)
    in_x, in_y = set(range(min(n_x, 16))), set(range(shift, shift + min(n_y, 16)))
    jaccard = len(in_x & in_y) / len(in_x | in_y)

    def same(n_left):
        return jaccard * (1 - comb(n_left - len(in_x | in_y), 8) / comb(n_left, 8))

    p = densified_probability(64, 8, 8, in_x, in_y, same)
    assert p > jaccard  # by chance coincidences
    assert_mean(equal_digits_of_draws("doph", x, y, n_bins=8), p)


@pytest.mark.parametrize("name", HASH_NAMES)
def test_equal_vectors_always_collide(name) -> None:
    # Positive multiples have the same signs, winners and largest coordinates.
    x = np.maximum(rng().standard_normal((40, 64), np.float32), 0)
    x[1] = 0
    family = draw_family(name, 64, 4, 20, 1 << 10, rng())
    codes = BACKEND.hash(x, None, family)
    assert np.array_equal(BACKEND.hash(4 * x, None, family), codes)
    assert np.array_equal(BACKEND.hash(np.repeat(x, 2, axis=0), None, family)[::2], codes)


# Tables


@pytest.mark.parametrize(("name", "K", "L"), [("wta", 2, 5), ("simhash", 3, 4)])
def test_a_table_is_hit_as_its_digits_say(name: str, K: int, L: int) -> None:
    x, y = noisy_pair(20, 1)
    angle = np.arccos(x @ y / sqrt((x @ x) * (y @ y)))
    p = wta_probability(x, y, 8) if name == "wta" else 1 - angle / pi
    n_draws = 4000
    family = draw_family(name, 20, K, L * n_draws, NO_LIMIT, rng())
    first, second = BACKEND.hash(np.array([x, y], np.float32), None, family)
    hits = (first == second).reshape(n_draws, L)
    assert_share(hits.mean(), p**K, n_draws * L)
    assert_share(hits.any(axis=1).mean(), inclusion_probability(p, K, L), n_draws)


def test_inclusion_probability_by_hand() -> None:
    # Two digits of probability 1/2: 1/4 a table; missed by two tables: (3/4)**2 = 9/16.
    assert inclusion_probability(0.5, 2, 2) == 7 / 16
    assert inclusion_probability(1, 9, 1) == 1
    assert inclusion_probability(0.3, 5, 0) == 0


# Probes


def recall_and_share(name, probes):
    """Of the ten largest products with each query: how many are found, and how many of all."""
    generator = rng()
    w = generator.standard_normal((2000, 32), np.float32)
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    q = w[:200] + 0.1 * generator.standard_normal((200, 32), np.float32)
    family = draw_family(name, 32, 6 if name.endswith("simhash") else 2, 4, NO_LIMIT, generator)
    neurons = BACKEND.hash(w, None, family)  # (n, L)
    found = BACKEND.hash(q, None, family, probes).reshape(200, family.L, probes)
    met = (neurons[None, :, :, None] == found[:, None]).any(axis=(2, 3))  # (200, n)
    best = np.argsort(-(q @ w.T), axis=1)[:, :10]
    return np.take_along_axis(met, best, axis=1).mean(), met.mean()


@pytest.mark.parametrize("name", HASH_NAMES)
def test_more_probes_find_more_true_neighbours(name) -> None:
    figures = [recall_and_share(name, probes) for probes in (1, 2, 4)]
    recalls = [recall for recall, _ in figures]
    assert recalls == sorted(set(recalls))
    (recall_1, share_1), _, (recall_4, share_4) = figures
    # What the further probes add holds more true neighbours than a random choice would.
    assert (recall_4 - recall_1) / (1 - recall_1) > 1.5 * (share_4 - share_1) / (1 - share_1)


def test_as_many_probes_as_buckets_find_everything() -> None:
    family = draw_family("simhash", 8, 4, 3, NO_LIMIT, rng())
    found = BACKEND.hash(rng(1).standard_normal((50, 8), np.float32), None, family, 16)
    assert np.array_equal(np.sort(found.reshape(150, 16), axis=1), np.tile(range(16), (150, 1)))


def test_names_stand_for_their_families() -> None:
    kinds = {name: type(draw_family(name, 9, 2, 2, NO_LIMIT, rng())) for name in HASH_NAMES}
    assert kinds == {
        "simhash": SimHash, "sparse-simhash": SimHash, "wta": WTA, "dwta": DWTA, "doph": DOPH,
    }  # fmt: skip
