"""Wrong kernels on sparse weights."""

from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant
from slide.core.contract.arrays import CSR


@mutant("spgemm_t", "exact")
def spgemm_t_keeps_what_is_excluded(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(z, x, limits, excluded.take(np.zeros(0, int)).take(np.zeros(0, int)))


@mutant("spgemm_t", "exact")
def spgemm_t_keeps_the_largest_not_the_longest(self, z, x, limits, excluded):
    whole = REFERENCE.spgemm_t(z, x, np.full_like(limits, 1 << 30), excluded)
    order = np.lexsort((whole.indices, -whole.values, whole.row_numbers()))
    kept = np.sort(order[np.arange(whole.nnz) - whole.indptr[whole.row_numbers()]
                         < limits[whole.row_numbers()]])  # fmt: skip
    indptr = np.searchsorted(whole.row_numbers()[kept], np.arange(whole.n_rows + 1))
    return CSR(indptr, whole.indices[kept], whole.values[kept], whole.n_cols)


@mutant("spgemm_t", "exact")
def spgemm_t_forgets_sums_of_zero(self, z, x, limits, excluded):
    product = REFERENCE.spgemm_t(z, x, limits, excluded)
    kept = np.flatnonzero(product.values)
    indptr = np.searchsorted(kept, product.indptr)
    return CSR(indptr, product.indices[kept], product.values[kept], product.n_cols)


@mutant("spgemm_t", "bound", alone=True)
def spgemm_t_in_float16(self, z, x, limits, excluded):
    halved = (m.with_values(m.values.astype(np.float16).astype(np.float32)) for m in (z, x))
    with np.errstate(over="ignore", invalid="ignore"):
        return REFERENCE.spgemm_t(*halved, limits, excluded)


@mutant("invert", "exact")
def invert_cuts_without_the_base(self, w, base, limit):
    return replace(REFERENCE.invert(w, 0 * base, limit), base=base)


@mutant("invert", "exact")
def invert_is_off_by_one(self, w, base, limit):
    return REFERENCE.invert(w, base, limit + 1)


@mutant("invert", "pure")
def invert_adds_the_base_in_place(self, w, base, limit):
    index = REFERENCE.invert(w, base, limit)
    base += 1
    return index


@mutant("search", "exact")
def search_finds_what_is_excluded(self, index, x, excluded, k):
    return REFERENCE.search(index, x, CSR(0 * excluded.indptr, excluded.indices[:0],
                                          excluded.values[:0], excluded.n_cols), k)  # fmt: skip


@mutant("search", "exact")
def search_does_not_meet_by_zeros(self, index, x, excluded, k):
    kept = np.flatnonzero(x.values)
    indptr = np.searchsorted(kept, x.indptr)
    return REFERENCE.search(index, CSR(indptr, x.indices[kept], x.values[kept], x.n_cols),
                            excluded, k)  # fmt: skip


@mutant("search", "exact")
def search_forgets_the_base(self, index, x, excluded, k):
    return REFERENCE.search(replace(index, base=0 * index.base), x, excluded, k)


@mutant("search", "metamorphic")
def search_drops_a_worker(self, index, x, excluded, k):
    ids, scores = REFERENCE.search(index, x, excluded, k)
    ids[128:] = -1
    return ids, scores


@mutant("masked_spgemm", "exact")
def masked_spgemm_ignores_the_last_input(self, x, w, active):
    kept = np.flatnonzero(w.indices < w.n_cols - 1)
    indptr = np.searchsorted(kept, w.indptr)
    return REFERENCE.masked_spgemm(x, CSR(indptr, w.indices[kept], w.values[kept], w.n_cols),
                                   active)  # fmt: skip


@mutant("masked_spgemm", "dtype", alone=True)
def masked_spgemm_to_float64(self, x, w, active):
    z = REFERENCE.masked_spgemm(x, w, active)
    return z.with_values(z.values.astype(np.float64))


@mutant("update_entries", "bound")
def update_entries_by_the_mean(self, param, dz, x, lr):
    REFERENCE.update_entries(param, dz.with_values(dz.values / max(dz.n_rows, 1)), x, lr)


@mutant("update_entries", "bound")
def update_entries_adds_to_the_square_later(self, param, dz, x, lr):
    before = param.square.copy()
    old = param.weight.values.copy()
    REFERENCE.update_entries(param, dz, x, lr)
    step = param.weight.values - old
    param.weight.values[:] = old + step * np.sqrt(param.square / before)


@mutant("update_entries", "pure")
def update_entries_decays_everything(self, param, dz, x, lr):
    param.weight.values[:] *= np.float32(0.99)
    REFERENCE.update_entries(param, dz, x, lr)
