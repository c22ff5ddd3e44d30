"""Metamorphic relations: how a result must change when the arguments are changed.

They need no second computation, so they reach sizes at which `plain` takes too long. All are
drawn from numbers whose sums are exact: what must agree must be equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.arrays import CSR, Array, Block
from slide.core.backend import Query
from slide.reference.bounds import bound_of, difference, parts
from slide.reference.cases import Case, Rng
from slide.reference.running import compute, mapped


BY_EXAMPLE = {
    "hash": (0,),
    "query": (1, 2),
    "sddmm": (0, 2),
    "spmm": (0,),
    "spmm_t": (0, 1),
    "loss": (0, 1, 2),
    "top_k": (0, 2),
}
"""Positions of the arguments that have a row for each example."""


def permuting_examples(backend: Any, case: Case, rng: Rng) -> str:
    """Permuting the examples permutes the results, or leaves a sum over examples as it is."""
    positions = BY_EXAMPLE[case.kernel]
    order = rng.permutation(n_rows(case.arguments[positions[0]]))
    arguments = list(case.arguments)
    for position in positions:
        arguments[position] = taken(arguments[position], order)
    want, got = compute(backend, case), compute(backend, Case(case.kernel, tuple(arguments)))
    allowed = bound_of(case.kernel, case.arguments) if case.kernel == "loss" else None
    if case.kernel != "spmm_t":
        want, allowed = taken(want, order), doubled(taken(allowed, order))
    return after("permuting the examples", difference(got, want, allowed))


def table_by_table(backend: Any, case: Case, rng: Rng) -> str:
    """Each table is what its column of codes gives alone, with a salt that is larger by its number."""
    codes, n_buckets, salt = case.arguments
    whole = compute(backend, case)
    n, L = codes.shape
    table = int(rng.integers(L))
    column = codes[:, table : table + 1]
    alone = compute(backend, Case("build", (column, n_buckets, salt + table)))
    ids = whole.ids.reshape(L, n)[table]
    ends = whole.offsets[1:].reshape(L, n_buckets)[table] - table * n
    return after(
        f"building table {table} alone", difference((alone.ids, alone.offsets[1:]), (ids, ends))
    )


def growing_budget(backend: Any, case: Case, rng: Rng) -> str:
    """A larger budget only adds neurons; where it cuts, another salt cuts differently.

    Permuting the examples fits `topk` only: `vanilla` draws its probing order by example number.
    """
    tables, codes, required, extra, query, salt = case.arguments
    private = replace(query, shared=False)

    def active(query: Query, salt: int) -> CSR:
        result: CSR = compute(
            backend, Case("query", (tables, codes, required, extra, query, salt))
        )
        return result

    few = active(private, salt)
    more = active(replace(private, budget=query.budget + 1), salt)
    ...
