"""How evenly neurons are spread over buckets, and what is seen through the probe."""

import numpy as np
import pytest
from conftest import csr_of, planted
from hypothesis import given
from hypothesis import strategies as st

from slide.core.contract.lists import gini, occupancy_of_lists
from slide.core.examples.dataset import Dataset
from slide.core.learner import monitored
from slide.core.learners.config import Config
from slide.core.sampled.layer_tables import Due
from slide.core.sampled.monitor import Monitor
from slide.core.sampled.network import Network
from slide.core.sampled.occupancy import occupancy
from slide.core.sampled.sampling import Sampler
from slide.core.sampled.step import activations
from slide.reference.kernels import ReferenceBackend


def test_occupancy_by_hand() -> None:
    # Table 0 has buckets of 3, 1, 0, 0 and table 1 of 1, 1, 1, 1: six filled of eight, four
    # neurons a table. Gini of the first: (-3 * 0 - 1 * 0 + 1 * 1 + 3 * 3) / (4 * 4) = 10 / 16.
    codes = np.array([[0, 0], [0, 1], [0, 2], [1, 3]], np.uint32)
    figures = occupancy(ReferenceBackend().build(codes, 4, 0, "reservoir"))
    assert figures == {
        "bucket_mean": 8 / 6, "bucket_largest": 3.0, "bucket_empty": 2 / 8,
        "bucket_gini": pytest.approx(10 / 32),
    }  # fmt: skip


def test_occupancy_of_lists_by_hand() -> None:
    figures = occupancy_of_lists(np.array([0, 3, 4, 4, 4]))  # sizes 3, 1, 0, 0, as table 0 above
    assert figures == {
        "list_mean": 2.0, "list_largest": 3.0, "list_empty": 0.5, "list_gini": 10 / 16,
    }  # fmt: skip


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_half_the_relative_mean_difference(sizes) -> None:
    s = np.array(sizes)
    total = abs(s[:, None] - s).sum()
    expected = total / (2 * len(s) * s.sum()) if s.sum() else 0.0
    assert gini(s) == pytest.approx(expected)


def network_of(config, data, dtype=np.float32):
    backend = ReferenceBackend()
    rng = np.random.default_rng(0)
    drawn = Network.draw(config.learner.layers, data.n_features, data.n_labels, backend, None, rng)
    weights = [rng.standard_normal(layer.param.shape).astype(dtype) for layer in drawn.layers]
    return Network.of(weights, config.learner.layers, backend)


def sampler_of(config, network, number):
    """One with tables."""
    param = network.layers[number].param
    sampler = Sampler.of(config, 10, param.shape)
    rng = np.random.default_rng(1)
    due = Due(True, True, False)
    sampler.tables.refresh(ReferenceBackend(), param.weight, due, 0, 1.0, rng)
    return sampler


def test_the_probe_does_not_depend_on_the_order_of_the_file(train_set) -> None:
    shuffled = train_set.take(np.random.default_rng(0).permutation(train_set.n_samples))
    one, other = (monitored(data, data.canonical_order()) for data in (train_set, shuffled))
    assert one.n_samples == other.n_samples == 64
    np.testing.assert_array_equal(one.x.indices, other.x.indices)
    np.testing.assert_array_equal(one.y.indices, other.y.indices)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_recall_counts_the_exact_top_ten_in_the_buckets(backend, train_set, number) -> None:
    config = Config(
        hidden=(200, 150), hidden_active=(20, 20), K=1, L=1, bucket_limit=8, center=False
    )
    network, probe = network_of(config, train_set), Monitor(train_set.take(np.arange(30)))
    sampler = sampler_of(config, network, number)
    tables = sampler.tables
    a = activations(backend, network, probe.data.x, upto=number)
    found = 0
    for h, (bucket,) in zip(a.dense(), tables.codes(backend, a), strict=True):
        exact = np.argsort(network.layers[number].param.weight @ h)[-10:]
        start, end = tables.tables.offsets[bucket : bucket + 2]
        found += np.isin(exact, tables.tables.ids[start:end][:8]).sum()
    assert found > 0
    assert probe.recall(backend, network, number, sampler) == found / (30 * 10)


@pytest.mark.parametrize(("n", "budget"), [(50, 50), (300, 100), (20_000, 200)])
def test_recall_is_measured_within_a_hundredth_of_the_neurons(n, budget) -> None:
    class Recorder(ReferenceBackend):
        def query(self, *arguments):
            seen.append(arguments[4].budget)
            return super().query(*arguments)

    seen: list[int] = []
    config = Config(hidden=(4,), K=4, L=2)
    data = Dataset(csr_of([{0: 1.0}], 1), csr_of([{0: 1.0}], n))
    network = network_of(config, data)
    Monitor(data).recall(Recorder(), network, 1, sampler_of(config, network, 1))
    assert seen == [budget]


def softmax_loss(z, labels):
    return -(z[labels] - np.log(np.exp(z).sum())).mean()


def bce_loss(z, labels):
    return np.log1p(np.exp(z)).sum() - z[labels].sum()


@pytest.mark.parametrize(("name", "loss"), [("softmax", softmax_loss), ("bce", bce_loss)])
def test_the_full_loss_is_the_mean_over_all_neurons_and_examples(backend, name, loss) -> None:
    data = planted(40)  # not all of them at a time
    x = data.x.with_values(data.x.values.astype(np.float64))
    data = Dataset(x, data.y)
    network = network_of(Config(hidden=(8,)), data, np.float64)
    logits = activations(backend, network, x).dense() @ network.output.param.weight.T
    expected = np.mean([loss(z, data.y.row(i)[0]) for i, z in enumerate(logits)])
    assert Monitor(data).full_loss(backend, network, name) == pytest.approx(expected)
