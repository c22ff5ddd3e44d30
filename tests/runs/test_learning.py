"""Training as a whole: it learns what dense training does, and the same seed repeats it."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from quick_runs import QUICK

from slide.core.examples.dataset import Dataset
from slide.core.learner import StepReport
from slide.core.learners.config import Config
from slide.core.runs.trainer import Trainer
from slide.data import write


def learned(train_set, test_set, **settings):
    config = Config(
        hidden=(64,), epochs=6, batch_size=64, active=40, K=3, L=8, dropout=0.2, lr=0.02
    )
    model = Trainer(replace(config, **settings), "numba").fit(train_set)
    return model.evaluate(test_set)["precision_at_1"]


@pytest.fixture(scope="module")
def dense(train_set, test_set):
    """P@1 of a dense softmax on the planted problem: the labels can be read off the features."""
    precision = learned(train_set, test_set, sampler="full")
    assert precision > 0.9  # chance is 1 %
    return precision


@pytest.mark.parametrize(
    ("scope", "sampler", "strategy"),
    [
        ("batch", "lsh", "topk"),
        ("example", "lsh", "vanilla"),
        ("example", "uniform", "topk"),
        ("batch", "lsh", "vanilla"),
        ("batch", "uniform", "topk"),
        ("example", "lsh", "topk"),
        ("example", "full", "topk"),
    ],
)
def test_sampling_learns_nearly_what_dense_training_does(
    dense, train_set, test_set, scope, sampler, strategy
):
    precision = learned(train_set, test_set, scope=scope, sampler=sampler, strategy=strategy)
    # Two proportions of 400 examples near 0.93 differ by 0.05 once in 200 if they are equal;
    # a sampler that loses labels or an uncorrected softmax loses far more.
    assert precision > dense - 0.05


def weights(backend, data, **settings):
    network = Trainer(replace(QUICK, **settings), backend).fit(data).network
    return [layer.param.weight for layer in network.layers]


def test_same_seed_same_bits_other_seed_other_bits(backend, train_set):
    first, again = weights(backend, train_set), weights(backend, train_set)
    other = weights(backend, train_set, seed=1)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_the_order_of_the_file_does_not_matter(backend, train_set):
    shuffled = train_set.take(np.random.default_rng(5).permutation(train_set.n_samples))
    for one, other in zip(weights(backend, train_set), weights(backend, shuffled), strict=True):
        np.testing.assert_array_equal(one, other)


SAME_BITS = """
import hashlib, sys
from threadpoolctl import threadpool_limits
import slide
data, backend = slide.read(sys.argv[1]), slide.load_backend("reference")
for seed in (0, 1):
    config = slide.Config(
        hidden=(32,), epochs=1, batch_size=64, active=60, K=4, L=8, seed=seed
    )
    with threadpool_limits(1):
        layers = slide.Trainer(config, backend).fit(data).network.layers
    print(hashlib.sha256(b"".join(l.param.weight.tobytes() for l in layers)).hexdigest())
"""


def test_same_seed_same_bits_in_two_processes(train_set, tmp_path):
    """With different hash seeds of Python's own, on which nothing may depend."""
    write(train_set.take(np.arange(1000)), tmp_path / "a.npz")

    def digests(hash_seed):
        done = subprocess.run(
            [sys.executable, "-c", SAME_BITS, tmp_path / "a.npz"],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.split()

    first, other = digests("1")
    assert digests("2") == [first, other]
    assert first != other


def test_each_epoch_takes_every_example_once_in_an_order_of_its_own(
    backend, train_set, monkeypatch
):
    small = train_set.take(np.arange(100))
    marked = Dataset(small.x.with_values(small.x.row_numbers().astype(np.float32)), small.y)
    seen = []

    def note(backend, network, batch, *rest):
        seen.extend(batch.x.row(i)[1][0] for i in range(batch.n_samples))
        return StepReport(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0)

    monkeypatch.setattr("slide.core.sampled.run.train_step", note)
    Trainer(replace(QUICK, epochs=2), backend).fit(marked)
    first, second = seen[-200:-100], seen[-100:]  # after the rehearsal
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second
    assert first != sorted(first)


def test_a_second_fit_starts_afresh(backend, train_set):
    trainer = Trainer(QUICK, backend)
    first, again = trainer.fit(train_set), trainer.fit(train_set)
    assert (first.network.output.param.weight == again.network.output.param.weight).all()
