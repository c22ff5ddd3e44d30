"""What learners do alike that drive shards: ask them, and have those again that are lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.examples.dataset import Dataset
from slide.core.learner import Batch, Stepping, StepReport
from slide.distributed.group import ShardGroup
from slide.distributed.losing import ShardLostError, refuse_losses, warn
from slide.distributed.network import ShardedNetwork
from slide.distributed.ranges import Range


class Driving(Stepping):
    """Drives shards.

    Attributes:
        group: the shards.
        labels: of each.
        data: the training set.
        n_steps: that were taken.
        since: what must be known of each step since shards kept what they have.
        kept: number of the step after which they did; None at the beginning.
        n_losses: of shards since the last step.
        looked_at: number of the step after which shards are ready to answer.
    """

    backend: Backend
    group: ShardGroup
    labels: list[Range]
    data: Dataset
    n_steps: int
    since: list[Any]
    kept: int | None
    n_losses: int
    looked_at: int | None

    @property
    def n_features(self) -> int:
        """Of examples, as they were given."""
        return self.data.n_features

    @property
    def shared(self) -> dict[str, Array]:
        """Weights that belong to no label and that shards do not have, by name."""
        return {}

    def take(self, batch: Batch) -> StepReport:
        """A training step, while the examples of the next one are handed out."""
        raise NotImplementedError

    def bring_back(self) -> None:
        """Have all shards where the run is: what they have kept, and the steps since then."""
        raise NotImplementedError

    def look(self, unseen: Array) -> None:
        """Have shards ready to answer; those labels, i32, come last."""
        raise NotImplementedError

    def train_on(self, batch: Dataset, lr: float) -> StepReport:
        """Steps are taken by their rows, for they may have to be taken again: see `take`."""
        raise NotImplementedError

    def asked(self, method: str, *args: Any) -> list[Any]:
        """What a method of all shards returns, by shards that are lost too."""
        results: list[Any] = self.ask_again(lambda: self.group.ask(method, *args))
        return results

    def ask_again(self, work: Callable[[], Any]) -> Any:
        """What comes of it; if shards are lost meanwhile, all go back and it is done again.

        Raises:
            BackendError: they are lost again and again.
        """
        while True:
            try:
                return work()
            except ShardLostError as lost:
                self.recover(lost)

    def recover(self, lost: ShardLostError) -> None:
        """Have all shards as they were before what was interrupted."""
        while True:
            self.n_losses, self.looked_at = self.n_losses + 1, None
            refuse_losses(lost, self.n_losses)
            since = "the beginning" if self.kept is None else f"step {self.kept}"
            warn(f"{lost}; all shards go on from {since}, {len(self.since)} steps back")
            try:
                self.group.revive()
                self.bring_back()
                return
            except ShardLostError as again:
                lost = again

    @property
    def network(self) -> ShardedNetwork:
        """Those of the shards."""
        return ShardedNetwork(self.group, self.n_features, self.labels, self.answered, self.shared)

    def answered(self, method: str, *args: Any) -> list[Any]:
        """The same as `asked`, of what needs to look for labels."""

        def answer() -> list[Any]:
            if self.looked_at != self.n_steps:
                unseen = np.flatnonzero(self.data.y.positive().column_counts() == 0)
                self.look(unseen.astype(np.int32))
                self.looked_at = self.n_steps
            return self.group.ask(method, *args)

        results: list[Any] = self.ask_again(answer)
        return results

    @property
    def output_weight(self) -> Array:
        """Shards have them."""
        raise NotImplementedError

    def attach(self, backend: Backend) -> None:
        """Shards compute by backends of their own."""
        self.backend = backend

    @property
    def found_by(self) -> None:
        """Shards have it."""

    @found_by.setter
    def found_by(self, found: None) -> None: ...
