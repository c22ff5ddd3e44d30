"""What a run refuses: budgets, data, sizes and settings that cannot be; weights that diverge."""

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import csr_of
from quick_runs import QUICK

from slide.core.contract.arrays import Block
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.learner import StepReport
from slide.core.learners.config import Config
from slide.core.learners.recipe import Traits, settings_for
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend


@pytest.mark.parametrize("budget", [0, -1, math.nan, math.inf])
def test_time_budget_is_checked(backend, budget):
    with pytest.raises(ConfigError, match="time_budget"):
        Trainer(QUICK, backend, time_budget=budget)


def test_divergence_is_a_sentence(train_set):
    class Diverging(ReferenceBackend):
        def loss(self, z, log_weights, y, name):
            losses, dz = super().loss(z, log_weights, y, name)
            return losses * np.nan, dz

    with pytest.raises(ConfigError, match=r"diverged.* nan after step 1,"):
        Trainer(QUICK, Diverging()).fit(train_set)


@pytest.mark.parametrize("layer", [0, 1], ids=["hidden", "output"])
def test_divergence_in_the_last_step_is_noticed(backend, train_set, monkeypatch, layer):
    last = math.ceil(train_set.n_samples / QUICK.batch_size)

    def poison(backend, network, batch, samplers, updates, *rest):
        if updates.step == last:
            network.layers[layer].param.weight[0] = np.inf
        return StepReport(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0)

    monkeypatch.setattr("slide.core.sampled.run.train_step", poison)
    with pytest.raises(ConfigError, match="diverged"):
        Trainer(QUICK, backend).fit(train_set)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (csr_of([], 3), csr_of([], 3), "nothing to learn from 0 examples"),
        (csr_of([{}], 3), csr_of([{0: 1.0}], 3), "of 3 features, with 0 values"),
        (csr_of([{0: 1.0}], 3), csr_of([{}], 3), "of 3 features, with 1 values and 0 labels"),
        (csr_of([{0: 1.0}], 3), csr_of([{0: -1.0}], 3), "0 labels"),
    ],
)
def test_nothing_to_learn(backend, x, y, words):
    with pytest.raises(ConfigError, match=words):
        Trainer(QUICK, backend).fit(Dataset(x, y))


def test_a_dense_valid_set_of_another_width(backend, train_set):
    other = Dataset(Block.of(np.ones((4000, 299), np.float32)), train_set.y)
    with pytest.raises(ConfigError, match="299 features, the training set 300"):
        Trainer(QUICK, backend).fit(train_set, other)


def test_a_network_larger_than_memory_is_refused_before_it_is_made(backend, train_set):
    with pytest.raises(ConfigError, match="GiB, but this machine has"):
        Trainer(replace(QUICK, hidden=(65536,) * 16), backend).fit(train_set)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hidden", (0,)), ("hidden", (2.5,)), ("hidden", -32), ("hidden", "32"),
        ("hidden", (1,) * 17),
        ("grown", -1), ("bias_floor", 1.0),
        ("hidden_active", (1, 2)), ("hidden_active", (257,)), ("hidden_active", -1),
        ("loss", "hinge"), ("optimizer", "lbfgs"), ("hash", "md5"), ("policy", "lifo"),
        ("probes", 17), ("threshold", 0), ("max_buckets", 1000), ("max_buckets", 1),
        ("warmup", 1.0), ("weight_decay", -0.1), ("stale_recall", 2.0), ("center", 1),
        ("hash_bias", "yes"), ("catch_up", None), ("rehash_every", -1), ("lr_schedule", "step"),
        ("epochs", -1), ("batch_size", 0), ("lr", -0.1),
        ("lr", math.nan), ("dropout", 1.0), ("sampler", "magic"), ("scope", "all"),
        ("strategy", "best"), ("K", 65), ("K", 0), ("L", 0), ("active", 0), ("seed", -1),
        ("uniform_share", 1.5), ("rebuild_every", 0), ("epochs", True), ("lr", "fast"),
    ],
)  # fmt: skip
def test_settings_out_of_range(setting, value):
    with pytest.raises(ConfigError, match=rf"^{setting} (is|has) .*: expected "):
        Config(**{setting: value})


def test_recipe_keeps_what_is_chosen():
    some = Traits(50_000, 100_000, 30.0, 5.0, is_dense=False, is_binary=False)
    config = settings_for(some, epochs=9, K=3)
    assert (config.epochs, config.K) == (9, 3)
    for n_samples, n_labels in ((1, 0), (1, 1), (10**8, 2**31 - 1)):
        for is_dense in (True, False):  # valid for any size
            settings_for(Traits(n_samples, n_labels, 1e6, 1e6, is_dense, is_binary=True))
