"""The reference kernels against arithmetic by hand, dense formulas and the mathematics."""

from math import log, pi, sqrt

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import chi2

from slide.core.arrays import CSR, Block, Param, RowGrad
from slide.core.backend import FROM_EXTRA, FROM_LABELS, FROM_TABLES, Query
from slide.core.hashing import SimHash, Tables, mix
from slide.core.optim import Adam
from slide.reference import plain
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
F64_EPS = np.finfo(np.float64).eps


def f32(*rows):
    return np.array(rows, np.float32)


def csr(n_cols, *rows):
    """A CSR from one {column: value} per row."""
    return CSR(
        np.cumsum([0] + [len(row) for row in rows]),
        np.array([j for row in rows for j in row], np.int32),
        np.array([v for row in rows for v in row.values()], np.float32),
        n_cols,
    )


def labels(n_cols, *rows):
    return csr(n_cols, *(dict.fromkeys(row, 1.0) for row in rows))


def block(n_cols, ids, *rows):
    return Block(np.array(ids, np.int32), f32(*rows).reshape(len(rows), len(ids)), n_cols)


def densed(z):
    """The matrix that a CSR or Block stands for, and which of its cells are stored."""
    ids = plain.patterns(z, z.n_rows)
    stored = np.zeros((z.n_rows, z.n_cols), bool)
    matrix = np.zeros(stored.shape)
    for i, row in enumerate(plain.rows_of(z)):
        stored[i, ids[i]] = True
        matrix[i, ids[i]] = list(row.values())
    return matrix, stored


# --- mix ---


def test_mix_of_known_numbers() -> None:
    # fmix32 of MurmurHash3: 0 -> 0 and 1 -> 0x514e28b7 are its published values. Salt 0 adds
    # nothing; salt s flips the bits of s * 0x9E3779B97F4A7C15 >> 16 first, which for s = 1 ends
    # in 79B97F4A.
    assert mix(np.array([0, 1]), 0).tolist() == [0, 0x514E28B7]
    assert mix(np.array([0x79B97F4A, 0x79B97F4B]), 1).tolist() == [0, 0x514E28B7]


@pytest.mark.parametrize("salt", [0, 1, 7, 1 << 40])
def test_mix_is_a_bijection(salt: int) -> None:
    # It has an inverse: each step undone, last first. A product by an odd number is undone by its
    # inverse modulo 2**32, z ^ z >> 16 by itself, z ^ z >> 13 by z ^ z >> 13 ^ z >> 26.
    numbers = np.random.default_rng(0).integers(1 << 32, size=1 << 16, dtype=np.uint32)
    z = mix(numbers, salt)
    z ^= z >> np.uint32(16)
    z *= np.uint32(pow(0xC2B2AE35, -1, 1 << 32))
    z ^= z >> np.uint32(13) ^ z >> np.uint32(26)
    z *= np.uint32(pow(0x85EBCA6B, -1, 1 << 32))
    z ^= z >> np.uint32(16)
    assert len(np.unique(z ^ numbers)) == 1  # the salt's own bits, the same for every number


def test_mix_in_python_integers_is_the_same() -> None:
    numbers = np.random.default_rng(0).integers(1 << 32, size=99, dtype=np.uint32)
    for salt in (0, 3, 1 << 40):
        again = [plain.mix(number, salt) for number in numbers.tolist()]
        assert mix(numbers, salt).tolist() == again


def test_mix_differs_by_salt() -> None:
    orders = {tuple(np.argsort(mix(np.arange(20), salt))) for salt in range(500)}
    assert len(orders) == 500  # of 20! = 2.4e18


# --- hash ---


def test_hash_by_hand() -> None:
    # Two tables of two bits. x - center = (1, -2), (-1, 1), (0, 0).
    # Directions: (1, 0) (0, 1) key table 0, (1, 1) (-1, -1) table 1.
    #   (1, -2): 1 > 0, -2 no        -> 1 = 1;   -1 no, 1 > 0  -> 2
    #   (-1, 1): no, 1 > 0           -> 2;       0 no, 0 no    -> 0
    #   (0, 0):  nothing is above 0  -> 0;       0
    family = SimHash(f32([1, 0, 1, -1], [0, 1, 1, -1]), K=2, L=2)
    codes = BACKEND.hash(f32([2, 1], [0, 4], [1, 3]), np.float32([1, 3]), family)
    assert codes.tolist() == [[1, 2], [2, 0], [0, 0]]
    assert codes.dtype == np.uint32


@pytest.mark.parametrize("angle", [0.1, pi / 3, pi / 2, 2.5])
def test_simhash_bits_collide_as_the_angle_says(angle: float) -> None:
    # Each bit of each table is one trial with probability 1 - angle / pi: 5 sigma of a binomial.
    n_bits = 20_000
    family = SimHash.draw(8, K=20, L=n_bits // 20, rng=np.random.default_rng(1))
    x = np.zeros((2, 8), np.float32)
    x[:, 0], x[1, 0], x[1, 1] = 3, 2 * np.cos(angle), 2 * np.sin(angle)
    codes = BACKEND.hash(x, np.zeros(8, np.float32), family)
    differing = sum(int(code).bit_count() for code in codes[0] ^ codes[1])
    p = 1 - angle / pi
    assert abs(n_bits - differing - n_bits * p) < 5 * sqrt(n_bits * p * (1 - p))


# --- build ---


def test_build_by_hand() -> None:
    # mix with salt 0 keeps 0 first (mix(0) = 0), then orders by
    #   1 -> 0x514e28b7, 2 -> 0x30f4c306, 3 -> 0x85f0b427.
    # Bucket 0 has {1, 2}: 2 before 1. Bucket 2 has {0, 3}: 0 before 3. Bucket 1 is empty.
    assert [hex(z) for z in mix(np.arange(4), 0).tolist()] == [
        "0x0", "0x514e28b7", "0x30f4c306", "0x85f0b427",
    ]  # fmt: skip
    tables = BACKEND.build(np.array([[2], [0], [0], [2]], np.uint32), n_buckets=3, salt=0)
    assert tables.ids.tolist() == [2, 1, 0, 3]
    assert tables.offsets.tolist() == [0, 2, 2, 4]
    assert (tables.ids.dtype, tables.offsets.dtype) == (np.int32, np.int64)


def test_the_cut_of_a_long_bucket_is_uniform_over_salts() -> None:
    # Each of n neurons in one bucket is among the first m for a share m / n of the salts. One
    # salt's indicators have variance share * (1 - share) and covariance -1 / (n - 1) of it, hence
    # the eigenvalue share * (1 - share) * n / (n - 1) in n - 1 directions: the sum of squares over
    # it is chi-square with n - 1 degrees of freedom. Exceeded by chance once in a million.
    n, m, n_salts = 50, 10, 4000
    codes = np.zeros((n, 1), np.uint32)
    kept = np.zeros(n)
    for salt in range(n_salts):
        kept[BACKEND.build(codes, 1, salt).ids[:m]] += 1
    share = m / n
    variance = n_salts * share * (1 - share) * n / (n - 1)
    assert np.square(kept - n_salts * share).sum() / variance < chi2.isf(1e-6, n - 1)


# --- query ---

# Six neurons in two tables of two buckets; the order within a bucket is as given.
TABLES = Tables(
    offsets=np.array([0, 4, 6, 9, 12]),
    ids=np.array([0, 1, 2, 3, 4, 5, 3, 0, 5, 1, 2, 4], np.int32),
    L=2,
    n_buckets=2,
)
CODES = np.array([[0, 0]], np.uint32)  # meets {0, 1, 2, 3} and {3, 0, 5}
NOBODY = labels(6, [])


def ask(query, required=NOBODY, extra=NOBODY, codes=CODES, tables=TABLES, salt=0):
    return BACKEND.query(tables, codes, required, extra, query, salt)


def test_topk_prefers_neurons_met_twice() -> None:
    # 0 and 3 are met twice; next by mix with salt 0: 2 (0x30f4..) before 1 (0x514e..) before 5.
    assert ask(Query("topk", 2, 9, shared=False)).indices.tolist() == [0, 3]
    assert ask(Query("topk", 3, 9, shared=False)).indices.tolist() == [0, 2, 3]
    assert mix(np.array([5]), 0) > mix(np.array([1]), 0)
    assert ask(Query("topk", 4, 9, shared=False)).indices.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("salt", range(8))
def test_vanilla_exhausts_the_table_probed_first(salt: int) -> None:
    table_0_first = plain.mix(0, salt) < plain.mix(1, salt)
    got = ask(Query("vanilla", 3, 9, shared=False), salt=salt).indices.tolist()
    assert set(got) < {0, 1, 2, 3} if table_0_first else got == [0, 3, 5]


def test_the_bucket_limit_cuts_before_anything_is_counted() -> None:
    # {0} and {3} are left of the two buckets; no other neuron is seen.
    assert ask(Query("topk", 9, 1, shared=False)).indices.tolist() == [0, 3]


def test_origins_by_precedence() -> None:
    # 3 is a label and in a bucket; 1 is in a bucket and extra; 4 is extra alone.
    active = ask(
        Query("topk", 9, 2, shared=False), labels(6, [3, 5]), labels(6, [1, 4])
    )  # finds {0, 1} and {3, 0}
    assert dict(zip(active.indices.tolist(), active.values.tolist(), strict=True)) == {
        0: FROM_TABLES, 1: FROM_TABLES, 3: FROM_LABELS, 4: FROM_EXTRA, 5: FROM_LABELS,
    }  # fmt: skip


def test_a_shared_set_is_the_union_of_the_examples() -> None:
    # Example 0 finds {0} and {3} of its buckets, example 1 {4} and {1}; each may keep one by mix:
    # 0 (mix is 0), and of {4, 1} the smaller of mix.
    codes = np.array([[0, 0], [1, 1]], np.uint32)
    kept = min([4, 1], key=lambda j: plain.mix(j, 0))
    active = ask(Query("topk", 1, 1, shared=True), labels(6, [], [2]), labels(6, [], []), codes)
    assert active.ids.tolist() == sorted([0, 2, kept])
    assert active.values.shape == (1, 3)
    assert active.values[0, active.ids == 2] == FROM_LABELS


def test_without_tables_only_labels_and_extra_are_active() -> None:
    nothing = np.zeros((2, 0), np.uint32)
    active = ask(
        Query("topk", 9, 9, shared=False),
        labels(6, [3], []),
        labels(6, [5], [5]),
        nothing,
        None,
    )
    assert active.indptr.tolist() == [0, 2, 3]
    assert active.indices.tolist() == [3, 5, 5]


# --- sddmm, spmm, spmm_t ---

H = f32([1, 2], [3, -1])
W = f32([1, 0], [0, 1], [2, 2])


def test_sddmm_by_hand() -> None:
    # h_0 . w_2 = 2 + 4 = 6;  h_1 . w_0 = 3;  h_1 . w_1 = -1
    z = BACKEND.sddmm(H, W, csr(3, {2: 9.0}, {0: 9.0, 1: 9.0}))
    assert z.values.tolist() == [6, 3, -1]
    shared = BACKEND.sddmm(H, W, block(3, [0, 2], [9, 9]))  # h_0 . w_0 = 1;  h_1 . w_2 = 4
    assert shared.values.tolist() == [[1, 6], [3, 4]]


def test_spmm_by_hand() -> None:
    # 2 w_0 + 1 w_2 = (2, 0) + (2, 2);  nothing;  -1 w_1
    assert BACKEND.spmm(csr(3, {0: 2, 2: 1}, {}, {1: -1}), W).tolist() == [[4, 2], [0, 0], [0, -1]]
    assert BACKEND.spmm(block(3, [0, 2], [2, 1], [0, 1]), W).tolist() == [[4, 2], [2, 2]]


def test_spmm_t_by_hand() -> None:
    # Column 2 is in both rows: 1 h_0 + 3 h_1 = (1, 2) + (9, -3); column 0 holds a stored zero.
    grad = BACKEND.spmm_t(csr(3, {0: 0, 2: 1}, {2: 3}), H)
    assert grad.rows.tolist() == [0, 2]
    assert grad.values.tolist() == [[0, 0], [10, -1]]
    shared = BACKEND.spmm_t(block(3, [1], [2], [1]), H)  # 2 h_0 + h_1
    assert (shared.rows.tolist(), shared.values.tolist()) == ([1], [[5, 3]])


def random_layouts(rng, B, n):
    """A CSR and a Block of quarters over the same sizes."""
    dense = rng.integers(-16, 17, (B, n)) / 4
    rows = [{j: v for j, v in enumerate(row) if rng.random() < 0.4} for row in dense]
    ids = np.flatnonzero(rng.random(n) < 0.5)
    return csr(n, *rows), Block(ids.astype(np.int32), dense[:, ids].astype(np.float32), n)


@pytest.mark.parametrize("seed", range(20))
def test_products_against_dense_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    B, n, d = rng.integers(1, 12, 3)
    h, w = (rng.integers(-16, 17, (rows, d)) / 4 for rows in (B, n))  # float64 and exact
    h32, w32 = h.astype(np.float32), w.astype(np.float32)
    for z in random_layouts(rng, B, n):
        matrix, stored = densed(z)
        logits, _ = densed(BACKEND.sddmm(h32, w32, z))
        assert np.array_equal(logits, np.where(stored, h @ w.T, 0))
        assert np.array_equal(BACKEND.spmm(z, w32), matrix @ w)
        grad = BACKEND.spmm_t(z, h32)
        assert np.array_equal(grad.rows, np.flatnonzero(stored.any(axis=0)))
        assert np.array_equal(grad.values, (matrix.T @ h)[grad.rows])


# --- loss ---


def test_loss_by_hand() -> None:
    # Example 0: logits 0 and log 3 (the latter a label), so p = 1/4 and 3/4: loss log(4/3),
    # gradient (1/4, 3/4 - 1) / 3 examples. Example 1 has no active label: 0. Example 2: logits
    # 0, 0 with weights log 1 and log 3 give the same p, both are labels: loss is the mean of
    # log 4 and log(4/3), gradient (1/4 - 1/2, 3/4 - 1/2) / 3.
    z = csr(9, {2: 0, 5: log(3)}, {1: 7.0}, {0: 0, 8: 0})
    weights = csr(9, {2: 0, 5: 0}, {1: 0}, {0: 0, 8: log(3)})
    y = labels(9, [5], [0], [0, 8])
    losses, dz = BACKEND.loss(z, weights, y)
    assert losses.tolist() == pytest.approx([log(4 / 3), 0, (log(4) + log(4 / 3)) / 2], rel=1e-6)
    assert dz.values.tolist() == pytest.approx(
        [1 / 12, -1 / 12, 0, -1 / 12, 1 / 12], rel=1e-6
    )  # fmt: skip
    assert (losses[1], dz.values[2]) == (0, 0)


def test_loss_ignores_labels_that_are_not_active() -> None:
    z = block(9, [2, 5], [0, log(3)])
    weights = block(9, [2, 5], [0, 0])
    with_it, _ = BACKEND.loss(z, weights, labels(9, [1, 5, 8]))
    assert with_it == BACKEND.loss(z, weights, labels(9, [5]))[0]


def test_loss_of_huge_logits_is_finite() -> None:
    # p = (1, exp(-2000) = 0): the label that lost costs 2000.
    losses, dz = BACKEND.loss(
        block(2, [0, 1], [1000, -1000]), block(2, [0, 1], [0, 0]), labels(2, [1])
    )
    assert losses.tolist() == [2000]
    assert dz.values.tolist() == [[1, -1]]


@pytest.mark.parametrize("seed", range(20))
def test_loss_against_scipy(seed: int) -> None:
    # In float64: a sum of R exponentials, one logarithm, some subtractions of numbers below T.
    rng = np.random.default_rng(seed)
    for z, weights, y in loss_arguments(rng, B=5, n=12):
        logits, stored = densed(z)
        scores = np.where(stored, logits + densed_weights(weights, z.n_rows), -np.inf)
        losses, _ = BACKEND.loss(z, weights, y)
        for i in range(z.n_rows):
            wanted = np.intersect1d(y.row(i)[0], np.flatnonzero(stored[i]))
            truth = -log_softmax(scores[i])[wanted].mean() if len(wanted) else 0
            scale = abs(scores[i][stored[i]]).max(initial=1)
            assert abs(losses[i] - truth) <= 16 * F64_EPS * scale


@pytest.mark.parametrize("layout", [0, 1], ids=["csr", "block"])
def test_gradient_of_loss_against_central_differences(layout: int) -> None:
    # The truncation error is step**2 / 6 * |third derivative| and that of a softmax is below 1;
    # rounding adds a few eps * |loss| / step. Both are below 1e-9 for step = 2e-5, loss < 30.
    step = 2e-5
    for seed in range(5):
        z, weights, y = loss_arguments(np.random.default_rng(seed), B=4, n=9)[layout]
        _, dz = BACKEND.loss(z, weights, y)
        assert dz.values.dtype == np.float64
        for place in np.ndindex(z.values.shape):
            means = []
            for side in (step, -step):
                moved = z.values.copy()
                moved[place] += side
                means.append(BACKEND.loss(z.with_values(moved), weights, y)[0].mean())
            slope = (means[0] - means[1]) / (2 * step)
            assert abs(slope - dz.values[place]) < 1e-9


def loss_arguments(rng, B, n):
    """Logits, weights and labels in both layouts, float64; some examples without labels."""
    y = labels(n, *(np.flatnonzero(rng.random(n) < 0.2 * (i > 0)).tolist() for i in range(B)))
    for_each, shared = (
        z.with_values(3 * rng.standard_normal(z.values.shape)) for z in random_layouts(rng, B, n)
    )
    shapes = for_each.values.shape, (1, len(shared.ids))
    return [
        (z, z.with_values(rng.random(shape)), y)
        for z, shape in zip((for_each, shared), shapes, strict=True)
    ]


def densed_weights(weights, n_rows):
    """Log weights as (B, n); those of a Block count for every row."""
    return np.broadcast_to(densed(weights)[0], (n_rows, weights.n_cols))


# --- update_rows ---


def test_update_rows_by_hand() -> None:
    # beta1 = 1/2, beta2 = 3/4, step 1: step size = lr sqrt(1/4) / (1/2) = lr = 1/2.
    # g = 4: mean = (4 - 0) / 2 = 2, square = (16 - 0) / 4 = 4, and with epsilon = 2 the weight
    # moves by 1/2 * 2 / (2 + 2) = 1/4, against g. g = 0: nothing moves. Row 1 is not touched.
    param = Param.of(f32([1, 1], [1, 1], [1, 1]))
    grad = RowGrad(np.array([0, 2], np.int32), f32([4, 0], [-4, 4]))
    BACKEND.update_rows(param, grad, Adam(0.5, 0.75, 2.0), lr=0.5, step=1)
    assert param.mean.tolist() == [[2, 0], [0, 0], [-2, 2]]
    assert param.square.tolist() == [[4, 0], [0, 0], [4, 4]]
    assert param.weight.tolist() == [[0.75, 1], [1, 1], [1.25, 0.75]]


def test_a_second_step_by_hand() -> None:
    # From mean 2, square 4 with g = 0: mean 1, square 3. Step size at 2: sqrt(1 - 9/16) = sqrt(7)/4
    # over 1 - 1/4 = 3/4, times lr 3: sqrt(7). Move: sqrt(7) * 1 / (sqrt(3) + 0).
    param = Param(f32([0]), f32([2]), f32([4]))
    grad = RowGrad(np.array([0], np.int32), f32([0]))
    BACKEND.update_rows(param, grad, Adam(0.5, 0.75, 0.0), lr=3.0, step=2)
    assert (param.mean[0, 0], param.square[0, 0]) == (1, 3)
    assert param.weight[0, 0] == pytest.approx(-sqrt(7 / 3), rel=1e-6)


def test_the_first_adam_step_has_the_length_of_the_learning_rate() -> None:
    # mean / sqrt(square) = (1 - beta1) g / sqrt((1 - beta2) g**2), and the step size undoes both.
    param = Param.of(f32([0, 0]))
    BACKEND.update_rows(param, RowGrad(np.array([0], np.int32), f32([5, -5])), Adam(), 0.1, 1)
    assert param.weight[0].tolist() == pytest.approx([-0.1, 0.1], rel=1e-6)


# --- top_k ---


def test_top_k_by_hand() -> None:
    # Scores of h_0 = (1, 0): 1, 3, 3, -1; of h_1 = (0, 1): 0, 2, 0, 5. Ties go to the smaller id.
    h, w = f32([1, 0], [0, 1]), f32([1, 0], [3, 2], [3, 0], [-1, 5])
    ids, scores = BACKEND.top_k(h, w, None, 3)
    assert ids.tolist() == [[1, 2, 0], [3, 1, 0]]
    assert scores.tolist() == [[3, 3, 1], [5, 2, 0]]
    assert (ids.dtype, scores.dtype) == (np.int32, np.float32)


def test_top_k_of_candidates_is_padded() -> None:
    h, w = f32([1, 0], [0, 1]), f32([1, 0], [3, 2], [3, 0], [-1, 5])
    ids, scores = BACKEND.top_k(h, w, labels(4, [0, 3], []), 3)
    assert ids.tolist() == [[0, 3, -1], [-1, -1, -1]]
    assert scores.tolist() == [[1, -1, -np.inf], [-np.inf] * 3]


def test_top_k_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    h, w = (rng.integers(-16, 17, (rows, 6)).astype(np.float32) / 4 for rows in (50, 90))
    whole = BACKEND.top_k(h, w, None, 7)
    monkeypatch.setattr("slide.reference.kernels.TOP_K_CELLS", 900)
    for at_once, in_blocks in zip(whole, BACKEND.top_k(h, w, None, 7), strict=True):
        assert np.array_equal(at_once, in_blocks)
