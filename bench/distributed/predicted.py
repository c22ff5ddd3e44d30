"""How far off predictions of `slide plan` are: `python -m bench.distributed.predicted FILE`.

A step of the real trainer is measured, as `slide plan FILE` does; then 1, 2 and 4 shards train for
whole epochs, in this process, or with --ray as processes of Ray, each on its share of the cores of
this machine. Compared are core-seconds and bytes of a step, and with --ray its seconds, too. What
else the machine does is in those, and hardly in core-seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import slide
from bench.harness.machine import in_one_line
from bench.harness.tables import Table
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import recipe
from slide.core.machine import cores
from slide.core.runs.clock import Clock, Place, batches
from slide.distributed.cluster import ray_at
from slide.distributed.group import ShardGroup, n_bytes_of
from slide.distributed.placed import Placed
from slide.distributed.planning.counts import Work
from slide.distributed.planning.measuring import measured
from slide.distributed.planning.rates import Rates
from slide.distributed.planning.timing import Node, step_of
from slide.distributed.planning.traffic import traffic
from slide.distributed.ray_group import RayShardGroup, backend_of_shard

SHARDS = (1, 2, 4)
CALLS = 200  # of an actor, to see how long one takes
LOCAL = 1e10  # bytes a second between processes that share memory
CHOSEN = {"layers": 1, "lr": 2.0}


class Counting:
    """A group that counts bytes of arrays, as if each shard had a machine of its own."""

    n_bytes = 0

    def put(self, thing: Any) -> Any:
        self.n_bytes += self.n_shards * n_bytes_of(thing)
        return super().put(thing)

    def tell(self, rank: int, what: str, *args: Any) -> Any:
        self.n_bytes += n_bytes_of(args) if what == "answer" else 0
        return super().tell(rank, what, *args)

    def heard(self, waiting: list[Any]) -> list[Any]:
        replies = super().heard(waiting)
        self.n_bytes += sum(n_bytes_of(reply.question) for reply in replies if reply.question)
        return replies


class Here(Counting, ShardGroup):
    def core_seconds(self) -> float:
        return time.process_time()


class OnRay(Counting, RayShardGroup):
    def core_seconds(self) -> float:
        asked = [one.__ray_call__.remote(lambda self: time.process_time())
                 for one in self.actors]  # fmt: skip
        return time.process_time() + sum(self.ray.get(asked))

    def call_seconds(self) -> float:
        """Of a message to an actor and its answer, which hold no arrays."""
        spent = []
        for _ in range(CALLS):
            began = time.perf_counter()
            self.ray.get(self.actors[0].where.remote())
            spent.append(time.perf_counter() - began)
        return statistics.median(spent)


@contextmanager
def group_of(n: int, on_ray: bool, backend: Any) -> Iterator[Any]:
    """So many shards of one thread each."""
    if not on_ray:
        group = Here(backend, partial(backend_of_shard, None, 1), n)
        yield group
        group.close()
        return
    with ray_at(None, max(n, cores())) as ray:
        group = OnRay(ray, backend, None, n, False, 1)
        yield group
        group.close()


def trained(data: slide.Dataset, group: Any, epochs: int) -> dict[str, float]:
    """Means over all steps but the first, which loads what was compiled; seconds are a median."""
    config = recipe(data, by_steps=True, epochs=epochs, **CHOSEN)
    run = Placed(group).kind(kind_of(config)).begin(config, group.backend, data)
    clock, place, seconds, before = Clock(), Place(), [], (0.0, 0)
    for epoch in range(epochs):
        for batch in batches(run, clock, place):
            began = time.perf_counter()
            run.take(batch)
            clock.step += 1
            seconds.append(time.perf_counter() - began)
            if len(seconds) == 1:
                before = group.core_seconds(), group.n_bytes
        place.epoch, place.drawn_from = epoch + 2, None
    n = len(seconds) - 1
    return {
        "core-seconds": (group.core_seconds() - before[0]) / n,
        "bytes": (group.n_bytes - before[1]) / n,
        "seconds": statistics.median(seconds[1:]),
    }


def predicted(work: Work, rates: Rates, n: int, call: float) -> dict[str, float]:
    """The same by arithmetic; a call is of the coordinator while it waits for nobody else."""
    node = Node(cores() / n if n > cores() else 1, 1e12, 0.0, LOCAL, call)
    sent = traffic(work, n)
    step = step_of(work, rates, node, n, sent)
    merging = rates.merging_core_seconds(work, n, sent.n_merged)
    driver = rates.take.seconds(work.batch_size) + merging
    return {
        "core-seconds": n * rates.shard_core_seconds(work, n) + driver,
        "bytes": n * sent.n_bytes,
        "seconds": step.seconds,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", type=Path)
    options.add_argument("--ray", action="store_true", help="as processes of Ray")
    options.add_argument("--epochs", type=int, default=1)
    args = options.parse_args()
    data, backend = slide.read(args.data), slide.load_backend()
    work, rates = measured(data, backend, False, epochs=args.epochs, **CHOSEN)
    rows = []
    for n in SHARDS:
        with group_of(n, args.ray, backend) as group:
            call = group.call_seconds() if args.ray else 0.0
            found = trained(data, group, args.epochs)
        for name, expected in predicted(work, rates, n, call).items():
            if args.ray or name != "seconds":
                error = f"{100 * (expected / found[name] - 1):+.0f} %"
                rows.append({"a step": name, "shards": n, "predicted": expected,
                             "measured": found[name], "error": error})  # fmt: skip
                print(rows[-1], flush=True)
    print(Table("Predicted and measured", rows, in_one_line()).markdown())


if __name__ == "__main__":
    main()
