"""Codes that are wrong at the sizes of use."""

from dataclasses import replace

import numpy as np

from mutants.patterns import first_of_rows
from mutants.registry import REFERENCE, at_scale
from slide.core.contract.arrays import CSR
from slide.core.contract.families import DOPH, DWTA, WTA, Binned, SimHash


def by_table(codes, family):
    """Codes as (n, L, P)."""
    return codes.reshape(len(codes), family.L, codes.shape[1] // family.L)


@at_scale("hash")
def hash_packs_digits_into_uint16(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes)
    return codes & np.uint32(0xFFFF) if family.n_buckets > 1 << 16 else codes


@at_scale("hash")
def hash_fills_128_tables(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes)
    by_table(codes, family)[:, 128:] = 0
    return codes


@at_scale("hash")
def hash_has_room_for_8_probes(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes)
    by_table(codes, family)[:, :, 8:] = by_table(codes, family)[:, :, :1]
    return codes


@at_scale("hash")
def hash_changes_one_digit_in_late_probes_of_many(self, x, center, family, probes=1):
    """More than 8 probes of more than 8 digits are not all looked for."""
    codes = REFERENCE.hash(x, center, family, probes)
    if family.K > 8 and probes > 8:
        by_table(codes, family)[:, :, -1] = by_table(codes, family)[:, :, 1]
    return codes


@at_scale("hash")
def hash_leaves_vectors_after_2048(self, x, center, family, probes=1):
    codes = REFERENCE.hash(x, center, family, probes)
    codes[2048:] = 0
    return codes


@at_scale("hash")
def hash_reads_256_entries_of_a_row(self, x, center, family, probes=1):
    return REFERENCE.hash(
        first_of_rows(x, 256) if isinstance(x, CSR) else x, center, family, probes
    )


@at_scale("hash")
def hash_projects_256_coordinates(self, x, center, family, probes=1):
    if isinstance(family, SimHash):
        projection = family.projection.copy()
        projection[256:] = 0
        family = replace(family, projection=projection)
    return REFERENCE.hash(x, center, family, probes)


@at_scale("hash")
def hash_has_places_in_uint8(self, x, center, family, probes=1):
    if isinstance(family, WTA | DWTA):
        family = replace(family, positions=family.positions & np.int32(255))
    return REFERENCE.hash(x, center, family, probes)


@at_scale("hash")
def hash_looks_at_32_of_a_bin(self, x, center, family, probes=1):
    if isinstance(family, Binned) and family.positions.shape[1] > 32:
        family = replace(family, positions=family.positions[:, :32])
    return REFERENCE.hash(x, center, family, probes)


@at_scale("hash")
def hash_takes_64_largest(self, x, center, family, probes=1):
    if isinstance(family, DOPH):
        family = replace(family, top=min(family.top, 64))
    return REFERENCE.hash(x, center, family, probes)


@at_scale("hash")
def hash_centres_512_coordinates(self, x, center, family, probes=1):
    if center is not None:
        center = center.copy()
        center[512:] = 0
    return REFERENCE.hash(x, center, family, probes)
