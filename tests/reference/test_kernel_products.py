"""Products and rankings: the reference against arithmetic by hand and the mathematics."""

import numpy as np
import pytest
from kernel_arguments import BACKEND, block, csr, densed, f32, labels, random_layouts

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
