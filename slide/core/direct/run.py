"""Training of a network without hidden layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.lists import occupancy_of_lists
from slide.core.contract.sparse import InvertedIndex
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.direct.active import active_set
from slide.core.direct.connecting import carried, connect, refuse_layers
from slide.core.direct.embedding_steps import EmbeddingRun
from slide.core.direct.ending import finish
from slide.core.direct.inputs import Inputs
from slide.core.direct.listed import ListedLabels
from slide.core.direct.mapped import AsInputs, as_inputs, with_constant
from slide.core.direct.network import Direct, logits
from slide.core.direct.restoring import demand_state
from slide.core.direct.searching import listed
from slide.core.direct.settings import DirectSettings
from slide.core.direct.stacking import Asked, Stacked, drawn, with_neighbours
from slide.core.direct.things import things_of
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import Scored
from slide.core.examples.weights import of_rows
from slide.core.learner import Earlier, Stepping, StepReport, in_slices, monitored, report_of
from slide.core.settings.schedule import Schedule
from slide.core.settings.settings import Settings

NEGLIGIBLE = 1e-3  # a gradient of a logit that moves nothing, and would cost as much as any other


@dataclass(slots=True)
class DirectRun(Stepping):
    """State of one training run of direct connections: weights, their squares, index, generator.

    Args:
        settings: of the run.
        backend: whose kernels compute; counts their seconds.
        rng: the one generator that everything random is drawn from.
        connections: the weights.
        data: the training set, its features replaced by inputs, the constant one last; those on
            disk are replaced when they are taken.
        monitored: a fixed slice of it.
        order: the rows trained on, in an order that does not depend on that of the file.
        train: the training set as it was given, for neighbours; None if there will be none.
        rebuilds: when the index is due.
        touched: which labels were ever updated, bool (n_labels,).
        held: rows that are held out until the end, i64; none if there is to be one layer.
        found: how much neighbours count, learned on them; None before, or if they do not.
        embedding: embeddings of items, if there are to be some, as far as they are trained.
        is_embedded: whether it was looked at if they are to be.
        layered: the connections with neighbours beside them, once somebody has asked for them.
        held_out: answers to them.
        things: what examples are parts of, once somebody has asked.
        n_steps: that were taken.
        index: of the weights as they were at the last rebuild, and of biases as they are.
        built_at: step of it.
    """

    settings: Settings[DirectSettings]
    backend: Backend
    rng: np.random.Generator
    connections: Direct
    data: Dataset
    monitored: Dataset
    order: Array
    rebuilds: Schedule
    touched: Array
    train: Dataset | None = field(default=None, metadata={"stays": True})  # with the parent
    held: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    found: Stacked | None = None
    embedding: EmbeddingRun | None = None
    is_embedded: bool = False
    layered: Direct | None = None
    held_out: Scored | None = None
    things: Array | None = field(default=None, metadata={"stays": True})
    n_steps: int = 0
    index: ListedLabels | None = None
    built_at: int = 0

    @classmethod
    def begin(
        cls,
        settings: Settings[DirectSettings],
        backend: Backend,
        train: Dataset,
        inputs: Inputs | None = None,
    ) -> DirectRun:
        """Choose the connections; nothing is trained yet."""
        rng = np.random.default_rng(settings.training.seed)
        order, held = train.canonical_order(), np.zeros(0, np.int64)
        if inputs is None and settings.learner.layers != 1:
            order, held = drawn(order, train.times, rng)
        inputs = inputs or Inputs.fitted(settings.learner, train.features)
        begun = as_inputs(train, order, inputs)
        ordered = begun if isinstance(begun, AsInputs) else begun.take(order)
        network = connect(settings, inputs, backend, ordered)
        data = with_constant(begun)
        rebuilds = Schedule(settings.refresh.rebuild_every, settings.refresh.rebuild_growth)
        touched = np.zeros(train.n_labels, bool)
        return cls(
            settings, backend, rng, network, data, monitored(data, order), order, rebuilds, touched,
            train if len(held) else None, held,
        )  # fmt: skip

    @classmethod
    def go_on(
        cls,
        settings: Settings[DirectSettings],
        backend: Backend,
        train: Dataset,
        earlier: Earlier,
    ) -> DirectRun:
        """Begin with earlier weights, and connections of weight 0 that these examples ask for.

        Raises:
            ConfigError: there is, or is to be, a hidden layer.
        """
        refuse_layers(settings, earlier)
        fitted = Inputs.fitted(settings.learner, train.features)
        inputs = earlier.network.inputs.widened(earlier.features, fitted.weights)
        run = cls.begin(settings, backend, train, inputs)
        run.connections = carried(earlier, run.connections, backend)
        run.touched |= earlier.taught
        return run

    @classmethod
    def resume(
        cls, settings: Settings[DirectSettings], backend: Backend, train: Dataset, state: State
    ) -> DirectRun:
        """Go on from such a state."""
        demand_state(state, train)
        network = Direct.restored(state["network"], backend)
        held = state["held"]
        order = train.canonical_order()
        order = order[~np.isin(order, held)]
        data = with_constant(as_inputs(train, order, network.inputs))
        rebuilds = Schedule(settings.refresh.rebuild_every, settings.refresh.rebuild_growth)
        rebuilds.restore(state["rebuilds"])
        rng, index = rng_from(state["rng"]), state["index"]
        needs_train = len(held) > 0 or state["found"] is not None
        run = cls(
            settings, backend, rng, network, data, monitored(data, order), order, rebuilds,
            state["touched"], train if needs_train else None, held,
        )  # fmt: skip
        run.found = state["found"] and Stacked(**state["found"])
        run.is_embedded = state["is_embedded"]
        if state["embedding"] is not None:
            run.embedding = EmbeddingRun.resume(run.asked().strangers(), state["embedding"])
        run.held_out = state["held_out"] and Scored.restored(state["held_out"])
        run.n_steps, run.built_at = state["n_steps"], state["built_at"]
        if index is not None:
            whole = InvertedIndex(**index | {"base": network.bias}).map(backend.put)
            run.index = ListedLabels.of(whole, network.param.weight, backend)
        return run

    def state(self) -> State:
        """Weights and squares, the index as it was built, clocks and generator."""
        index = self.index and self.index.whole(self.connections.bias)
        return {
            "rng": state_of_rng(self.rng),
            "network": self.connections.state(self.backend),
            "rebuilds": self.rebuilds.state(),
            "touched": self.touched,
            "held": self.held,
            "found": self.found and asdict(self.found),
            "embedding": self.embedding and self.embedding.state(),
            "is_embedded": self.is_embedded,
            "held_out": self.held_out and self.held_out.state(),
            "n_steps": self.n_steps,
            "built_at": self.built_at,
            "index": index and index.map(self.backend.get).state(),
        }

    def refresh(self) -> bool:
        """Rebuild the index if that is due before the next step; whether it was."""
        if not self.rebuilds.take_turn(self.n_steps) and self.index is not None:
            return False
        self.index = listed(self.connections, self.backend, self.settings.learner.list_limit)
        self.built_at = self.n_steps
        return True

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """One training step on a batch of `data`, with the index as it is.

        The gradient is summed over the batch and not averaged: an entry is met by few of its
        examples, so a mean would make the step depend on how many others there are.
        """
        assert isinstance(batch.x, CSR)
        backend, param = self.backend, self.connections.param
        x, y = batch.x.map(backend.put), batch.y.map(backend.put)
        active = self.choose(x, y)
        self.n_steps += 1
        z = backend.masked_spgemm(x, param.weight, active)
        weights = active.with_values(np.zeros_like(active.values))
        loss, dz = backend.loss(z, weights, y, self.settings.steps.loss)
        assert isinstance(dz, CSR)
        dz = of_rows(dz, batch.weights if batch.weights is None else backend.put(batch.weights))
        summed = entries_that_matter(dz.with_values(dz.values * np.float32(y.n_rows)))
        backend.update_entries(param, summed, x, lr)
        rows = summed.column_ids()
        self.touched[backend.get(rows)] = True
        assert self.index is not None
        self.index.move(rows, self.connections.bias_of(rows))  # they move faster than weights
        return report_of(float(loss.mean()), active, weights, len(rows))

    def finish(self) -> bool:
        """Put neighbours beside the connections if they pay, and train on what was held out.

        Embeddings are trained before, a pass at a time, between which there may be a checkpoint. If
        time is up there is one layer.
        """
        return finish(self)

    def asked(self) -> Asked:
        """What is held out, and what may be near to it."""
        assert self.train is not None
        return Asked.of(self.train, self.order, self.held, self.numbered)

    def numbered(self, data: Dataset) -> Array:
        """See `things_of`; looked for once, for what is held out stays the same."""
        if self.things is None:
            self.things = things_of(data)
        return self.things

    @property
    def network(self) -> Direct:
        """The weights, as they are, and neighbours beside them if they have been found to count."""
        if self.found is None:
            return self.connections
        if self.layered is None:
            assert self.train is not None
            self.layered = with_neighbours(
                self.connections, self.found, self.train, self.order, self.backend,
                None if self.embedding is None else self.embedding.embeddings,
            )  # fmt: skip
        return self.layered

    def choose(self, x: CSR, y: CSR) -> CSR:
        """The active sets: labels, and those others that score highest.

        Args:
            x: (B, n_inputs + 1).
            y: labels (B, n).

        Returns:
            CSR (B, n), see `active_set`.
        """
        assert self.index is not None
        k = min(self.settings.training.active, y.n_cols)
        found, _ = self.index.search(self.backend, x, y, k)
        return active_set(found, y)

    @property
    def output_weight(self) -> Array:
        """f32 (nnz,): those of a label, its bias last, after those of the label before."""
        return self.connections.param.weight.values

    def attach(self, backend: Backend) -> None:
        """Compute by the kernels of another backend from now on, on the same arrays."""
        self.backend = backend

    @property
    def found_by(self) -> ListedLabels | None:
        """What finds the negatives, and changes when something is due."""
        return self.index

    @found_by.setter
    def found_by(self, index: ListedLabels | None) -> None:
        self.index = index

    def catch_up(self) -> None:
        """Nothing is owed to labels that a step did not touch."""

    def weight_sum(self) -> float:
        """Of all weights: not finite if one is not."""
        return float(self.connections.param.weight.values.sum())

    def diagnostics(self) -> dict[str, float]:
        """Full loss, share of labels never updated, age of the index, and what was chosen."""
        losses, name = [], self.settings.steps.loss
        weight = self.connections.param.weight.map(self.backend.get)
        for batch in in_slices(self.monitored):
            assert isinstance(batch.x, CSR)
            z = Block.of(logits(batch.x, weight, self.backend)).map(self.backend.put)
            ones = z.with_values(np.zeros_like(z.values[:1]))
            loss, _ = self.backend.loss(z, ones, batch.y.map(self.backend.put), name)
            losses.append(self.backend.get(loss))
        return {
            "full_loss": float(np.concatenate(losses).mean()),
            "dead_neurons": 1 - float(self.touched.mean()),
            "table_age": self.n_steps - self.built_at,
            "layers": 1 if self.found is None else 2,
            "embedding_dim": 0 if self.embedding is None else self.embedding.vectors.shape[1],
        } | self.occupancy()

    def occupancy(self) -> dict[str, float]:
        """Of the lists of the index; nothing before there is one."""
        if self.index is None:
            return {}
        return occupancy_of_lists(self.backend.get(self.index.index.offsets))


def entries_that_matter(dz: CSR) -> CSR:
    """The entries that are not negligible."""
    return dz.where(abs(dz.values) >= NEGLIGIBLE)
