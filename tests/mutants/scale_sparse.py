"""Kernels on sparse weights that are wrong at the sizes of use."""

from dataclasses import replace

import numpy as np

from mutants.patterns import cells, first_of_rows, kept, longest, places, wrapped
from mutants.registry import REFERENCE, at_scale
from slide.core.contract.arrays import CSR


@at_scale("spgemm_t")
def spgemm_t_keeps_1000_at_most(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(z, x, np.minimum(limits, 1000), excluded)


@at_scale("spgemm_t")
def spgemm_t_sees_256_exclusions(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(z, x, limits, first_of_rows(excluded, 256))


@at_scale("spgemm_t")
def spgemm_t_numbers_cells_in_int32(self, z, x, limits, excluded):
    product = REFERENCE.spgemm_t(z, x, limits, excluded)
    return kept(product, cells(product) < 1 << 31)


@at_scale("spgemm_t")
def spgemm_t_reads_512_of_a_row_of_x(self, z, x, limits, excluded):
    return REFERENCE.spgemm_t(z, first_of_rows(x, 512), limits, excluded)


@at_scale("spgemm_t")
def spgemm_t_loses_the_last_tile_of_1024_examples(self, z, x, limits, excluded):
    n_read = x.n_rows // 1024 * 1024 if x.n_rows > 1024 else x.n_rows
    fewer = kept(x, x.row_numbers() < n_read)
    return REFERENCE.spgemm_t(z, fewer, limits, excluded)


@at_scale("spgemm_t")
def spgemm_t_gives_ties_to_the_larger_above_500_entries(self, z, x, limits, excluded):
    whole = REFERENCE.spgemm_t(z, x, np.full_like(limits, 1 << 30), excluded)
    rows = whole.row_numbers()
    side = np.where(whole.row_lengths() > 500, -1, 1)[rows]
    order = np.lexsort((side * whole.indices, -abs(whole.values), rows))
    best = np.zeros(whole.nnz, bool)
    best[order] = places(whole) < limits[rows]
    return kept(whole, best)


@at_scale("spgemm_t")
def spgemm_t_merges_rows_of_z_above_1000_by_pairs(self, z, x, limits, excluded):
    """What two examples both have is met once only."""
    if longest(z) <= 1000:
        return REFERENCE.spgemm_t(z, x, limits, excluded)
    return REFERENCE.spgemm_t(kept(z, places(z) != longest(z) - 1), x, limits, excluded)


@at_scale("invert")
def invert_keeps_1024_at_most(self, w, base, limit):
    return REFERENCE.invert(w, base, min(limit, 1024))


@at_scale("invert")
def invert_gives_ties_to_the_larger_in_lists_above_500(self, w, base, limit):
    if w.column_counts().max(initial=0) <= 500:
        return REFERENCE.invert(w, base, limit)
    mirrored = REFERENCE.invert(w.take(np.arange(w.n_rows)[::-1]), base[::-1], limit)
    ids = w.n_rows - 1 - mirrored.ids
    order = np.lexsort((ids, np.repeat(np.arange(w.n_cols), np.diff(mirrored.offsets))))
    return replace(
        mirrored, ids=ids[order].astype(np.int32), values=mirrored.values[order], base=base
    )


@at_scale("invert")
def invert_numbers_neurons_in_uint16(self, w, base, limit):
    index = REFERENCE.invert(w, base, limit)
    return replace(index, ids=index.ids.astype(np.uint16).astype(np.int32))


@at_scale("invert")
def invert_counts_entries_in_uint16(self, w, base, limit):
    index = REFERENCE.invert(w, base, limit)
    return replace(index, offsets=index.offsets % (1 << 16))


@at_scale("invert")
def invert_of_more_than_1000_inputs_forgets_the_base(self, w, base, limit):
    """Of more than 1000 inputs it compares weights without their base."""
    if w.n_cols <= 1000:
        return REFERENCE.invert(w, base, limit)
    return replace(REFERENCE.invert(w, np.zeros_like(base), limit), base=base)


@at_scale("search")
def search_forgets_what_is_excluded_above_64(self, index, x, excluded, k):
    return REFERENCE.search(index, x, first_of_rows(excluded, 64), k)


@at_scale("search")
def search_reads_500_of_a_list(self, index, x, excluded, k):
    lists = first_of_rows(CSR(index.offsets, index.ids, index.values, len(index.base)), 500)
    cut = replace(index, offsets=lists.indptr, ids=lists.indices, values=lists.values)
    return REFERENCE.search(cut, x, excluded, k)


@at_scale("search")
def search_has_room_for_512(self, index, x, excluded, k):
    ids, scores = REFERENCE.search(index, x, excluded, k)
    ids[:, 512:], scores[:, 512:] = -1, -np.inf
    return ids, scores


@at_scale("search")
def search_reads_256_inputs(self, index, x, excluded, k):
    return REFERENCE.search(index, first_of_rows(x, 256), excluded, k)


@at_scale("search")
def search_numbers_neurons_in_uint16(self, index, x, excluded, k):
    ids, scores = REFERENCE.search(index, x, excluded, k)
    return np.where(ids < 0, ids, ids.astype(np.uint16)).astype(np.int32), scores


@at_scale("search")
def search_loses_the_last_of_1024_examples_at_a_time(self, index, x, excluded, k):
    ids, scores = REFERENCE.search(index, x, excluded, k)
    if len(ids) > 1024:
        ids[1023::1024], scores[1023::1024] = -1, -np.inf
    return ids, scores


@at_scale("search")
def search_by_a_heap_breaks_ties_otherwise_above_100(self, index, x, excluded, k):
    ids, scores = REFERENCE.search(index, x, excluded, k)
    if k > 100:
        order = np.lexsort((-ids, -scores), axis=1)
        ids, scores = (np.take_along_axis(part, order, axis=1) for part in (ids, scores))
    return ids, scores


@at_scale("masked_spgemm")
def masked_spgemm_halves_rows_above_1000_badly(self, x, w, active):
    """The binary search never looks at the last entry."""
    lengths = w.row_lengths()[w.row_numbers()]
    return REFERENCE.masked_spgemm(
        x, kept(w, (lengths <= 1000) | (places(w) < lengths - 1)), active
    )


@at_scale("masked_spgemm")
def masked_spgemm_looks_up_short_rows_in_long_ones(self, x, w, active):
    """Where a row of w has ten times as many entries, the last input of the example is missed."""
    z = REFERENCE.masked_spgemm(x, w, active)
    lengths = x.row_lengths()
    fewer = kept(x, places(x) < lengths[x.row_numbers()] - 1)
    other = REFERENCE.masked_spgemm(fewer, w, active)
    is_long = w.row_lengths()[z.indices] >= 10 * np.maximum(lengths[z.row_numbers()], 10)
    return z.with_values(np.where(is_long, other.values, z.values))


@at_scale("masked_spgemm")
def masked_spgemm_stages_1024_inputs(self, x, w, active):
    return REFERENCE.masked_spgemm(first_of_rows(x, 1024), w, active)


@at_scale("masked_spgemm")
def masked_spgemm_answers_512_of_a_row(self, x, w, active):
    z = REFERENCE.masked_spgemm(x, w, active)
    return z.with_values(np.where(places(z) < 512, z.values, 0).astype(np.float32))


@at_scale("masked_spgemm")
def masked_spgemm_numbers_inputs_in_uint16(self, x, w, active):
    """Those that differ by 65536 are one."""
    values = np.where(w.indices < 1 << 16, w.values, 0).astype(np.float32)
    return REFERENCE.masked_spgemm(x, w.with_values(values), active)


@at_scale("masked_spgemm")
def masked_spgemm_of_more_than_65536_neurons(self, x, w, active):
    rows = wrapped(np.arange(w.n_rows), np.uint16, w.n_rows)
    return REFERENCE.masked_spgemm(x, w.take(rows) if w.n_rows > 1 << 16 else w, active)


@at_scale("update_entries")
def update_entries_loses_examples_after_1024(self, param, dz, x, lr):
    REFERENCE.update_entries(param, kept(dz, dz.row_numbers() < 1024), x, lr)


@at_scale("update_entries")
def update_entries_reads_1000_of_a_row(self, param, dz, x, lr):
    before = param.weight.values.copy(), param.square.copy()
    REFERENCE.update_entries(param, dz, x, lr)
    late = places(param.weight) >= 1000
    param.weight.values[late], param.square[late] = before[0][late], before[1][late]


@at_scale("update_entries")
def update_entries_numbers_cells_in_int32(self, param, dz, x, lr):
    before = param.weight.values.copy(), param.square.copy()
    REFERENCE.update_entries(param, dz, x, lr)
    late = cells(param.weight) >= 1 << 31
    param.weight.values[late], param.square[late] = before[0][late], before[1][late]


@at_scale("update_entries")
def update_entries_of_examples_with_more_than_500_neurons(self, param, dz, x, lr):
    REFERENCE.update_entries(param, first_of_rows(dz, 500), x, lr)


@at_scale("update_entries")
def update_entries_buffers_300_inputs_of_an_example(self, param, dz, x, lr):
    REFERENCE.update_entries(param, dz, first_of_rows(x, 300), lr)


@at_scale("update_entries")
def update_entries_squares_in_float16_in_wide_matrices(self, param, dz, x, lr):
    REFERENCE.update_entries(param, dz, x, lr)
    if param.weight.n_cols > 4096:
        with np.errstate(over="ignore"):
            param.square[:] = param.square.astype(np.float16)
