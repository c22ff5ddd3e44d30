"""Wrong codes.

Where a step of the reference is wrong, the step is replaced while the reference computes.
"""

from dataclasses import replace
from unittest.mock import patch

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.contract.arrays import CSR
from slide.core.contract.families import DOPH, DWTA, WTA, SimHash
from slide.reference import families
from slide.reference.families import Digits, borrow, changes, largest, winners


def with_step(name):
    """A kernel `hash` that does one step differently."""

    def replaced(wrong):
        def hash_(self, x, center, family, probes=1):
            with patch.object(families, name, wrong):
                return REFERENCE.hash(x, center, family, probes)

        hash_.__name__ = wrong.__name__
        return hash_

    return replaced


def with_family(change):
    """A kernel `hash` that takes the family for another one."""

    def hash_(self, x, center, family, probes=1):
        return REFERENCE.hash(x, center, change(family), probes)

    hash_.__name__ = change.__name__
    return hash_


def with_buckets(family, **changed):
    return replace(family, buckets=replace(family.buckets, **changed))


# Vectors


@mutant("hash", "exact")
def hash_forgets_the_center(self, x, center, family, probes=1):
    return REFERENCE.hash(x, None, family, probes)


@mutant("hash", "exact")
def hash_forgets_the_center_of_sparse_vectors(self, x, center, family, probes=1):
    return REFERENCE.hash(x, None if isinstance(x, CSR) else center, family, probes)


@mutant("hash", "exact")
def hash_centers_what_is_stored(self, x, center, family, probes=1):
    if center is None or not isinstance(x, CSR):
        return REFERENCE.hash(x, center, family, probes)
    centered = x.with_values(x.values - center[x.indices])
    return REFERENCE.hash(centered, None, family, probes)


@mutant("hash", "metamorphic")
def hash_lets_stored_zeros_compete(self, x, center, family, probes=1):
    if center is None and isinstance(x, CSR) and isinstance(family, DWTA):
        x = x.with_values(np.where(x.values == 0, np.float32(-1e-30), x.values))
    return REFERENCE.hash(x, center, family, probes)


@mutant("hash", "exact")
def hash_ranks_what_is_not_hashed(self, x, center, family, probes=1):
    if isinstance(family, DOPH):
        family = replace(family, d=x.shape[1])
    return REFERENCE.hash(x, center, family, probes)


@mutant("hash", "bound", alone=True)
def hash_of_float16(self, x, center, family, probes=1):
    def halved(array):
        return array.astype(np.float16).astype(np.float32)

    x = x.with_values(halved(x.values)) if isinstance(x, CSR) else halved(x)
    return REFERENCE.hash(x, None if center is None else halved(center), family, probes)


@mutant("hash", "metamorphic", alone=True)
def hash_drops_the_second_chunk(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes)
    codes[256:] = 0
    return codes


@mutant("hash", "metamorphic")
def hash_remembers_arguments_by_shape(self, x, center, family, probes=1):
    remembered = self.__dict__.setdefault("remembered", {})
    key = x.shape, family.K, family.L, probes
    return remembered.setdefault(key, REFERENCE.hash(x, center, family, probes))


@mutant("hash", "dtype", alone=True)
def hash_to_int64(self, x, center, family, probes=1):
    return REFERENCE.hash(x, center, family, probes).astype(np.int64)


# Digits


@mutant("hash", "exact", alone=True)
def hash_counts_zero_as_positive(self, x, center, family, probes=1):
    if not isinstance(family, SimHash) or family.buckets.dropped_bits:
        return REFERENCE.hash(x, center, family, probes)
    away = replace(family, projection=-family.projection)
    return ~REFERENCE.hash(x, center, away, probes) & np.uint32(family.n_buckets - 1)


@mutant("hash", "exact")
@with_family
def hash_gives_ties_to_the_last(family):
    """Bins read backwards, and each place p of m turned into m - 1 - p by the arithmetic."""
    if isinstance(family, SimHash | DOPH):
        return family
    m, multipliers = family.positions.shape[1], family.buckets.multipliers
    shifts = family.buckets.shifts + np.uint64(m - 1) * multipliers.sum(axis=1)
    backwards = replace(family, positions=family.positions[:, ::-1])
    return with_buckets(backwards, multipliers=~multipliers + np.uint64(1), shifts=shifts)


@mutant("hash", "exact")
def hash_lets_zeros_compete(self, x, center, family, probes=1):
    if isinstance(family, DWTA):
        family = WTA(family.buckets, family.d, family.positions)
    return REFERENCE.hash(x, center, family, probes)


@mutant("hash", "exact")
@with_step("borrow")
def hash_borrows_nothing(digits, filled, family):
    pass


@mutant("hash", "exact")
@with_family
def hash_borrows_from_the_neighbour(family):
    if not isinstance(family, DWTA | DOPH):
        return family
    n_bins = len(family.first)
    following = (np.arange(n_bins, dtype=np.int32) + 1) % n_bins
    return replace(family, first=following, stride=np.ones(n_bins, np.int32))


@mutant("hash", "exact")
@with_step("borrow")
def hash_borrows_the_digit_alone(digits, filled, family):
    copy = Digits(digits.first.copy(), digits.second.copy(), digits.margins.copy())
    borrow(copy, filled, family)
    digits.first[:] = copy.first


@mutant("hash", "exact")
@with_step("largest")
def doph_takes_all_of_the_positive(v, top):
    return v > 0


@mutant("hash", "exact")
@with_step("largest")
def doph_takes_negative_coordinates(v, top):
    chosen = v != 0
    np.put_along_axis(chosen, np.argsort(-v, axis=1, kind="stable")[:, top:], False, axis=1)
    return chosen


@mutant("hash", "exact")
@with_step("largest")
def doph_gives_ties_to_the_larger_coordinate(v, top):
    return largest(v[:, ::-1], top)[:, ::-1]


@mutant("hash", "exact")
@with_step("heights")
def doph_has_no_margins(v, chosen, digits, positions):
    return digits.margins


# Buckets


@mutant("hash", "exact")
@with_family
def hash_packs_two_bits_a_digit(family):
    if isinstance(family, SimHash) or family.buckets.dropped_bits:
        return family
    multipliers = np.uint64(4) ** np.arange(family.K, dtype=np.uint64)
    return with_buckets(family, multipliers=np.tile(multipliers, (family.L, 1)))


@mutant("hash", "exact")
@with_family
def hash_puts_the_last_digit_first(family):
    return with_buckets(family, multipliers=family.buckets.multipliers[:, ::-1])


@mutant("hash", "exact")
@with_family
def hash_forgets_the_shifts(family):
    return with_buckets(family, shifts=np.zeros_like(family.buckets.shifts))


@mutant("hash", "exact")
def hash_keeps_the_low_bits(self, x, center, family, probes=1):
    if not family.buckets.dropped_bits:
        return REFERENCE.hash(x, center, family, probes)
    whole = REFERENCE.hash(x, center, with_buckets(family, dropped_bits=0), probes)
    return whole & np.uint32(family.n_buckets - 1)


# Probes


@mutant("hash", "exact")
def hash_repeats_the_nearest_bucket(self, x, center, family, probes=1):
    return REFERENCE.hash(x, center, family, 1).repeat(probes, axis=1)


@mutant("hash", "exact")
def hash_returns_the_nearest_buckets_of_all_tables_first(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes)
    by_table = codes.reshape(-1, family.L, probes)
    return by_table.transpose(0, 2, 1).reshape(codes.shape)


@mutant("hash", "metamorphic")
def hash_returns_the_furthest_first(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes).reshape(-1, family.L, probes)
    return codes[:, :, ::-1].reshape(len(codes), -1)


@mutant("hash", "exact")
@with_step("changes")
def hash_probes_by_place(first, second, margins, buckets, probes):
    return changes(first, second, np.where(np.isinf(margins), margins, 1), buckets, probes)


@mutant("hash", "exact")
@with_step("changes")
def hash_changes_what_has_no_second_digit(first, second, margins, buckets, probes):
    return changes(first, second, np.where(np.isinf(margins), 1e9, margins), buckets, probes)


@mutant("hash", "exact")
@with_step("masks_to_try")
def hash_changes_one_digit(n_digits, probes):
    return np.append(0, 1 << np.arange(min(n_digits, probes - 1)))


@mutant("hash", "exact")
@with_step("winners")
def hash_takes_the_next_place_for_second(scores, positions, probing):
    digits = winners(scores, positions, probing)
    return digits._replace(second=(digits.first + 1) % positions.shape[1])
