"""Tables and queries, a neuron at a time."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.contract.tables import Policy, Tables
from slide.reference.plain.hashing import mix
from slide.reference.plain.rows import Row, csr, dense


def build(codes: Array, n_buckets: int, salt: int, policy: Policy) -> Tables:
    """A list of neurons for every bucket, each sorted by `mix`, or newest first."""
    n, L = codes.shape
    buckets: list[list[list[int]]] = [[[] for _ in range(n_buckets)] for _ in range(L)]
    for j in range(n):
        for table in range(L):
            buckets[table][int(codes[j, table])].insert(0, j)
    return flat(buckets, n, salt, policy)


def reinsert(tables: Tables, rows: Array, codes: Array) -> Tables:
    """Take each neuron out of its bucket and put it at the front of its new one."""
    ends = tables.offsets.tolist()
    lists = [tables.ids[a:b].tolist() for a, b in pairwise(ends)]
    buckets = [
        lists[table * tables.n_buckets : (table + 1) * tables.n_buckets]
        for table in range(tables.L)
    ]
    for j, row in zip(rows.tolist(), codes.tolist(), strict=True):
        for table, code in enumerate(row):
            for bucket in buckets[table]:
                if j in bucket:
                    bucket.remove(j)
            buckets[table][code].insert(0, j)
    return flat(buckets, tables.n_neurons, tables.salt, tables.policy)


def flat(buckets: list[list[list[int]]], n: int, salt: int, policy: Policy) -> Tables:
    """Lists of neurons, newest first, one after the other; sorted if that is the policy."""
    ids: list[int] = []
    offsets = [0]
    for table, lists in enumerate(buckets):
        for bucket in lists:
            by_chance = sorted(bucket, key=lambda j: mix(j, salt + table))
            ids += by_chance if policy == "reservoir" else bucket
            offsets.append(len(ids))
    n_buckets = len(buckets[0]) if buckets else 0
    return Tables(
        np.array(offsets, np.int64), np.array(ids, np.int32), len(buckets), n_buckets, n, salt,
        policy,
    )  # fmt: skip


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
    """The neurons that example i keeps of those in its buckets."""
    L, n_probes = tables.L, codes.shape[1] // tables.L
    order = sorted(range(L), key=lambda table: mix(i * L + table, salt))
    hits: dict[int, set[int]] = defaultdict(set)
    first: dict[int, int] = {}
    for probe in range(n_probes):
        for turn, table in enumerate(order):
            bucket = table * tables.n_buckets + int(codes[i, table * n_probes + probe])
            start, end = tables.offsets[bucket : bucket + 2].tolist()
            for j in tables.ids[start:end][: query.bucket_limit].tolist():
                hits[j].add(table)
                first.setdefault(j, probe * L + turn)
    if query.strategy == "vanilla":
        return sorted(first, key=lambda j: (first[j], mix(j, salt)))[: query.budget]
    least = query.threshold if query.strategy == "threshold" else 1
    enough = [j for j, met_in in hits.items() if len(met_in) >= least]
    return sorted(enough, key=lambda j: (-len(hits[j]), mix(j, salt)))[: query.budget]
