"""Options of runs on several machines, and the shards that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.core.errors import ConfigError
from slide.core.machine import cores

if TYPE_CHECKING:
    from slide.core.checkpoints.every import Checkpoints
    from slide.core.contract.backend import Backend
    from slide.core.contract.state import State
    from slide.core.examples.counting import OneBased
    from slide.core.examples.dataset import Dataset
    from slide.core.learners.config import Config
    from slide.core.models.model import Model
    from slide.core.runs.placement import Placement
    from slide.distributed.group import ShardGroup

PANEL = "Several machines"
Distributed = Annotated[
    bool,
    typer.Option(
        "--distributed",
        help="Cut the labels into shards, each in a process of Ray (docs/distributed.md).",
        rich_help_panel=PANEL,
    ),
]
Shards = Annotated[
    int | None,
    typer.Option(
        min=1, max=4096, help="How many; a core of this machine each if not given.",
        rich_help_panel=PANEL,
    ),
]  # fmt: skip
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Of a Ray cluster; one of this machine alone if not given.",
        rich_help_panel=PANEL,
    ),
]
Loose = Annotated[
    bool,
    typer.Option(
        "--loose",
        help="Each shard chooses its own hardest negatives, and none are exchanged.",
        rich_help_panel=PANEL,
    ),
]


class Combine(StrEnum):
    """What is made of what workers have that divide the examples."""

    AVERAGED = "averaged"
    VOTED = "voted"


Combined = Annotated[
    Combine | None,
    typer.Option(
        "--combine",
        help="Cut the examples instead, and average weights, or let models vote "
        "(docs/combining.md).",
        rich_help_panel=PANEL,
    ),
]
AverageEvery = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="STEPS",
        help="Steps of each worker from mean to mean (--combine averaged); 10 if not given.",
        rich_help_panel=PANEL,
    ),
]  # fmt: skip
USUALLY = 10  # steps from mean to mean


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say.

    Args:
        distributed: whether there are shards at all.
        shards, address, loose: see above.
        backend: of each shard; None for the default.
        threads: of each shard; None for as many as there are CPUs.
        combine, average_every: see above; workers are as many as shards are.

    Raises:
        ConfigError: something is said of shards, or of workers, and there are none.
    """

    distributed: bool
    shards: int | None
    address: str | None
    loose: bool = False
    backend: str | None = None
    threads: int | None = None
    combine: Combine | None = None
    average_every: int | None = None

    def __post_init__(self) -> None:
        said = {"--shards": self.shards, "--address": self.address, "--loose": self.loose,
                "--combine": self.combine}  # fmt: skip
        idle = [name for name, value in said.items() if value]
        if idle and not self.distributed:
            raise ConfigError(f"{idle[0]} is about shards: say --distributed, or leave it out")
        if self.average_every and self.combine is not Combine.AVERAGED:
            raise ConfigError(
                "--average-every is about means: say --combine averaged, or leave it out"
            )
        if self.loose and self.combine:
            raise ConfigError(
                "--loose is about shards of labels, and --combine about parts of the examples: "
                "leave out one of them"
            )

    @contextmanager
    def group(self, computer: Backend) -> Iterator[ShardGroup]:
        """The shards, for as long as this lasts."""
        from slide.distributed.ray_group import RayShardGroup

        with self.connected(computer) as (ray, n, threads):
            group = RayShardGroup(ray, computer, self.backend, n, self.loose, threads)
            try:
                yield group
            finally:
                group.close()

    @contextmanager
    def connected(self, computer: Backend) -> Iterator[tuple[Any, int, int]]:
        """Ray, how many shards or workers there are, and the threads of each."""
        from slide.distributed.cluster import ray_at, threads_for

        if getattr(computer, "hogwild_workers", None) is not None:
            raise ConfigError("--mode hogwild has workers of its own: leave out --distributed")
        n = self.shards or cores()
        here = n * max(self.threads or cores() // n, 1)
        with ray_at(self.address, here) as ray:
            yield ray, n, threads_for(ray, n, self.threads)

    @property
    def votes(self) -> bool:
        """Whether there will be several models."""
        return self.combine is Combine.VOTED

    @property
    def by_steps(self) -> bool:
        """Whether only learners will do that take steps."""
        return self.distributed and not self.votes

    def refuse_taken(self) -> Callable[[Path, bool], None] | None:
        """What raises ModelError if the folder for what is trained is not free; None for models."""
        if not self.votes:
            return None
        from slide.distributed.ensemble_folder import refuse_taken

        return refuse_taken

    def vote(
        self, computer: Backend, chosen: dict[str, Any], train: Dataset, valid: Dataset | None,
        folder: Path, overwrite: bool, trained_on: str, one_based: OneBased, **asked: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Train models that vote, and leave them in a folder; figures (see `vote_to_folder`)."""
        from slide.core.learners.config import Config
        from slide.distributed.ensemble import Voting, vote_to_folder
        from slide.distributed.ray_asking import AskedByRay

        with self.connected(computer) as (ray, n, threads):
            hire = partial(AskedByRay, ray, threads)
            voting = Voting(Config(**chosen), n, self.backend, threads, hire, **asked)
            return vote_to_folder(voting, train, valid, folder, overwrite, trained_on, one_based)

    def refuse_other(self, found: State | None) -> None:
        """Raise ConfigError if a run is to go on that was begun elsewhere, before that is said."""
        from slide.core.runs.found import understood
        from slide.distributed.begun import begun_by, refuse_other

        if found is None:
            return
        with understood():
            before = begun_by(found["learner"])
        now = dict[str, Any]()
        if self.distributed:
            now = {"distributed": True, "shards": self.shards or cores(), "loose": self.loose}
        if self.combine is Combine.AVERAGED:
            now |= {"combine": "averaged", "average_every": self.average_every or USUALLY}
        refuse_other(before, now)

    def refuse_unfit(self, n_labels: int, config: Config) -> None:
        """Raise ConfigError if shards or workers cannot train so, before Ray starts."""
        if not self.distributed or self.votes:
            return
        if self.combine is Combine.AVERAGED:
            from slide.distributed import averaging

            averaging.settled(config)
            return
        from slide.core.direct.kind import DIRECT
        from slide.core.learners.kinds import kind_of
        from slide.distributed import placed
        from slide.distributed.ranges import refuse_many

        placed.settled(config, self.loose)
        if self.shards:
            least = config.training.active if kind_of(config) is DIRECT else 1
            refuse_many(self.shards, n_labels, min(least, n_labels))

    def refuse_sampled(self, sampled: bool) -> None:
        """Raise ConfigError if shards are not to look at all their labels."""
        if self.distributed and sampled:
            raise ConfigError("--sampled looks at few labels of one process: leave out one of them")

    @contextmanager
    def model(self, folder: Path) -> Iterator[Model]:
        """The model of a folder, in shards or not."""
        from slide.backends import load
        from slide.cli.freeze import model_in

        if not self.distributed:
            yield model_in(folder, self.backend)
            return
        from slide.distributed.model import ShardedModel

        computer = load(self.backend)
        with self.group(computer) as group:
            yield ShardedModel.open(folder, computer, group)

    @contextmanager
    def placement(self, computer: Backend, checkpoints: Checkpoints | None) -> Iterator[Placement]:
        """Where training takes its steps."""
        from slide.core.runs.placement import HERE

        if not self.distributed or self.votes:
            yield HERE
            return
        if self.combine is Combine.AVERAGED:
            from slide.distributed.averaging import DataParallel
            from slide.distributed.ray_asking import AskedByRay

            every = self.average_every or USUALLY
            with self.connected(computer) as (ray, n, threads):
                hire = partial(AskedByRay, ray, threads)
                yield DataParallel(n, every, self.backend, threads, hire)
            return
        from slide.distributed.placed import Placed

        with self.group(computer) as group:
            yield Placed(group, None if checkpoints is None else checkpoints.folder.resolve())
