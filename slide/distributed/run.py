"""The learner that drives shards of direct connections: it has no weights, and loses none.

It takes the examples of each step from where they are, makes inputs of them, and hands them out.
What shards have is kept on disk whenever there is a checkpoint, by each shard for itself; the steps
since then are remembered by the numbers of their examples. So when shards are lost, all of them go
back to that checkpoint and take the same steps again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.forms import demand_array, demand_counts, demand_fields, demand_rng
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.direct.inputs import Inputs
from slide.core.direct.mapped import as_inputs, with_constant
from slide.core.direct.settings import DirectSettings
from slide.core.errors import MismatchError, said
from slide.core.examples.dataset import Dataset
from slide.core.learner import Batch, StepReport, monitored
from slide.core.settings.settings import Settings
from slide.distributed.driving import Driving
from slide.distributed.group import ShardGroup
from slide.distributed.kept import Parts
from slide.distributed.ranges import Range, bounds_of, demand_bounds, ranges_of, split
from slide.distributed.source import Source

FIELDS = "rng", "n_steps", "weights", "pairs", "bounds", "loose"


@dataclass(slots=True)
class ShardedRun(Driving):
    """State of one training run of direct connections, but for what shards have of it.

    Args:
        settings: of the run.
        backend: of the driver, which computes next to nothing.
        rng: the one generator that everything random is drawn from.
        data: see `DirectRun`.
        monitored: likewise.
        order: likewise.
        group: the shards.
        labels: of each.
        inputs: as fitted to the training set.
        source: what shards begin with.
        parts: where they keep what they have.
        n_steps: that were taken.
        since: steps since what is kept: rows and learning rate.
        kept: number of the step after which it was; None at the beginning.
        ready: rows whose examples were handed out in advance, and what these are known by.
        n_losses, looked_at: see `Driving`.
    """

    settings: Settings[DirectSettings]
    backend: Backend
    rng: np.random.Generator
    data: Dataset
    monitored: Dataset
    order: Array
    group: ShardGroup
    labels: list[Range]
    inputs: Inputs
    source: Source
    parts: Parts
    n_steps: int = 0
    since: list[tuple[Array, float]] = field(default_factory=list)
    kept: int | None = None
    ready: tuple[Array, Any] | None = None
    n_losses: int = 0
    looked_at: int | None = None

    @classmethod
    def begin(
        cls,
        settings: Settings[DirectSettings],
        backend: Backend,
        train: Dataset,
        group: ShardGroup,
        parts: Parts,
    ) -> ShardedRun:
        """Have shards choose their connections."""
        inputs = Inputs.fitted(settings.learner, train.features)
        least = min(settings.training.active, train.n_labels)
        labels = split(work_of(settings.learner, train), group.n_shards, least)
        rng = np.random.default_rng(settings.training.seed)
        run = cls._made(settings, backend, rng, train, inputs, labels, group, parts)
        run.ask_again(run.bring_back)
        return run

    @classmethod
    def resume(
        cls,
        settings: Settings[DirectSettings],
        backend: Backend,
        train: Dataset,
        group: ShardGroup,
        parts: Parts,
        state: State,
    ) -> ShardedRun:
        """Go on from such a state, and what shards have kept at that time."""
        demand_sharded(state, train, group)
        inputs, labels = Inputs(state["weights"], state["pairs"]), ranges_of(state["bounds"])
        rng = rng_from(state["rng"])
        run = cls._made(settings, backend, rng, train, inputs, labels, group, parts)
        run.n_steps = run.kept = state["n_steps"]
        run.ask_again(run.bring_back)
        return run

    @classmethod
    def _made(
        cls, settings: Settings[DirectSettings], backend: Backend, rng: np.random.Generator,
        train: Dataset, inputs: Inputs, labels: list[Range], group: ShardGroup, parts: Parts,
    ) -> ShardedRun:  # fmt: skip
        order = train.canonical_order()
        data = with_constant(as_inputs(train, order, inputs))
        return cls(
            settings, backend, rng, data, monitored(data, order), order, group, labels, inputs,
            Source.of(train), parts,
        )  # fmt: skip

    def state(self) -> State:
        """What shards do not have; they keep theirs."""
        if self.kept != self.n_steps:
            folder = self.parts.folder_of(self.n_steps)
            self.asked("keep", folder)
            self.parts.prune(self.n_steps)
            self.kept, self.since = self.n_steps, []
        return {
            "rng": state_of_rng(self.rng),
            "n_steps": self.n_steps,
            "weights": self.inputs.weights,
            "pairs": self.inputs.pairs,
            "bounds": bounds_of(self.labels),
            "loose": self.group.loose,
        }

    def take(self, batch: Batch) -> StepReport:
        """A training step, while the examples of the next one are handed out."""
        if self.ready is None or not np.array_equal(self.ready[0], batch.rows):
            self.ready = batch.rows, self.group.put(self.data.take(batch.rows))
        handed = self.ready[1]
        self.ready = None

        def taken() -> StepReport:
            pending = self.group.begin("step", handed, batch.lr)
            if self.ready is None and len(batch.following):
                self.ready = batch.following, self.group.put(self.data.take(batch.following))
                self.group.expect(self.ready[1])
            return merged(self.group.end(pending))

        report: StepReport = self.ask_again(taken)
        self.since.append((batch.rows, batch.lr))
        self.n_steps, self.n_losses = self.n_steps + 1, 0
        return report

    def bring_back(self) -> None:
        """Have all shards where the run is: what they have kept, and the steps since then."""
        if self.kept is None:
            self.group.ask("begin", self.settings, self.group.put(self.source), self.inputs,
                          self.labels)  # fmt: skip
        else:
            folder = self.parts.folder_of(self.kept)
            self.group.ask("go_back", self.settings, folder, self.inputs.n_features, self.labels)
        for rows, lr in self.since:
            self.group.ask("step", self.group.put(self.data.take(rows)), lr)

    @property
    def n_features(self) -> int:
        """Of examples, without the constant input."""
        return self.inputs.n_features

    def refresh(self) -> bool:
        """Shards see to it themselves, before a step."""
        return False

    def catch_up(self) -> None:
        """Nothing is owed to labels that a step did not touch."""

    def look(self, unseen: Array) -> None:
        """Have shards ready to answer."""
        self.group.ask("look", self.settings, unseen, {})

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""
        parts: list[float] = self.asked("weight_sum")
        return sum(parts)

    def diagnostics(self) -> dict[str, float]:
        """See `DirectRun`."""
        found = self.asked("diagnostics", self.monitored)
        sizes = np.array([each.n for each in self.labels])
        dead = np.array([each["dead_neurons"] for each in found])
        return {
            "full_loss": float(sum(each["full_loss"] for each in found)),
            "dead_neurons": float((dead * sizes).sum() / sizes.sum()),
            **{name: found[0][name] for name in ("table_age", "layers", "embedding_dim")},
        }


def work_of(settings: DirectSettings, train: Dataset) -> Array:
    """What each label costs, about: its connections at most, f64 (n_labels,)."""
    counts = train.y.positive().column_counts()
    work: Array = settings.connections + settings.grown + settings.connections_per_example * counts
    return work


def merged(reports: Sequence[StepReport]) -> StepReport:
    """The report of a step, of those of shards, each of its own labels."""
    n = sum(report.n_active for report in reports)

    def share(name: str) -> float:
        total: float = sum(getattr(each, name) * each.n_active for each in reports)
        return total / max(n, 1e-9)

    drawn = [each.from_uniform * each.n_active for each in reports]
    likely = sum(m * each.inclusion_probability for m, each in zip(drawn, reports, strict=True))
    return StepReport(
        loss=sum(report.loss for report in reports),
        n_active=n,
        from_labels=share("from_labels"),
        from_tables=share("from_tables"),
        from_uniform=share("from_uniform"),
        inclusion_probability=likely / sum(drawn) if sum(drawn) else 1.0,
        touched_rows=sum(report.touched_rows for report in reports),
    )


def demand_sharded(state: State, train: Dataset, group: ShardGroup) -> None:
    """Raise ValueError or KeyError unless a run of these shards can go on from it."""
    demand_fields("shards", state, FIELDS)
    demand_rng(state["rng"])
    demand_counts(state, "n_steps")
    demand_array("weights", state["weights"], np.float32, train.n_features)
    demand_array("pairs", state["pairs"], np.int64, None)
    Inputs(state["weights"], state["pairs"]).check()
    demand_bounds(state["bounds"], train.n_labels, group.n_shards)
    if state["loose"] != group.loose:
        which = "with" if state["loose"] else "without"
        raise MismatchError(f"the run that goes on was begun {which} {said('loose')}: go on so")
