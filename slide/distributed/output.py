"""Rows of an output layer that a shard owns, behind hidden layers that the driver has."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block, Param
from slide.core.contract.backend import Backend
from slide.core.contract.forms import demand_array
from slide.core.contract.state import State
from slide.core.examples.dataset import batches
from slide.core.examples.weights import of_rows
from slide.core.sampled.layers import SampledLayer
from slide.core.sampled.mips import InnerProductHash, squares_of
from slide.core.sampled.network import OUTPUT_SCALE, Network
from slide.core.sampled.restoring import demand_catch_ups
from slide.core.sampled.settings import SampledSettings
from slide.core.sampled.updating import Updates, optimizer_of
from slide.core.settings.settings import Settings
from slide.distributed.ranges import Range

ROWS_AT_A_TIME = 1 << 14  # of weights that are drawn, and not kept


class Sent(NamedTuple):
    """What a shard is told of a step.

    Args:
        a: inputs of the output layer, f32 (B, n_units + 1).
        active: of all labels; values are log weights.
        y: labels of the examples, all of them.
        weights: of the examples; None where each counts for one.
    """

    a: Array
    active: CSR | Block
    y: CSR
    weights: Array | None


@dataclass(slots=True)
class OutputRows:
    """The rows of one range of labels, and what the optimizer keeps of them.

    Args:
        settings: of the run.
        backend: whose kernels compute; its loss is over the labels of all shards.
        labels: which rows.
        network: without hidden layers.
        updates: the optimizer, and the number of the present step.
    """

    settings: Settings[SampledSettings]
    backend: Backend
    labels: Range
    network: Network
    updates: Updates

    @classmethod
    def of(
        cls, settings: Settings[SampledSettings], backend: Backend, labels: Range, param: Param
    ) -> OutputRows:
        """These rows; nothing was updated yet."""
        network = Network((), SampledLayer(param.map(backend.put)))
        updates = Updates.of(settings.learner.optimization, backend, network)
        return cls(settings, backend, labels, network, updates)

    @classmethod
    def drawn(
        cls,
        settings: Settings[SampledSettings],
        backend: Backend,
        labels: Range,
        n_labels: int,
        rng: np.random.Generator,
    ) -> OutputRows:
        """Weights as one process draws them, of all labels one after the other."""
        width = settings.learner.layers.hidden[-1] + 1
        weight = np.empty((labels.n, width), np.float32)
        for rows, drawn in drawn_rows(n_labels, width, deepcopy(rng)):
            first, last = max(rows.start, labels.begin), min(rows.stop, labels.end)
            if first < last:
                weight[first - labels.begin : last - labels.begin] = drawn[
                    first - rows.start : last - rows.start
                ]
        begin = optimizer_of(settings.learner.optimization).begin
        return cls.of(settings, backend, labels, begin(weight))

    @classmethod
    def restored(
        cls, settings: Settings[SampledSettings], backend: Backend, labels: Range, state: State
    ) -> OutputRows:
        """The rows of such a state; ValueError or KeyError if it is of something else."""
        width = settings.learner.layers.hidden[-1] + 1
        demand_array("weight", state["weight"], np.float32, labels.n, width)
        begun = optimizer_of(settings.learner.optimization).begin(state["weight"][:0])
        for name in ("mean", "square"):
            demand_array(name, state[name], np.float32, labels.n, getattr(begun, name).shape[1])
        rows = cls.of(settings, backend, labels, Param(state["weight"], state["mean"],
                      state["square"]))  # fmt: skip
        rows.updates.step = state["step"]
        n = [len(each.last) for each in rows.updates.catch_ups]
        demand_catch_ups(state["catch_ups"], n, rows.updates.step)
        for catch_up, each in zip(rows.updates.catch_ups, state["catch_ups"], strict=True):
            catch_up.restore(each)
        return rows

    def state(self) -> State:
        """Weights, moments, and what rows are owed."""
        param = self.param.map(self.backend.get)
        return {
            "weight": param.weight,
            "mean": param.mean,
            "square": param.square,
            "step": self.updates.step,
            "catch_ups": [each.state() for each in self.updates.catch_ups],
        }

    @property
    def param(self) -> Param:
        """Weights, and the state of the optimizer."""
        return self.network.output.param

    def step(self, sent: Sent, lr: float) -> tuple[float, Array, int]:
        """Update the rows that are active.

        Returns:
            The mean loss of the batch, as far as these rows go; the gradient of a, f32 (B, n_units
            + 1), likewise; and how many rows were updated.
        """
        backend, layer = self.backend, self.network.output
        a, y = Block.of(backend.put(sent.a)), self.labels.columns_of(sent.y).map(backend.put)
        active = own_part(sent.active, self.labels).map(backend.put)
        self.updates.begin(lr)
        self.updates.catch_up_rows(0, layer, a, active)
        z = layer.forward(backend, a, active)
        loss, dz = backend.loss(z, active, y, self.settings.steps.loss)
        weights = sent.weights
        dz = of_rows(dz, weights if weights is None else backend.put(weights))
        grad = layer.gradient(backend, a, dz)
        da = backend.get(backend.spmm(dz, layer.param.weight))
        self.updates.apply(0, layer, grad)
        return float(loss.mean()), da, len(grad.rows)

    def catch_up(self) -> None:
        """Let all rows catch up with the steps that they missed."""
        self.updates.catch_up(self.network)

    def full_loss(self, a: Array, y: CSR) -> Array:
        """Of examples over all labels, as far as these rows go: f32 (B,)."""
        backend = self.backend
        z = self.network.output.forward(backend, Block.of(backend.put(a)), None)
        weights = z.with_values(np.zeros_like(z.values[:1]))
        own = self.labels.columns_of(y).map(backend.put)
        loss, _ = backend.loss(z, weights, own, self.settings.steps.loss)
        losses: Array = backend.get(loss)
        return losses

    def sums(self) -> Array:
        """Of the rows: f64 (n_units + 1,)."""
        total: Array = self.backend.get(self.param.weight).sum(axis=0, dtype=np.float64)
        return total

    def lengths(self, functions: InnerProductHash) -> Array:
        """Of the rows less the center: f32 (n,)."""
        rows = self.backend.get(self.param.weight)
        squares = [squares_of(functions.centred(rows[some])) for some in self.runs()]
        lengths: Array = np.sqrt(np.concatenate(squares))
        return lengths

    def runs(self) -> Any:
        """The rows, some at a time."""
        return batches(self.labels.n, ROWS_AT_A_TIME)

    def codes(self, functions: InnerProductHash, rows: Array | None) -> Array:
        """Buckets of the rows, or of some of them by their labels: u32 (n, L)."""
        weight = self.param.weight
        if rows is not None:
            own = rows[(rows >= self.labels.begin) & (rows < self.labels.end)]
            weight = weight[self.backend.put(own - np.int32(self.labels.begin))]
        codes = functions.map(self.backend.put).of_rows(self.backend, weight)
        found: Array = self.backend.get(codes)
        return found


def drawn_rows(n: int, width: int, rng: np.random.Generator) -> Any:
    """Weights of an output layer as `draw_weights` draws them, some rows at a time, and which."""
    scale = np.float32(OUTPUT_SCALE * (width - 1) ** -0.5)
    for start in range(0, n, ROWS_AT_A_TIME):
        rows = slice(start, min(start + ROWS_AT_A_TIME, n))
        drawn = rng.standard_normal((rows.stop - rows.start, width), dtype=np.float32)
        drawn *= scale
        drawn[:, -1] = 0
        yield rows, drawn


def own_part(active: CSR | Block, labels: Range) -> CSR | Block:
    """Those active neurons that are labels of a range, numbered from 0."""
    if isinstance(active, CSR):
        return labels.columns_of(active)
    kept = (active.ids >= labels.begin) & (active.ids < labels.end)
    ids = active.ids[kept] - np.int32(labels.begin)
    return Block(ids, np.ascontiguousarray(active.values[:, kept]), labels.n)
