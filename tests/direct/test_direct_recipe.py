"""Settings of direct connections: chosen by what can be counted, refused if nobody reads them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from kernel_arguments import csr, labels

from slide.core.contract.arrays import Block
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.learners.recipe import Traits, recipe, settings_for


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (
            {"hidden": (), "K": 9, "lr": 0.3},
            r"^hidden=\(\) is a setting of direct connections and of linear SVMs, but K=9 is a "
            "setting of networks with hidden layers: leave one of them out$",
        ),
        ({"hidden": (256,), "grown": 3}, "hidden=.256,. is a setting of networks with hidden "),
        ({"K": 3, "grown": 3}, "K=3 is a setting of networks .*, but grown=3 is a setting of dir"),
    ],
)
def test_settings_that_nobody_would_read_are_refused(chosen, words):
    with pytest.raises(ConfigError, match=words):
        settings_for(traits(), **chosen)


def traits(**given):
    usual = Traits(50_000, 10_000, 50.0, 5.0, is_dense=False, is_binary=False)
    return replace(usual, **given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"hidden": (), "idf_power": 0.0, "pairs": False, "active": 40, "epochs": 3,
              "batch_size": 256, "bias_floor": -4.0}),
        ({"is_dense": True}, {"hidden": (256,), "sampler": "lsh"}),
        ({"is_binary": True}, {"idf_power": 0.5}),
        ({"features_per_example": 3.0}, {"pairs": True}),
        ({"labels_per_example": 1.0}, {"active": 30, "bias_floor": -100.0}),
        ({"labels_per_example": 50.0}, {"active": 100}),
        ({"n_samples": 5000}, {"batch_size": 64}),
        ({"n_samples": 1_000_000}, {"epochs": 2, "batch_size": 1024, "active": 60}),
    ],
)  # fmt: skip
def test_the_recipe_follows_what_can_be_counted(given, wanted):
    config = settings_for(traits(**given), by_steps=True)
    assert {name: getattr(config, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "chosen",
    [{"hidden": (64,)}, {"K": 5}, {"dropout": 0.1}, {"sampler": "uniform"},
     {"optimizer": "adagrad"}, {"scope": "example"}],
)  # fmt: skip
def test_settings_of_hidden_layers_ask_for_one(chosen):
    assert settings_for(traits(), **chosen).hidden
    assert not settings_for(traits(), epochs=9, lr=0.5, seed=3).hidden


def test_traits_are_counted(train_set):
    x = csr(4, {0: 2, 1: 2, 2: 2, 3: 2}, {}, {1: 5, 3: 5})
    counted = Traits.of(Dataset(x, labels(3, [0, 1], [], [2])))
    assert counted == Traits(3, 3, 2.0, 1.0, is_dense=False, is_binary=True)
    weighted = x.with_values(np.array([2, 3, 2, 2, 5, 5], np.float32))
    assert not Traits.of(Dataset(weighted, labels(3, [], [], []))).is_binary
    dense = Block.of(np.ones((2, 3), np.float32))
    assert recipe(Dataset(dense, labels(3, [0], [1]))).hidden == (256,)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden": (), "sampler": "lsh"}, r"hidden=\(\) is a .*, but sampler='lsh' is a setting"),
        ({"hidden": (), "scope": "batch"}, r"hidden=\(\) is a .*, but scope='batch' is a setting"),
        ({"hidden": (9,), "sampler": "index"}, r"hidden=\(9,\) is .* sampler='index' is a setting"),
        (
            {"sampler": "in-batch", "scope": "example"},
            "sampler is 'in-batch', which proposes nobody",
        ),
        ({"sampler": "in-batch", "hidden_active": (9,)}, "sampler is 'in-batch', which proposes"),
    ],
)
def test_settings_that_do_not_go_together(settings, words):
    with pytest.raises(ConfigError, match=words):
        Config(**settings)


@pytest.mark.parametrize(
    ("n_labels", "n_features", "n_full", "is_dense"),
    [(1001, 32, 50, True), (1000, 32, 50, False), (1001, 31, 50, False), (1001, 32, 25, False)],
)
def test_rows_of_a_file_that_have_most_features_are_dense(n_labels, n_features, n_full, is_dense):
    x = np.ones((50, n_features)) * (np.arange(50) < n_full)[:, None]
    y = scipy.sparse.csr_array((np.ones(50), (np.arange(50), np.arange(50))), (50, n_labels))
    train = Dataset(scipy.sparse.csr_array(x), y)
    assert Traits.of(train).is_dense == is_dense
    assert recipe(train).hidden == ((256,) if is_dense else ())


def test_blocks_of_clicks_are_passed_over_once():
    usual = traits(labels_per_example=1.0)
    blocks = replace(usual, has_skipped=True)
    config = settings_for(blocks, loss="saros")
    assert (config.epochs, config.lr, config.layers) == (1, 0.5, 1)
    for other in (settings_for(usual, loss="saros"), settings_for(blocks, loss="bce")):
        assert (other.epochs, other.lr, other.layers) == (3, 2.0, None)


def test_labels_below_0_are_told_as_known_negatives():
    x, y = csr(4, {0: 2}, {1: 2}), labels(3, [0, 1], [2])
    assert not Traits.of(Dataset(x, y)).has_skipped
    skipped = y.with_values(np.array([1, -1, 1], np.float32))
    assert Traits.of(Dataset(x, skipped)).has_skipped
