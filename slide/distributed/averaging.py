"""Data-parallel training: workers take steps on parts of the examples, and go on from the mean.

After every T steps of each worker, the weights of all are averaged in the order of the workers, so
that the same bits come of the same seed, wherever workers are and however often one has died. With
one worker these are the bits of a run without.

Source: iterative parameter mixing, McDonald, Hall and Mann (NAACL 2010); local SGD.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice, zip_longest
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.forms import demand_counts, demand_fields
from slide.core.contract.state import State, state_of_rng
from slide.core.errors import ConfigError, said, worded
from slide.core.examples.dataset import Dataset
from slide.core.learner import Batch, Batches, Kind, Learner, Stepping, StepReport, TrainedNetwork
from slide.core.learners.config import PARTS, Config
from slide.core.learners.kinds import kind_of
from slide.core.runs.placement import Here
from slide.core.settings.demands import demand_int
from slide.core.settings.settings import Settings
from slide.distributed.asking import Hire, InProcess, WorkerGroup
from slide.distributed.means import Arrays, averaged_of, mean
from slide.distributed.parts import dealt, parts_of
from slide.distributed.ranges import refuse_other
from slide.distributed.starting import start_of
from slide.distributed.worker import Own, Worker

FIELDS = "fixed", "shared", "own", "n_steps", "every"


@dataclass(slots=True)
class AveragedRun(Stepping):
    """State of one training run by several workers: what they have between two periods.

    Args:
        settings: of the run.
        backend: of the driver, which computes little.
        rng: of the driver, on which nothing depends.
        data: all examples.
        order: their rows.
        group: the workers.
        shares: f64, of the examples those that each of them has.
        fixed, shared: see `slide.distributed.means`.
        own: of each worker.
        every: steps after which there is a mean.
        n_steps: that each of them has taken, but for those that had no batch left.
        sent: `fixed` as workers are given it.
    """

    settings: Settings[Any]
    backend: Backend
    rng: np.random.Generator
    data: Dataset
    order: Array
    group: WorkerGroup
    shares: Array
    fixed: State
    shared: Arrays
    own: list[Own]
    every: int
    n_steps: int = 0
    sent: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sent = self.group.share(self.fixed)

    @classmethod
    def begin(
        cls, placement: DataParallel, settings: Settings[Any], backend: Backend, train: Dataset
    ) -> AveragedRun:
        """Choose what all workers start from; the first one has the generator of the run."""
        group, averaged = placement.group_for(settings, train), averaged_of(settings)
        state = start_of(group, settings, backend, train)
        seed, own = settings.training.seed, averaged.own(state)
        others = [np.random.default_rng([seed, number]) for number in range(1, group.n)]
        states = [own, *(own | {"rng": state_of_rng(rng)} for rng in others)]
        owns = [Own(each) for each in states]
        fixed, shared = averaged.fixed(state), averaged.shared(state)
        return cls._made(placement.every, group, settings, backend, train, fixed, shared, owns)

    @classmethod
    def resume(
        cls, placement: DataParallel, settings: Settings[Any], backend: Backend, train: Dataset,
        state: State,
    ) -> AveragedRun:  # fmt: skip
        """Go on from such a state."""
        demand_fields("an averaged run", state, FIELDS)
        demand_counts(state, "n_steps")
        n, every = len(state["own"]), state["every"]
        refuse_other("shards", n, placement.n_workers)
        refuse_other("average_every", every, placement.every)
        group = placement.group_for(settings, train)
        owns = [Own(**each) for each in state["own"]]
        fixed, shared = state["fixed"], state["shared"]
        run = cls._made(every, group, settings, backend, train, fixed, shared, owns)
        group.ask("go_on", [run.sent] * n, [run.shared] * n, owns)
        run.n_steps = state["n_steps"]
        return run

    @classmethod
    def _made(
        cls, every: int, group: WorkerGroup, settings: Settings[Any], backend: Backend,
        train: Dataset, fixed: State, shared: Arrays, own: list[Own],
    ) -> AveragedRun:  # fmt: skip
        n = train.n_samples
        shares = np.array([len(rows) for rows in dealt(train, group.n)]) / n
        rng = np.random.default_rng(settings.training.seed)
        return cls(
            settings, backend, rng, train, np.arange(n), group, shares, fixed, shared, own, every
        )

    def state(self) -> State:
        """All of it."""
        return {
            "fixed": self.fixed,
            "shared": self.shared,
            "own": [asdict(each) for each in self.own],
            "n_steps": self.n_steps,
            "every": self.every,
        }

    def take(self, period: Sequence[Batch]) -> list[StepReport]:
        """A step of all workers for each batch, and the mean after the last one.

        Args:
            period: at least one, of which only the learning rates matter, and whether another one
                follows.
        """
        n, rates = self.group.n, [batch.lr for batch in period]
        is_last = not len(period[-1].following)
        given = self.group.share(self.shared)
        found = self.group.ask(
            "steps", [self.sent] * n, [given] * n, self.own, [rates] * n, [is_last] * n
        )
        self.shared = mean(self.shared, [each[0] for each in found], self.shares)
        self.own = [each[1] for each in found]
        self.n_steps += len(rates)
        reports = zip_longest(*(each[2] for each in found))
        return [merged([report for report in each if report is not None]) for each in reports]

    @property
    def batch_size(self) -> int:
        """Examples of a step of all workers."""
        return self.settings.steps.batch_size * self.group.n

    @property
    def network(self) -> TrainedNetwork:
        """Of the mean."""
        averaged = averaged_of(self.settings)
        return averaged.network(self.fixed, self.shared, self.settings, self.backend)

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """Workers take steps, on examples of their own: see `take`."""
        raise NotImplementedError

    @property
    def output_weight(self) -> Array:
        """No one updates it but workers."""
        raise NotImplementedError

    def attach(self, backend: Backend) -> None:
        """Workers compute by backends of their own."""
        self.backend = backend

    def refresh(self) -> bool:
        """Workers see to it themselves."""
        return False

    @property
    def found_by(self) -> None:
        """Workers have it."""

    @found_by.setter
    def found_by(self, found: None) -> None: ...

    def catch_up(self) -> None:
        """Workers have let all rows catch up before each mean."""

    def weight_sum(self) -> float:
        """Of all that is averaged: not finite if one number is not."""
        return sum(float(array.sum()) for array in self.shared)

    def diagnostics(self) -> dict[str, float]:
        """Nothing: no one has looked at weights and examples together."""
        return {}


class Periods:
    """Steps of all workers, with a mean after some of them: a `Runner`.

    Args:
        every: steps after which there is one; and at the end of each epoch.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def steps(self, learner: Learner, batches: Batches) -> Iterator[StepReport]:
        """Reports of steps, once there is a mean after them."""
        assert isinstance(learner, AveragedRun)
        coming = iter(batches)
        while period := list(islice(coming, self.every)):
            yield from learner.take(period)

    def figures(self) -> dict[str, float]:
        """Nothing to tell."""
        return {}


class DataParallel(Here):
    """Among workers that have parts of the examples: a `Placement`.

    Args:
        n_workers: how many.
        every: steps of each after which they go on from the mean.
        backend: name of the one that each computes by; None for the default one.
        threads: of each.
        hire: makes them; by default in this process, where they take turns.

    Raises:
        ConfigError: a number is out of range.
    """

    by_steps = True

    def __init__(
        self,
        n_workers: int,
        every: int,
        backend: str | None = None,
        threads: int = 1,
        hire: Hire = InProcess,
    ) -> None:
        demand_int(said("average_every"), every, 1, 1 << 31)
        self.n_workers, self.every = n_workers, every
        self.backend, self.threads, self.hire = backend, threads, hire

    def settled(self, config: Config) -> Config:
        """See `settled`."""
        return settled(config)

    def kind(self, kind: Kind) -> Kind:
        """The same, whose runs are of workers."""
        begin, resume = partial(AveragedRun.begin, self), partial(AveragedRun.resume, self)
        return replace(kind, begin=begin, resume=resume, go_on=None)

    def runner(self, backend: Backend) -> Periods:
        """All workers at once."""
        return Periods(self.every)

    def group_for(self, settings: Settings[Any], train: Dataset) -> WorkerGroup:
        """Workers for a training set.

        Raises:
            ConfigError: it has fewer examples than there are workers.
        """
        parts = parts_of(train, self.n_workers)
        return self.hire(Worker, [(each, settings, self.backend, self.threads) for each in parts])


def settled(config: Config) -> Config:
    """Without a hidden layer of examples, for no worker knows all.

    Raises:
        ConfigError: it is asked for, or a learner that takes no steps.
    """
    averaged_of(config)
    if kind_of(config).name != "direct":
        return config
    if config.learner.layers == 2:
        raise ConfigError(
            f"{said('layers', 2)} is a hidden layer of all examples, of which each worker has a "
            f"part: leave it out, or {worded('let models vote', 'say --combine voted')}"
        )
    return Config(**{name: getattr(config, name) for name in PARTS}, layers=1)


def merged(reports: Sequence[StepReport]) -> StepReport:
    """The mean of reports of steps of several workers."""
    if len(reports) == 1:
        return reports[0]
    told = [asdict(report) for report in reports]
    means: dict[str, Any] = {
        name: float(np.mean([each[name] for each in told])) for name in told[0]
    }
    means["touched_rows"] = round(means["touched_rows"])
    return StepReport(**means)
