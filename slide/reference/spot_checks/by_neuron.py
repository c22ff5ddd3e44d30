"""Samples of the kernels that compute each neuron, input, table or row by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param, RowGrad
from slide.core.contract.optim import Optimizer
from slide.core.contract.sparse import InvertedIndex, SolvedRows, SparseParam
from slide.core.contract.tables import Policy, Tables
from slide.reference.spot_checks.picks import (
    MOST,
    TERMS,
    Picks,
    Sample,
    Whole,
    describe_share,
    entries_of,
    ids_of,
    scatter_rows,
    with_only_columns,
    with_only_rows,
)
from slide.reference.vectorised.segments import places_in

ROWS = 1 << 11  # of an array or a parameter: they cost little
UNTOUCHED = 16


def put(picks: Picks, array: Array) -> Sample:
    """Some rows of what was put, after it is got again."""
    rows, n = rows_of_array(picks, array)
    part, whole = (picks.rows(array, rows),), picks.all_of(array)
    return Sample(
        describe_share(len(rows), n, "rows"), part, lambda got: picks.host(got)[rows], whole
    )


def get(picks: Picks, array: Array) -> Sample:
    """Some rows; of an array that is not on the host, which nothing else shows, what `put` kept."""
    rows, n = rows_of_array(picks, array)
    here = array if type(array) is np.ndarray else picks.host(picks.backend.put(picks.host(array)))
    part, whole = (here[rows].copy(),), lambda: (here,)
    return Sample(describe_share(len(rows), n, "rows"), part, lambda got: got[rows], whole)


def rows_of_array(picks: Picks, array: Array) -> tuple[Array, int]:
    """Some rows of an array, and how many it has."""
    n = len(array)
    return picks.pick_ids(n, array.size / max(n, 1), ROWS), n


def build(picks: Picks, codes: Array, n_buckets: int, salt: int, policy: Policy) -> Sample:
    """Some neighbouring tables, with the number of the first of them in the salt."""
    n, L = codes.shape
    tables = neighbours(picks, L, n)
    part = columns_at(picks, codes, tables), n_buckets, salt + tables.start, policy
    whole = picks.all_of(codes, n_buckets, salt, policy)
    return of_tables(picks, tables, L, part, whole)


def reinsert(picks: Picks, tables: Tables, rows: Array, codes: Array) -> Sample:
    """Some neighbouring tables."""
    some = neighbours(picks, tables.L, tables.n_neurons)
    before = tables_at(picks.host(tables), some)
    part = before, picks.host(rows).copy(), columns_at(picks, codes, some)
    return of_tables(picks, some, tables.L, part, picks.all_of(tables, rows, codes))


def of_tables(picks: Picks, some: slice, L: int, part: tuple[Any, ...], whole: Whole) -> Sample:
    """A sample of some of L tables."""
    told = describe_share(some.stop - some.start, L, "tables")
    return Sample(told, part, lambda got: tables_at(picks.host(got), some), whole)


def neighbours(picks: Picks, L: int, n: int) -> slice:
    """As many of L tables of n neurons, one after the other, as cost little."""
    count = min(L, max(1, TERMS // max(n, 1)))
    first = int(picks.rng.integers(L - count + 1))
    return slice(first, first + count)


def columns_at(picks: Picks, codes: Array, tables: slice) -> Array:
    """The codes of some tables."""
    return np.ascontiguousarray(picks.host(codes)[:, tables])


def tables_at(tables: Tables, some: slice) -> Tables:
    """Some tables alone; what orders the first one is the number that it had."""
    n, n_buckets, first = tables.n_neurons, tables.n_buckets, some.start
    offsets = tables.offsets[first * n_buckets : some.stop * n_buckets + 1] - first * n
    ids = tables.ids[first * n : some.stop * n].copy()
    return Tables(offsets, ids, some.stop - first, n_buckets, n, tables.salt + first, tables.policy)


def spmm_t(picks: Picks, z: CSR | Block, h: Array) -> Sample:
    """Some columns of z."""
    here: CSR | Block = picks.host(z)
    if isinstance(here, Block):
        places = picks.pick_ids(len(here.ids), h.size, 2 * MOST)
        columns = here.ids[places]
        values = np.ascontiguousarray(here.values[:, places])
        some: CSR | Block = Block(columns, values, here.n_cols)
    else:
        columns = picks.members(here.indices, here.n_cols)
        some = with_only_columns(here, columns)
    told = describe_share(len(columns), here.n_cols, "columns")

    def cut(got: Any) -> RowGrad:
        grad = picks.host(got)
        inside = np.isin(grad.rows, columns)
        return RowGrad(grad.rows[inside], grad.values[inside])

    return Sample(told, (some, picks.host(h).copy()), cut, picks.all_of(z, h))


def spgemm_t(picks: Picks, z: CSR, x: CSR, limits: Array, excluded: CSR) -> Sample:
    """Some rows of the product, and the examples that store them."""
    here, inputs = picks.host(z), picks.host(x)
    neurons = affordable(picks, here, inputs, picks.members(here.indices, here.n_cols))
    some = with_only_columns(here, neurons)
    examples = np.flatnonzero(some.row_lengths())
    part = (
        some,
        with_only_rows(inputs, examples),
        picks.host(limits).copy(),
        picks.only(excluded, neurons),
    )
    told = describe_share(len(neurons), here.n_cols, "neurons")
    whole = picks.all_of(z, x, limits, excluded)
    return Sample(told, part, lambda got: with_only_rows(picks.host(got), neurons), whole)


def affordable(picks: Picks, z: CSR, x: CSR, neurons: Array) -> Array:
    """As many of some neurons, by chance, as have few enough terms; one at least."""
    lengths = x.row_lengths()[z.row_numbers()]
    return with_few_terms(picks, np.bincount(z.indices, lengths, minlength=z.n_cols), neurons)


def with_few_terms(picks: Picks, terms: Array, neurons: Array) -> Array:
    """The same, given how many terms each has."""
    order = picks.rng.permutation(neurons)
    n_kept = int(np.searchsorted(np.cumsum(terms[order]), TERMS, side="right"))
    return np.sort(order[: max(n_kept, 1)])


def invert(picks: Picks, w: CSR, base: Array, limit: int) -> Sample:
    """The lists of some inputs."""
    here = picks.host(w)
    inputs = picks.members(here.indices, here.n_cols)
    part = with_only_columns(here, inputs), picks.host(base).copy(), limit

    def cut(got: Any) -> InvertedIndex:
        index = picks.host(got)
        lists = with_only_rows(CSR(index.offsets, index.ids, index.values, len(index.base)), inputs)
        return InvertedIndex(lists.indptr, lists.indices, lists.values, index.base)

    told = describe_share(len(inputs), here.n_cols, "inputs")
    return Sample(told, part, cut, picks.all_of(w, base, limit))


def update_rows(
    picks: Picks, param: Param, grad: RowGrad, optimizer: Optimizer, lr: float, step: int
) -> Sample:
    """Some rows that are touched, and some that are not."""
    (n, d), here = param.shape, picks.host(grad)
    places = picks.pick_ids(len(here.rows), 8 * d, ROWS)
    others = picks.pick_ids(n, 1, UNTOUCHED)
    others = others[~places_in(here.rows, others)[1]]
    rows = np.sort(np.append(here.rows[places], others)).astype(np.int32)
    touched = np.searchsorted(rows, here.rows[places]).astype(np.int32)
    before, of_all = param_rows(picks, param, rows), param_rows(picks, param, here.rows)
    part = before, RowGrad(touched, here.values[places]), optimizer, lr, step

    def whole() -> tuple[Any, ...]:
        now = picks.host(param)
        restored = Param(
            with_rows(now.weight, here.rows, of_all.weight),
            with_rows(now.mean, here.rows, of_all.mean),
            with_rows(now.square, here.rows, of_all.square),
        )
        return restored, here, optimizer, lr, step

    told = describe_share(len(rows), n, "rows")
    return Sample(told, part, lambda got: param_rows(picks, got, rows), whole)


def param_rows(picks: Picks, param: Param, rows: Array) -> Param:
    """Copies of some rows."""
    return param.map(lambda array: picks.rows(array, rows))


def with_rows(array: Array, rows: Array, values: Array) -> Array:
    """A copy with other rows."""
    copy = array.copy()
    copy[rows] = values
    return copy


def update_entries(picks: Picks, param: SparseParam, dz: CSR, x: CSR, lr: float) -> Sample:
    """Rows of some neurons, most of them touched."""
    here, inputs, w = picks.host(dz), picks.host(x), param.weight
    neurons = picks.members(here.indices, here.n_cols)
    neurons = affordable(picks, here, inputs, neurons)
    indptr = picks.host(w.indptr)
    starts = np.append(0, np.cumsum(np.diff(indptr)[neurons]))
    mine, all_touched = entries_of(indptr, neurons), entries_of(indptr, ids_of(here))
    values, square = (picks.rows(each, all_touched) for each in (w.values, param.square))

    def some_rows_of(now: SparseParam) -> SparseParam:
        indices, found, squares = (
            picks.rows(each, mine) for each in (now.weight.indices, now.weight.values, now.square)
        )
        rows = scatter_rows(CSR(starts, indices, found, w.n_cols), neurons, w.n_rows)
        return SparseParam(rows, squares)

    def whole() -> tuple[Any, ...]:
        now = picks.host(param)
        weight = now.weight.with_values(with_rows(now.weight.values, all_touched, values))
        restored = SparseParam(weight, with_rows(now.square, all_touched, square))
        return restored, here, inputs, lr

    part = some_rows_of(param), with_only_columns(here, neurons), inputs, lr
    return Sample(describe_share(len(neurons), here.n_cols, "neurons"), part, some_rows_of, whole)


def solve_rows(
    picks: Picks, x: CSR, wanted: CSR, duals: Array, start: CSR, base: Array, constant: float,
    limits: Array, passes: int, salt: int,
) -> Sample:  # fmt: skip
    """Some rows, with the examples that they want."""
    here, examples = picks.host(wanted), picks.host(x)
    lengths = examples.row_lengths()[here.indices] * (passes + 1)
    terms = np.bincount(here.row_numbers(), lengths, minlength=here.n_rows)
    picked = np.append(
        here.row_numbers()[picks.pick_ids(here.nnz, 1)], picks.pick_ids(here.n_rows, 1)
    )
    rows = with_few_terms(picks, terms, np.unique(picked))
    entries = entries_of(here.indptr, rows)
    some = here.take(rows)
    part = (
        with_only_rows(examples, np.unique(some.indices)), some, picks.rows(duals, entries),
        picks.rows(start, rows), picks.rows(base, rows), constant, picks.rows(limits, rows),
        passes, salt,
    )  # fmt: skip

    def cut(got: Any) -> SolvedRows:
        solved = picks.host(got)
        return SolvedRows(solved.weight.take(rows), solved.bias[rows], solved.duals[entries])

    told = describe_share(len(rows), here.n_rows, "rows")
    whole = picks.all_of(x, wanted, duals, start, base, constant, limits, passes, salt)
    return Sample(told, part, cut, whole)
