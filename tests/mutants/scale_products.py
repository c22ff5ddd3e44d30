"""Copies and products that are wrong at the sizes of use."""

import numpy as np

from mutants.patterns import bfloat16, first_of_rows, shifted, wrapped
from mutants.registry import REFERENCE, at_scale
from slide.core.contract.arrays import CSR, Block, RowGrad


@at_scale("put")
def put_in_chunks_of_65536_forgets_the_rest(self, array):
    flat, n_whole = array.reshape(-1).copy(), array.size // 65_536 * 65_536
    if n_whole > 65_536:
        flat[n_whole:] = 0
    return flat.reshape(array.shape)


@at_scale("put")
def put_by_int32_bytes(self, array):
    """A long array of eight bytes an item is sent as if they were four."""
    if array.dtype != np.int64 or array.size < 10_000:
        return array
    return array.astype(np.int32).astype(np.int64)


@at_scale("get")
def get_pads_rows_of_more_than_1024(self, array):
    if array.ndim < 2 or array.shape[1] <= 1024:
        return array
    padded = np.zeros((len(array), -(-array.shape[1] // 64) * 64), array.dtype)
    padded[:, : array.shape[1]] = array
    return padded.reshape(-1)[: array.size].reshape(array.shape)


@at_scale("get")
def get_numbers_rows_in_uint16(self, array):
    return array[np.arange(len(array)).astype(np.uint16)]


@at_scale("sddmm")
def sddmm_reads_the_id_before_in_blocks_above_40(self, h, w, active):
    above = isinstance(active, Block) and len(active.ids) > 40
    z = REFERENCE.sddmm(h, w, shifted(active) if above else active)
    return active.with_values(z.values)


@at_scale("sddmm")
def sddmm_reads_the_id_before_in_blocks_above_200(self, h, w, active):
    above = isinstance(active, Block) and len(active.ids) > 200
    z = REFERENCE.sddmm(h, w, shifted(active) if above else active)
    return active.with_values(z.values)


@at_scale("sddmm")
def sddmm_reads_300_columns(self, h, w, active):
    return REFERENCE.sddmm(h[:, :300], w[:, :300], active)


@at_scale("sddmm")
def sddmm_casts_ids_to_uint16(self, h, w, active):
    if isinstance(active, Block):
        return active.with_values(h @ w[active.ids.astype(np.uint16)].T)
    ids = wrapped(active.indices, np.uint16, len(w))
    return active.with_values(
        REFERENCE.sddmm(h, w, CSR(active.indptr, ids, active.values, active.n_cols)).values
    )


@at_scale("sddmm")
def sddmm_adds_up_in_float16_above_512(self, h, w, active):
    if h.shape[1] <= 512:
        return REFERENCE.sddmm(h, w, active)
    halves = [REFERENCE.sddmm(h[:, part], w[:, part], active).values
              for part in (slice(0, 512), slice(512, None))]  # fmt: skip
    with np.errstate(over="ignore", invalid="ignore"):
        total = halves[0].astype(np.float16) + halves[1].astype(np.float16)
    return active.with_values(total.astype(np.float32))


@at_scale("sddmm")
def sddmm_loses_what_two_tiles_of_256_columns_leave(self, h, w, active):
    d = h.shape[1]
    read = d // 256 * 256 if d > 512 else d
    return REFERENCE.sddmm(h[:, :read], w[:, :read], active)


@at_scale("sddmm")
def sddmm_loses_the_last_tile_of_4096_ids(self, h, w, active):
    z = REFERENCE.sddmm(h, w, active)
    if isinstance(active, Block) and len(active.ids) > 4096:
        z.values[:, len(active.ids) // 4096 * 4096 :] = 0
    return z


@at_scale("sddmm")
def sddmm_of_a_block_and_more_than_300_columns(self, h, w, active):
    if not isinstance(active, Block) or h.shape[1] <= 300:
        return REFERENCE.sddmm(h, w, active)
    return REFERENCE.sddmm(h[:, :-1].copy(), w[:, :-1].copy(), active)


@at_scale("sddmm")
def sddmm_reads_where_rows_begin_in_uint16(self, h, w, active):
    if isinstance(active, Block) or active.nnz < 1 << 16:
        return REFERENCE.sddmm(h, w, active)
    z = REFERENCE.sddmm(h, w, active)
    return z.with_values(z.values[np.arange(z.nnz).astype(np.uint16)])


@at_scale("spmm")
def spmm_reads_the_id_before_in_blocks_above_40(self, z, w):
    above = isinstance(z, Block) and len(z.ids) > 40
    return REFERENCE.spmm(shifted(z) if above else z, w)


@at_scale("spmm")
def spmm_reads_the_id_before_in_blocks_above_200(self, z, w):
    above = isinstance(z, Block) and len(z.ids) > 200
    return REFERENCE.spmm(shifted(z) if above else z, w)


@at_scale("spmm")
def spmm_leaves_columns_from_64_on(self, z, w):
    product = REFERENCE.spmm(z, w)
    product[:, 64:] = 0
    return product


@at_scale("spmm")
def spmm_leaves_rows_from_3000_on(self, z, w):
    product = REFERENCE.spmm(z, w)
    product[3000:] = 0
    return product


@at_scale("spmm")
def spmm_stages_1000_entries_of_a_row_for_100_examples(self, z, w):
    if isinstance(z, Block) or z.n_rows <= 100:
        return REFERENCE.spmm(z, w)
    return REFERENCE.spmm(first_of_rows(z, 1000), w)


@at_scale("spmm")
def spmm_skips_the_last_entry_of_rows_that_fill_blocks_of_128(self, z, w):
    if isinstance(z, Block):
        return REFERENCE.spmm(z, w)
    lengths = z.row_lengths()
    last = z.indptr[1:][(lengths > 512) & (lengths % 128 > 0)] - 1
    values = z.values.copy()
    values[last] = 0
    return REFERENCE.spmm(z.with_values(values), w)


@at_scale("spmm_t")
def spmm_t_mixes_up_blocks_of_more_than_300_ids(self, z, h):
    grad = REFERENCE.spmm_t(z, h)
    if not isinstance(z, Block) or len(z.ids) <= 300:
        return grad
    return RowGrad(grad.rows, np.roll(grad.values, 1, axis=0))


@at_scale("spmm_t")
def spmm_t_loses_the_last_tile_of_1024_examples(self, z, h):
    h = h.copy()
    if len(h) > 1024:
        h[len(h) // 1024 * 1024 :] = 0
    return REFERENCE.spmm_t(z, h)


@at_scale("spmm_t")
def spmm_t_counts_entries_of_a_column_in_uint8(self, z, h):
    if isinstance(z, Block) or z.column_counts().max(initial=0) < 256:
        return REFERENCE.spmm_t(z, h)
    full = z.column_counts()[z.indices] >= 256
    return REFERENCE.spmm_t(z.with_values(np.where(full, 0, z.values).astype(np.float32)), h)


@at_scale("spmm_t")
def spmm_t_of_a_wide_layer_and_a_block(self, z, h):
    grad = REFERENCE.spmm_t(z, h)
    if isinstance(z, Block) and h.shape[1] > 256:
        grad.values[:, h.shape[1] // 16 * 16 :] = 0
    return grad


@at_scale("spmm_t")
def spmm_t_of_more_columns_than_65536_in_uint16(self, z, h):
    if isinstance(z, Block) or z.n_cols <= 1 << 16:
        return REFERENCE.spmm_t(z, h)
    grad = REFERENCE.spmm_t(z, h)
    return RowGrad(grad.rows.astype(np.uint16).astype(np.int32), grad.values)


@at_scale("spmm_t")
def spmm_t_adds_up_long_columns_in_bfloat16(self, z, h):
    if z.n_rows <= 512:
        return REFERENCE.spmm_t(z, h)
    grad = REFERENCE.spmm_t(z, h)
    return RowGrad(grad.rows, bfloat16(grad.values))


@at_scale("top_k")
def top_k_gives_ties_to_the_larger_above_65536_neurons(self, h, w, candidates, k):
    if candidates is not None or len(w) <= 1 << 16:
        return REFERENCE.top_k(h, w, candidates, k)
    ids, scores = REFERENCE.top_k(h, w[::-1], None, k)
    return np.where(ids < 0, ids, len(w) - 1 - ids).astype(np.int32), scores


@at_scale("top_k")
def top_k_has_room_for_512(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    ids[:, 512:], scores[:, 512:] = -1, -np.inf
    return ids, scores


@at_scale("top_k")
def top_k_looks_at_4096_candidates(self, h, w, candidates, k):
    fewer = None if candidates is None else first_of_rows(candidates, 4096)
    return REFERENCE.top_k(h, w, fewer, k)


@at_scale("top_k")
def top_k_by_selection_leaves_the_best_of_500_unsorted(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    if k > 500:
        order = np.argsort(np.where(ids < 0, 1 << 30, ids), axis=1, kind="stable")
        ids, scores = (np.take_along_axis(part, order, axis=1) for part in (ids, scores))
    return ids, scores


@at_scale("top_k")
def top_k_adds_up_wide_vectors_in_bfloat16(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    return ids, bfloat16(scores) if h.shape[1] > 256 else scores


@at_scale("top_k", "wide")
def top_k_numbers_cells_of_candidates_in_int32(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    if candidates is None:
        return ids, scores
    lost = np.arange(len(h)) * len(w) >= 1 << 31
    ids[lost], scores[lost] = -1, -np.inf
    return ids, scores


@at_scale("top_k")
def top_k_stages_1000_candidates_for_100_examples(self, h, w, candidates, k):
    if candidates is not None and len(h) > 100:
        candidates = first_of_rows(candidates, 1000)
    return REFERENCE.top_k(h, w, candidates, k)
