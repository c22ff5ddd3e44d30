"""What one example is answered in, memory and so time, does not grow with labels it does not meet.

The longest arrays of a call are measured, not seconds, which are those of the machine.
"""

import tracemalloc

import numpy as np
import pytest
from conftest import csr_of
from direct_settings import DIRECT

from slide.core.contract.arrays import CSR
from slide.core.direct.inputs import Inputs
from slide.core.direct.network import Direct
from slide.core.direct.searching import IndexSearcher
from slide.core.learners.config import Config
from slide.core.models.model import Model
from slide.core.sampled.network import Network
from slide.core.settings.plan import Plan
from slide.reference.kernels import ReferenceBackend

BACKEND = ReferenceBackend()
N, F = 200_000, 100_000
COUNTS = {"all seen": np.ones(N, np.int64), "some unseen": np.arange(N) % 9}
ROWS = {
    "three features": {10: 1.0, 500: 1.0, 1500: 1.0},
    "none": {},
    "none that is known": {F + 7: 1.0},
}


def direct(bias):
    """Three inputs a label, six labels an input."""
    rng = np.random.default_rng(0)
    columns = (rng.integers(0, F - 3, (N, 1)) + np.arange(3)).astype(np.int32)
    values = rng.standard_normal(3 * N, dtype=np.float32)
    weight = CSR(np.arange(N + 1) * 3, columns.ravel(), values, F)
    inputs = Inputs(np.ones(F, np.float32), np.zeros(0, np.int64))
    return Direct.of(weight, bias, inputs, BACKEND)


BIASES = {
    "drawn": -4 - np.random.default_rng(1).random(N, dtype=np.float32),
    "equal": np.full(N, -4, np.float32),
}


@pytest.fixture(scope="module", params=BIASES)
def network(request):
    return direct(BIASES[request.param])


@pytest.fixture(scope="module", params=COUNTS)
def model(network, request):
    """One for all questions: its index takes longer to make than all of them."""
    return Model(DIRECT, network, BACKEND, COUNTS[request.param], N)


def most_memory(model, x, k, sampled):
    """Of a call after the first, in bytes."""
    model.predict(x, k, sampled)
    tracemalloc.start()
    model.predict(x, k, sampled)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.filterwarnings("ignore::slide.core.models.unseen.UnseenWarning")
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("k", [5, 60])
def test_direct_connections(model, row, sampled, k):
    assert most_memory(model, csr_of([ROWS[row]], F + 9), k, sampled) < N


@pytest.mark.parametrize("counts", COUNTS)
def test_retrieval_behind_a_hidden_layer(counts):
    config = Config(hidden=(4,), K=12, L=2)
    rng = np.random.default_rng(0)
    shapes = (F + 1, 4), (N, 5)
    weights = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    network = Network.of(weights, config.learner.layers, BACKEND)
    model = Model(config, network, BACKEND, COUNTS[counts], N)
    model.prepare_sampled(Plan(K=12, L=2, probes=1, candidates=1e-4, bucket_limit=20))
    assert most_memory(model, csr_of([ROWS["three features"]], F), 5, True) < N


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("unseen", [None, np.arange(0, 40, 3, dtype=np.int32)])
def test_ranks_are_those_of_all_logits(bias, unseen):
    """Ties, labels that sink below those that are not met, and those that come last."""
    n, rng = 40, np.random.default_rng(2)
    rows = [{int(f): -2.0 * float(rng.integers(2)) for f in rng.choice(12, 2)} for _ in range(n)]
    weight = csr_of(rows, 12)
    inputs = Inputs(np.ones(12, np.float32), np.zeros(0, np.int64))
    network = Direct.of(weight, np.round(4 * BIASES[bias][:n]) / 4, inputs, BACKEND)
    x = csr_of([{}, *({f: 1.0} for f in range(12)), dict.fromkeys(range(4), 1.0)], 12)
    z = (network.of_features(x, BACKEND).to_scipy() @ network.param.weight.to_scipy().T).toarray()
    searcher = IndexSearcher.exact(network, BACKEND)
    if unseen is not None:
        z[:, unseen] = -2e9
        searcher = searcher.naming_last(unseen, BACKEND)
    for k in (1, 3, 10, n):
        ids, scores = searcher.top_k(BACKEND, x, k)
        expected = np.argsort(-z, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(ids, expected)
        np.testing.assert_array_equal(scores, np.take_along_axis(z, expected, axis=1))
