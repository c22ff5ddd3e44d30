"""What `slide verify` cannot see of the numba backend: its threads, and its own arithmetic."""

import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from all_pass import assert_all_pass
from scipy.sparse import random
from threadpoolctl import threadpool_limits

import slide
from slide.backends.numba_threads import NumbaBackend
from slide.backends.threads.elementary import exp_in_place, log1p_of
from slide.backends.threads.pool import Pool
from slide.core.contract.arrays import CSR
from slide.core.contract.losses import LossName
from slide.core.learners.config import Config
from slide.core.runs.trainer import Trainer
from slide.reference.cases.choices import ANY_SIZE
from slide.reference.checks import verify
from slide.reference.kernels import ReferenceBackend

N_ROWS, WIDTH = 1500, 40
CONFIG = Config(hidden=(24,), epochs=1, batch_size=300, active=900, K=3, L=6)


@pytest.mark.parametrize(
    ("n_examples", "largest"), [(1, 5000), pytest.param(3, ANY_SIZE, marks=pytest.mark.slow)]
)
def test_every_kernel_matches_its_definition(n_examples, largest):
    """More examples, and larger ones, are in `make check`, too."""
    assert_all_pass(verify(NumbaBackend(), n_examples, largest=largest))


def test_a_kernel_that_is_held_computes_on_as_many_threads_as_are_said_later():
    backend = NumbaBackend()
    sddmm, of_class = backend.sddmm, NumbaBackend.sddmm
    rng = np.random.default_rng(0)
    h, w = (rng.standard_normal((n, WIDTH), dtype=np.float32) for n in (N_ROWS, 900))
    active = CSR.from_scipy(random(N_ROWS, 900, 0.1, "csr", rng=rng))
    alone = sddmm(h, w, active).values
    assert backend.pool.executor is None
    assert backend.set_threads(3) == 3
    np.testing.assert_array_equal(sddmm(h, w, active).values, alone)
    assert backend.pool.executor._max_workers == 2
    np.testing.assert_array_equal(of_class(backend, h, w, active).values, alone)


def ulps(got, exact):
    return np.max(np.abs(got.astype(np.float64) - exact) / np.spacing(exact.astype(np.float32)))


def test_exp_is_within_two_ulp():
    x = -np.linspace(0, 87.336, 400_001, dtype=np.float32)  # the last normal number is near
    exact, got = np.exp(x.astype(np.float64)), x.copy()
    exp_in_place(got, np.empty_like(got))
    assert ulps(got, exact) <= 2
    got = -x
    exp_in_place(got, np.empty_like(got))
    assert ulps(got, np.exp(-x.astype(np.float64))) <= 2


def test_exp_ends_in_zero_and_not_in_rubbish():
    x = np.array([-87.33, -88, -104, -1e30], np.float32)
    exp_in_place(x, np.empty_like(x))
    assert x[0] > 0
    assert not x[1:].any()


def test_log1p_is_within_three_ulp():
    e = np.linspace(2e-7, 1, 200_001, dtype=np.float32)
    got = np.empty_like(e)
    log1p_of(e, got)
    assert ulps(got, np.log1p(e.astype(np.float64))) <= 3
    log1p_of(np.zeros(1, np.float32), got[:1])
    assert got[0] == 0


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 11, 12, 13])
def test_spans_cover_all_rows_once(n_threads, n_rows):
    spans = Pool(n_threads).spread(lambda start, stop: list(range(start, stop)), n_rows)
    assert [row for span in spans for row in span] == list(range(n_rows))
    blocks = Pool(n_threads).blocks(lambda start, stop: list(range(start, stop)), n_rows, 5)
    assert [row for block in blocks for row in block] == list(range(n_rows))


def test_what_a_thread_raises_reaches_the_caller():
    def fail(start, stop):
        raise MemoryError

    with pytest.raises(MemoryError):
        Pool(2).spread(fail, 8)


def data(seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (N_ROWS, WIDTH)) * rng.integers(0, 2, (N_ROWS, WIDTH))
    x[:, 0] = 1
    labels = rng.integers(0, 2000, N_ROWS)
    ones = np.ones(N_ROWS, np.float32)
    y = CSR(np.arange(N_ROWS + 1), labels.astype(np.int32), ones, 2000)
    rows, columns = np.nonzero(x)
    indptr = np.searchsorted(rows, np.arange(N_ROWS + 1))
    values = x[rows, columns].astype(np.float32)
    return slide.Dataset(CSR(indptr, columns.astype(np.int32), values, WIDTH), y)


def trained(n_threads, scope="batch"):
    backend = NumbaBackend()
    assert backend.set_threads(n_threads) == n_threads
    model = Trainer(replace(CONFIG, scope=scope), backend).fit(data(1))
    ids, scores = model.predict(data(2).x, 3)
    weights = [layer.param.weight.tobytes() for layer in model.network.layers]
    return [*weights, ids.tobytes(), scores.tobytes()]


@pytest.mark.parametrize("scope", ["batch", "example"])
def test_any_number_of_threads_gives_the_same_bits(scope):
    one = trained(1, scope)
    assert trained(2, scope) == one
    assert trained(3, scope) == one


def test_training_is_that_of_the_reference():
    few = replace(CONFIG, sampler="full", dropout=0.0)  # nothing that a last bit could decide
    networks = [Trainer(few, b).fit(data(1)).network for b in (NumbaBackend(), ReferenceBackend())]
    ours, theirs = (network.output.param.weight for network in networks)
    moved = np.abs(theirs).max()
    assert np.abs(ours - theirs).max() < 0.01 * moved


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it_works_in_a_child_process(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    here = trained(2)  # its threads are running when the child begins
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(trained, (2,)) == here
        assert pool.apply(os.getpid) != os.getpid()


def losses_and_gradients(names):
    rng = np.random.default_rng(0)
    z, y = (random(8, 900, density, rng=rng, format="csr") for density in (0.8, 0.02))
    y.data[:] = 1
    z, y = (CSR.from_scipy(m.astype(np.float32)) for m in (z, y))
    log_weights = z.with_values(np.zeros(z.nnz, np.float32))
    found = [NumbaBackend().loss(z, log_weights, y, name) for name in names]
    return [(losses.tobytes(), dz.values.tobytes()) for losses, dz in found]


@pytest.mark.parametrize(
    "names", [("bce",), pytest.param(get_args(LossName), marks=pytest.mark.slow)]
)
def test_what_is_loaded_from_disk_has_the_bits_of_what_was_compiled(names, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    found = []
    for _ in range(2):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(losses_and_gradients, (names,)))
        assert list(tmp_path.rglob("*.nbc"))  # what the second one loads
    assert found[0] == found[1]


LIMITED = """
import numpy as np
from threadpoolctl import threadpool_info
from slide.distributed.worker import backend_of
eye = np.eye(3, dtype=np.float32)
backend_of("numba", 1).top_k(eye, eye, None, 1)
print(*{library["num_threads"] for library in threadpool_info()})
"""


def test_kernels_bring_no_library_whose_threads_were_not_limited():
    """As worker processes limit them."""
    printed = subprocess.check_output([sys.executable, "-c", LIMITED], text=True)
    assert printed == "1\n"


def test_bits_do_not_depend_on_the_threads_of_blas():
    with threadpool_limits(1, "blas"):
        one = trained(1)
    with threadpool_limits(2, "blas"):
        assert trained(1) == one
