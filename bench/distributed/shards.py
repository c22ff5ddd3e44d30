"""What shards cost beside training in one process: seconds, CPU seconds, bytes a step.

Run as `python -m bench.distributed.shards DIR`; prints a table in Markdown. All shards are
processes of this machine, so that there is nothing to gain but what its cores give: it shows what
is paid. CPU seconds are of the driver and of the shards, and, apart, of Ray's own processes. Bytes
are those of arrays, as if each shard had a machine of its own, of a step without what the index
exchanges when it is built; that stands in a column of its own, for the whole run.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

import slide
from bench.harness.tables import Table
from slide.backends import use_threads
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.core.learners.recipe import recipe
from slide.core.runs.placement import HERE, Placement
from slide.core.runs.trainer import Trainer
from slide.distributed.cluster import ray_at
from slide.distributed.group import HANDED
from slide.distributed.placed import Placed
from slide.distributed.ray_group import RayShardGroup

SHARDS = [0, 1, 2, 4]
WARMING = 500  # examples that are trained on before, so that nothing is compiled or loaded later
EACH_STEP = HANDED, "best"


@dataclass(slots=True)
class Counted:
    """Watches a run: what was sent before its first step, and until its last one."""

    group: RayShardGroup | None = None
    first: Counter[str] | None = None
    last: Counter[str] | None = None

    def on_step(self, step: int, n_steps: int) -> None:
        if self.group is not None:
            self.last = Counter(self.group.traffic)
            self.first = self.first or self.last

    def on_evaluation(self, record: dict[str, Any]) -> None: ...


def formula(train: Dataset, config: Config, n: int) -> float:
    """Bytes of a step: the examples to each shard; k scores from each, and a count to each.

    Rows begin at 8 bytes, an entry of features or labels has 8, a score or a count 4.
    """
    size, k = config.steps.batch_size, config.training.active
    share = size / train.n_samples
    examples = 2 * 8 * (size + 1) + 8 * share * (train.features.nnz + train.y.nnz)
    examples += 8 * size  # the constant input
    exchanged = 4 * size * (k + 1) if n > 1 else 0
    return n * (examples + exchanged)


def cpu_of_ray() -> float:
    """CPU seconds of all processes below this one but shards, which tell their own."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        name = " ".join(process.cmdline())
        if "ray::" not in name:
            times = process.cpu_times()
            total += times.user + times.system
    return total


def run(train: Dataset, config: Config, n: int, threads: int) -> dict[str, Any]:
    """A line of the table: of one process if n is 0."""
    backend = slide.load_backend()
    use_threads(backend, threads)
    if not n:
        return measured(train, config, backend, HERE, Counted(), lambda: (0.0, 0.0))
    with ray_at(None, max(n * threads, os.cpu_count() or 1)) as ray:
        group = RayShardGroup(ray, backend, None, n, False, threads)

        def cpu() -> tuple[float, float]:
            seconds = [one.__ray_call__.remote(lambda self: time.process_time())
                       for one in group.actors]  # fmt: skip
            return sum(ray.get(seconds)), cpu_of_ray()

        line = measured(train, config, backend, Placed(group), Counted(group), cpu)
        group.close()
    return line


def measured(
    train: Dataset, config: Config, backend: Any, placement: Placement, watcher: Counted, cpu: Any
) -> dict[str, Any]:
    """Train, and tell what it took."""
    Trainer(config, backend, placement=placement).fit(train.take(np.arange(WARMING)))
    trainer = Trainer(config, backend, watcher=watcher, placement=placement)
    own, others = time.process_time(), cpu()
    trainer.fit(train)
    spent = time.process_time() - own + cpu()[0] - others[0]
    of_ray = cpu()[1] - others[1]
    line = {"seconds": trainer.seconds, "CPU seconds": spent, "of Ray": of_ray}
    if watcher.group is None:
        return {"shards": "one process"} | line
    assert watcher.last is not None
    sent = Counter(watcher.last)
    sent.subtract(watcher.first)
    each = sum(sent[name] for name in EACH_STEP) / max(trainer.step - 1, 1)
    index = sum(count for name, count in watcher.last.items() if name not in EACH_STEP)
    n = watcher.group.n_shards
    expected = formula(train, config, n)
    sizes = {"KB a step": each / 1e3, "by formula": expected / 1e3, "MB of indices": index / 1e6}
    return {"shards": str(n)} | line | sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=Path, help="with X_train.npz and Y_train.npz")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of the process, and of each shard")
    parser.add_argument(
        "--shards", type=int, nargs="*", default=[0, 1, 2, 4], help="0: one process"
    )
    options = parser.parse_args()
    train = slide.read(options.dir / "X_train.npz")
    config = recipe(train, True, layers=1, epochs=options.epochs)
    with threadpool_limits(limits=1, user_api="blas"):
        lines = [run(train, config, n, options.threads) for n in options.shards]
    print(Table(f"Shards of {options.dir.name}", lines).markdown())


if __name__ == "__main__":
    main()
