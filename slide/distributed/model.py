"""A model whose weights shards have: it answers, is judged and written as any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.direct.kind import NAMES
from slide.core.errors import ConfigError, ModelError, said, worded
from slide.core.learner import Searcher
from slide.core.learners.config import Config
from slide.core.learners.kinds import kind_of
from slide.core.models.beside import read_beside, told_beside, write_beside
from slide.core.models.folder import (
    CONFIG,
    IN_SHARDS,
    NUMBERED,
    own_names,
    read_description,
    refuse_no_files,
    write_description,
)
from slide.core.models.model import Model
from slide.core.models.shards import INDPTR, Files, n_files_of, names_of
from slide.core.models.stored import described, description_of, refusing_writes
from slide.core.models.tensors import COUNTS, FEATURE_IDS, LABEL_IDS, are_ids_of, understood
from slide.core.sampled.kind import tensor_names
from slide.distributed.group import ShardGroup
from slide.distributed.losing import ShardLostError, refuse_losses, warn
from slide.distributed.network import ShardedNetwork
from slide.distributed.ranges import split
from slide.distributed.shard import Written


@dataclass(frozen=True, slots=True)
class AmongShards:
    """Finds labels among those of all shards: a `Searcher`."""

    network: ShardedNetwork

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """The best of the best of each shard; ties to the smaller id, as a stable sort has them."""
        found = self.network.ask("top_k", self.network.group.put(x), k)
        ids = np.concatenate([each[0] for each in found], axis=1)
        scores = np.concatenate([each[1] for each in found], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`."""
        network = self.network
        found = network.ask("scores", network.group.put(x), wanted)
        ends = [each.end for each in network.labels]
        owner = np.searchsorted(ends, wanted.indices, side="right")
        values = np.empty(wanted.nnz, np.float32)
        for rank, each in enumerate(found):
            values[owner == rank] = each
        return wanted.with_values(values)

    def naming_last(self, labels: Array, backend: Backend) -> AmongShards:
        """Itself: shards see to that."""
        return self


class ShardedModel(Model):
    """A `Model` whose network is a `ShardedNetwork`."""

    __slots__ = ()
    network: ShardedNetwork

    def _searcher(self, sampled: bool) -> Searcher:
        if sampled:
            raise ConfigError(
                "shards look at all their labels: leave out "
                f"{worded('sampled=True', '--sampled')}, or load the model in one process"
            )
        return AmongShards(self.network)

    def write_into(self, folder: Path) -> None:
        """See `Model`; each shard writes its own file.

        Raises:
            ModelError: the operating system refuses, or a shard does not see the folder.
        """
        description, n = description_of(self), len(self.network.labels)
        if n > 1:
            description |= {"version": IN_SHARDS, "shards": n}
        elif self.feature_ids is not None or self.label_ids is not None:
            description["version"] = NUMBERED
        description |= told_beside(self)
        with refusing_writes(folder):
            write_description(folder, description)
            write_beside(self, folder)
            self.network.ask("write", self.config, folder.resolve(), self._written())
        for rank, name in enumerate(names_of(n)):
            if not (folder / name).is_file():
                raise ModelError(
                    f"shard {rank} on {self.network.group.place_of(rank)} wrote its part of the "
                    f"model to a folder {folder.parent} that this machine does not see: choose a "
                    f"{worded('folder', '--model')} that all machines share"
                )

    def _written(self) -> list[Written]:
        """What each shard writes beside weights."""
        ids = self.label_ids
        return [
            Written(
                own.of(self.label_counts),
                None if ids is None else own.of(ids),
                None if rank else self.feature_ids,
                {} if rank else self.network.shared,
            )
            for rank, own in enumerate(self.network.labels)
        ]

    def __getstate__(self) -> NoReturn:
        raise ConfigError("shards have the weights: save the model, and load it in one process")

    @classmethod
    def open(cls, folder: Path, backend: Backend, group: ShardGroup) -> ShardedModel:
        """Have shards answer by a model folder, however many files its weights are in.

        Args:
            folder: that every machine sees by this name.
            backend: of whoever asks.
            group: the shards.

        Raises:
            ModelError: see `Model.load`; or the model has a hidden layer of examples.
            ConfigError: it has too few labels for so many shards.
        """
        folder = folder.resolve()
        description = read_description(folder)
        refuse_no_files(folder, own_names(folder))
        parts = described(folder / CONFIG, description)
        network, counts, ids = opened(folder, description, parts["config"], group)
        parts |= read_beside(folder, description, network, counts, ids)
        parts |= {"network": network, "backend": backend, "label_counts": counts} | ids
        return cls(**parts)


def opened(
    folder: Path, description: dict[str, Any], config: Config, group: ShardGroup
) -> tuple[ShardedNetwork, Array, dict[str, Array]]:
    """The network of a folder, in the hands of shards; see `read_network`."""
    kind = kind_of(config)
    with understood(folder / CONFIG):
        n_files = n_files_of(description)
    path = folder / names_of(n_files)[0]
    with understood(path):
        files = Files(folder, n_files)
        refuse_examples(path, files)
        counts = files.of_labels(COUNTS)
        labels = split(work_of(kind.by_label, files, len(counts)), group.n_shards)
        ids = {}
        if LABEL_IDS in files.names():
            ids[LABEL_IDS] = files.of_labels(LABEL_IDS)
        if FEATURE_IDS in files.names():
            ids[FEATURE_IDS] = files.files[0].get_tensor(FEATURE_IDS)
    ask = Reopened(group, config, folder, description, labels)
    n_features = ask("n_features_of_model")[0]
    network = ShardedNetwork(group, n_features, labels, ask)
    if counts.dtype != np.int64 or not are_ids_of(network, ids):
        raise ModelError(f"{path} does not fit its config.json: train the model again")
    return network, counts, ids


class Reopened:
    """Asks shards that have opened a model; those that are lost open it again.

    Args:
        group: the shards.
        arguments: of `Shard.open`.
    """

    def __init__(self, group: ShardGroup, *arguments: Any) -> None:
        self.group, self.arguments = group, arguments
        self.is_open, self.n_losses = False, 0

    def __call__(self, method: str, *args: Any) -> list[Any]:
        """What a method of all shards returns."""
        while True:
            try:
                if not self.is_open:
                    self.group.ask("open", *self.arguments)
                    self.is_open = True
                return self.group.ask(method, *args)
            except ShardLostError as lost:
                self.is_open, self.n_losses = False, self.n_losses + 1
                refuse_losses(lost, self.n_losses)
                warn(f"{lost}; it reads the model again")
                self.group.revive()


def work_of(by_label: Sequence[str], files: Files, n: int) -> Array:
    """What each label costs, about: its weights."""
    if INDPTR not in by_label:
        return np.ones(n)
    work: Array = np.diff(files.of_labels(INDPTR)) + 1
    return work


def refuse_examples(path: Path, files: Files) -> None:
    """Raise ModelError if there is a hidden layer of labels and examples."""
    known = {*NAMES, *tensor_names(64), COUNTS, LABEL_IDS, FEATURE_IDS}
    if others := sorted(set(files.names()) - known):
        raise ModelError(
            f"{path} has {others[0]}: the model has a hidden layer of examples, which is not cut "
            f"by labels; answer in one process, or train with {said('layers', 1)}"
        )
