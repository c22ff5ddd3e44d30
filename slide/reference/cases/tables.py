"""Arguments of the kernels that build, reinsert and query."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Query, Strategy
from slide.core.contract.tables import Policy, Tables
from slide.core.sampled.retrieval import label_tables
from slide.reference import plain
from slide.reference.cases.drawing import Draw
from slide.reference.cases.sizes import Sizes, salt, sparse


def build_arguments(draw: Draw, size: Sizes) -> tuple[Array, int, int, Policy]:
    """From buckets of one neuron to all neurons in one bucket."""
    n_buckets = 1 << draw.whole(0, 7)
    limit = draw.whole(1, n_buckets)
    codes = draw.below(limit, (size.n, draw.whole(1, 4))).astype(np.uint32)
    return codes, n_buckets, salt(draw), policy(draw)


def reinsert_arguments(draw: Draw, size: Sizes) -> tuple[Tables, Array, Array]:
    """Tables that have seen other moves before; codes of which some stay the same."""
    codes, n_buckets, drawn, chosen = build_arguments(draw, size)
    tables = plain.build(codes, n_buckets, drawn, chosen)
    few = replace(size, longest=min(size.longest, 100))  # `plain` is slow
    for _ in range(draw.whole(0, 2)):
        tables = plain.reinsert(tables, *moves(draw, codes, n_buckets, few))
    return tables, *moves(draw, codes, n_buckets, size)


def moves(draw: Draw, codes: Array, n_buckets: int, size: Sizes) -> tuple[Array, Array]:
    """Some rows, and what is to become of their codes."""
    rows = draw.ids_below(size.n, draw.whole(0, size.longest))
    drawn = draw.below(n_buckets, (len(rows), codes.shape[1])).astype(np.uint32)
    return rows, np.where(draw.mask(30, drawn.shape), codes[rows], drawn)


def policy(draw: Draw) -> Policy:
    """One of the two."""
    return "fifo" if draw.chance(40) else "reservoir"


def query_arguments(draw: Draw, size: Sizes) -> tuple[Any, ...]:
    """Few buckets and few labels, so that neurons are met in several tables and limits cut."""
    choice = Query(
        strategy=draw.one_of(*STRATEGIES),
        budget=draw.one_of(0, 1, 2, 3, 5, 7, 9, 40),
        bucket_limit=draw.one_of(1, 6, 12, 40),
        shared=draw.chance(25) and not size.is_wide,
        threshold=draw.one_of(1, 2, 3, 8),
    )
    tables, codes = tables_and_codes(draw, size)
    few = replace(size, longest=min(size.longest, 3))
    return tables, codes, sparse(draw, few), sparse(draw, few), choice, salt(draw)


STRATEGIES: tuple[Strategy, ...] = ("vanilla", "vanilla", "topk", "threshold")


def tables_and_codes(draw: Draw, size: Sizes) -> tuple[Tables | None, Array]:
    """Tables, or none, and buckets of every example: one to four a table, some of them twice."""
    if draw.chance(5):
        return None, np.empty((size.B, 0), np.uint32)
    if size.is_wide:  # a bucket for each neuron: as quick to draw as tables of 2**20 can be
        ids = np.arange(size.n, dtype=np.int32)
        tables = Tables(np.arange(size.n + 1), ids, 1, size.n, size.n, 0, "reservoir")
    else:
        tables = tables_of_labels(draw, size) if draw.chance(20) else tables_of_all(draw, size)
    shape = size.B, tables.L * draw.one_of(1, 2, 3, 4)
    return tables, draw.below(tables.n_buckets, shape).astype(np.uint32)


def tables_of_all(draw: Draw, size: Sizes) -> Tables:
    """Every neuron once in each table; some have moved since the tables were built."""
    L, n_buckets = few_tables(draw)
    codes = draw.below(n_buckets, (size.n, L)).astype(np.uint32)
    tables = plain.build(codes, n_buckets, salt(draw), policy(draw))
    few = replace(size, longest=min(size.longest, 100))
    return plain.reinsert(tables, *moves(draw, codes, n_buckets, few))


def tables_of_labels(draw: Draw, size: Sizes) -> Tables:
    """Filled by the labels of examples: neurons in no bucket of a table, and in several."""
    L, n_buckets = few_tables(draw)
    y = sparse(draw, replace(size, B=20, longest=min(size.longest, 5)))
    codes = draw.below(n_buckets, (y.n_rows, L)).astype(np.uint32)
    return label_tables(codes, y, n_buckets, salt(draw))


def few_tables(draw: Draw) -> tuple[int, int]:
    """How many tables, and how many buckets in each."""
    return draw.one_of(1, 2, 4, 7), draw.one_of(2, 2, 4, 16)
