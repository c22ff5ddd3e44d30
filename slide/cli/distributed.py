"""Options of runs on several machines, and the shards that they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slide.core.errors import ConfigError
from slide.core.machine import cores

if TYPE_CHECKING:
    from slide.core.checkpoints.every import Checkpoints
    from slide.core.contract.backend import Backend
    from slide.core.models.model import Model
    from slide.core.runs.placement import Placement
    from slide.distributed.crew import Crew

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say.

    Args:
        distributed: whether there are shards at all.
        shards, address, loose: see above.
        backend: of each shard; None for the default.
        threads: of each shard; None for as many as there are CPUs.

    Raises:
        ConfigError: something is said of shards, and there are none.
    """

    distributed: bool
    shards: int | None
    address: str | None
    loose: bool = False
    backend: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        said = {"--shards": self.shards, "--address": self.address, "--loose": self.loose}
        idle = [name for name, value in said.items() if value]
        if idle and not self.distributed:
            raise ConfigError(f"{idle[0]} is about shards: say --distributed, or leave it out")

    @contextmanager
    def crew(self, computer: Backend) -> Iterator[Crew]:
        """The shards, for as long as this lasts."""
        from slide.distributed.cluster import ray_at, threads_for
        from slide.distributed.ray_crew import RayCrew

        if getattr(computer, "hogwild_workers", None) is not None:
            raise ConfigError("--mode hogwild has workers of its own: leave out --distributed")
        n = self.shards or cores()
        here = n * max(self.threads or cores() // n, 1)
        with ray_at(self.address, here) as ray:
            threads = threads_for(ray, n, self.threads)
            crew = RayCrew(ray, computer, self.backend, n, self.loose, threads)
            try:
                yield crew
            finally:
                crew.close()

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
        with self.crew(computer) as crew:
            yield ShardedModel.open(folder, computer, crew)

    @contextmanager
    def placement(self, computer: Backend, checkpoints: Checkpoints | None) -> Iterator[Placement]:
        """Where training takes its steps."""
        from slide.core.runs.placement import HERE

        if not self.distributed:
            yield HERE
            return
        from slide.distributed.placed import Placed

        with self.crew(computer) as crew:
            yield Placed(crew, None if checkpoints is None else checkpoints.folder.resolve())
