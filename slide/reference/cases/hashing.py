"""Arguments of the kernels that hash, build and query."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.arrays import Array
from slide.core.backend import Query
from slide.core.hashing import SimHash, Tables
from slide.reference import plain
from slide.reference.cases.sizes import Numbers, Rng, Sizes, rough, salt, sparse


def hash_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, Array, SimHash]:
    """Codes of 1 to 8 bits; sometimes of 24, the longest that a `Config` allows."""
    K, L = (24, 1) if rng.random() < 0.1 else rng.integers(1, [9, 5]).tolist()
    x, center = numbers(rng, (size.n, size.d)), numbers(rng, (size.d,))
    family = SimHash(numbers(rng, (size.d, L * K)), K, L)
    if numbers is rough:
        x = nearly_orthogonal(x, center, family.projection[:, rng.integers(L * K)])
    return x, center, family


def nearly_orthogonal(x: Array, center: Array, r: Array) -> Array:
    """Rows whose projection on r is so small that less than float32 gets many signs wrong."""
    from_center, direction = x - center.astype(np.float64), r.astype(np.float64)
    share = from_center @ direction / (direction @ direction)  # (n,)
    return (x - 0.9999 * np.outer(share, direction)).astype(np.float32)


def build_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, int, int]:
    """From buckets of one neuron to all neurons in one bucket."""
    n_buckets = 1 << int(rng.integers(8))
    codes = rng.integers(n_buckets, size=(size.n, rng.integers(1, 5)), dtype=np.uint32)
    return codes & rng.integers(n_buckets, dtype=np.uint32), n_buckets, salt(rng)


def query_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Few buckets and few labels, so that neurons are met in several tables and limits cut."""
    tables, codes = tables_and_codes(rng, size)
    required = sparse(rng, replace(size, longest=min(size.longest, 3)), numbers)
    extra = sparse(rng, replace(size, longest=min(size.longest, 3)), numbers)
    choice = Query(
        strategy="topk" if rng.random() < 0.4 else "vanilla",  # rarer: fewer ways to be wrong
        budget=int(rng.choice([0, 1, 2, 3, 5, 7, 9, 40])),
        bucket_limit=int(rng.choice([1, 6, 12, 40])),
        shared=bool(rng.random() < 0.25) and not size.is_wide,
    )
    return tables, codes, required, extra, choice, salt(rng)


def tables_and_codes(rng: Rng, size: Sizes) -> tuple[Tables | None, Array]:
    """Tables, or none, and the code of every example in every table."""
    if rng.random() < 0.05:
        return None, np.empty((size.B, 0), np.uint32)
    if size.is_wide:  # a bucket for each neuron: as quick to draw as tables of 2**20 can be
        tables = Tables(
            np.arange(size.n + 1), np.arange(size.n, dtype=np.int32), L=1, n_buckets=size.n
        )
    else:
        L, n_buckets = int(rng.choice([1, 2, 4, 7])), int(rng.choice([2, 2, 4, 16]))
        neurons = rng.integers(n_buckets, size=(size.n, L), dtype=np.uint32)
        tables = plain.build(neurons, n_buckets, salt(rng))
    return tables, rng.integers(tables.n_buckets, size=(size.B, tables.L), dtype=np.uint32)
