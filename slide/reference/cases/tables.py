"""Arguments of the kernels that build, reinsert and query."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.arrays import Array
from slide.core.backend import Query, Strategy
from slide.core.hashing import Policy, Tables
from slide.core.retrieval import label_tables
from slide.reference import plain
from slide.reference.cases.sizes import Numbers, Rng, Sizes, quarters, salt, some, sparse


def build_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Array, int, int, Policy]:
    """From buckets of one neuron to all neurons in one bucket."""
    n_buckets = 1 << int(rng.integers(8))
    codes = rng.integers(n_buckets, size=(size.n, rng.integers(1, 5)), dtype=np.uint32)
    return codes & rng.integers(n_buckets, dtype=np.uint32), n_buckets, salt(rng), policy(rng)


def reinsert_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Tables, Array, Array]:
    """Tables that have seen other moves before; codes of which some stay the same."""
    codes, n_buckets, drawn, chosen = build_arguments(rng, size, numbers)
    tables = plain.build(codes, n_buckets, drawn, chosen)
    for _ in range(int(rng.integers(3))):
        tables = plain.reinsert(tables, *moves(rng, codes, n_buckets, size))
    return tables, *moves(rng, codes, n_buckets, size)


def moves(rng: Rng, codes: Array, n_buckets: int, size: Sizes) -> tuple[Array, Array]:
    """Some rows, and what is to become of their codes."""
    rows = some(rng, size.n, int(rng.integers(size.longest + 1)))
    drawn = rng.integers(n_buckets, size=(len(rows), codes.shape[1]), dtype=np.uint32)
    return rows, np.where(rng.random(drawn.shape) < 0.3, codes[rows], drawn)


def policy(rng: Rng) -> Policy:
    """One of the two."""
    return "reservoir" if rng.random() < 0.6 else "fifo"


def query_arguments(rng: Rng, size: Sizes, numbers: Numbers) -> tuple[Any, ...]:
    """Few buckets and few labels, so that neurons are met in several tables and limits cut."""
    tables, codes = tables_and_codes(rng, size)
    few = replace(size, longest=min(size.longest, 3))
    required, extra = sparse(rng, few, numbers), sparse(rng, few, numbers)
    choice = Query(
        strategy=STRATEGIES[rng.integers(len(STRATEGIES))],
        budget=int(rng.choice([0, 1, 2, 3, 5, 7, 9, 40])),
        bucket_limit=int(rng.choice([1, 6, 12, 40])),
        shared=bool(rng.random() < 0.25) and not size.is_wide,
        threshold=int(rng.choice([1, 2, 3, 8])),
    )
    return tables, codes, required, extra, choice, salt(rng)


STRATEGIES: tuple[Strategy, ...] = ("vanilla", "vanilla", "topk", "threshold")


def tables_and_codes(rng: Rng, size: Sizes) -> tuple[Tables | None, Array]:
    """Tables, or none, and buckets of every example: one to four a table, some of them twice."""
    if rng.random() < 0.05:
        return None, np.empty((size.B, 0), np.uint32)
    if size.is_wide:  # a bucket for each neuron: as quick to draw as tables of 2**20 can be
        ids = np.arange(size.n, dtype=np.int32)
        tables = Tables(np.arange(size.n + 1), ids, 1, size.n, size.n, 0, "reservoir")
    else:
        tables = tables_of_labels(rng, size) if rng.random() < 0.2 else tables_of_all(rng, size)
    shape = size.B, tables.L * int(rng.choice([1, 1, 2, 3, 4]))
    return tables, rng.integers(tables.n_buckets, size=shape, dtype=np.uint32)


def tables_of_all(rng: Rng, size: Sizes) -> Tables:
    """Every neuron once in each table; some have moved since the tables were built."""
    L, n_buckets = few_tables(rng)
    codes = rng.integers(n_buckets, size=(size.n, L), dtype=np.uint32)
    tables = plain.build(codes, n_buckets, salt(rng), policy(rng))
    return plain.reinsert(tables, *moves(rng, codes, n_buckets, size))


def tables_of_labels(rng: Rng, size: Sizes) -> Tables:
    """Filled by the labels of examples: neurons in no bucket of a table, and in several."""
    L, n_buckets = few_tables(rng)
    y = sparse(rng, replace(size, B=20, longest=min(size.longest, 5)), quarters)
    codes = rng.integers(n_buckets, size=(y.n_rows, L), dtype=np.uint32)
    return label_tables(codes, y, n_buckets, salt(rng))


def few_tables(rng: Rng) -> tuple[int, int]:
    """How many tables, and how many buckets in each."""
    return int(rng.choice([1, 2, 4, 7])), int(rng.choice([2, 2, 4, 16]))
