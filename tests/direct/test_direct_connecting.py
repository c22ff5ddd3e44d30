"""Direct connections before training: inputs, pairs, who is connected, and the active set."""

import tracemalloc
from dataclasses import asdict, replace

import numpy as np
import pytest
from direct_settings import BACKEND, DIRECT
from kernel_arguments import csr, labels

from slide.core.contract.arrays import CSR
from slide.core.direct.active import active_set, found_set
from slide.core.direct.connecting import SCALE, connect
from slide.core.direct.inputs import PAIR_WEIGHT, Inputs
from slide.core.errors import ConfigError
from slide.core.examples import scratch
from slide.core.examples.dataset import Dataset
from slide.core.examples.scratch import by_rows
from slide.core.runs.trainer import Trainer


def fitted(x, **settings):
    return Inputs.fitted(replace(DIRECT, **settings).learner, x)


def test_rare_features_weigh_more():
    x = csr(3, {0: 1, 1: 1}, {0: 1}, {0: 1}, {0: 1, 2: 1})  # in 4, 1 and 1 of 4 examples
    inputs = fitted(x, idf_power=0.5)
    np.testing.assert_allclose(inputs.weights, np.sqrt([0.01, np.log(5 / 2), np.log(5 / 2)]))
    first = inputs.of(x).values[:2]
    assert first[0] < 0.2 * first[1]  # feature 0 is in every example and tells little
    assert (fitted(x).weights == 1).all()


def test_inputs_are_columns_and_no_more_than_there_can_be():
    one, pair = np.broadcast_to(np.float32(1), 2**31 - 2), np.zeros(1, np.int64)
    assert Inputs(one[1:], pair).n_inputs == 2**31 - 2
    with pytest.raises(ConfigError, match=r"2147483646 features and 1 pairs.*expected 2147483646"):
        Inputs(one, pair)


def test_connections_are_merged_in_little_more_memory_than_they_take(monkeypatch):
    rng, n = np.random.default_rng(0), 200_000
    cells = np.sort(rng.choice(40 * n, 2 * n, replace=False))
    half, others = (
        CSR.of_cells(some, rng.random(n, np.float32), (n // 10, 400))
        for some in (cells[::2], cells[1::2])
    )
    monkeypatch.setattr(scratch, "MADE_AT_A_TIME", n // 20)
    whole = half.union(others)
    tracemalloc.start()
    made = by_rows(BACKEND, CSR.union, half, others)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_equal(asdict(made), asdict(whole))
    assert peak < 3 * 8 * whole.nnz  # the parts, and the whole that is made of them


def test_pairs_that_come_twice_are_inputs():
    x = csr(4, {0: 1, 1: 1, 3: 1}, {0: 1, 1: 1}, {1: 1, 3: 1}, {2: 1})
    inputs = fitted(x, pairs=True)
    assert inputs.pairs.tolist() == [0 * 4 + 1, 1 * 4 + 3]  # not 0 and 3, which came once
    made = inputs.of(x)
    made.check()
    assert made.shape == (4, 6)
    assert made.row(0)[0].tolist() == [0, 1, 3, 4, 5]
    assert made.row(3)[0].tolist() == [2]
    a = 3**-0.5
    expected = np.array([a, a, a, PAIR_WEIGHT * a * a, PAIR_WEIGHT * a * a])
    np.testing.assert_allclose(made.row(0)[1], expected / np.linalg.norm(expected), rtol=1e-6)
    unknown = inputs.of(csr(4, {2: 1, 3: 1}))
    assert unknown.indices.tolist() == [2, 3]


def test_long_examples_have_no_pairs():
    x = csr(40, dict.fromkeys(range(17), 1.0), dict.fromkeys(range(17), 1.0))
    assert not len(fitted(x, pairs=True).pairs)
    assert len(fitted(csr(40, *[dict.fromkeys(range(16), 1.0)] * 2), pairs=True).pairs) == 120


def connected(x, y, **settings):
    config = replace(DIRECT, **settings)
    inputs = Inputs.fitted(config.learner, x)
    return connect(config, inputs, BACKEND, Dataset(inputs.of(x), y))


def test_a_label_starts_from_the_inputs_its_examples_have_most_of():
    x = csr(4, {0: 3, 1: 4}, {0: 1}, {2: 1}, {2: 3, 3: 4})
    y = labels(2, [0], [0], [1], [1])
    network = connected(x, y, connections=1, connections_per_example=0, grown=0)
    weight = network.without_bias(BACKEND)
    # Label 0: 0.6 + 1 of input 0 against 0.8 of input 1; label 1 likewise of inputs 2 and 3.
    assert (weight.indices.tolist(), weight.values.tolist()) == ([0, 2], [SCALE, SCALE])
    assert network.bias.tolist() == [np.float32(np.log(0.5))] * 2
    more = connected(x, y, connections=1, connections_per_example=0.5, grown=0)
    assert more.without_bias(BACKEND).indices.tolist() == [0, 1, 2, 3]
    assert connected(x, y, bias_floor=-0.5).bias.tolist() == [-0.5, -0.5]


def test_a_label_is_connected_to_what_weighs_against_it():
    """Item 0 goes with item 1, but whoever has item 0 already does not get it again."""
    x = csr(4, {1: 1}, {1: 1}, {0: 1, 1: 1}, {0: 1, 1: 1})
    y = labels(4, [0], [0], [2], [3])
    grown = connected(x, y, grown=2, active=3).without_bias(BACKEND)
    of_0 = dict(zip(*(part.tolist() for part in grown.row(0)), strict=True))
    assert of_0 == {0: 0.0, 1: SCALE}
    assert connected(x, y, grown=0).without_bias(BACKEND).row(0)[0].tolist() == [1]


def test_labels_stay_labels_in_the_active_set():
    chosen = active_set(np.array([[3, 0, -1], [-1, -1, -1]]), labels(5, [1], [2, 4]))
    chosen.check()
    assert chosen.indices.tolist() == [0, 1, 3, 2, 4]
    assert chosen.values.tolist() == [1, 0, 1, 0, 0]


def test_what_was_found_is_a_set():
    found = found_set(np.array([[3, 0, 3, -1], [-1, -1, -1, -1]]), 5)
    found.check()
    assert found.shape == (2, 5)
    assert found.indices.tolist() == [0, 3]
    assert found.indptr.tolist() == [0, 2, 2]


def test_more_connections_than_memory_are_refused(train_set):
    many = np.arange(5 * train_set.n_samples, dtype=np.int32)
    y = CSR(np.arange(0, len(many) + 1, 5), many, np.ones(len(many), np.float32), len(many))
    with pytest.raises(ConfigError, match="choose a smaller connections=N"):
        Trainer(replace(DIRECT, grown=1 << 20), BACKEND).fit(replace(train_set, y=y))
