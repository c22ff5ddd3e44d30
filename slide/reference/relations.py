"""Metamorphic relations: how a result must change when the arguments are changed.

They need no second computation, so they reach sizes at which `plain` takes too long. Sums of
the numbers they are tried on are exact, so that what must agree must be equal; two results of
`loss` or `update_rows` may differ by twice what one may differ from the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.sparse import SolvedRows
from slide.reference.bounds import bound_of, difference
from slide.reference.cases import Case
from slide.reference.cases.codes import sparse_rows
from slide.reference.cases.drawing import Draw
from slide.reference.plain.rows import densed
from slide.reference.running import map_arrays, run_case

BY_EXAMPLE = {
    "hash": (0,),
    "query": (1, 2, 3),
    "sddmm": (0, 2),
    "spmm": (0,),
    "spmm_t": (0, 1),
    "loss": (0, 1, 2),
    "top_k": (0, 2),
    "spgemm_t": (0, 1),
    "search": (1, 2),
    "masked_spgemm": (0, 2),
}
"""Positions of the arguments that have a row for each example."""


def permuting_examples(backend: Any, case: Case, draw: Draw) -> str:
    """Permuting the examples permutes the results, or leaves a sum over examples as it is."""
    positions = BY_EXAMPLE[case.kernel]
    order = draw.order(n_rows(case.arguments[positions[0]]))
    arguments = list(case.arguments)
    for position in positions:
        arguments[position] = permuted(arguments[position], order)
    want, got = run_case(backend, case), run_case(backend, Case(case.kernel, tuple(arguments)))
    allowed = bound_of(case.kernel, case.arguments) if case.kernel == "loss" else None
    if case.kernel not in ("spmm_t", "spgemm_t"):
        want, allowed = permuted(want, order), permuted(doubled(allowed), order)
    return difference(got, want, allowed, "after permuting the examples, result")


def varying_hash(backend: Any, case: Case, draw: Draw) -> str:
    """Dense or sparse is the same, fewer probes are the first ones, and examples permute."""
    x, center, family, probes = case.arguments
    codes = run_case(backend, case)
    other = densed(x) if isinstance(x, CSR) else sparse_rows(draw, x)
    again = run_case(backend, Case("hash", (other, center, family, probes)))
    if sentence := difference(again, codes, name=f"of x as {type(other).__name__}, result"):
        return sentence
    fewer = draw.whole(1, probes)
    got = run_case(backend, Case("hash", (x, center, family, fewer)))
    first = codes.reshape(-1, family.L, probes)[:, :, :fewer].reshape(len(codes), -1)
    if sentence := difference(got, first, name=f"with {fewer} probes, result"):
        return sentence
    return permuting_examples(backend, case, draw)


def table_by_table(backend: Any, case: Case, draw: Draw) -> str:
    """Each table is what its column of codes gives alone, with the table's number in the salt."""
    codes, n_buckets, salt, policy = case.arguments
    n, L = codes.shape
    table = draw.whole(0, L - 1)
    column = codes[:, table : table + 1]
    whole = run_case(backend, case)
    alone = run_case(backend, Case("build", (column, n_buckets, salt + table, policy)))
    ids = whole.ids.reshape(L, n)[table]
    ends = whole.offsets[1:].reshape(L, n_buckets)[table] - table * n
    return difference((alone.ids, alone.offsets[1:]), (ids, ends), name=f"table {table} alone")


def in_two_moves(backend: Any, case: Case, draw: Draw) -> str:
    """Moving the smaller ids first and then the larger ones is moving them at once."""
    tables, rows, codes = case.arguments
    cut = draw.whole(0, len(rows))
    at_once = run_case(backend, case)
    first = run_case(backend, Case("reinsert", (tables, rows[:cut], codes[:cut])))
    then = run_case(backend, Case("reinsert", (first, rows[cut:], codes[cut:])))
    return difference(then, at_once, name=f"moving {cut} first, tables")


def varying_query(backend: Any, case: Case, draw: Draw) -> str:
    """A larger budget only adds, a shared set is the union of private ones, examples permute.

    The last holds for `topk` alone: in `vanilla` the example's number draws its probing order.
    """
    query = case.arguments[4]
    few, more, union = (
        run_case(backend, with_query(case, replace(query, budget=budget, shared=shared)))
        for budget, shared in (
            (query.budget, False),
            (query.budget + 1, False),
            (query.budget, True),
        )
    )
    if len(lost := np.setdiff1d(cells(few), cells(more))):
        i, j = divmod(int(lost[0]), few.n_cols)
        return f"example {i} loses neuron {j} when the budget grows to {query.budget + 1}"
    ids = np.unique(few.indices)
    origins = np.full((1, few.n_cols), np.inf)
    np.minimum.at(origins[0], few.indices, few.values)
    private = Block(ids, origins[:, ids], few.n_cols)
    if sentence := difference(union, private, name="against the private sets, shared set"):
        return sentence
    return permuting_examples(backend, case, draw) if query.strategy == "topk" else ""


def row_by_row(backend: Any, case: Case, draw: Draw) -> str:
    """Touching the rows in two steps, even ones first, moves them as touching them at once does."""
    param, grad, *constants = case.arguments
    halves = [RowGrad(grad.rows[parity::2], grad.values[parity::2]) for parity in (0, 1)]
    together = run_case(backend, case)
    for half in halves:
        param = run_case(backend, Case("update_rows", (param, half, *constants)))
    allowed = doubled(bound_of(case.kernel, case.arguments))
    return difference(param, together, allowed, "in two parts, param")


def with_longer_lists(backend: Any, case: Case, draw: Draw) -> str:
    """A larger limit only adds to the lists, and adds at most one to each."""
    w, base, limit = case.arguments
    few, more = (run_case(backend, Case("invert", (w, base, each))) for each in (limit, limit + 1))
    lists = [CSR(index.offsets, index.ids, index.values, len(base)) for index in (few, more)]
    if len(lost := np.setdiff1d(cells(lists[0]), cells(lists[1]))):
        f, j = divmod(int(lost[0]), len(base))
        return f"input {f} loses neuron {j} when the limit grows to {limit + 1}"
    grown = lists[1].row_lengths() - lists[0].row_lengths()
    return "" if np.all(grown <= 1) else f"a list grows by {grown.max()} with the limit {limit + 1}"


def neuron_by_neuron(backend: Any, case: Case, draw: Draw) -> str:
    """Updating the even neurons and then the odd ones moves them as updating all at once does."""
    param, dz, x, lr = case.arguments
    together = run_case(backend, case)
    for parity in (0, 1):
        chosen = dz.indices % 2 == parity
        indptr = np.append(0, np.cumsum(chosen))[dz.indptr]
        half = CSR(indptr, dz.indices[chosen], dz.values[chosen], dz.n_cols)
        param = run_case(backend, Case("update_entries", (param, half, x, lr)))
    allowed = doubled(bound_of(case.kernel, case.arguments))
    return difference(param, together, allowed, "in two parts, param")


def rows_apart(backend: Any, case: Case, draw: Draw) -> str:
    """Rows permute, what nobody wants is as good as not there, and passes may be in two calls."""
    *given, limits, passes, salt = case.arguments
    limits = np.full_like(limits, given[0].n_cols)  # for rounding might decide what is kept
    case = Case("solve_rows", (*given, limits, passes, salt))
    together, allowed = run_case(backend, case), doubled(bound_of(case.kernel, case.arguments))
    order = draw.order(len(limits))
    entries = given[1].with_values(np.arange(given[1].nnz)).take(order).values
    moved = *moved_rows(order, entries, *given), limits, passes, salt
    want, margin = (
        SolvedRows(each.weight.take(order), each.bias[order], each.duals[entries])
        for each in (together, allowed)
    )
    got = run_case(backend, Case("solve_rows", moved))
    if sentence := difference(got, want, margin, "after permuting the rows, result"):
        return sentence
    first = draw.whole(0, passes)
    half = run_case(backend, Case("solve_rows", (*given, limits, first, salt)))
    x, wanted, _, *others = given
    rest = x, wanted, half.duals, *others, limits, passes - first, salt + first
    got = run_case(backend, Case("solve_rows", rest))
    return difference(got, together, allowed, f"after {first} passes and then the rest, result")


def moved_rows(
    order: Array, entries: Array, x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array,
    constant: float,
) -> tuple[Any, ...]:  # fmt: skip
    """Rows in another order, among twice as many examples, of which every other one is wanted."""
    more, moved = x.take(np.arange(2 * x.n_rows) // 2), wanted.take(order)
    moved = CSR(moved.indptr, 2 * moved.indices, moved.values, more.n_rows)
    return more, moved, duals[entries], start.take(order), base[order], constant


RELATIONS: dict[str, Callable[[Any, Case, Draw], str]] = {
    "hash": varying_hash,
    "build": table_by_table,
    "reinsert": in_two_moves,
    "query": varying_query,
    "sddmm": permuting_examples,
    "spmm": permuting_examples,
    "spmm_t": permuting_examples,
    "loss": permuting_examples,
    "update_rows": row_by_row,
    "top_k": permuting_examples,
    "spgemm_t": permuting_examples,
    "invert": with_longer_lists,
    "search": permuting_examples,
    "masked_spgemm": permuting_examples,
    "update_entries": neuron_by_neuron,
    "solve_rows": rows_apart,
}


def permuted(thing: Any, order: Array) -> Any:
    """The rows of arguments or results in another order; one row that all share stays."""
    match thing:
        case tuple():
            return tuple(permuted(part, order) for part in thing)
        case CSR():
            return thing.take(order)
        case Block():
            return thing if len(thing.values) == 1 else thing.with_values(thing.values[order])
        case None:
            return None
        case _:
            return thing[order]


def doubled(allowed: Any) -> Any:
    """By how much two results may differ of which each may differ from the truth."""
    return map_arrays(allowed, lambda array: 2 * array if array.dtype.kind == "f" else array)


def n_rows(thing: Array | CSR | Block) -> int:
    """Examples that an argument has a row for."""
    return len(thing) if isinstance(thing, np.ndarray) else thing.n_rows


def cells(active: CSR) -> Array:
    """Each entry as the one number row * n_cols + column."""
    return active.row_numbers() * active.n_cols + active.indices


def with_query(case: Case, query: Query) -> Case:
    """The same arguments with another choice."""
    return replace(case, arguments=(*case.arguments[:4], query, case.arguments[5]))
