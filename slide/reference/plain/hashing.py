"""Codes, tables and queries, a neuron at a time."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from slide.core.arrays import CSR, Array, Block
from slide.core.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.hashing import SimHash, Tables
from slide.reference.plain.rows import Row, csr, dense, dot


def mix(number: int, salt: int) -> int:
    """`slide.core.hashing.mix` of one number, in Python integers."""
    z = (number ^ (salt * 0x9E3779B97F4A7C15 >> 16)) % 2**32
    z = (z ^ z >> 16) * 0x85EBCA6B % 2**32
    z = (z ^ z >> 13) * 0xC2B2AE35 % 2**32
    return z ^ z >> 16


def hash(x: Array, center: Array, family: SimHash) -> Array:
    """Bit after bit of every code."""
    directions = family.projection.T
    codes = np.zeros((len(x), family.L), np.uint32)
    for i, row in enumerate(x.astype(np.float64) - center):
        for table in range(family.L):
            for bit in range(family.K):
                if dot(row, directions[table * family.K + bit]) > 0:
                    codes[i, table] += np.uint32(2**bit)
    return codes


def build(codes: Array, n_buckets: int, salt: int) -> Tables:
    """A list of neurons for every bucket, each sorted by `mix`."""
    L = codes.shape[1]
    ids: list[int] = []
    offsets = [0]
    for table in range(L):
        buckets = defaultdict(list)
        for j, code in enumerate(codes[:, table].tolist()):
            buckets[code].append(j)
        for code in range(n_buckets):
            ids += sorted(buckets[code], key=lambda j: mix(j, salt + table))
            offsets.append(len(ids))
    return Tables(np.array(offsets, np.int64), np.array(ids, np.int32), L, n_buckets)


def query(
    tables: Tables | None, codes: Array, required: CSR, extra: CSR, query: Query, salt: int
) -> CSR | Block:
    """A dict from neuron to origin for every example, filled in the order of precedence."""
    B, n = required.shape
    rows: list[Row] = []
    for i in range(B):
        origins = dict.fromkeys(extra.row(i)[0].tolist(), FROM_EXTRA)
        if tables is not None:
            origins |= dict.fromkeys(retrieve(tables, codes, i, query, salt), FROM_TABLES)
        origins |= dict.fromkeys(required.row(i)[0].tolist(), FROM_LABELS)
        rows.append(origins)
    if not query.shared:
        return csr(rows, n)
    union = {j: min(row[j] for row in rows if j in row) for j in set().union(*rows)}
    ids = sorted(union)
    return Block(np.array(ids, np.int32), dense([[union[j] for j in ids]], len(ids)), n)


def retrieve(tables: Tables, codes: Array, i: int, query: Query, salt: int) -> list[int]:
    """The neurons that example i keeps of those in its L buckets."""
    order = sorted(range(tables.L), key=lambda table: mix(i * tables.L + table, salt))
    hits: Counter[int] = Counter()
    first: dict[int, int] = {}
    for probe, table in enumerate(order):
        bucket = table * tables.n_buckets + int(codes[i, table])
        start, end = tables.offsets[bucket : bucket + 2].tolist()
        for j in tables.ids[start:end][: query.bucket_limit].tolist():
            hits[j] += 1
            first.setdefault(j, probe)
    if query.strategy == "topk":
        return sorted(hits, key=lambda j: (-hits[j], mix(j, salt)))[: query.budget]
    return sorted(first, key=lambda j: (first[j], mix(j, salt)))[: query.budget]
