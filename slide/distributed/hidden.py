"""The learner that drives shards of an output layer, and has the hidden layers before it.

Activations go out, and the gradient by them comes back, whatever the number of labels. Who is
active is chosen here, as one process chooses: shards tell the codes of their rows when tables are
built, and the driver has the tables.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from slide.core.contract.arrays import Array, Param
from slide.core.contract.backend import Backend
from slide.core.contract.forms import demand_counts, demand_fields, demand_rng
from slide.core.contract.invariants import demand
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.learner import Batch, StepReport, in_slices, monitored, report_of
from slide.core.sampled.kind import tensor_names
from slide.core.sampled.network import Network, draw_weights
from slide.core.sampled.occupancy import occupancy
from slide.core.sampled.restoring import (
    demand_catch_ups,
    demand_drawn,
    demand_params,
    demand_sampler,
)
from slide.core.sampled.run import silence_unused
from slide.core.sampled.sampling import Sampler, log_weights
from slide.core.sampled.settings import SampledSettings
from slide.core.sampled.step import activations, apply_hidden, way_back, way_in
from slide.core.sampled.updating import Updates, optimizer_of
from slide.core.settings.settings import Settings
from slide.distributed.driving import Driving
from slide.distributed.group import ShardGroup
from slide.distributed.kept import Parts
from slide.distributed.output import Sent, drawn_rows
from slide.distributed.ranges import Range, bounds_of, demand_bounds, ranges_of, split
from slide.distributed.tables import TablesOfShards

FIELDS = "rng", "params", "n_steps", "samplers", "catch_ups", "bounds"


@dataclass(slots=True)
class HiddenRun(Driving):
    """State of one training run of layers, but for the rows of the output that shards have.

    Args:
        settings, backend, rng, data, order: see `SampledRun`.
        monitored: a fixed slice of the training set.
        group: the shards.
        labels: of each.
        parts: where they keep what they have.
        network_here: the hidden layers, and an output of no rows.
        samplers: of each layer, the output last.
        updates: of the hidden layers.
        since: steps since what is kept: rows, learning rate, and the generator before them.
        kept: number of the step after which it was; None at the beginning.
        before: the driver's own part of what was kept; None at the beginning.
        ready: rows whose examples were taken in advance, and these.
        n_losses, looked_at: see `Driving`.
    """

    settings: Settings[SampledSettings]
    backend: Backend
    rng: np.random.Generator
    data: Dataset
    order: Array
    monitored: Dataset
    group: ShardGroup
    labels: list[Range]
    parts: Parts
    network_here: Network = field(init=False)
    samplers: list[Sampler | None] = field(init=False)
    updates: Updates = field(init=False)
    since: list[tuple[Array, float, State]] = field(default_factory=list)
    kept: int | None = None
    before: State | None = None
    ready: tuple[Array, Dataset] | None = None
    n_losses: int = 0
    looked_at: int | None = None

    @classmethod
    def begin(
        cls,
        settings: Settings[SampledSettings],
        backend: Backend,
        train: Dataset,
        group: ShardGroup,
        parts: Parts,
    ) -> HiddenRun:
        """Draw the network; nothing is trained yet."""
        labels = split(np.ones(train.n_labels), group.n_shards)
        run = cls._made(settings, backend, train, group, labels, parts)
        run.ask_again(run.draw)
        return run

    @classmethod
    def resume(
        cls,
        settings: Settings[SampledSettings],
        backend: Backend,
        train: Dataset,
        group: ShardGroup,
        parts: Parts,
        state: State,
    ) -> HiddenRun:
        """Go on from such a state, and what shards have kept at that time."""
        demand_fields("shards", state, FIELDS)
        bounds = state["bounds"]
        demand_bounds(bounds, train.n_labels, group.n_shards)
        run = cls._made(settings, backend, train, group, ranges_of(bounds), parts)
        run.restore(state)
        run.kept, run.before = run.n_steps, deepcopy(state)
        run.ask_again(run.bring_back)
        return run

    @classmethod
    def _made(
        cls, settings: Settings[SampledSettings], backend: Backend, train: Dataset,
        group: ShardGroup, labels: list[Range], parts: Parts,
    ) -> HiddenRun:  # fmt: skip
        if settings.learner.upkeep.stale_recall:
            raise ConfigError(
                f"{said('stale_recall')} asks for the exact best neurons of all shards: leave it "
                "out"
            )
        order = train.canonical_order()
        rng = np.random.default_rng(settings.training.seed)
        return cls(
            settings, backend, rng, train, order, monitored(train, order), group, labels, parts
        )

    def draw(self) -> None:
        """Begin with what is drawn: the hidden layers here, and the rows of shards there."""
        settings, n = self.settings, self.labels[-1].end
        layers, rng = settings.learner.layers, np.random.default_rng(settings.training.seed)
        sizes = pairwise((self.n_features, *layers.hidden))
        weights = [draw_weights(*each, layer, layers, rng) for layer, each in enumerate(sizes)]
        self.group.ask("begin_output", settings, deepcopy(rng), self.labels)
        for _ in drawn_rows(n, layers.hidden[-1] + 1, rng):
            pass  # they are drawn there
        begin = optimizer_of(settings.learner.optimization).begin
        self.install([begin(weight) for weight in weights])
        silence_unused(self.network_here, self.data, self.backend)
        self.rng = rng

    def install(self, params: list[Param]) -> None:
        """Have these hidden layers, whose tables and optimizer are as at the start."""
        settings, own, backend = self.settings, self.settings.learner, self.backend
        layers, n, width = own.layers, self.labels[-1].end, own.layers.hidden[-1] + 1
        none = optimizer_of(own.optimization).begin(np.zeros((0, width), np.float32))
        params = [param.map(backend.put) for param in [*params, none]]
        self.network_here = Network.of_params(params, layers)
        self.samplers = [
            Sampler.of(settings, layers.n_active_of(number), layer.param.shape)
            if layers.n_active_of(number) else None
            for number, layer in enumerate(self.network_here.hidden)
        ]  # fmt: skip
        output = Sampler.of(settings, settings.training.active, (n, width))
        if output.tables is not None:
            tables = TablesOfShards(own.hashing, settings.refresh, own.upkeep, n, width)
            tables.group, output.tables = self.group, tables
        self.samplers.append(output)
        self.updates = Updates.of(own.optimization, backend, self.network_here)

    def state(self) -> State:
        """What shards do not have; they keep theirs."""
        if self.kept != self.n_steps:
            folder = self.parts.folder_of(self.n_steps)
            self.asked("keep", folder)
            self.parts.prune(self.n_steps)
            self.kept, self.since = self.n_steps, []
            self.before = deepcopy(self.state_here())
        return self.state_here()

    def state_here(self) -> State:
        """All that is here."""
        params = [layer.param.map(self.backend.get) for layer in self.network_here.hidden]
        return {
            "rng": state_of_rng(self.rng),
            "params": [
                {"weight": each.weight, "mean": each.mean, "square": each.square} for each in params
            ],
            "n_steps": self.n_steps,
            "samplers": [each and each.state(self.backend) for each in self.samplers],
            "catch_ups": [each.state() for each in self.updates.catch_ups],
            "bounds": bounds_of(self.labels),
        }

    def restore(self, state: State) -> None:
        """Go on here from such a state; ValueError or KeyError if it is of something else."""
        own, width = self.settings.learner, self.settings.learner.layers.hidden[-1] + 1
        none = optimizer_of(own.optimization).begin(np.zeros((0, width), np.float32))
        empty = {"weight": none.weight, "mean": none.mean, "square": none.square}
        demand(isinstance(state["params"], list), "there are no layers")
        demand_params([*state["params"], empty], own, self.n_features, 0)
        demand_counts(state, "n_steps")
        demand_rng(state["rng"])
        self.install([Param(**each) for each in state["params"]])
        self.updates.step = state["n_steps"]
        for sampler, each in zip(self.samplers, state["samplers"], strict=True):
            demand_sampler(sampler, each)
            if sampler is not None:
                sampler.restore(each, self.backend)
            if sampler is not None and sampler.tables is not None:
                demand_drawn(sampler.tables)
        heights = [len(each.last) for each in self.updates.catch_ups]
        demand_catch_ups(state["catch_ups"], heights, self.n_steps)
        for catch_up, each in zip(self.updates.catch_ups, state["catch_ups"], strict=True):
            catch_up.restore(each)
        self.rng = rng_from(state["rng"])

    def bring_back(self) -> None:
        """Have all shards, and what is here, the generator too, where the run is."""
        if self.kept is None:
            self.draw()
        else:
            assert self.before is not None
            self.restore(deepcopy(self.before))
            folder = self.parts.folder_of(self.kept)
            self.group.ask("go_back", self.settings, folder, self.n_features, self.labels)
        for rows, lr, drawn_from in self.since:
            self.rng = rng_from(drawn_from)
            self.step_on(self.data.take(rows), lr)

    def take(self, batch: Batch) -> StepReport:
        """See `Driving`."""
        drawn_from = state_of_rng(self.rng)

        if self.ready is None or not np.array_equal(self.ready[0], batch.rows):
            self.ready = batch.rows, self.data.take(batch.rows)
        examples, self.ready = self.ready[1], None

        def taken() -> StepReport:
            self.rng = rng_from(drawn_from)
            return self.step_on(examples, batch.lr, batch.following)

        report: StepReport = self.ask_again(taken)
        self.since.append((batch.rows, batch.lr, drawn_from))
        self.n_losses = 0
        return report

    def step_on(self, batch: Dataset, lr: float, following: Array | None = None) -> StepReport:
        """A training step, while the examples that follow it are taken.

        If shards are lost before its end, weights here have not changed.
        """
        backend, network, sampler = self.backend, self.network_here, self.samplers[-1]
        assert sampler is not None
        self.renew()
        self.updates.begin(lr)
        dropout = self.settings.learner.layers.dropout
        way = way_in(backend, network, batch, self.samplers, self.updates, dropout, self.rng)
        active = sampler.sample(backend, way.a, batch.y.map(backend.put), self.rng)
        weights = log_weights(active)
        sent = Sent(backend.get(way.a.dense()), weights.map(backend.get), batch.y, batch.weights)
        pending = self.group.begin("step_output", self.group.put(sent), lr)
        if following is not None and len(following) and self.ready is None:
            self.ready = following, self.data.take(following)
        found = self.group.end(pending)
        total = np.zeros_like(sent.a)
        for _, da, _ in found:
            total += da
        grads = way_back(backend, network, way, way.a.with_values_of(backend.put(total)))
        apply_hidden(backend, network, self.samplers, self.updates, grads)
        sampler.mark_touched(backend.get(active.column_ids()))
        return report_of(sum(each[0] for each in found), active, weights,
                         sum(each[2] for each in found))  # fmt: skip

    def renew(self) -> None:
        """Whatever is due for hash tables before the next step."""
        for layer, sampler in zip(self.network_here.layers, self.samplers, strict=True):
            if sampler is None or sampler.tables is None:
                continue
            due = sampler.tables.due(self.n_steps)
            if any(due):
                self.updates.catch_up(self.network_here)
                sampler.tables.refresh(
                    self.backend, layer.param.weight, due, self.n_steps, math.nan, self.rng
                )

    @property
    def n_steps(self) -> int:  # type: ignore[override]
        """That were taken."""
        return self.updates.step

    @property
    def shared(self) -> dict[str, Array]:
        """The hidden layers by name."""
        weights = [self.backend.get(layer.param.weight) for layer in self.network_here.hidden]
        return dict(zip(tensor_names(len(weights))[:-1], weights, strict=True))

    def look(self, unseen: Array) -> None:
        """Have shards ready to answer."""
        self.group.ask("look", self.settings, unseen, self.group.put(self.shared))

    def refresh(self) -> bool:
        """That is part of a step here."""
        return False

    def catch_up(self) -> None:
        """Let all rows catch up with the steps that they missed."""
        self.updates.catch_up(self.network_here)
        self.asked("catch_up")

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""
        here = sum(float(layer.param.weight.sum()) for layer in self.network_here.hidden)
        return here + float(np.sum(self.asked("sums")))

    def diagnostics(self) -> dict[str, float]:
        """See `SampledRun`; without the recall of the output's tables."""
        losses, sampler = list[Array](), self.samplers[-1]
        assert sampler is not None
        for batch in in_slices(self.monitored):
            a = self.backend.get(activations(self.backend, self.network_here, batch.x).dense())
            losses.append(np.sum(self.asked("full_loss", a, batch.y), axis=0))
        figures = {
            "full_loss": float(np.concatenate(losses).mean()),
            "dead_neurons": 1 - float(sampler.touched.mean()),
        }
        if (tables := sampler.tables) is None or tables.tables is None:
            return figures
        figures["table_age"] = self.n_steps - tables.built_at
        return figures | occupancy(tables.tables.map(self.backend.get))
