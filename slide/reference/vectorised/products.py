"""Products with dense matrices: float64, BLAS where rows share a pattern, else sums of segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, RowGrad
from slide.reference.vectorised.segments import (
    BLAS_CELLS,
    CELLS,
    by_column,
    row_slices,
    segment_sums,
    slices,
)
from slide.reference.vectorised.verdicts import (
    Verdict,
    Verdicts,
    bound_of_sum,
    has_pattern,
    is_array,
    is_equal_array,
    is_near,
    is_of_type,
)


def sddmm(got: Any, exact: bool, h: Array, w: Array, active: CSR | Block) -> Verdicts:
    """One logit an entry."""
    if isinstance(active, CSR):
        yield from has_pattern(got, active, active.indices.shape)
        rows = active.row_numbers()
        for part in slices(active.nnz, h.shape[1]):
            z, size = dots(h, w, rows[part], active.indices[part], exact)
            allowed = 0.0 if exact else bound_of_sum(h.shape[1], size)
            yield is_near(got.values[part], z, allowed, "result.values", (part.start,))
        return
    yield from has_pattern(got, active, (len(h), len(active.ids)))
    for part in slices(len(active.ids), max(h.shape), BLAS_CELLS):
        of_w = w[active.ids[part]].T
        name, start = "result.values", (0, part.start)
        yield product_near(got.values[:, part], h, of_w, h.shape[1], exact, name, start)


def spmm(got: Any, exact: bool, z: CSR | Block, w: Array) -> Verdicts:
    """A row for each row of z."""
    yield is_array(got, np.float32, (z.n_rows, w.shape[1]))
    if isinstance(z, CSR):
        yield from sums_near(got, z.values, z.indices, z.indptr, w, exact, "result")
        return
    n_terms = len(z.ids)
    for rows in slices(z.n_rows, n_terms, BLAS_CELLS):
        for columns in slices(w.shape[1], max(n_terms, rows.stop - rows.start), BLAS_CELLS):
            factor, start = w[z.ids, columns], (rows.start, columns.start)
            found = got[rows, columns]
            yield product_near(found, z.values[rows], factor, n_terms, exact, "result", start)


def spmm_t(got: Any, exact: bool, z: CSR | Block, h: Array) -> Verdicts:
    """A row for each column that z stores."""
    yield is_of_type(got, RowGrad)
    if isinstance(z, CSR):
        order, indptr = by_column(z)
        columns = np.flatnonzero(np.diff(indptr))
        yield from has_rows(got, columns.astype(np.int32), h.shape[1])
        starts = np.append(indptr[columns], z.nnz)
        rows = z.row_numbers()[order]
        yield from sums_near(got.values, z.values[order], rows, starts, h, exact, "result.values")
        return
    yield from has_rows(got, z.ids, h.shape[1])
    for part in slices(len(z.ids), max(h.shape), BLAS_CELLS):
        of_z, start = z.values[:, part].T, (part.start,)
        found = got.values[part]
        yield product_near(found, of_z, h, len(h), exact, "result.values", start)


def has_rows(got: Any, rows: Array, d: int) -> Verdicts:
    """Whether a RowGrad is of these rows."""
    yield is_equal_array(got.rows, rows, "result.rows")
    yield is_array(got.values, np.float32, (len(rows), d), "result.values")


def product_near(
    got: Array, a: Array, b: Array, terms: int, exact: bool, name: str, start: tuple[int, ...]
) -> Verdict:
    """Whether numbers are a @ b, sums of so many terms."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    want = a @ b
    return is_near(got, want, 0.0 if exact else bound_of_sum(terms, abs(a) @ abs(b)), name, start)


def sums_near(
    got: Array, factors: Array, picks: Array, indptr: Array, matrix: Array, exact: bool, name: str
) -> Verdicts:
    """Whether row r is the sum of factors[e] * matrix[picks[e]] over the segment r of entries e."""
    lengths, d = np.diff(indptr), matrix.shape[1]
    for rows in row_slices(lengths * d):
        inner = indptr[rows.start : rows.stop + 1]
        entries = slice(int(inner[0]), int(inner[-1]))
        for columns in slices(d, entries.stop - entries.start, 4 * CELLS):
            terms = matrix[picks[entries], columns].astype(np.float64)
            terms *= factors[entries, None]
            want = segment_sums(terms, inner - inner[0])
            allowed: Array | float = 0.0
            if not exact:
                size = segment_sums(np.abs(terms, out=terms), inner - inner[0])
                allowed = bound_of_sum(lengths[rows, None], size)
            yield is_near(got[rows, columns], want, allowed, name, (rows.start, columns.start))


def dots(h: Array, w: Array, rows: Array, columns: Array, exact: bool) -> tuple[Array, Array]:
    """h[rows] . w[columns] and, unless `exact`, the sums of the magnitudes of its terms, f64."""
    z, size = np.empty(len(rows)), np.zeros(len(rows))
    for part in slices(len(rows), h.shape[1]):
        a, b = h[rows[part]].astype(np.float64), w[columns[part]].astype(np.float64)
        np.einsum("ij,ij->i", a, b, out=z[part])
        if not exact:
            np.einsum("ij,ij->i", np.abs(a, out=a), np.abs(b, out=b), out=size[part])
    return z, size
