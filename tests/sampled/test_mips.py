"""Rows and queries before they are hashed: what collides is what answers most."""

import numpy as np
import pytest

from slide.core.contract.arrays import CSR, Block
from slide.core.learners.config import Config
from slide.core.sampled.mips import RADIUS_RANK, ROWS_AT_A_TIME, InnerProductHash

N, D = 400, 9


def rows_of(seed=0, n=N):
    """Rows of very different lengths around a mean that is not zero."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.standard_normal((n, 1), dtype=np.float32))
    return 1 + lengths * rng.standard_normal((n, D), dtype=np.float32)


def functions_of(backend, weight, center=True, **settings):
    config = Config(**{"K": 6, "L": 40} | settings)
    drawn = InnerProductHash.draw(
        config.learner.hashing, weight.shape[1], np.random.default_rng(3), backend
    )
    return drawn.fitted_to(weight, center)


@pytest.mark.parametrize("center", [True, False])
def test_lifted_rows_keep_their_products_with_queries_and_have_one_length(backend, center):
    weight = rows_of()
    functions = functions_of(backend, weight, center)
    lifted = functions.lifted(weight).astype(float)
    middle = weight.astype(float).mean(axis=0) if center else 0
    np.testing.assert_allclose(lifted[:, :-1], weight - middle, atol=1e-5)
    lengths = np.linalg.norm(weight - middle, axis=1)
    expected = np.maximum(lengths, functions.radius)
    np.testing.assert_allclose(np.linalg.norm(lifted, axis=1), expected, rtol=1e-5)
    assert (lifted[:, -1] >= 0).all()


def test_the_radius_is_the_length_of_the_row_of_that_rank(backend):
    n = 33 * RADIUS_RANK
    weight = rows_of(n=n)
    lengths = np.sort(np.linalg.norm(weight - weight.mean(axis=0), axis=1))
    radius = functions_of(backend, weight).radius
    assert radius == pytest.approx(lengths[-RADIUS_RANK], rel=1e-5)
    few = rows_of(n=32)
    lengths = np.sort(np.linalg.norm(few - few.mean(axis=0), axis=1))
    assert functions_of(backend, few).radius == pytest.approx(lengths[-2], rel=1e-5)


def test_codes_are_those_of_lifted_rows_and_widened_queries(backend):
    """Also across the border of the blocks in which rows are lifted."""
    weight = rows_of(n=ROWS_AT_A_TIME + 5)
    functions = functions_of(backend, weight, K=3, L=2)
    expected = backend.hash(functions.lifted(weight), None, functions.family)
    np.testing.assert_array_equal(functions.of_rows(backend, weight), expected)
    h = rows_of(seed=1, n=7)
    widened = np.concatenate([h, np.zeros((7, 1), np.float32)], axis=1)
    expected = backend.hash(widened, None, functions.family, 3)
    np.testing.assert_array_equal(functions.of_queries(backend, Block.of(h), 3), expected)


@pytest.mark.parametrize("hash_bias", [True, False])
@pytest.mark.parametrize("hash_norm", [True, False])
def test_sparse_queries_hash_as_the_dense_ones_they_mean(backend, hash_bias, hash_norm):
    weight = rows_of()
    functions = functions_of(backend, weight, hash_bias=hash_bias, hash_norm=hash_norm)
    h = rows_of(seed=1, n=20)
    h[:, ::2] = 0
    h[:, -1] = 1  # the input of the bias
    indptr = np.concatenate([[0], np.cumsum((h != 0).sum(axis=1))])
    sparse = CSR(indptr, np.nonzero(h)[1].astype(np.int32), h[h != 0], D)
    dense = functions.of_queries(backend, Block.of(h), 2)
    np.testing.assert_array_equal(functions.of_queries(backend, sparse, 2), dense)
    assert functions.family.d == D - (not hash_bias) + hash_norm


def collisions(functions, backend, weight, queries):
    """In how many tables each row shares the bucket of each query: (B, n)."""
    rows = functions.of_rows(backend, weight)
    codes = functions.of_queries(backend, Block.of(queries))
    return (codes[:, None, :] == rows).sum(axis=2)


def test_of_two_rows_in_one_direction_the_longer_one_is_met_more_often(backend):
    rng = np.random.default_rng(5)
    short = rng.standard_normal((200, D), dtype=np.float32)
    weight = np.concatenate([short, 3 * short])
    met = {}
    for hash_norm in (True, False):
        functions = functions_of(backend, weight, center=False, hash_norm=hash_norm)
        counts = collisions(functions, backend, weight, short)
        met[hash_norm] = [np.diag(counts[:, :200]).mean(), np.diag(counts[:, 200:]).mean()]
    assert met[False] == [40, 40]  # every one of L = 40 tables: the same angles
    assert met[True][1] > 2 * met[True][0]


def test_ranked_by_hits_the_most_wanted_rows_come_first(backend):
    """Share of each query's ten best rows among the forty that it meets most often."""
    weight, queries = rows_of(), rows_of(seed=8, n=100)
    best = np.argsort(-(queries @ (weight - weight.mean(axis=0)).T), axis=1)[:, :10]
    recall = {}
    for hash_norm in (True, False):
        functions = functions_of(backend, weight, hash_norm=hash_norm, L=100)
        counts = collisions(functions, backend, weight, queries)
        ranks = np.argsort(np.argsort(-counts, axis=1, kind="stable"), axis=1)
        recall[hash_norm] = (np.take_along_axis(ranks, best, 1) < 40).mean()
    assert recall[True] > recall[False] + 0.2


def test_families_of_positions_have_no_coordinate_for_the_length(backend):
    functions = functions_of(backend, rows_of(), hash="dwta", K=2)
    assert functions.radius is None
    assert functions.family.d == D
