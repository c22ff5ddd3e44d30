"""The state of a run of layers: when tables are renewed, and who is asked before."""

from dataclasses import replace

import pytest
from conftest import planted

from slide.core.errors import ConfigError
from slide.core.learners.config import Config
from slide.core.sampled.run import SampledRun
from slide.reference.kernels import ReferenceBackend

CONFIG = Config(hidden=(8,), K=3, L=2, batch_size=50, rebuild_every=1, rebuild_growth=0.0)


def built_at(config, recalls, monkeypatch):
    """Steps of the last rebuild before each step, where recall is measured to be this."""
    asked = iter(recalls)
    monkeypatch.setattr(SampledRun, "recall", lambda run, number: next(asked))
    run = SampledRun.begin(config, ReferenceBackend(), planted(200, 40))
    found = []
    for _ in range(4):
        run.step(run.data.take(run.order[:50]), 0.01)
        found.append(run.samplers[-1].tables.built_at)
    assert list(asked) == []
    return found


def test_tables_are_rebuilt_when_due_and_nobody_measures(monkeypatch):
    assert built_at(CONFIG, [], monkeypatch) == [0, 1, 2, 3]


def test_where_recall_decides_it_is_measured_before_and_after_a_rebuild(monkeypatch):
    """0.8 when fresh; 0.5 is more than half of it, 0.3 less; 0.6 when fresh again; 0.31 more."""
    config = replace(CONFIG, stale_recall=0.5)
    assert built_at(config, [0.8, 0.5, 0.3, 0.6, 0.31], monkeypatch) == [0, 0, 2, 2]


def test_a_rehash_asks_nobody_before(monkeypatch):
    config = replace(CONFIG, stale_recall=0.5, rehash_every=2, rebuild_every=3)
    assert built_at(config, [0.8, 0.7, 0.1, 0.6], monkeypatch) == [0, 0, 2, 3]


def test_settings_that_need_an_order_of_steps_say_so():
    run = SampledRun.begin(CONFIG, ReferenceBackend(), planted(60, 40))
    run.refuse_unordered()
    run.settings = replace(CONFIG, catch_up=True)
    with pytest.raises(ConfigError, match="no order in mode hogwild"):
        run.refuse_unordered()
