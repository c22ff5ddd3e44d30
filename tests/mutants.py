"""Deliberately wrong kernels, each with a property of `verify` that must reject it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from slide.core.arrays import CSR, Block, RowGrad
from slide.core.hashing import SimHash, Tables, mix
from slide.reference.kernels import ReferenceBackend, active_labels

REFERENCE = ReferenceBackend()
MUTANTS: list[tuple[type[ReferenceBackend], str, str]] = []
LONE_KILLS: list[tuple[type[ReferenceBackend], str, str]] = []


def mutant(kernel: str, killer: str, alone: bool = False) -> Callable[[Callable], Callable]:
    """Register a wrong kernel and a property that must reject it; `alone`: no other one does."""

    def register(wrong: Callable) -> Callable:
        backend = type(wrong.__name__, (ReferenceBackend,), {kernel: wrong})
        MUTANTS.append((backend, kernel, killer))
        if alone:
            LONE_KILLS.append((backend, kernel, killer))
        return wrong

    return register


# --- put, get ---


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


# --- hash ---


@mutant("hash", "exact")
def hash_forgets_the_center(self, x, center, family):
    return REFERENCE.hash(x, np.zeros_like(center), family)


@mutant("hash", "exact")
def hash_with_the_highest_bit_first(self, x, center, family):
    L, K = family.L, family.K
    flipped = family.projection.reshape(-1, L, K)[:, :, ::-1].reshape(-1, L * K)
    return REFERENCE.hash(x, center, SimHash(flipped, K, L))


@mutant("hash", "exact", alone=True)
def hash_counts_zero_as_positive(self, x, center, family):
    away = REFERENCE.hash(-x, -center, family)
    return ~away & np.uint32(family.n_buckets - 1)


@mutant("hash", "bound", alone=True)
def hash_of_float16(self, x, center, family):
    return REFERENCE.hash((x - center).astype(np.float16), np.float16(0), family)


@mutant("hash", "metamorphic", alone=True)
def hash_drops_the_second_chunk(self, x, center, family):
    codes = REFERENCE.hash(x, center, family)
    codes[256:] = 0
    return codes


@mutant("hash", "metamorphic")
def hash_remembers_arguments_by_shape(self, x, center, family):
    remembered = self.__dict__.setdefault("remembered", {})
    key = x.shape, family.K, family.L
    return remembered.setdefault(key, REFERENCE.hash(x, center, family))


@mutant("hash", "dtype", alone=True)
def hash_to_int64(self, x, center, family):
    return REFERENCE.hash(x, center, family).astype(np.int64)


# --- build ---


@mutant("build", "exact")
def build_ignores_the_salt(self, codes, n_buckets, salt):
    return REFERENCE.build(codes, n_buckets, 0)


@mutant("build", "metamorphic")
def build_salts_all_tables_alike(self, codes, n_buckets, salt):
    tables = [REFERENCE.build(column[:, None], n_buckets, salt) for column in codes.T]
    return joined(tables, n_buckets)


@mutant("build", "exact")
def build_orders_a_bucket_by_signed_numbers(self, codes, n_buckets, salt):
    n, L = codes.shape
    ids = [
        np.lexsort((mix(np.arange(n), salt + table).view(np.int32), codes[:, table]))
        for table in range(L)
    ]
    right = REFERENCE.build(codes, n_buckets, salt)
    return replace(right, ids=np.concatenate(ids).astype(np.int32))


@mutant("build", "dtype")
def build_with_offsets_within_each_table(self, codes, n_buckets, salt):
    right = REFERENCE.build(codes, n_buckets, salt)
    starts = np.repeat(np.arange(right.L) * right.n_neurons, n_buckets)
    return replace(right, offsets=np.append(right.offsets[:-1] - starts, right.n_neurons))


def joined(tables, n_buckets):
    ends = np.cumsum([0, *(table.n_neurons for table in tables)])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, ends, strict=False)]
    ids = np.concatenate([table.ids for table in tables])
    return Tables(np.append(np.concatenate(offsets), ends[-1]), ids, len(tables), n_buckets)


# --- query ---


@mutant("query", "exact")
def query_drops_the_last_label(self, tables, codes, required, extra, query, salt):
    ends = np.where(required.row_lengths() > 0, required.indptr[1:], required.nnz + 1)
    kept = np.setdiff1d(np.arange(required.nnz), ends - 1)
    indptr = np.searchsorted(kept, required.indptr)
    fewer = CSR(indptr, required.indices[kept], required.values[kept], required.n_cols)
    return REFERENCE.query(tables, codes, fewer, extra, query, salt)


@mutant("query", "exact")
def query_ignores_the_salt(self, tables, codes, required, extra, query, salt):
    return REFERENCE.query(tables, codes, required, extra, query, 0)


@mutant("query", "exact")
def query_keeps_one_too_many(self, tables, codes, required, extra, query, salt):
    more = replace(query, budget=query.budget + 1)
    return REFERENCE.query(tables, codes, required, extra, more, salt)


@mutant("query", "exact")
def query_ignores_the_bucket_limit(self, tables, codes, required, extra, query, salt):
    unlimited = replace(query, bucket_limit=required.n_cols + 1)
    return REFERENCE.query(tables, codes, required, extra, unlimited, salt)


@mutant("query", "exact")
def query_swaps_labels_and_extra(self, tables, codes, required, extra, query, salt):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    return active.with_values(2 - active.values)


@mutant("query", "exact")
def query_always_topk(self, tables, codes, required, extra, query, salt):
    topk = replace(query, strategy="topk")
    return REFERENCE.query(tables, codes, required, extra, topk, salt)


@mutant("query", "exact")
def query_probes_alike_for_all_examples(self, tables, codes, required, extra, query, salt):
    if query.shared or not len(codes):
        return REFERENCE.query(tables, codes, required, extra, query, salt)
    each = [
        REFERENCE.query(
            tables,
            codes[i : i + 1],
            required.take(np.array([i])),
            extra.take(np.array([i])),
            query,
            salt,
        )
        for i in range(len(codes))
    ]
    indptr = np.cumsum([0] + [one.nnz for one in each])
    indices = np.concatenate([one.indices for one in each])
    return CSR(indptr, indices, np.concatenate([one.values for one in each]), required.n_cols)


@mutant("query", "metamorphic")
def query_cuts_the_shared_set_as_a_whole(self, tables, codes, required, extra, query, salt):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    if not query.shared:
        return active
    found = np.flatnonzero(active.values[0] == 1)
    ids = np.delete(active.ids, found[query.budget :])
    return Block(ids, np.delete(active.values, found[query.budget :], axis=1), active.n_cols)


@mutant("query", "wide", alone=True)
def query_numbers_cells_in_int32(self, tables, codes, required, extra, query, salt):
    active = REFERENCE.query(tables, codes, required, extra, query, salt)
    if query.shared:
        return active
    cells = (active.row_numbers() * active.n_cols + active.indices).astype(np.int32)
    return replace(
        active, indices=(cells % max(active.n_cols, 1)).astype(np.int32)[np.argsort(cells)]
    )


# --- sddmm, spmm, spmm_t ---


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


class SumsInTurns(ReferenceBackend):
    """Sums forwards, then backwards: what a race between workers may look like."""

    n_calls = 0

    def sddmm(self, h, w, active):
        self.n_calls += 1
        turn = slice(None, None, (-1) ** self.n_calls)
        columns = np.ascontiguousarray(h[:, turn]), np.ascontiguousarray(w[:, turn])
        return REFERENCE.sddmm(*columns, active)


MUTANTS.append((SumsInTurns, "sddmm", "repeatable"))
LONE_KILLS.append(MUTANTS[-1])


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


# --- loss ---


@mutant("loss", "bound")
def loss_forgets_the_mean(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    return losses, dz.with_values(dz.values * np.float32(z.n_rows))


@mutant("loss", "bound")
def loss_ignores_log_weights(self, z, log_weights, y):
    return REFERENCE.loss(z, log_weights.with_values(log_weights.values * 0), y)


@mutant("loss", "bound")
def loss_sums_over_labels(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    return losses * np.maximum(y.row_lengths(), 1).astype(np.float32), dz


@mutant("loss", "bound")
def loss_leaves_labels_unweighted(self, z, log_weights, y):
    if isinstance(z, Block):
        return REFERENCE.loss(z, log_weights, y)
    cells, labels = (one.row_numbers() * one.n_cols + one.indices for one in (z, y))
    weights = np.where(np.isin(cells, labels), np.float32(0), log_weights.values)
    return REFERENCE.loss(z, log_weights.with_values(weights), y)


@mutant("loss", "bound")
def loss_counts_labels_that_are_not_active(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    rows, _ = active_labels(z, y)
    n_active = np.bincount(rows, minlength=z.n_rows)
    return losses * (n_active / np.maximum(y.row_lengths(), 1)).astype(np.float32), dz


@mutant("loss", "bound")
def loss_pushes_down_without_labels(self, z, log_weights, y):
    losses, dz = REFERENCE.loss(z, log_weights, y)
    if isinstance(z, Block):
        unlabelled = np.flatnonzero(losses == 0)
        dz.values[unlabelled] = 1 / max(z.n_rows * len(z.ids), 1)
    else:
        dz.values[losses[z.row_numbers()] == 0] = 1 / z.n_rows
    return losses, dz


@mutant("loss", "bound")
def loss_clips_logits_before_exp(self, z, log_weights, y):
    return REFERENCE.loss(z.with_values(np.minimum(z.values, np.float32(88))), log_weights, y)


@mutant("loss", "wide", alone=True)
def loss_numbers_cells_in_int32(self, z, log_weights, y):
    if isinstance(z, Block):
        return REFERENCE.loss(z, log_weights, y)
    cells = (y.row_numbers() * y.n_cols + y.indices).astype(np.int32)
    found = np.flatnonzero(cells >= 0)
    indptr = np.searchsorted(found, y.indptr)
    return REFERENCE.loss(z, log_weights, CSR(indptr, y.indices[found], y.values[found], y.n_cols))


# --- update_rows ---


@mutant("update_rows", "bound")
def update_forgets_the_bias_correction(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, 1_000_000)


@mutant("update_rows", "pure")
def update_decays_all_moments(self, param, grad, optimizer, lr, step):
    untouched = np.setdiff1d(np.arange(len(param.mean)), grad.rows)
    param.mean[untouched] *= np.float32(optimizer.beta1)
    REFERENCE.update_rows(param, grad, optimizer, lr, step)


@mutant("update_rows", "bound")
def update_takes_beta_as_float32(self, param, grad, optimizer, lr, step):
    rounded = replace(optimizer, beta2=float(np.float32(optimizer.beta2)))
    REFERENCE.update_rows(param, grad, rounded, lr, step)


@mutant("update_rows", "bound")
def update_with_epsilon_under_the_root(self, param, grad, optimizer, lr, step):
    weight = param.weight.copy()
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    scale = np.sqrt(param.square + optimizer.epsilon)
    moved = weight - optimizer.step_size(lr, step) * param.mean / scale
    param.weight[grad.rows] = moved[grad.rows]


@mutant("update_rows", "pure", alone=True)
def update_squares_the_gradient_in_place(self, param, grad, optimizer, lr, step):
    REFERENCE.update_rows(param, grad, optimizer, lr, step)
    np.square(grad.values, out=grad.values)


@mutant("update_rows", "bound")
def update_works_on_a_copy(self, param, grad, optimizer, lr, step):
    copy = type(param)(param.weight.copy(), param.mean.copy(), param.square.copy())
    REFERENCE.update_rows(copy, grad, optimizer, lr, step)


# --- top_k ---


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
