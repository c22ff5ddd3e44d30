"""Flat hash tables, and the salted mix that stands in for chance in a kernel.

Source: SLIDE (arXiv 1903.03129) sections 2.1 and 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.state import State

Policy = Literal["reservoir", "fifo"]


@dataclass(frozen=True, slots=True)
class Tables:
    """Flat hash tables: the ids of all neurons, sorted by bucket, once per table.

    A query reads only the first entries of a bucket, so the order within it decides who is kept
    of a full one. `reservoir`: by `mix(id, salt + l)`, so that the first m are an unbiased sample.
    `fifo`: newest first, so that the first m are the last that came; ids come in ascending order.

    Args:
        offsets: i64 (L * n_buckets + 1); bucket c of table l is
            `ids[offsets[l * n_buckets + c]:offsets[l * n_buckets + c + 1]]`.
        ids: i32, each at most once in a bucket. The kernels put every neuron in one bucket of each
            table; tables filled by examples may have it in several, or in none.
        L: tables.
        n_buckets: buckets per table.
        n_neurons: ids are below it.
        salt: of the build.
        policy: the order within a bucket.
    """

    offsets: Array
    ids: Array
    L: int
    n_buckets: int
    n_neurons: int
    salt: int
    policy: Policy

    def map(self, function: Callable[[Array], Array]) -> Tables:
        """The same tables with each of their arrays replaced by `function(array)`."""
        return replace(self, offsets=function(self.offsets), ids=function(self.ids))

    def state(self) -> State:
        """All of it by name; nobody writes into its arrays."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def mix(numbers: Array, salt: int) -> Array:
    """A bijection of 32-bit numbers that looks random and is different for every salt.

    Args:
        numbers: integers in an array of one dimension or more; taken modulo 2**32.
        salt: any non-negative integer.

    Returns:
        u32, the shape of `numbers`. Distinct numbers stay distinct, so sorting by it is a
        permutation without ties, the same one on every backend.

    Source: the finalizer of MurmurHash3 (A. Appleby), applied after adding a spread-out salt.
    """
    spread = (salt * 0x9E3779B97F4A7C15 >> 16) & 0xFFFFFFFF
    z = numbers.astype(np.uint32) ^ np.uint32(spread)
    z ^= z >> np.uint32(16)
    z *= np.uint32(0x85EBCA6B)
    z ^= z >> np.uint32(13)
    z *= np.uint32(0xC2B2AE35)
    z ^= z >> np.uint32(16)
    return z
