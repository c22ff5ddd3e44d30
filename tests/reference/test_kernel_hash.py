"""Salted mix and hash codes: the reference against arithmetic by hand."""

import numpy as np
import pytest
from kernel_arguments import BACKEND, csr, f32

from slide.core.contract.families import (
    DOPH,
    DWTA,
    HASH_NAMES,
    WTA,
    Buckets,
    Family,
    SimHash,
    draw_family,
)
from slide.core.contract.tables import mix
from slide.core.errors import BackendError
from slide.reference import families, plain


def test_mix_of_known_numbers() -> None:
    # fmix32 of MurmurHash3: 0 -> 0 and 1 -> 0x514e28b7 are its published values. Salt 0 adds
    # nothing; salt s flips the bits of s * 0x9E3779B97F4A7C15 >> 16 first, which for s = 1 ends
    # in 79B97F4A.
    assert mix(np.array([0, 1]), 0).tolist() == [0, 0x514E28B7]
    assert mix(np.array([0x79B97F4A, 0x79B97F4B]), 1).tolist() == [0, 0x514E28B7]


@pytest.mark.parametrize("salt", [0, 1, 7, 1 << 40])
def test_mix_is_a_bijection(salt: int) -> None:
    # It has an inverse: each step undone, last first. A product by an odd number is undone by its
    # inverse modulo 2**32, z ^ z >> 16 by itself, z ^ z >> 13 by z ^ z >> 13 ^ z >> 26.
    numbers = np.random.default_rng(0).integers(1 << 32, size=1 << 16, dtype=np.uint32)
    z = mix(numbers, salt)
    z ^= z >> np.uint32(16)
    z *= np.uint32(pow(0xC2B2AE35, -1, 1 << 32))
    z ^= z >> np.uint32(13) ^ z >> np.uint32(26)
    z *= np.uint32(pow(0x85EBCA6B, -1, 1 << 32))
    z ^= z >> np.uint32(16)
    assert len(np.unique(z ^ numbers)) == 1  # the salt's own bits, the same for every number


def test_mix_in_python_integers_is_the_same() -> None:
    numbers = np.random.default_rng(0).integers(1 << 32, size=99, dtype=np.uint32)
    for salt in (0, 3, 1 << 40):
        again = [plain.mix(number, salt) for number in numbers.tolist()]
        assert mix(numbers, salt).tolist() == again


def test_mix_differs_by_salt() -> None:
    orders = {tuple(np.argsort(mix(np.arange(20), salt))) for salt in range(500)}
    assert len(orders) == 500  # of 20! = 2.4e18


def i32(*rows):
    return np.array(rows, np.int32)


def mixed_radix(radix, K, L):
    return Buckets.draw(radix, K, L, limit=1 << 30, rng=np.random.default_rng(0))


def hashed(x, family, center=None, probes=1):
    return BACKEND.hash(f32(*x), center, family, probes).tolist()


def test_simhash_by_hand() -> None:
    # Two tables of two bits. x - center = (1, -2), (-1, 1), (0, 0).
    # Directions: (1, 0) (0, 1) key table 0, (1, 1) (-1, -1) table 1.
    #   (1, -2): 1 > 0, -2 no        -> 1 = 1;   -1 no, 1 > 0  -> 2
    #   (-1, 1): no, 1 > 0           -> 2;       0 no, 0 no    -> 0
    #   (0, 0):  nothing is above 0  -> 0;       0
    family = SimHash(mixed_radix(2, 2, 2), 2, f32([1, 0, 1, -1], [0, 1, 1, -1]))
    codes = BACKEND.hash(f32([2, 1], [0, 4], [1, 3]), np.float32([1, 3]), family)
    assert codes.tolist() == [[1, 2], [2, 0], [0, 0]]
    assert codes.dtype == np.uint32


def test_simhash_probes_by_hand() -> None:
    # Bits 1, 0, 1 are code 5. Margins 3, 1, 2: rank 0 is bit 1, rank 1 is bit 2, rank 2 is bit 0.
    #   mask      0  1  2  3    4  5    6    7
    #   distance  0  1  2  1+2  3  1+3  2+3  1+2+3    where 3 and 3 tie: the smaller mask first
    #   flips     -  2  4  6    1  3    5    7        as a number to be added bit by bit to 5
    # There are no other masks: the nearest bucket again.
    family = SimHash(mixed_radix(2, 3, 1), 3, np.eye(3, dtype=np.float32))
    assert hashed([[3, -1, 2]], family, probes=10) == [[5, 7, 1, 3, 4, 6, 0, 2, 5, 5]]


def test_wta_by_hand() -> None:
    # x (1, 4, 4, 0). Bin (2, 0, 1) holds 4, 1, 4: place 0 by the tie, then place 2 at margin 0.
    # Bin (3, 1, 0) holds 0, 4, 1: place 1, then place 2 at margin 3.
    #   digits (0, 1) -> 0 + 3 * 1; (2, 1) -> 5; (0, 2) -> 6; (2, 2) -> 8
    family = WTA(mixed_radix(3, 2, 1), 4, i32([2, 0, 1], [3, 1, 0]))
    assert hashed([[1, 4, 4, 0]], family) == [[3]]
    assert hashed([[1, 4, 4, 0]], family, probes=5) == [[3, 5, 6, 8, 3]]


def test_ties_of_zeros_go_to_the_first_place() -> None:
    # ReLU: bins 0, 0, 0 and 0, 0, 2 and 1, 1, 0.
    family = WTA(mixed_radix(3, 3, 1), 6, i32([0, 1, 2], [1, 0, 3], [4, 5, 2]))
    assert hashed([[0, 0, 0, 2, 1, 1]], family) == [[0 + 3 * 2 + 9 * 0]]


BINS = (
    mixed_radix(2, 1, 3),
    6,
    i32([0, 1], [2, 3], [4, 5]),
    np.int32([1, 2, 2]),
    np.int32([1, 1, 2]),
)
"""Three tables of one bin each; bin 0 asks 1, 2, 0, bin 1 asks 2, 0, 1, bin 2 asks 2, 1, 0."""


def test_dwta_by_hand() -> None:
    # (0, 0, 0, -1, 0, 0): bin 1 is -1 alone, place 1, for zeros do not compete; all borrow it.
    # (0, 2, 0, 0, 5, 3): bin 0 is place 1 and nothing else. Bin 2 is place 0, or 1 at margin 2, and
    # so is bin 1, which borrows it.
    family = DWTA(*BINS)
    assert hashed([[0, 0, 0, -1, 0, 0]], family) == [[1, 1, 1]]
    assert hashed([[0, 2, 0, 0, 5, 3]], family) == [[1, 0, 0]]
    assert hashed([[0, 2, 0, 0, 5, 3]], family, probes=2) == [[1, 1, 0, 1, 0, 1]]


def test_dwta_asks_one_bin_after_the_other() -> None:
    # Bin 0 asks bin 1 first and bin 2 next; bin 2 asks itself and then bin 1.
    assert hashed([[0, 0, 5, 3, 3, 5], [0, 0, 0, 0, 3, 5]], DWTA(*BINS)) == [[0, 0, 1], [1, 1, 1]]
    assert hashed([[1, 0, 3, 5, 0, 0]], DWTA(*BINS)) == [[0, 1, 1]]


def test_doph_by_hand() -> None:
    # Above 0: coordinates 0, 3, 4 with 3 each and 2 with 1. The two largest are 0 and 3 by the tie.
    #   top 2: bin (5, 0, 1) has 0 at place 1; bin (4, 3, 2) has 3 at place 1 -> 1 + 3 * 1
    #   top 3: 4 belongs to the set: place 0 -> 1. Then place 1 -> 4, at margin 3 - 3.
    bins = mixed_radix(3, 2, 1), 6, i32([5, 0, 1], [4, 3, 2])
    x = [[3, -9, 1, 3, 3, 0]]
    assert hashed(x, DOPH(*bins, np.int32([0, 0]), np.int32([1, 1]), top=2)) == [[4]]
    assert hashed(x, DOPH(*bins, np.int32([0, 0]), np.int32([1, 1]), top=3), probes=3) == [
        [1, 4, 1]
    ]


def test_doph_margins_are_heights_above_the_smallest() -> None:
    # The set has all: 5, 2, 1, 9. Bin (0, 1): place 0 or, at 5 - 1, place 1; bin (2, 3): place 0
    # or, at 1 - 1, place 1. So the second bin changes first: (0, 0), (0, 1), (1, 0), (1, 1).
    bins = mixed_radix(2, 2, 1), 4, i32([0, 1], [2, 3]), np.int32([0, 0]), np.int32([1, 1])
    assert hashed([[5, 2, 1, 9]], DOPH(*bins, top=4), probes=4) == [[0, 2, 1, 3]]


def test_doph_borrows() -> None:
    # Only coordinate 1 is above 0: bin 0 has it at place 1, and bins 1 and 2 get it from there.
    # Where nothing is, digits are 0.
    assert hashed([[-1, 2, 0, 0, -5, 0], [-1, 0, 0, 0, 0, 0]], DOPH(*BINS, top=2)) == [
        [1, 1, 1],
        [0, 0, 0],
    ]


def test_folded_buckets_by_hand() -> None:
    # In units of 2**61: multipliers 3 and 2, shift 1, modulo 8; digits are bits.
    units = np.uint64(1) << np.uint64(61)
    buckets = Buckets(np.uint64([[3, 2]]) * units, np.uint64([1]) * units, 61, 8)
    family = SimHash(buckets, 2, np.eye(2, dtype=np.float32))
    assert hashed([[-1, -1], [1, -1], [-1, 1], [1, 1]], family) == [[1], [4], [3], [6]]
    shifted = SimHash(
        Buckets(buckets.multipliers, np.uint64([7]) * units, 61, 8), 2, np.eye(2, dtype=np.float32)
    )
    assert hashed([[1, 1]], shifted) == [[(3 + 2 + 7) % 8]]
    # Margins 1 and 2: flip bit 0, flip bit 1, flip both.
    assert hashed([[1, 2]], family, probes=4) == [[6, 3, 4, 1]]


@pytest.mark.parametrize("name", HASH_NAMES)
@pytest.mark.parametrize("center", [None, np.float32([0, 1, -1, 0, 2, 0, 0, 9])])
def test_sparse_vectors_mean_their_dense_rows(name, center) -> None:
    family = draw_family(name, 6, 3, 4, 64, np.random.default_rng(0))
    sparse = csr(8, {0: 2, 4: 1, 7: 5}, {}, {1: 0, 2: -1, 5: 3}, {3: 0})
    x = np.zeros((4, 8), np.float32)
    x[0, [0, 4, 7]], x[2, [2, 5]] = (2, 1, 5), (-1, 3)
    want = BACKEND.hash(x, center, family, 3)
    assert BACKEND.hash(sparse, center, family, 3).tolist() == want.tolist()
    x[:, 6:] = 99  # beyond family.d
    assert BACKEND.hash(x, center, family, 3).tolist() == want.tolist()


@pytest.mark.parametrize("name", HASH_NAMES)
def test_vectors_of_zeros_have_digits_of_zeros(name) -> None:
    family = draw_family(name, 12, 2, 5, 1 << 20, np.random.default_rng(0))
    assert hashed(np.zeros((2, 12)), family) == [[0] * 5] * 2


@pytest.mark.parametrize("name", HASH_NAMES)
def test_chunks_do_not_show(name, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    family = draw_family(name, 9, 3, 4, 64, rng)
    x = rng.integers(-2, 3, (50, 9)).astype(np.float32)
    whole = hashed(x, family, probes=3)
    for cells in (700, 1):
        monkeypatch.setattr(families, "CELLS", cells)
        assert hashed(x[::-1], family, probes=3) == whole[::-1]


@pytest.mark.parametrize("name", HASH_NAMES)
def test_float64_decides_in_float64(name) -> None:
    # In float32, 1 + 1e-12 is 1: no projection, no coordinate and no winner would differ from 0.
    family = draw_family(name, 4, 4, 8, 1 << 20, np.random.default_rng(0))
    nearly_one = np.array([[1, 1, 1, 1 + 1e-12]])
    codes = BACKEND.hash(nearly_one, np.ones(4), family)
    assert codes.tolist() == BACKEND.hash(np.eye(4)[3:], None, family).tolist()
    assert codes.any()


def brute_force(margins, probes):
    """All masks by distance, summed exactly (the margins are small integers)."""
    by_margin = np.sort(margins)
    masks = np.arange(1 << len(margins))
    bits = masks[:, None] >> np.arange(len(margins)) & 1
    return np.argsort(bits @ by_margin, kind="stable")[:probes]


@pytest.mark.parametrize("probes", [2, 3, 7, 16])
def test_the_masks_that_are_tried_are_enough_and_none_is_idle(probes: int) -> None:
    rng = np.random.default_rng(0)
    seen = {
        mask
        for largest in (3, 40, 10_000)  # many ties, some, hardly any
        for _ in range(1000)
        for mask in brute_force(rng.integers(largest, size=9) ** 2, probes).tolist()
    }
    assert seen <= set(families.masks_to_try(9, probes).tolist())
    assert seen == set(families.masks_to_try(9, probes).tolist())


@pytest.mark.parametrize("name", HASH_NAMES)
def test_probes_are_those_of_brute_force(name) -> None:
    rng = np.random.default_rng(0)
    family = draw_family(name, 40, 9, 2, 1 << 12, rng)
    x = np.maximum(rng.integers(-20, 21, (4, 40)), 0).astype(np.float32)
    if isinstance(family, SimHash):  # sums that are exact
        family = SimHash(family.buckets, 40, rng.integers(-9, 10, (40, 18)).astype(np.float32))
    assert hashed(x, family, probes=16) == plain.hash(x, None, family, 16).tolist()


def test_a_family_of_no_known_kind_is_refused() -> None:
    with pytest.raises(BackendError, match="hash family 'Family' is unknown to slide/reference"):
        hashed([[1.0]], Family(mixed_radix(2, 1, 1), 1))
