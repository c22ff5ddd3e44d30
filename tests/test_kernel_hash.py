"""Salted mix and hash codes: the reference against arithmetic by hand and the mathematics."""

from math import pi, sqrt

import numpy as np
import pytest
from kernel_arguments import BACKEND, f32

from slide.core.hashing import SimHash, mix
from slide.reference import plain


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


def test_hash_by_hand() -> None:
    # Two tables of two bits. x - center = (1, -2), (-1, 1), (0, 0).
    # Directions: (1, 0) (0, 1) key table 0, (1, 1) (-1, -1) table 1.
    #   (1, -2): 1 > 0, -2 no        -> 1 = 1;   -1 no, 1 > 0  -> 2
    #   (-1, 1): no, 1 > 0           -> 2;       0 no, 0 no    -> 0
    #   (0, 0):  nothing is above 0  -> 0;       0
    family = SimHash(f32([1, 0, 1, -1], [0, 1, 1, -1]), K=2, L=2)
    codes = BACKEND.hash(f32([2, 1], [0, 4], [1, 3]), np.float32([1, 3]), family)
    assert codes.tolist() == [[1, 2], [2, 0], [0, 0]]
    assert codes.dtype == np.uint32


@pytest.mark.parametrize("angle", [0.1, pi / 3, pi / 2, 2.5])
def test_simhash_bits_collide_as_the_angle_says(angle: float) -> None:
    # Each bit of each table is one trial with probability 1 - angle / pi: 5 sigma of a binomial.
    n_bits = 20_000
    family = SimHash.draw(8, K=20, L=n_bits // 20, rng=np.random.default_rng(1))
    x = np.zeros((2, 8), np.float32)
    x[:, 0], x[1, 0], x[1, 1] = 3, 2 * np.cos(angle), 2 * np.sin(angle)
    codes = BACKEND.hash(x, np.zeros(8, np.float32), family)
    differing = sum(int(code).bit_count() for code in codes[0] ^ codes[1])
    p = 1 - angle / pi
    assert abs(n_bits - differing - n_bits * p) < 5 * sqrt(n_bits * p * (1 - p))
