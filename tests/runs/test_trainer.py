"""Training as a whole: it learns, it repeats, it stops, it refuses."""

import json
import math
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import csr_of

from slide.core.contract.arrays import CSR
from slide.core.errors import ConfigError, ModelError
from slide.core.examples.dataset import Dataset
from slide.core.learner import StepReport
from slide.core.learners import kinds as learners
from slide.core.learners.config import Config
from slide.core.learners.recipe import Traits, settings_for
from slide.core.models.model import Model
from slide.core.runs import clock
from slide.core.runs.to_folder import STATUS, train_to_folder
from slide.core.runs.trainer import Trainer
from slide.core.sampled.run import SampledRun
from slide.core.sampled.updating import Updates
from slide.reference.kernels import ReferenceBackend

TESTS = Path(__file__).parents[1]
QUICK = Config(hidden=(32,), epochs=1, batch_size=64, active=60, K=4, L=8)


def learned(train_set, test_set, **settings):
    config = Config(
        hidden=(64,), epochs=6, batch_size=64, active=40, K=3, L=8, dropout=0.2, lr=0.02
    )
    model = Trainer(replace(config, **settings), ReferenceBackend()).fit(train_set)
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
        ("batch", "lsh", "vanilla"),
        ("batch", "uniform", "topk"),
        ("example", "lsh", "topk"),
        ("example", "lsh", "vanilla"),
        ("example", "uniform", "topk"),
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
from conftest import planted
from threadpoolctl import threadpool_limits
import slide
config = slide.Config(
    hidden=(32,), epochs=1, batch_size=64, active=60, K=4, L=8, seed=int(sys.argv[1])
)
with threadpool_limits(1):
    model = slide.Trainer(config, slide.load_backend("reference")).fit(planted(1000))
print(hashlib.sha256(b"".join(l.param.weight.tobytes() for l in model.network.layers)).hexdigest())
"""


def test_same_seed_same_bits_in_two_processes():
    """With different hash seeds of Python's own, on which nothing may depend."""

    def digest(seed, hash_seed):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(TESTS)}
        done = subprocess.run(
            [sys.executable, "-c", SAME_BITS, str(seed)],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    first = digest(0, "1")
    assert digest(0, "2") == first
    assert digest(1, "1") != first


class Watcher:
    def __init__(self):
        self.steps, self.records = [], []

    def on_step(self, step, n_steps):
        self.steps.append((step, n_steps))

    def on_evaluation(self, record):
        self.records.append(record)


def test_watcher_sees_each_step_and_epoch(backend, train_set, test_set):
    watcher = Watcher()
    trainer = Trainer(replace(QUICK, epochs=2), backend, watcher=watcher)
    trainer.fit(train_set, test_set)
    per_epoch = math.ceil(train_set.n_samples / 64)
    assert watcher.steps == [(i, 2 * per_epoch) for i in range(1, 2 * per_epoch + 1)]
    first, last = watcher.records
    assert (first["epoch"], last["epoch"]) == (1, 2)
    assert last["examples"] == 2 * train_set.n_samples
    assert last["loss"] < first["loss"]
    assert last["seconds"] == trainer.seconds > first["seconds"] > 0
    assert last["seconds_by_kernel"]["sddmm"] > 0
    assert last["precision_at_1"] > first["precision_at_1"]


def test_evaluations_have_the_figures_of_the_backend(train_set):
    class Telling(ReferenceBackend):
        def figures(self):
            return {"temperature": 40.0}

    watcher = Watcher()
    Trainer(QUICK, Telling(), watcher=watcher).fit(train_set)
    assert [record["temperature"] for record in watcher.records] == [40.0]


def test_evaluations_tell_what_goes_wrong_unseen(backend, train_set, test_set):
    watcher = Watcher()
    config = replace(QUICK, epochs=4, uniform_share=0.1, active=10, scope="example", L=20)
    Trainer(config, backend, watcher=watcher).fit(train_set, test_set)
    first, last = watcher.records[0], watcher.records[-1]
    steps = {field.name for field in fields(StepReport)} - {"n_active"}
    assert steps | {"mean_active"} < set(first)
    assert first["from_labels"] + first["from_tables"] + first["from_uniform"] == pytest.approx(1)
    assert 0 < first["inclusion_probability"] < 1
    assert last["dead_neurons"] <= first["dead_neurons"] < 1
    assert 0 <= last["table_age"] < last["step"]
    assert last["full_loss"] < first["full_loss"] < math.log(train_set.n_labels) + 1
    assert 0 < last["probe_recall_at_10"] <= 1
    assert last["bucket_mean"] >= 1
    assert 0 <= last["bucket_gini"] < 1


def test_the_full_loss_is_that_of_a_dense_network(backend, train_set):
    """Before training all logits are nearly equal: log(n_labels)."""
    watcher = Watcher()
    config = replace(QUICK, lr=1e-9, sampler="uniform", active=5)
    Trainer(config, backend, watcher=watcher).fit(train_set)
    (record,) = watcher.records
    assert record["full_loss"] == pytest.approx(math.log(train_set.n_labels), rel=1e-2)
    assert "table_age" not in record


def test_looking_does_not_change_the_run(backend, train_set):
    seen = Trainer(replace(QUICK, epochs=2), backend, watcher=Watcher()).fit(train_set)
    unseen = Trainer(replace(QUICK, epochs=2), backend).fit(train_set)
    for one, other in zip(seen.network.layers, unseen.network.layers, strict=True):
        np.testing.assert_array_equal(one.param.weight, other.param.weight)


def test_seconds_are_those_of_drawing_stepping_and_settling(backend, train_set, monkeypatch):
    """A clock that stands still but for these, and for an evaluation that must not count."""
    now = [0.0]
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def slow(owner, name, seconds):
        method = getattr(owner, name)

        def slowed(*args, **kwargs):
            now[0] += seconds
            return method(*args, **kwargs)

        monkeypatch.setattr(owner, name, slowed)

    def begin(*args):
        now[0] += 1000
        return SampledRun.begin(*args)

    monkeypatch.setattr(learners, "KINDS", (replace(learners.SAMPLED, begin=begin),))
    slow(SampledRun, "step", 1)
    slow(Updates, "catch_up", 100_000)
    slow(SampledRun, "diagnostics", 10_000_000)
    trainer = Trainer(replace(QUICK, sampler="uniform"), backend, watcher=Watcher())
    trainer.fit(train_set)
    assert trainer.seconds == 1000 + trainer.step + 100_000


def test_time_budget_ends_a_run(backend, train_set):
    """Even within its first epoch, here of 4,000 steps."""
    watcher = Watcher()
    config = replace(QUICK, epochs=2, batch_size=1)
    Trainer(config, backend, time_budget=0.05, watcher=watcher).fit(train_set)
    (record,) = watcher.records
    assert record["seconds"] >= 0.05
    assert record["examples"] == record["step"] == len(watcher.steps) < train_set.n_samples


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


@pytest.mark.parametrize("budget", [0, -1, math.nan, math.inf])
def test_time_budget_is_checked(backend, budget):
    with pytest.raises(ConfigError, match="time budget"):
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
        (csr_of([{}], 3), csr_of([{0: 1.0}], 3), "0 features"),
        (csr_of([{0: 1.0}], 3), csr_of([{}], 3), "0 labels"),
    ],
)
def test_nothing_to_learn(backend, x, y, words):
    with pytest.raises(ConfigError, match=words):
        Trainer(QUICK, backend).fit(Dataset(x, y))


def test_valid_set_of_another_numbering(backend, train_set):
    other = train_set.widened(10_000, 0)
    with pytest.raises(ConfigError, match="10000 features and 150 labels"):
        Trainer(QUICK, backend).fit(train_set, other)


def test_a_network_larger_than_memory_is_refused_before_it_is_made(backend, train_set):
    huge = train_set.widened(0, 2**31 - 1)
    with pytest.raises(ConfigError, match="GiB, but this machine has"):
        Trainer(replace(QUICK, hidden=(65536,)), backend).fit(huge)


def test_run_leaves_a_whole_folder(backend, tmp_path, train_set, test_set):
    folder = tmp_path / "deep" / "model"
    model, figures = train_to_folder(train_set, test_set, folder, QUICK, backend)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "metrics.jsonl",
        "weights.safetensors",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    (line,) = (folder / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["precision_at_5"] == figures["precision_at_5"]
    assert figures["precision_at_1"] == model.evaluate(test_set)["precision_at_1"]
    assert figures["peak_rss_mb"] > 1


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux counts a parent's memory")
def test_peak_memory_is_not_that_of_the_parent():
    ours = np.ones(500_000_000, np.uint8)
    code = "from slide.core.runs.to_folder import peak_rss_mb; print(peak_rss_mb())"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert 10 < float(printed) < len(ours) / 1e6


def test_without_valid_the_scores_are_none(backend, tmp_path, train_set):
    _, figures = train_to_folder(train_set, None, tmp_path / "m", QUICK, backend)
    assert figures["precision_at_1"] is figures["psp_at_5"] is None
    assert figures["loss"] > 0


def test_a_failed_run_leaves_nothing(backend, tmp_path, train_set):
    empty = Dataset(train_set.x, CSR(np.zeros_like(train_set.y.indptr), *[train_set.y.indices[:0],
                    train_set.y.values[:0]], train_set.n_labels))  # fmt: skip
    with pytest.raises(ConfigError):
        train_to_folder(empty, None, tmp_path / "deep" / "m", QUICK, backend)
    assert list(tmp_path.iterdir()) == []


def test_overwrite_replaces_a_model_only_when_the_new_one_stands(backend, tmp_path, train_set):
    folder = tmp_path / "m"
    train_to_folder(train_set, None, folder, QUICK, backend)
    old = (folder / "weights.safetensors").read_bytes()
    with pytest.raises(ModelError, match="--overwrite"):
        train_to_folder(train_set, None, folder, QUICK, backend)
    with pytest.raises(ConfigError):
        train_to_folder(
            train_set, train_set.widened(9999, 0), folder, QUICK, backend, overwrite=True
        )
    assert (folder / "weights.safetensors").read_bytes() == old
    train_to_folder(train_set, None, folder, replace(QUICK, seed=5), backend, overwrite=True)
    assert (folder / "weights.safetensors").read_bytes() != old
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_what_appears_during_the_run_is_spared_and_the_model_kept(backend, tmp_path, train_set):
    class Intruder(Watcher):
        def on_evaluation(self, record):
            (tmp_path / "m").mkdir()
            (tmp_path / "m" / "thesis.txt").write_text("precious")

    with pytest.raises(ModelError, match=r"exists.*; the finished model is in .*m-"):
        train_to_folder(train_set, None, tmp_path / "m", QUICK, backend, watcher=Intruder())
    assert (tmp_path / "m" / "thesis.txt").read_text() == "precious"
    (kept,) = (path for path in tmp_path.iterdir() if path.name != "m")
    Model.load(kept, backend)


def test_a_second_fit_starts_afresh(backend, train_set):
    trainer = Trainer(QUICK, backend)
    first, again = trainer.fit(train_set), trainer.fit(train_set)
    assert (first.network.output.param.weight == again.network.output.param.weight).all()


@pytest.mark.parametrize("name", ["file", "folder"])
def test_overwrite_spares_what_is_no_model(backend, tmp_path, train_set, name):
    target = tmp_path / name
    if name == "file":
        target.write_text("precious")
    else:
        target.mkdir()
        (target / "thesis.txt").write_text("precious")
    with pytest.raises(ModelError, match="not a model folder"):
        train_to_folder(train_set, None, target, QUICK, backend, overwrite=True)
    assert "precious" in (target if name == "file" else target / "thesis.txt").read_text()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hidden", (0,)), ("hidden", (2.5,)), ("hidden", 32), ("hidden", (1,) * 17),
        ("grown", -1), ("bias_floor", 1.0),
        ("hidden_active", (1, 2)), ("hidden_active", (257,)), ("hidden_active", 1),
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
