"""What a run tells while it goes on, and that telling changes nothing."""

import math
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from quick_runs import QUICK, Watcher

from slide.core.learner import StepReport
from slide.core.learners import kinds as learners
from slide.core.runs import clock
from slide.core.runs.trainer import Trainer
from slide.core.sampled.run import SampledRun
from slide.core.sampled.updating import Updates
from slide.reference.kernels import ReferenceBackend


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


def test_the_last_learning_rate_and_calls_of_kernels_are_told(backend, train_set, monkeypatch):
    rates, train_on = [], SampledRun.train_on

    def noted(run, batch, lr):
        rates.append(lr)
        return train_on(run, batch, lr)

    monkeypatch.setattr(SampledRun, "train_on", noted)
    watcher, n = Watcher(), 5
    config = replace(QUICK, epochs=2, lr_schedule="linear", warmup=0.1)
    Trainer(config, backend, watcher=watcher).fit(train_set.take(np.arange(64 * n)))
    told = [record["learning_rate"] for record in watcher.records]
    assert told == [rates[-n - 1], rates[-1]]
    assert [record["calls_by_kernel"]["loss"] for record in watcher.records] == [n, 2 * n]


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
