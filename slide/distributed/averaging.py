"""Data-parallel training: workers take steps on parts of the examples, and go on from the mean.

After every T steps of each worker, the weights of all are averaged in the order of the workers, so
that the same bits come of the same seed, wherever workers are and however often one died. With one
worker these are the bits of `Trainer`.

Source: iterative parameter mixing, McDonald, Hall and Mann (NAACL 2010); local SGD.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from slide.backends import load, use_threads
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.state import State, state_of_rng
from slide.core.direct.inputs import Inputs
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.examples.numbering import by_columns
from slide.core.learner import Learner
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import completed
from slide.core.models.calibration import Calibration
from slide.core.models.model import Model
from slide.core.models.unseen import known
from slide.core.runs.calibrating import answers
from slide.core.runs.clock import Clock, Place, batches
from slide.core.runs.refusals import refuse_divergence
from slide.core.runs.runners import OneByOne
from slide.core.runs.trainer import Watcher, checked_pair, summary
from slide.core.settings.demands import demand_int
from slide.distributed.asking import Hire, InProcess
from slide.distributed.means import Arrays, averaged_of, mean
from slide.distributed.parts import Part, dealt, parts_of
from slide.distributed.starting import Counted, start_of, sums_of

class Worker:
    """Trains on a part of the examples, from what it is given: it may be made anew at any time.

    Args:
        part: its examples.
        config: all settings.
        backend: name of the one that computes.
        threads: that it computes with.
    """

    def __init__(self, part: Part, config: Config, backend: str | None, threads: int) -> None:
        self.data, self.config = part.read(), config
        self.backend = load(backend)
        use_threads(self.backend, threads)
        self.averaged = averaged_of(config)
        self.at, self.learner = -1, None

    def counted(self) -> Counted:
        """See `Counted`."""
        return Counted.of(self.data, self.config.learner)

    def sums(self, inputs: Inputs, labels: slice) -> CSR:
        """See `sums_of`."""
        return sums_of(self.backend, self.data, inputs, labels)

    def steps(
        self, at: int, fixed: State, shared: Arrays, own: State, n: int, is_last: bool
    ) -> tuple[Arrays, State]:
        """Take steps on the next batches of the epoch.

        Args:
            at: how often this was asked before in the run.
            fixed, shared, own: what the run is made of, see `slide.distributed.means`.
            n: steps at most.
            is_last: whether they end the epoch.

        Returns:
            shared and own after them.

        Raises:
            ConfigError: training diverges.
        """
        learner = self._learner(at, fixed, shared, own)
        place, clock = Place.restored(own["place"]), Clock(step=own["step"])
        if not own["is_alone"] and at:
            self.averaged.adopt(learner, shared)
        for report in OneByOne().steps(learner, islice(batches(learner, clock, place), n)):
            clock.step += 1
            place.reports.append(report)
            refuse_divergence(report.loss, clock.step, self.config)
        learner.catch_up()
        state = learner.state()
        self.at = at + 1
        seen = summary(place.reports)
        if is_last:
            place.advance()
        told = {"place": place.state(), "step": clock.step, "is_alone": own["is_alone"]}
        told |= {"learner": self.averaged.own(state), "seen": seen}
        return self.averaged.shared(state), told

    def _learner(self, at: int, fixed: State, shared: Arrays, own: State) -> Learner:
        """The one that has come so far, or one that goes on from there."""
        if self.learner is None or self.at != at:
            state = self.averaged.joined(fixed, shared, own["learner"])
            self.learner = kind_of(self.config).resume(
                self.config, self.backend, self.data, state
            )
        return self.learner


@dataclass(slots=True)
class Averaging:
    """Trains one network by several workers.

    Args:
        config: all settings; what is left open is chosen for the training set, for a learner that
            takes steps.
        n_workers: that have a part of the examples each.
        every: steps of each worker after which they go on from the mean.
        backend: name of the one that computes, here and in workers; None for the default one.
        threads: of each worker.
        hire: makes the workers; by default in this process, where they take turns.
        watcher: is told of each evaluation.
    """

    config: Config
    n_workers: int
    every: int
    backend: str | None = None
    threads: int = 1
    hire: Hire = InProcess
    watcher: Watcher | None = None

    def __post_init__(self) -> None:
        demand_int("average_every", self.every, 1, 1 << 31)

    def fit(self, train: Dataset, valid: Dataset | None = None) -> Model:
        """Train; see `Trainer.fit`."""
        train, valid = checked_pair(train, valid)
        names = {n: getattr(train, n) for n in ("feature_names", "label_names", "text")}
        by_column, features, labels = by_columns(train)
        self.config = by_steps(self.config, by_column)
        backend, counts = load(self.backend), by_column.y.positive().column_counts()
        use_threads(backend, self.threads)
        if valid is not None:
            valid, unseen = known(valid, features, labels, counts)
            unseen.warn()
        parts = parts_of(train, self.n_workers, (features, labels))
        sizes = np.array([len(rows) for rows in dealt(train, self.n_workers)])
        crew = self.hire(
            Worker, [(part, self.config, self.backend, self.threads) for part in parts]
        )
        state = start_of(crew, self.config, backend, by_column)
        averaged = averaged_of(self.config)
        fixed, shared = averaged.fixed(state), averaged.shared(state)
        given = crew.share(fixed)

        def model(shared: Arrays) -> Model:
            return Model(
                self.config, averaged.network(fixed, shared, self.config, backend), backend, counts,
                train.n_samples, feature_ids=features.ids, label_ids=labels.ids, **names,
            )

        own = [self._own(number, averaged.own(state)) for number in range(self.n_workers)]
        adds_up = averaged.adds_up(self.config, len(shared))
        at = 0
        for epoch in range(1, self.config.training.epochs + 1):
            n_steps = -(-int(sizes.max()) // self.config.steps.batch_size)
            for done in range(0, n_steps, self.every):
                everyone, is_last = [crew.share(shared)] * crew.n, done + self.every >= n_steps
                found = crew.ask(
                    "steps", [at] * crew.n, [given] * crew.n, everyone, own,
                    [self.every] * crew.n, [is_last] * crew.n,
                )
                shared = mean(
                    shared, [each for each, _ in found], sizes / sizes.sum(), adds_up
                )
                own = [each for _, each in found]
                at += 1
            if self.watcher is not None:
                record = {"epoch": epoch, "step": own[0]["step"]}
                record |= {
                    n: float(np.average([e["seen"][n] for e in own], weights=sizes))
                    for n in own[0]["seen"]
                }
                if valid is not None:
                    record |= model(shared).scored(valid)
                self.watcher.on_evaluation(record)
        trained = model(shared)
        if valid is not None and valid.n_samples:
            trained.calibration = Calibration.fitted(answers(trained, valid), counts)
        return trained

    def _own(self, number: int, own: State) -> State:
        """What a worker has of its own at the start; the first one has the run's generator."""
        seed = self.config.training.seed
        if number:
            own = own | {"rng": state_of_rng(np.random.default_rng([seed, number]))}
        return {
            "place": Place().state(), "step": 0, "is_alone": self.n_workers == 1, "learner": own,
        }


def by_steps(config: Config, train: Dataset) -> Config:
    """All settings, of a learner that takes steps, and without a layer of neighbours.

    Raises:
        ConfigError: such a layer, or a learner that takes no steps, is asked for.
    """
    config = completed(config, train, by_steps=True)
    averaged_of(config)
    if kind_of(config).name != "direct" or config.learner.layers == 1:
        return config
    if config.learner.layers == 2:
        raise ConfigError("layers 2")
    return replace(config, learner=replace(config.learner, layers=1))
