"""Top k over weights in few bits, against sums over all labels written out in NumPy."""

import numpy as np
import pytest
from conftest import csr_of

from slide.backends.threads.packed import (
    RUN,
    Biases,
    PackedLists,
    PackedRows,
    best_of_packed,
    best_of_packed_candidates,
    best_of_packed_rows,
    by_bias,
    packed_logits,
    packed_row_logits,
)
from slide.backends.threads.pool import Pool
from slide.backends.threads.scratch import Scratch
from slide.core.contract.arrays import CSR
from slide.core.learner import LAST
from slide.serving.packing import codes_of, decoded, largest_of_runs, scales_of, with_largest

N, F, B = 37, 12, 20
LEAST = np.float32(LAST)
SCALES = np.float32(2) ** np.random.default_rng(3).integers(-3, 2, F)  # so that sums are exact


def quarters(rng, shape, most=16):
    """Multiples of a quarter, some of them 0."""
    return (rng.integers(-most, most, shape) / 4).astype(np.float32)


def drawn(dtype, last=()):
    """Lists of exact weights, the same as an array (N, F), and biases with many ties."""
    rng = np.random.default_rng(0)
    codes = np.where(rng.random((F, N)) < 0.3, quarters(rng, (F, N)), 0)
    codes = (4 * codes if dtype == "int8" else codes).astype(dtype)
    inputs, ids = np.nonzero(codes)
    stored = codes[inputs, ids]
    offsets = np.searchsorted(inputs, np.arange(F + 1))
    bias = quarters(rng, N, 3)
    bias[list(last)] = LEAST
    lists = PackedLists(offsets, ids.astype(np.int32), *decoded(stored), SCALES)
    return lists, (codes * SCALES[:, None]).T.astype(np.float64), Biases(bias, by_bias(bias), LEAST)


def examples():
    """Rows of none, one and several inputs; one whose weights cancel out is among them."""
    rng = np.random.default_rng(1)
    rows = [{}, *({f: 1.0} for f in range(F))]
    rows += [{int(f): float(rng.integers(-4, 5)) for f in rng.choice(F, 4)} for _ in range(B)]
    return csr_of(rows, F)


def best_of(z, k):
    order = np.argsort(-z, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(z, order, axis=1)


@pytest.mark.parametrize("dtype", ["int8", "float16"])
@pytest.mark.parametrize("k", [1, 5, N])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("last", [(), (0, 3, 30)])
def test_lists(dtype, k, threads, last):
    lists, weights, biases = drawn(dtype, last)
    x = examples()
    z = x.to_scipy().toarray().astype(np.float64) @ weights.T + biases.of_labels
    z[:, list(last)] = LAST
    expected = best_of(z, k)
    scratch = Scratch(Pool(threads))
    for _ in range(2):  # what was borrowed is clean again
        ids, scores = best_of_packed(scratch, lists, biases, x, k)
        np.testing.assert_array_equal(ids, expected[0])
        np.testing.assert_array_equal(scores, expected[1])
    assert not any(zeros.any() for zeros in scratch.free)


def test_lists_over_several_runs_of_labels():
    """As many labels as are no multiple of a run, most of which nobody meets."""
    rng, n = np.random.default_rng(5), 2 * RUN + 999
    codes = np.zeros((F, n), np.int8)
    codes[rng.integers(F, size=4000), rng.integers(n, size=4000)] = rng.integers(-9, 9, 4000)
    codes[:, [RUN - 1, RUN, 2 * RUN, n - 1]] = 7
    codes[:, RUN + 9 : RUN + 29] = -9  # met, and of the largest biases
    inputs, ids = np.nonzero(codes)
    offsets = np.searchsorted(inputs, np.arange(F + 1))
    bias = quarters(rng, n, 30)
    bias[RUN + 9 : RUN + 29] = 8
    lists = PackedLists(offsets, ids.astype(np.int32), *decoded(codes[inputs, ids]), SCALES)
    biases, x = Biases(bias, by_bias(bias), LEAST), examples()
    z = x.to_scipy().toarray() @ (codes * SCALES[:, None]).astype(np.float64) + bias
    for k in (1, 7, 300):
        ids, scores = best_of_packed(Scratch(Pool()), lists, biases, x, k)
        np.testing.assert_array_equal(ids, best_of(z, k)[0])
        np.testing.assert_array_equal(scores, best_of(z, k)[1])


def test_logits_of_labels_that_are_wanted():
    lists, weights, biases = drawn("int8", (3,))
    x = examples()
    z = x.to_scipy().toarray().astype(np.float64) @ weights.T + biases.of_labels
    z[:, 3] = LAST
    rng = np.random.default_rng(4)
    wanted = csr_of([dict.fromkeys(rng.choice(N, i % 5).tolist(), 1.0) for i in range(x.n_rows)], N)
    places = wanted.row_numbers(), wanted.indices
    np.testing.assert_array_equal(packed_logits(lists, biases, x, wanted).values, z[places])
    h, codes = quarters(rng, (x.n_rows, 6)), quarters(rng, (N, 6)).astype(np.float16)
    rows = PackedRows(codes, np.full(N, 2, np.float32), quarters(rng, N))
    z = h.astype(np.float64) @ (2 * codes.astype(np.float64)).T + rows.biases
    np.testing.assert_array_equal(packed_row_logits(h, rows, wanted).values, z[places])


@pytest.mark.parametrize("dtype", ["int8", "float16"])
@pytest.mark.parametrize("k", [1, 5, N])
def test_rows(dtype, k):
    rng = np.random.default_rng(2)
    codes = quarters(rng, (3000 + N, 6)).astype(dtype)  # more than a block of them
    scales = np.float32(2) ** rng.integers(-2, 2, len(codes)).astype(np.float32)
    biases, h = quarters(rng, len(codes)), quarters(rng, (7, 6))
    z = h.astype(np.float64) @ (codes * scales[:, None]).T + biases
    rows = PackedRows(codes, scales, biases)
    for pool in (Pool(1), Pool(3)):
        ids, scores = best_of_packed_rows(pool, h, rows, k)
        np.testing.assert_array_equal(ids, best_of(z, k)[0])
        np.testing.assert_array_equal(scores, best_of(z, k)[1])
    wanted = csr_of(
        [{int(j): 1.0 for j in rng.choice(len(codes), 9)} for _ in range(7)], len(codes)
    )
    ids, scores = best_of_packed_candidates(h, rows, wanted, k)
    among = np.where(wanted.dense() > 0, z, -np.inf)
    found = np.isfinite(best_of(among, k)[1])
    np.testing.assert_array_equal(ids, np.where(found, best_of(among, k)[0], -1))
    np.testing.assert_array_equal(scores, best_of(among, k)[1])


@pytest.mark.parametrize(("dtype", "share"), [("int8", 0.5 / 127), ("float16", 2**-11)])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e7])
def test_a_weight_is_about_its_code_times_its_scale(dtype, share, size):
    values = (size * np.random.default_rng(0).standard_normal(99)).astype(np.float32)
    offsets = np.array([0, 0, 40, 98, 99, 99])
    scales = scales_of(largest_of_runs(values, offsets), dtype)
    each = np.repeat(scales, np.diff(offsets))
    codes = codes_of(values, each, dtype)
    assert codes.dtype == dtype
    largest = np.repeat(largest_of_runs(values, offsets), np.diff(offsets))
    unsigned, meanings = decoded(codes)
    assert (abs(meanings[unsigned] * each - values) <= 1.001 * share * largest).all()
    assert largest_of_runs(values, offsets)[1] == abs(values[:40]).max()


def test_zeros_have_codes():
    assert codes_of(np.zeros(2, np.float32), scales_of(np.zeros(2), "int8"), "int8").tolist() == [
        0,
        0,
    ]


def test_the_largest_weights_of_each_row_are_kept():
    rows = [{}, {4: 1.0}, {1: -3.0, 2: 2.0, 5: 3.0}, {0: 1.0, 3: -1.0, 4: 1.0, 5: 1.0}]
    kept = with_largest(csr_of(rows, 6), 0.5)
    kept.check()
    expected = csr_of([{}, {4: 1.0}, {1: -3.0, 5: 3.0}, {0: 1.0, 3: -1.0}], 6)
    for mine, others in zip(
        (kept.indptr, kept.indices, kept.values),
        (expected.indptr, expected.indices, expected.values),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, others)


def test_all_weights_are_kept_as_they_are():
    weight = CSR.empty(3, 4)
    assert with_largest(weight, 1.0) is weight
