"""A shard: a learner of some of the labels, which takes its steps together with the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.checkpoints.files import read_checkpoint, sync_folder, write_checkpoint
from slide.core.checkpoints.snapshot import Snapshot
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.direct.inputs import Inputs
from slide.core.direct.run import DirectRun
from slide.core.errors import ModelError
from slide.core.examples.dataset import Dataset
from slide.core.learner import Searcher, StepReport
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.shards import Files, n_files_of, names_of
from slide.core.models.tensors import (
    COUNTS,
    FEATURE_IDS,
    LABEL_IDS,
    refuse_nonsense,
    understood,
)
from slide.core.models.writing import save_tensors
from slide.core.runs.rehearsal import rehearse
from slide.core.sampled.kind import OUTPUT, SAMPLED
from slide.core.sampled.mips import InnerProductHash
from slide.distributed.kernels import Competing
from slide.distributed.output import OutputRows, Sent
from slide.distributed.ranges import Range
from slide.distributed.source import Source
from slide.distributed.talking import Ask


@dataclass(frozen=True, slots=True)
class Written:
    """What a shard writes of a model beside weights.

    Args:
        counts: training examples of its labels, i64 (n,).
        label_ids: i32 (n,), or None.
        feature_ids: i32 (n_features,), or None; the first shard writes them.
        shared: weights that belong to no label and that shards do not have, by name; likewise.
    """

    counts: Array
    label_ids: Array | None
    feature_ids: Array | None
    shared: dict[str, Array]


class Shard:
    """The labels of one range.

    Args:
        backend: computes.
        ask: asks the other shards.
        rank: of the shard.
        n_shards: that there are.
        loose: see `Competing`.

    Attributes:
        learner: of its labels; None before a run begins, or behind hidden layers.
        output: rows behind hidden layers; None without.
        opened: a network that was read from a model folder, in the place of what is trained.
        searcher: answers by weights that were read; None while there is a learner.
    """

    def __init__(
        self, backend: Backend, ask: Ask, rank: int, n_shards: int, loose: bool = False
    ) -> None:
        self.backend, self.rank, self.n_shards = backend, rank, n_shards
        self.kernels: Any = backend
        if n_shards > 1:
            self.kernels = Competing(backend, ask, rank, n_shards, loose)
        self.labels = Range(0, 0)
        self.learner: DirectRun | None = None
        self.output: OutputRows | None = None
        self.opened: Any = None
        self.searcher: Searcher | None = None
        self.n_features = 0

    def rehearse(self, config: Config, train: Dataset) -> float:
        """See `slide.core.runs.rehearsal`."""
        return rehearse(config, self.backend, train)

    def begin(self, config: Config, source: Source, inputs: Inputs, labels: list[Range]) -> None:
        """Choose the connections of its labels.

        Args:
            config: of the run.
            source: the training set.
            inputs: as fitted to all of it.
            labels: of each shard.
        """
        self.forget()
        self.labels = labels[self.rank]
        part = source.part(self.labels)
        self.learner = DirectRun.begin(config, self.kernels, part, inputs)
        self.let_go()

    def forget(self) -> None:
        """Have nothing of what was trained, or read, before."""
        self.learner = self.output = self.opened = self.searcher = None

    def let_go(self) -> None:
        """Have no examples: those of each step are given."""
        learner = self.learner
        assert learner is not None
        none = Dataset(CSR.empty(0, learner.data.n_features), CSR.empty(0, self.labels.n))
        learner.data = learner.monitored = none
        learner.order = np.zeros(0, np.int64)

    def step(self, batch: Dataset, lr: float) -> StepReport:
        """A training step on examples with all their labels."""
        assert self.learner is not None
        return self.learner.step(self.own(batch), lr)

    def own(self, batch: Dataset) -> Dataset:
        """Examples with the labels of the shard."""
        return replace(batch, y=self.labels.columns_of(batch.y))

    def weight_sum(self) -> float:
        """Of its weights."""
        assert self.learner is not None
        return self.learner.weight_sum()

    def diagnostics(self, monitored: Dataset) -> dict[str, float]:
        """See `Learner`; of these examples."""
        assert self.learner is not None
        self.learner.monitored = self.own(monitored)
        return self.learner.diagnostics()

    def begin_output(self, config: Config, rng: np.random.Generator, labels: list[Range]) -> None:
        """Draw its rows behind hidden layers.

        Args:
            config: of the run.
            rng: when the rows of all labels are to be drawn.
            labels: of each shard.
        """
        self.forget()
        self.labels = own = labels[self.rank]
        self.output = OutputRows.drawn(config, self.kernels, own, labels[-1].end, rng)

    def step_output(self, sent: Sent, lr: float) -> tuple[float, Array, int]:
        """See `OutputRows.step`."""
        return self.rows.step(sent, lr)

    def catch_up(self) -> None:
        """See `OutputRows`."""
        self.rows.catch_up()

    def full_loss(self, a: Array, y: CSR) -> Array:
        """See `OutputRows`."""
        return self.rows.full_loss(a, y)

    def sums(self) -> Array:
        """See `OutputRows`."""
        return self.rows.sums()

    def lengths(self, functions: InnerProductHash) -> Array:
        """See `OutputRows`."""
        return self.rows.lengths(functions)

    def codes(self, functions: InnerProductHash, rows: Array | None) -> Array:
        """See `OutputRows`."""
        return self.rows.codes(functions, rows)

    @property
    def rows(self) -> OutputRows:
        """Those behind hidden layers, which there are."""
        assert self.output is not None
        return self.output

    @property
    def trained(self) -> DirectRun | OutputRows:
        """Whatever is trained."""
        assert self.learner is not None or self.output is not None
        return self.learner or self.rows

    def keep(self, folder: Path) -> None:
        """Write its state as a checkpoint into a folder, and have it on the disk."""
        own = folder / str(self.rank)
        own.mkdir(parents=True, exist_ok=True)
        write_checkpoint(own, Snapshot.of(self.trained.state()))
        sync_folder(folder)

    def go_back(self, config: Config, folder: Path, n_features: int, labels: list[Range]) -> None:
        """Go on from such a state.

        Raises:
            DamagedError: it is missing, or not what was written.
            ValueError, KeyError: it is not of such a run.
        """
        self.forget()
        self.labels = labels[self.rank]
        none = Dataset(CSR.empty(0, n_features), CSR.empty(0, self.labels.n))
        state = read_checkpoint(folder / str(self.rank))
        if kind_of(config) is SAMPLED:
            self.output = OutputRows.restored(config, self.kernels, self.labels, state)
            return
        self.learner = DirectRun.resume(config, self.kernels, none, state)

    def write(self, config: Config, folder: Path, written: list[Written]) -> None:
        """Write its file of a model."""
        own, kind = written[self.rank], kind_of(config)
        named = {COUNTS: own.counts, LABEL_IDS: own.label_ids, FEATURE_IDS: own.feature_ids}
        tensors: dict[str, Any]
        if self.output is None:
            network = self.trained.network if self.opened is None else self.opened
            tensors = dict(kind.written(network, self.backend))
        else:
            tensors = own.shared | {OUTPUT: self.backend.get(self.output.param.weight)}
        tensors |= {name: array for name, array in named.items() if array is not None}
        if self.rank:
            others = (*kind.by_label, COUNTS, LABEL_IDS)
            tensors = {name: array for name, array in tensors.items() if name in others}
        save_tensors(tensors, folder / names_of(self.n_shards)[self.rank])

    def look(self, config: Config, unseen: Array, shared: dict[str, Array]) -> None:
        """Be ready to answer by the weights as they are.

        Args:
            config: of the model.
            unseen: i32, labels that come last, of all shards.
            shared: weights that belong to no label and that shards do not have, by name.
        """
        network: Any = self.trained.network
        if self.output is not None:
            tensors = shared | {OUTPUT: self.backend.get(self.output.param.weight)}
            counts = np.zeros(self.labels.n, np.int64)  # nobody looks at them
            network = kind_of(config).read(tensors, config, counts, self.backend)
        self.look_into(config, network, unseen)

    def open(
        self, config: Config, folder: Path, description: dict[str, Any], labels: list[Range]
    ) -> None:
        """Be ready to answer by what a model folder has of its labels.

        Raises:
            ModelError: it is damaged.
        """
        self.forget()
        self.labels = own = labels[self.rank]
        kind, path = kind_of(config), folder / names_of(n_files_of(description))[0]
        by_label = (*kind.by_label, COUNTS, LABEL_IDS)
        with understood(path):
            rows = Files(folder, n_files_of(description)).rows(own.begin, own.end, by_label, COUNTS)
            counts = rows.pop(COUNTS)
            refuse_nonsense(path, rows, counts)
            weights = {name: rows[name] for name in rows if name not in (LABEL_IDS, FEATURE_IDS)}
            network = kind.read(weights, config, counts, self.backend)
        if network is None:
            raise ModelError(f"{path} does not fit its config.json: train the model again")
        self.opened = network
        unseen = np.flatnonzero(counts == 0).astype(np.int32) + np.int32(own.begin)
        self.n_features = network.n_features
        self.look_into(config, network, unseen)

    def n_features_of_model(self) -> int:
        """Of the model that was opened."""
        return self.n_features

    def look_into(self, config: Config, network: Any, unseen: Array) -> None:
        """The same, by these weights."""
        searcher = kind_of(config).exact(network, self.backend)
        own = self.labels
        within = unseen[(unseen >= own.begin) & (unseen < own.end)] - np.int32(own.begin)
        self.searcher = searcher.naming_last(within, self.backend) if len(within) else searcher

    def top_k(self, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """Its k best labels, or all of them: ids i32 and logits f32, best first."""
        assert self.searcher is not None
        ids, scores = self.searcher.top_k(self.backend, x, min(k, self.labels.n))
        return np.where(ids < 0, ids, ids + np.int32(self.labels.begin)), scores

    def scores(self, x: CSR | Block, wanted: CSR) -> Array:
        """Logits of those labels that are its own, in their order: f32."""
        assert self.searcher is not None
        return self.searcher.scores(self.backend, x, self.labels.columns_of(wanted)).values
