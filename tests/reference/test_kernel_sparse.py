"""Kernels on sparse weights: the reference against arithmetic by hand and dense matrices."""

import numpy as np
import pytest
from kernel_arguments import BACKEND, csr, densed, f32, labels

import slide
from slide.core.contract.sparse import InvertedIndex, SparseParam

NUMBA = slide.load_backend("numba")


def test_spgemm_t_by_hand() -> None:
    # Column 0: 1 (2, 1, 0) + 1 (0, -4, 0); column 1: 3 (0, -4, 0), where input 1 is excluded.
    z, x = csr(2, {0: 1}, {0: 1, 1: 3}), csr(3, {0: 2, 1: 1}, {1: -4})
    whole = BACKEND.spgemm_t(z, x, np.array([9, 9]), csr(3, {}, {}))
    assert densed(whole)[0].tolist() == [[2, -3, 0], [0, -12, 0]]
    cut = BACKEND.spgemm_t(z, x, np.array([1, 1]), csr(3, {}, {1: 7}))
    assert cut.indptr.tolist() == [0, 1, 1]
    assert (cut.indices.tolist(), cut.values.tolist()) == ([1], [-3])  # longer than 2


def test_invert_by_hand() -> None:
    # Input 0 has neurons 0, 1, 2 with 1, 2, 0, and with their base 1, 2, 5.
    w, base = csr(2, {0: 1}, {0: 2, 1: 9}, {0: 0}), f32(0, 0, 5)
    index = BACKEND.invert(w, base, 2)
    assert index.offsets.tolist() == [0, 2, 3]
    assert index.ids.tolist() == [1, 2, 1]
    assert index.values.tolist() == [2, 0, 9]
    assert index.base.tolist() == [0, 0, 5]


def test_search_by_hand() -> None:
    index = InvertedIndex(np.array([0, 2, 3]), np.array([0, 1, 2], np.int32), f32(1, 2, 3),
                          f32(0, 0, 1, 9))  # fmt: skip
    x = csr(2, {0: 1.0}, {0: 1.0, 1: 2.0}, {})
    # Example 0 meets neurons 0 and 1; example 1 also 2 with 1 + 2 * 3; nobody ever meets 3.
    ids, scores = BACKEND.search(index, x, labels(4, [], [1], [0]), 3)
    assert ids.tolist() == [[1, 0, -1], [2, 0, -1], [-1, -1, -1]]
    assert scores.tolist() == [[2, 1, -np.inf], [7, 1, -np.inf], [-np.inf] * 3]


def test_masked_spgemm_by_hand() -> None:
    x, w = csr(3, {0: 1, 2: 2}, {1: 5}), csr(3, {0: 3, 1: 4}, {2: 10}, {})
    z = BACKEND.masked_spgemm(x, w, labels(3, [0, 1, 2], [0]))
    assert z.values.tolist() == [3, 20, 0, 20]


def test_update_entries_by_hand() -> None:
    # Neuron 0: g = 2 * 1.5 at input 0, so square = 7 + 9 and the step is 4 * 3 / 4.
    param = SparseParam(csr(2, {0: 10, 1: 10}, {0: 10}), f32(7, 1, 1))
    BACKEND.update_entries(param, csr(2, {0: 2}), csr(2, {0: 1.5}), 4.0)
    assert param.weight.values.tolist() == [7, 10, 10]
    assert param.square.tolist() == [16, 1, 1]


@pytest.mark.parametrize("backend", [BACKEND, NUMBA], ids=["reference", "numba"])
@pytest.mark.parametrize("seed", range(10))
def test_products_against_dense_ones(backend, seed: int) -> None:
    rng = np.random.default_rng(seed)
    B, n, m = rng.integers(1, 30, 3)

    def drawn(rows, columns):
        cells = rng.integers(-16, 17, (rows, columns)) / 4
        return csr(columns, *({j: v for j, v in enumerate(r) if rng.random() < 0.4} for r in cells))

    z, x, w = drawn(B, n), drawn(B, m), drawn(n, m)
    (zd, zs), (xd, xs), (wd, ws) = map(densed, (z, x, w))
    product, stored = densed(backend.spgemm_t(z, x, np.full(n, m), w.with_values(0 * w.values)))
    assert np.array_equal(stored, (zs.astype(int).T @ xs.astype(int) > 0) & ~ws)
    assert np.array_equal(product, np.where(stored, zd.T @ xd, 0))
    logits, _ = densed(backend.masked_spgemm(x, w, z))
    assert np.array_equal(logits, np.where(zs, xd @ wd.T, 0))
    base = (rng.integers(-16, 17, n) / 4).astype(np.float32)
    ids, scores = backend.search(backend.invert(w, base, n), x, csr(n, *[{}] * B), n)
    met = xs.astype(int) @ ws.astype(int).T > 0
    for i in range(B):
        found = ids[i] >= 0
        assert set(ids[i][found]) == set(np.flatnonzero(met[i]))
        assert np.array_equal(scores[i][found], (xd[i] @ wd.T + base)[ids[i][found]])


def test_scratch_is_clean_after_every_kernel() -> None:
    """A borrowed array that came back dirty would change whatever borrows it next."""
    backend = slide.load_backend("numba")
    rng = np.random.default_rng(0)
    x, w, z = (
        csr(40, *({j: float(rng.normal()) for j in sorted(rng.choice(40, 6, replace=False))}
                  for _ in range(40)))
        for _ in range(3)
    )  # fmt: skip
    index = backend.invert(w, f32(*[0] * 40), 5)
    backend.spgemm_t(z, x, np.full(40, 3), w)
    backend.search(index, x, z, 4)
    backend.masked_spgemm(x, w, z)
    backend.update_entries(SparseParam(w, np.ones_like(w.values)), z, x, 0.5)
    assert backend.scratch.free
    assert not any(zeros.any() for zeros in backend.scratch.free)


@pytest.mark.parametrize("k", [100, 200])
def test_many_best_are_found_in_another_way(k) -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(-9, 9, 900) / 4  # with many ties
    lists = csr(900, dict(enumerate(scores)))
    base = (rng.integers(-9, 9, 900) / 4).astype(np.float32)
    index = InvertedIndex(lists.indptr, lists.indices, lists.values, base)
    arguments = index, csr(1, {0: 1.0}, {}), labels(900, [5, 7], [1]), k
    for one, other in zip(NUMBA.search(*arguments), BACKEND.search(*arguments), strict=True):
        assert np.array_equal(one, other)


def test_lists_of_numbers_that_cannot_be_compared_stay_consistent() -> None:
    w = csr(2, *({0: float("nan"), 1: 1.0} for _ in range(20)))
    index = NUMBA.invert(w, np.zeros(20, np.float32), 5)
    assert index.offsets[-1] == len(index.ids) == len(index.values)
