"""Wrong copies, products and rankings."""

import numpy as np

from mutants.registry import REFERENCE, mutant, mutant_class
from slide.core.contract.arrays import Block, RowGrad
from slide.reference.kernels import ReferenceBackend


@mutant("put", "exact")
def put_through_float32(self, array):
    return array.astype(np.float32).astype(array.dtype)


@mutant("get", "dtype")
def get_int32_for_int64(self, array):
    return array.astype(np.int32) if array.dtype == np.int64 else array


@mutant("put", "pure")
def put_takes_possession(self, array):
    taken = array.copy()
    array[:1] = 0
    return taken


@mutant("sddmm", "bound", alone=True)
def sddmm_sums_in_float16(self, h, w, active):
    with np.errstate(over="ignore", invalid="ignore"):
        z = REFERENCE.sddmm(h.astype(np.float16), w.astype(np.float16), active)
    return z.with_values(z.values.astype(np.float32))


@mutant("sddmm", "dtype", alone=True)
def sddmm_to_float64(self, h, w, active):
    return REFERENCE.sddmm(h.astype(np.float64), w.astype(np.float64), active)


@mutant("sddmm", "pure", alone=True)
def sddmm_overwrites_h(self, h, w, active):
    z = REFERENCE.sddmm(h, w, active)
    h *= 0
    return z


@mutant("sddmm", "pure", alone=True)
def sddmm_wants_to_write(self, h, w, active):
    if not w.flags.writeable:
        raise TypeError("No matching definition for argument type(s) readonly array")
    return REFERENCE.sddmm(h, w, active)


@mutant_class("sddmm", "repeatable", alone=True)
class SumsInTurns(ReferenceBackend):
    """Sums forwards, then backwards: what a race between workers may look like."""

    n_calls = 0

    def sddmm(self, h, w, active):
        self.n_calls += 1
        turn = slice(None, None, (-1) ** self.n_calls)
        columns = np.ascontiguousarray(h[:, turn]), np.ascontiguousarray(w[:, turn])
        return REFERENCE.sddmm(*columns, active)


@mutant("sddmm", "exact")
def sddmm_drops_the_tail_of_a_vector(self, h, w, active):
    d = h.shape[1] // 4 * 4
    return REFERENCE.sddmm(h[:, :d], w[:, :d], active)


@mutant("spmm", "exact")
def spmm_drops_the_last_row(self, z, w):
    product = REFERENCE.spmm(z, w)
    product[-1:] = 0
    return product


@mutant("spmm", "empty", alone=True)
def spmm_needs_an_entry(self, z, w):
    (z.ids if isinstance(z, Block) else z.indices).max()
    return REFERENCE.spmm(z, w)


@mutant("spmm", "bound", alone=True)
def spmm_of_bfloat16(self, z, w):
    upper = w.view(np.uint32) & np.uint32(0xFFFF0000)
    return REFERENCE.spmm(z, upper.view(np.float32))


@mutant("spmm_t", "exact")
def spmm_t_loses_repeated_columns(self, z, h):
    if isinstance(z, Block):
        return REFERENCE.spmm_t(z, h)
    rows, places = np.unique(z.indices, return_inverse=True)
    values = np.zeros((len(rows), h.shape[1]), np.float32)
    values[places] += z.values[:, None] * h[z.row_numbers()]
    return RowGrad(rows, values)


@mutant("spmm_t", "exact")
def spmm_t_drops_columns_of_zeros(self, z, h):
    grad = REFERENCE.spmm_t(z, h)
    kept = grad.values.any(axis=1)
    return RowGrad(grad.rows[kept], grad.values[kept])


@mutant("spmm_t", "metamorphic")
def spmm_t_drops_a_worker(self, z, h):
    h = h.copy()
    h[128:] = 0
    return REFERENCE.spmm_t(z, h)


@mutant("spmm_t", "wide", alone=True)
def spmm_t_reads_entries_by_int32_cells(self, z, h):
    if isinstance(z, Block):
        return REFERENCE.spmm_t(z, h)
    cells = (z.row_numbers() * z.n_cols + z.indices).astype(np.int32)
    return REFERENCE.spmm_t(z.with_values(np.where(cells < 0, 0, z.values)), h)


@mutant("top_k", "exact", alone=True)
def top_k_gives_ties_to_the_last(self, h, w, candidates, k):
    if candidates is not None:
        return REFERENCE.top_k(h, w, candidates, k)
    ids, scores = REFERENCE.top_k(h, w[::-1], None, k)
    return np.where(ids < 0, ids, len(w) - 1 - ids).astype(np.int32), scores


@mutant("top_k", "empty")
def top_k_without_padding(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    found = (ids >= 0).any(axis=0)
    return ids[:, found], scores[:, found]


@mutant("top_k", "exact")
def top_k_pads_with_neuron_0(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    return np.maximum(ids, 0), scores


@mutant("top_k", "exact")
def top_k_prefers_0_to_negative_scores(self, h, w, candidates, k):
    ids, scores = REFERENCE.top_k(h, w, candidates, k)
    return ids, np.where(ids >= 0, np.maximum(scores, 0), scores)


@mutant("top_k", "exact")
def top_k_ignores_candidates(self, h, w, candidates, k):
    return REFERENCE.top_k(h, w, None, k)
