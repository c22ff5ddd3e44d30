"""HOGWILD: workers that take steps at once, on the same weights."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import planted
from worker_runs import HIDDEN, answers, settings

from slide.backends.processes import ProcessesBackend
from slide.core.contract.arrays import Param, RowGrad
from slide.core.contract.optim import SGD
from slide.core.contract.timed import TimedBackend
from slide.core.direct.run import DirectRun
from slide.core.errors import ConfigError
from slide.core.learner import Batch
from slide.core.learners.kinds import kind_of
from slide.core.runs.hogwild import Counted, Hogwild
from slide.core.runs.trainer import Trainer
from slide.reference.kernels import ReferenceBackend


@pytest.mark.parametrize("kind", ["direct", pytest.param("batch", marks=pytest.mark.slow)])
def test_hogwild_learns_as_well(train_set, test_set, kind):
    data = train_set.take(np.arange(1500)) if kind == "direct" else train_set
    config = settings(kind, data)
    if kind == "batch":
        config = replace(config, hidden=(64,), epochs=6, lr=0.01)
    backends = ReferenceBackend(), hogwild(2)
    found = [
        Trainer(config, one).fit(data).evaluate(test_set)["precision_at_1"] for one in backends
    ]
    backends[1].pool.close()
    assert found[0] > 0.5
    assert abs(found[0] - found[1]) < 0.05


def hogwild(n_workers):
    found = ProcessesBackend("hogwild")
    found.set_threads(n_workers)
    return found


def tables_seen(context, nothing):
    """What a worker chooses active neurons by, as bytes."""
    learner = context.state.learner
    found = learner.found_by
    return (found.index if isinstance(learner, DirectRun) else found[-1].tables).ids.tobytes()


@pytest.mark.parametrize("kind", ["direct", pytest.param("batch", marks=pytest.mark.slow)])
def test_workers_are_told_of_new_tables(kind):
    data = planted(700)
    config = replace(settings(kind, data), rebuild_every=2)
    backend = hogwild(2)
    run = kind_of(config).begin(config, TimedBackend(backend), data)
    batches = [Batch(np.arange(i, i + 64), 0.1, np.arange(0)) for i in range(0, 640, 64)]
    steps = Hogwild(backend.hogwild_workers).steps(run, batches)
    assert len(list(steps)) == len(batches)
    found = run.found_by.index if kind == "direct" else run.found_by[-1].tables
    assert answers(backend.pool, tables_seen) == [found.ids.tobytes()] * 2
    age = run.diagnostics()["table_age"]
    assert 0 <= age < 10  # they are not those of the beginning
    backend.pool.close()


def what_is_there(context, nothing):
    """What a worker has of what neighbours are made of, and what it takes its steps on."""
    learner = context.state.learner
    return learner.train, learner.data.n_samples


def test_workers_go_without_what_no_step_reads():
    data = planted(2200)
    config = replace(settings("direct", data), layers=2)
    backend = hogwild(2)
    run = DirectRun.begin(config, TimedBackend(backend), data)
    batches = [Batch(run.order[:64], 0.1, np.arange(0))] * 3
    assert len(list(Hogwild(backend.hogwild_workers).steps(run, batches))) == 3
    assert answers(backend.pool, what_is_there) == [(None, 2200)] * 2
    assert run.train is data
    backend.pool.close()


def test_hogwild_takes_every_step_once_and_tells_what_was_lost(train_set):
    class Told:
        steps, records = [], []

        def on_step(self, step, n_steps):
            self.steps.append((step, n_steps))

        def on_evaluation(self, record):
            self.records.append(record)

    trainer = Trainer(HIDDEN, hogwild(2), watcher=Told())
    trainer.fit(train_set)
    assert Told.steps == [(i + 1, 80) for i in range(80)]
    assert trainer.examples == 2 * train_set.n_samples
    assert all(0 <= record["lost_updates"] < 1 for record in Told.records)
    assert Told.records[-1]["table_age"] < 40  # they were rebuilt meanwhile
    assert Told.records[-1]["dead_neurons"] < 1  # the workers' marks are seen here


def test_an_update_is_lost_when_another_came_in_between():
    counts = np.zeros(4, np.int64)
    param = SGD().begin(np.zeros((4, 2), np.float32))
    grad = RowGrad(np.array([1, 2], np.int32), np.ones((2, 2), np.float32))

    class Interrupted(ReferenceBackend):
        def update_rows(self, *arguments):
            super().update_rows(*arguments)
            counts[1] += 1  # by another worker

    counted = Counted(Interrupted(), param.weight, counts)
    counted.update_rows(param, grad, SGD(), 0.1, 1)
    assert counts.tolist() == [0, 1, 1, 0]  # of three updates
    assert counted.n_updates == 2
    other = Param(param.weight.copy(), param.mean, param.square)
    counted.update_rows(other, grad, SGD(), 0.1, 1)
    assert counted.n_updates == 2  # of the output layer alone


def test_hogwild_refuses_what_needs_an_order(train_set):
    with pytest.raises(ConfigError, match="no order in mode hogwild"):
        Trainer(replace(HIDDEN, catch_up=True), hogwild(2)).fit(train_set)
