"""Kernels that take a stored zero for nothing."""

from dataclasses import replace

import numpy as np

from mutants.patterns import with_values_from, without_zeros
from mutants.registry import REFERENCE, mutant
from slide.core.contract.arrays import CSR, Block, RowGrad


def of_zeros(kernel, killer="exact"):
    """Register a kernel that is wrong about stored zeros."""
    return mutant(kernel, killer, at_default=True)


@of_zeros("spgemm_t")
def spgemm_t_drops_zeros_of_z(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(without_zeros(z), x, limits, excluded)


@of_zeros("spgemm_t")
def spgemm_t_drops_zeros_of_x(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(z, without_zeros(x), limits, excluded)


@of_zeros("spgemm_t")
def spgemm_t_keeps_what_zeros_exclude(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(z, x, limits, without_zeros(excluded))


@of_zeros("spmm_t")
def spmm_t_drops_columns_of_zeros_of_long_batches(self, z, h):
    grad = REFERENCE.spmm_t(without_zeros(z), h)
    return grad if isinstance(z, Block) else RowGrad(grad.rows, grad.values)


@of_zeros("search", "scale")
def search_does_not_meet_through_zeros(self, index, x, excluded, k):
    return REFERENCE.search(index, without_zeros(x), excluded, k)


@of_zeros("search")
def search_finds_what_zeros_exclude(self, index, x, excluded, k):
    return REFERENCE.search(index, x, without_zeros(excluded), k)


@of_zeros("search")
def search_does_not_meet_by_weights_of_zero(self, index, x, excluded, k):
    lists = without_zeros(CSR(index.offsets, index.ids, index.values, len(index.base)))
    shorter = replace(index, offsets=lists.indptr, ids=lists.indices, values=lists.values)
    return REFERENCE.search(shorter, x, excluded, k)


@of_zeros("query")
def query_does_not_require_zeros(self, tables, codes, required, extra, query, salt):
    return REFERENCE.query(tables, codes, without_zeros(required), extra, query, salt)


@of_zeros("query")
def query_does_not_add_zeros(self, tables, codes, required, extra, query, salt):
    return REFERENCE.query(tables, codes, required, without_zeros(extra), query, salt)


@of_zeros("top_k")
def top_k_skips_candidates_of_zero(self, h, w, candidates, k):
    return REFERENCE.top_k(h, w, candidates and without_zeros(candidates), k)


@of_zeros("sddmm")
def sddmm_skips_active_zeros(self, h, w, active):
    return with_values_from(active, REFERENCE.sddmm(h, w, without_zeros(active)))


@of_zeros("masked_spgemm")
def masked_spgemm_skips_active_zeros(self, x, w, active):
    return with_values_from(active, REFERENCE.masked_spgemm(x, w, without_zeros(active)))


@of_zeros("loss", "bound")
def loss_takes_zeros_for_labels(self, z, log_weights, y, name):
    return REFERENCE.loss(z, log_weights, y.with_values(1 + 0 * y.values), name)


@of_zeros("loss", "scale")
def loss_ignores_labels_of_zero(self, z, log_weights, y, name):
    return REFERENCE.loss(z, log_weights, without_zeros(y), name)


@of_zeros("hash")
def hash_takes_stored_zeros_for_something(self, x, center, family, probes=1):
    """A coordinate that is stored comes before those that are not, be it 0 or not."""
    if isinstance(x, CSR):
        x = x.with_values(np.where(x.values == 0, np.float32(1e-30), x.values))
    return REFERENCE.hash(x, center, family, probes)


@of_zeros("invert")
def invert_leaves_out_weights_of_zero(self, w, base, limit):
    return REFERENCE.invert(without_zeros(w), base, limit)


@of_zeros("solve_rows", "bound")
def solve_rows_does_not_meet_zeros(self, x, *others):
    return REFERENCE.solve_rows(without_zeros(x), *others)


@of_zeros("update_entries", "bound")
def update_entries_leaves_weights_of_zero(self, param, dz, x, lr):
    zeros, before = param.weight.values == 0, param.square.copy()
    REFERENCE.update_entries(param, dz, x, lr)
    param.weight.values[zeros], param.square[zeros] = 0, before[zeros]


@of_zeros("update_rows", "scale")
def update_rows_skips_rows_without_gradient(self, param, grad, optimizer, lr, step):
    moved = grad.values.any(axis=1)
    REFERENCE.update_rows(param, RowGrad(grad.rows[moved], grad.values[moved]), optimizer, lr, step)


@of_zeros("build")
def build_takes_bucket_zero_for_none(self, codes, n_buckets, salt, policy):
    """Its entries come in the order of their ids."""
    tables = REFERENCE.build(codes, n_buckets, salt, policy)
    ids = tables.ids.copy()
    for start in range(0, len(tables.offsets) - 1, n_buckets):
        span = slice(*tables.offsets[start : start + 2])
        ids[span] = np.sort(ids[span])
    return replace(tables, ids=ids)


@of_zeros("reinsert")
def reinsert_takes_code_zero_for_unknown(self, tables, rows, codes):
    """Who has it in all tables stays where it is."""
    known = codes.any(axis=1)
    return REFERENCE.reinsert(tables, rows[known], codes[known])
