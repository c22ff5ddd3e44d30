"""An index by numbers of the labels that have connections: the same answers, less to look at."""

from dataclasses import replace

import numpy as np
import pytest
from direct_settings import BACKEND, DIRECT
from kernel_arguments import csr

import slide
from slide.core.contract.arrays import CSR
from slide.core.direct import listed
from slide.core.direct.inputs import Inputs
from slide.core.direct.listed import ListedLabels
from slide.core.direct.network import Direct
from slide.core.direct.run import DirectRun
from slide.core.examples.dataset import Dataset

X = csr(3, {0: 1.0}, {1: 1.0, 2: 0.5}, {2: 1.0}, {})
WEIGHT = csr(3, {}, {0: 1.0, 2: -1.0}, {}, {2: 2.0}, {}, {0: 1.0}, {}, {1: 0.5})
BIAS = np.linspace(-1, 1, 8).astype(np.float32)
LISTED = [1, 3, 5, 7]


@pytest.fixture
def few(monkeypatch):
    """However few labels there are, they are numbered."""
    monkeypatch.setattr(listed, "MANY", 0)


def network_of(weight):
    inputs = Inputs(np.ones(3, np.float32), np.zeros(0, int))
    return Direct.of(weight, np.linspace(-1, 1, weight.n_rows).astype(np.float32), inputs, BACKEND)


def both(weight=WEIGHT):
    """The index of a network, and the same by numbers."""
    network = network_of(weight)
    index = network.index(BACKEND)
    return index, ListedLabels.of(index, network.param.weight, BACKEND)


@pytest.mark.parametrize(
    "excluded", [CSR.empty(4, 8), csr(8, {5: 1.0}, {0: 1.0, 3: 1.0}, {}, {2: 1.0})]
)
@pytest.mark.parametrize("k", [1, 3, 9])
def test_answers_are_those_of_the_whole_index(few, excluded, k):
    index, by_number = both()
    assert by_number.labels.tolist() == LISTED
    assert by_number.index.base.tolist() == BIAS[LISTED].tolist()
    expected = BACKEND.search(index, X.with_constant(), excluded, k)
    for got, wanted in zip(
        by_number.search(BACKEND, X.with_constant(), excluded, k), expected, strict=True
    ):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted)


def test_biases_move_where_their_labels_are(few):
    index, by_number = both()
    moved = np.array([0, 3, 5], np.int32)
    by_number.move(moved, np.array([9, 8, 7], np.float32))
    assert by_number.index.base.tolist() == [BIAS[1], 8, 7, BIAS[7]]
    whole = by_number.whole(BIAS)
    for name in ("offsets", "ids", "values", "base"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(index, name))
    np.testing.assert_array_equal(index.base, BIAS)  # nobody else's


@pytest.mark.parametrize("weight", [csr(3, {}, {}, {}, {}), csr(3)])
def test_nobody_may_be_listed(few, weight):
    _, by_number = both(weight)
    ids, _ = by_number.search(BACKEND, X.with_constant(), CSR.empty(4, weight.n_rows), 2)
    assert (ids == -1).all()


def test_few_labels_and_those_of_which_most_have_connections_are_numbers(monkeypatch):
    assert both()[1].labels is None
    monkeypatch.setattr(listed, "MANY", 0)
    assert both(csr(3, {0: 1.0}, {1: 1.0}, {}))[1].labels is None


@pytest.mark.parametrize("name", ["reference", "numba", "processes-numba"])
def test_training_has_the_bits_that_it_has_without(train_set, name, monkeypatch):
    """Of which the first half of the labels has no example."""
    n = train_set.n_labels
    y = replace(train_set.y, indices=train_set.y.indices + np.int32(n), n_cols=2 * n)
    data, states = Dataset(train_set.x, y), []
    for many in (listed.MANY, 0):
        monkeypatch.setattr(listed, "MANY", many)
        run = DirectRun.begin(DIRECT, slide.load_backend(name), data)
        for start in range(0, 320, 64):
            run.step(run.data.take(run.order[start : start + 64]), 0.5)
            if start == 128:
                run = DirectRun.resume(DIRECT, run.backend, data, run.state())
        assert (run.index.labels is None) == (many > 0)
        states.append(run.state())
    for one, other in zip(states[0]["index"].values(), states[1]["index"].values(), strict=True):
        np.testing.assert_array_equal(one, other)
    weights = [state["network"]["weight"]["values"] for state in states]
    np.testing.assert_array_equal(*weights)
