"""The kernels on sparse weights that give something back."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.sparse import InvertedIndex
from slide.reference.vectorised.rankings import Competitors, is_pair, is_ranking
from slide.reference.vectorised.segments import (
    by_column,
    cells,
    places_in,
    places_of_segments,
    row_slices,
    segment_maxima,
    segment_sums,
    some_rows,
    transposed,
)
from slide.reference.vectorised.terms import Product, sparse_products
from slide.reference.vectorised.verdicts import (
    Verdict,
    Verdicts,
    bound_of_sum,
    has_pattern,
    is_array,
    is_constant,
    is_equal_array,
    is_near,
    is_of_type,
)


def masked_spgemm(got: Any, exact: bool, x: CSR, w: CSR, active: CSR) -> Verdicts:
    """The row of each active neuron, its inputs looked up among those of the example."""
    yield from has_pattern(got, active, active.values.shape)
    lengths = w.row_lengths()[active.indices]
    rows_of_entries = active.row_numbers()
    stored = cells(x)
    for part in row_slices(lengths):
        places = places_of_segments(w.indptr[active.indices[part]], lengths[part])
        starts = np.repeat(rows_of_entries[part] * x.n_cols, lengths[part])
        found, meet = places_in(stored, starts + w.indices[places])
        terms = np.where(meet, x.values[found] if x.nnz else 0, np.float64(0))
        terms *= w.values[places]
        indptr = np.append(0, np.cumsum(lengths[part]))
        allowed: Array | float = 0.0
        if not exact:
            allowed = bound_of_sum(segment_sums(meet, indptr), segment_sums(abs(terms), indptr))
        yield is_near(
            got.values[part], segment_sums(terms, indptr), allowed, "result.values", (part.start,)
        )


def search(got: Any, exact: bool, index: InvertedIndex, x: CSR, excluded: CSR, k: int) -> Verdicts:
    """The neurons that each example meets, but those that are excluded."""
    yield from is_pair(got, x.n_rows, k)
    lists = CSR(index.offsets, index.ids, index.values, len(index.base))
    for met in sparse_products(x, lists):
        met = drop_entries(met, excluded)
        base = index.base[met.columns].astype(np.float64)
        allowed = 0.0 if exact else bound_of_sum(met.counts + 1, met.sizes + abs(base))
        pool = Competitors(met.indptr, met.columns, met.n_cols, met.sums + base, allowed)
        yield from is_ranking(got[0][met.rows], got[1][met.rows], pool, met.rows.start)


def drop_entries(product: Product, excluded: CSR) -> Product:
    """A product without the entries that a matrix stores."""
    return product.part(~places_in(cells(some_rows(excluded, product.rows)), product.cells)[1])


def spgemm_t(got: Any, exact: bool, z: CSR, x: CSR, limits: Array, excluded: CSR) -> Verdicts:
    """Rows of the product, each cut to its largest entries."""
    yield from is_matrix(got, (z.n_cols, x.n_cols))
    for product in sparse_products(transposed(z), x):
        product = drop_entries(product, excluded)
        found, start = some_rows(got, product.rows), product.rows.start
        allowed = 0.0 if exact else product.slack
        yield from is_cut(
            found, product.cells, abs(product.sums), allowed, limits[product.rows], start
        )
        places, _ = places_in(product.cells, cells(found))
        margins = allowed if isinstance(allowed, float) else allowed[places]
        begin = (int(got.indptr[start]),)
        yield is_near(found.values, product.sums[places], margins, "result.values", begin)


def is_matrix(got: Any, shape: tuple[int, int]) -> Verdicts:
    """Whether a result is a valid CSR of a shape."""
    yield is_of_type(got, CSR)
    for part in "indptr", "indices", "values":
        yield is_of_type(getattr(got, part), np.ndarray, f"result.{part}")
    yield is_constant(got.shape, shape, "result.shape")
    try:
        got.check()
    except ValueError as error:
        yield Verdict(f"result: {error}")


def is_cut(
    found: CSR, stored: Array, keys: Array, slack: Array | float, limits: Array, start: int
) -> Verdicts:
    """Whether rows keep their entries of largest key, ties to the smaller column.

    Args:
        found: the rows as they are kept.
        stored: the cells that there are, ascending.
        keys: f64, the key of each.
        slack: f64, by how much those that decide may differ from them; 0.0 for not at all.
        limits: how many of each row.
        start: the number of the first row.
    """
    bounds = np.arange(found.n_rows + 1) * found.n_cols
    indptr = np.searchsorted(stored, bounds)
    wanted = np.minimum(limits, np.diff(indptr))
    yield is_near(found.row_lengths(), wanted, 0.0, "entries of row ", (start,))
    places, known = places_in(stored, cells(found))
    rows = found.row_numbers()
    yield at_entry(~known, rows, found, start, "is none of the product, or was excluded")
    kept = np.zeros(len(stored), bool)
    kept[places] = True
    lost = segment_maxima(np.where(kept, -np.inf, keys - slack), indptr, -np.inf)  # (rows,)
    worse = (keys + slack)[places] < lost[rows]
    yield at_entry(worse, rows, found, start, "was kept, a larger one was not")
    if isinstance(slack, float):
        yield from has_smaller_ties(found, places, keys, kept, stored, lost, start)


def has_smaller_ties(
    found: CSR, places: Array, keys: Array, kept: Array, stored: Array, lost: Array, start: int
) -> Verdicts:
    """Whether of equal keys the entries of smaller columns are kept."""
    rows = found.row_numbers()
    tied = keys[places] == lost[rows]
    last = segment_maxima(np.where(tied, found.indices, -1), found.indptr, -1)
    all_rows = stored // max(found.n_cols, 1)
    is_first = ~kept & (keys == lost[all_rows]) & (stored % max(found.n_cols, 1) < last[all_rows])
    if is_first.any():
        row, column = divmod(int(stored[is_first.argmax()]), found.n_cols)
        sentence = f"row {row + start}: entry {column} is not kept, a tie of larger column is"
        yield Verdict(sentence)


def at_entry(wrong: Array, rows: Array, found: CSR, start: int, why: str) -> Verdict:
    """The first entry of some rows that is wrong."""
    first = int(wrong.argmax()) if wrong.any() else -1
    if first < 0:
        return Verdict()
    return Verdict(f"row {int(rows[first]) + start}: entry {found.indices[first]} {why}")


def invert(got: Any, exact: bool, w: CSR, base: Array, limit: int) -> Verdicts:
    """The entries of each input, the best of them."""
    yield is_of_type(got, InvertedIndex)
    yield is_equal_array(got.base, base, "result.base")
    yield is_array(got.offsets, np.int64, (w.n_cols + 1,), "result.offsets")
    lists = CSR(got.offsets, got.ids, got.values, w.n_rows)
    yield from is_matrix(lists, (w.n_cols, w.n_rows))
    order, indptr = by_column(w)
    neurons = w.row_numbers()
    for inputs in row_slices(np.diff(indptr)):
        entries = order[indptr[inputs.start] : indptr[inputs.stop]]
        found, j = some_rows(lists, inputs), neurons[entries]
        lengths = np.diff(indptr[inputs.start : inputs.stop + 1])
        stored = np.repeat(np.arange(len(lengths)) * w.n_rows, lengths) + j
        keys = (w.values[entries] + base[j]).astype(np.float64)  # one float32 addition
        limits = np.full(len(lengths), limit)
        yield from is_cut(found, stored, keys, 0.0, limits, inputs.start)
        places, _ = places_in(stored, cells(found))
        begin = (int(got.offsets[inputs.start]),)
        yield is_near(found.values, w.values[entries][places], 0.0, "result.values", begin)
