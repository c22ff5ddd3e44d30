"""Samples of the kernels that compute each example by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Query
from slide.core.contract.families import Family
from slide.core.contract.losses import LossName
from slide.core.contract.sparse import InvertedIndex
from slide.core.contract.tables import Tables
from slide.reference.relations import permuted
from slide.reference.spot_checks.picks import (
    Picks,
    Sample,
    describe_share,
    ids_of,
    scatter_rows,
    with_only_rows,
)

MASK = 4  # terms that one costs; with more of them the second formula looks at few of the probes
FINDS = 2  # entries of a bucket that is looked into, over the mean of all buckets


def by_rows(
    picks: Picks, rows: Array, n: int, part: tuple[Any, ...], whole: tuple[Any, ...]
) -> Sample:
    """A sample of some of n examples, which have the same rows of the result."""
    told = describe_share(len(rows), n, "examples")
    return Sample(told, part, lambda got: permuted(picks.host(got), rows), picks.all_of(*whole))


def hash(picks: Picks, x: Array | CSR, center: Array | None, family: Family, probes: int) -> Sample:
    """Some rows."""
    n = x.n_rows if isinstance(x, CSR) else len(x)
    masks = MASK * family.L << min(family.K, probes) if probes > 1 else 0
    rows = picks.pick_ids(n, max(family.d * family.K * family.L, masks))
    part = picks.rows(x, rows), picks.host(center), picks.host(family), probes
    return by_rows(picks, rows, n, part, (x, center, family, probes))


def query(
    picks: Picks,
    tables: Tables | None,
    codes: Array,
    required: CSR,
    extra: CSR,
    query: Query,
    salt: int,
) -> Sample:
    """Some private sets; in `vanilla` the first ones, for an example's number matters there.

    A shared set takes all examples.
    """
    whole = tables, codes, required, extra, query, salt
    B, terms = required.n_rows, 1.0
    if tables is not None:
        mean = len(tables.ids) / max(tables.L * tables.n_buckets, 1)
        terms = codes.shape[1] * min(query.bucket_limit, FINDS * mean + 1)
    rows = picks.pick_ids(B, terms, most=B)
    if query.shared or len(rows) == B:
        everything = picks.all_of(*whole)
        return Sample(describe_share(B, B, "examples"), everything(), picks.host, everything)
    if query.strategy == "vanilla":
        rows = np.arange(len(rows))
    lists = picks.rows(required, rows), picks.rows(extra, rows)
    part = picks.host(tables), picks.rows(codes, rows), *lists, query, salt
    return by_rows(picks, rows, B, part, whole)


def sddmm(picks: Picks, h: Array, w: Array, active: CSR | Block) -> Sample:
    """Some examples, and their neurons' rows of w."""
    rows = picks.pick_ids(len(h), n_entries(active) * h.shape[1])
    pattern = picks.rows(active, rows)
    part = picks.rows(h, rows), picks.scattered(w, ids_of(pattern)), pattern
    return by_rows(picks, rows, len(h), part, (h, w, active))


def spmm(picks: Picks, z: CSR | Block, w: Array) -> Sample:
    """Some examples, and the rows of w that they store."""
    rows = picks.pick_ids(z.n_rows, n_entries(z) * w.shape[1])
    some = picks.rows(z, rows)
    part = some, picks.scattered(w, ids_of(some))
    return by_rows(picks, rows, z.n_rows, part, (z, w))


def top_k(picks: Picks, h: Array, w: Array, candidates: CSR | None, k: int) -> Sample:
    """Some examples, and their candidates."""
    n_dots = len(w) if candidates is None else n_entries(candidates)
    rows = picks.pick_ids(len(h), n_dots * h.shape[1])
    pattern = picks.rows(candidates, rows)
    rows_of_w = picks.host(w) if pattern is None else picks.scattered(w, ids_of(pattern))
    part = picks.rows(h, rows), rows_of_w, pattern, k
    return by_rows(picks, rows, len(h), part, (h, w, candidates, k))


def search(picks: Picks, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> Sample:
    """Some examples, and the lists of their inputs."""
    mean = len(index.ids) / max(len(index.offsets) - 1, 1)
    rows = picks.pick_ids(x.n_rows, n_entries(x) * (FINDS * mean + 1))
    some = picks.rows(x, rows)
    lists = picks.only(CSR(index.offsets, index.ids, index.values, len(index.base)), ids_of(some))
    found = InvertedIndex(lists.indptr, lists.indices, lists.values, picks.host(index.base))
    part = found, some, picks.rows(excluded, rows), k
    return by_rows(picks, rows, x.n_rows, part, (index, x, excluded, k))


def masked_spgemm(picks: Picks, x: CSR, w: CSR, active: CSR) -> Sample:
    """Some examples, and their neurons' rows of w."""
    rows = picks.pick_ids(x.n_rows, n_entries(active) * (n_entries(w) + 1))
    pattern = picks.rows(active, rows)
    part = picks.rows(x, rows), picks.only(w, ids_of(pattern)), pattern
    return by_rows(picks, rows, x.n_rows, part, (x, w, active))


def loss(picks: Picks, z: CSR | Block, log_weights: CSR | Block, y: CSR, name: LossName) -> Sample:
    """Some examples; the others have no neurons, so that the gradient is still a mean over all."""
    pairs = 1 + (n_entries(y) if name == "saros" else 0)
    rows = picks.pick_ids(z.n_rows, n_entries(z) * pairs, most=z.n_rows)
    whole = picks.all_of(z, log_weights, y, name)
    told, B = describe_share(len(rows), z.n_rows, "examples"), z.n_rows
    if len(rows) == B:
        return Sample(told, whole(), picks.host, whole)

    def cut(got: Any) -> Any:
        losses, dz = picks.host(got)
        kept = np.zeros_like(losses)
        kept[rows] = losses[rows]
        return kept, scatter_rows(as_csr(permuted(dz, rows), len(rows)), rows, B)

    logits, weights = (
        scatter_rows(as_csr(picks.rows(each, rows), len(rows)), rows, B)
        for each in (z, log_weights)
    )
    return Sample(told, (logits, weights, with_only_rows(picks.host(y), rows), name), cut, whole)


def n_entries(pattern: CSR | Block) -> float:
    """Entries of an example, the mean."""
    if isinstance(pattern, Block):
        return len(pattern.ids)
    return pattern.nnz / max(pattern.n_rows, 1)


def as_csr(part: CSR | Block, n_rows: int) -> CSR:
    """The same entries as a CSR."""
    if isinstance(part, CSR):
        return part
    R = len(part.ids)
    values = np.broadcast_to(part.values, (n_rows, R)).reshape(-1)
    return CSR(np.arange(n_rows + 1) * R, np.tile(part.ids, n_rows), values, part.n_cols)
