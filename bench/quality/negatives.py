"""Does hashing pay? Where negatives come from: `python -m bench.quality.negatives DIR --seconds N`.

DIR holds {train,test}.txt.gz, or X_{train,test}.npz with the labels beside them. A network with a
hidden layer and, from sparse features, one of direct connections are trained for the same number of
wall seconds (`--cpu`: of CPU on one thread, where others use the machine), once with each way to
choose negatives:

* `uniform`, by chance;
* `in-batch`, labels of other examples of the batch;
* `hashing`, from hash tables of the labels' rows (of a hidden layer half of them, the other half by
  chance; for direct connections the rows and the features themselves are hashed, sparse);
* `cells`, half of them of the nearest cell of k-means, which is learned anew at each rebuild
  (`bench.quality.indexes`), half by chance;
* `hardest`, those of the highest scores: the oracle, which computes all logits of a hidden layer,
  and the index in the case of direct connections.

Scope `batch` shares one set, `example` has one each. Building tables and choosing connections is on
the clock; compiling and evaluating is not. Prints a Markdown table of medians over seeds.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from bench.harness.problems import pair_in
from bench.harness.tables import Table
from bench.quality.indexes import Cells, cells
from slide.bench.devices import waiting_for_device
from slide.bench.machine import Busy, cpu_seconds
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import FROM_TABLES, Backend, Query
from slide.core.contract.families import Family, HashName, draw_family
from slide.core.contract.optim import learning_rate
from slide.core.contract.tables import Tables
from slide.core.direct.active import active_set
from slide.core.direct.run import DirectRun
from slide.core.learner import Learner
from slide.core.learners.kinds import kind_of
from slide.core.machine import cores
from slide.core.models.model import Model
from slide.core.runs.rehearsal import tiny_like
from slide.core.sampled.layer_tables import LayerTables
from slide.core.sampled.run import SampledRun
from slide.core.sampled.sampling import Sampler, draw_uniform

HIDDEN = 256
ACTIVE_OF_EXAMPLE = 200
SAMPLERS = {"uniform": "uniform", "in-batch": "in-batch", "lsh": "hashing"}
FAMILIES: dict[str, tuple[HashName, int, int]] = {
    "MinHash": ("doph", 1, 64),
    "DWTA": ("dwta", 1, 64),
    "SimHash": ("simhash", 8, 32),
}
"""Of sparse rows: family, K, L. An example shares a tenth of its inputs with a label: one digit."""

BUCKET_LIMIT, MAX_BUCKETS = 128, 1 << 18
Begin = Callable[[slide.Config, Backend, slide.Dataset], Learner]


@dataclass(slots=True)
class Hardest(Sampler):
    """The neurons of the largest logits, by computing all of them."""

    weight: Array

    def sample(
        self, backend: Backend, a: CSR | Block, y: CSR, rng: np.random.Generator
    ) -> CSR | Block:
        ids, _ = backend.top_k(a.dense(), self.weight, None, self.query(y.n_rows).budget)
        found = active_set(backend.get(ids), y.map(backend.get))
        if self.sampling.scope == "example":
            return found.map(backend.put)
        shared = np.unique(found.indices)
        origins = np.full((1, len(shared)), FROM_TABLES, np.float32)
        return Block(shared, origins, found.n_cols).map(backend.put)


class LearnedTables(LayerTables):
    """One table of cells, learned from the rows at each rebuild."""

    cells: Cells

    def rebuild(self, backend: Backend, weight: Array, step: int) -> None:
        self.cells = cells(1 << round(np.log2(len(weight) ** 0.5)))(backend, weight)
        self.tables, self.built_at = self.cells.tables, step
        self.moved[:] = False

    def codes(self, backend: Backend, a: CSR | Block) -> Array:
        return self.cells.codes(a.dense(), 1)


def begin_cells(config: slide.Config, backend: Backend, train: slide.Dataset) -> SampledRun:
    """A run whose output layer has cells for tables."""
    run = SampledRun.begin(replace(config, strategy="vanilla"), backend, train)
    sampler = run.samplers[-1]
    assert sampler is not None
    assert sampler.tables is not None
    old = sampler.tables
    sampler.tables = LearnedTables(
        old.hashing, old.refreshing, old.upkeep, old.n_neurons, old.width
    )
    return run


def begin_hardest(config: slide.Config, backend: Backend, train: slide.Dataset) -> SampledRun:
    """A run whose output layer has the oracle for a sampler."""
    config = replace(config, sampler="uniform", uniform_share=0.0)
    run = SampledRun.begin(config, backend, train)
    weight, touched = run.network.output.param.weight, np.zeros(train.n_labels, bool)
    run.samplers = [
        *run.samplers[:-1],
        Hardest(config.learner.sampling, config.active, None, touched, weight),
    ]
    return run


class Indexless(DirectRun):
    """Needs no index."""

    def refresh(self) -> bool:
        return False


class UniformDirect(Indexless):
    """Direct connections with negatives by chance."""

    def choose(self, x: CSR, y: CSR) -> CSR:
        m = min(self.settings.training.active, y.n_cols)
        return active_set(self.backend.put(drawn(y.n_cols, m, y.n_rows, self.rng)), y)


class InBatchDirect(Indexless):
    """Direct connections with negatives from the batch."""

    def choose(self, x: CSR, y: CSR) -> CSR:
        labels = np.unique(y.indices)
        m = min(self.settings.training.active, len(labels))
        places = drawn(len(labels), m, y.n_rows, self.rng)
        return active_set(labels[self.backend.put(places)], y)


def drawn(n: int, m: int, n_sets: int, rng: np.random.Generator) -> Array:
    """m of the n ids for each set: i32 (n_sets, m)."""
    return draw_uniform(n, m, n_sets, n_sets, rng).indices.reshape(n_sets, m)


class HashedDirect(Indexless):
    """Direct connections with negatives from tables of the sparse rows."""

    name = ""
    tables: Tables
    family: Family | None = None

    def choose(self, x: CSR, y: CSR) -> CSR:
        backend = self.backend
        if self.rebuilds.take_turn(self.n_steps) or self.family is None:
            rows = self.network.without_bias(backend)
            if self.family is None:
                hash_name, K, L = FAMILIES[self.name]
                family = draw_family(hash_name, rows.n_cols, K, L, MAX_BUCKETS, self.rng)
                self.family = family.map(backend.put)
            codes = backend.hash(rows.map(backend.put), None, self.family)
            n_buckets = self.family.n_buckets
            self.tables = backend.build(codes, n_buckets, self.n_steps, "reservoir")
        codes = backend.hash(x, None, self.family)
        query = Query("topk", self.settings.training.active, BUCKET_LIMIT, shared=False)
        none = CSR.empty(y.n_rows, y.n_cols).map(backend.put)
        salt = int(self.rng.integers(1 << 31))
        found = backend.query(self.tables, codes, y, none, query, salt)
        assert isinstance(found, CSR)
        return found


def hashed(name: str) -> type[DirectRun]:
    return type(f"Hashed{name}", (HashedDirect,), {"name": name})


def contestants(train: slide.Dataset) -> dict[str, tuple[slide.Config, Begin]]:
    """Settings and how to begin, by the name in the table."""
    found: dict[str, tuple[slide.Config, Begin]] = {}
    for scope in ("batch", "example"):
        more = {"active": min(ACTIVE_OF_EXAMPLE, train.n_labels)} if scope == "example" else {}
        for sampler, name in SAMPLERS.items():
            if (sampler, scope) != ("in-batch", "example"):
                config = slide.recipe(train, hidden=(HIDDEN,), scope=scope, sampler=sampler, **more)
                found[f"hidden layer, {scope}: {name}"] = config, SampledRun.begin
        found[f"hidden layer, {scope}: cells"] = config, begin_cells
        found[f"hidden layer, {scope}: hardest"] = config, begin_hardest
    if isinstance(train.x, Block):
        return found
    config = slide.recipe(train, by_steps=True, hidden=())
    for name, run in {"uniform": UniformDirect, "in-batch": InBatchDirect}.items():
        found[f"direct, example: {name}"] = config, run.begin
    for name in FAMILIES:
        found[f"direct, example: hashing, {name}"] = config, hashed(name).begin
    found["direct, example: hardest"] = config, DirectRun.begin
    return found


class Spent(Busy):
    """A clock of CPU seconds, for machines that others use."""

    def seconds(self) -> float:
        return cpu_seconds() - self.cpu


def trained(
    config: slide.Config,
    begin: Begin,
    backend: Backend,
    train: slide.Dataset,
    budget: float,
    kind_of_clock: type[Busy] = Busy,
) -> tuple[Model, int, float]:
    """A network after so many seconds; the steps taken, and the cores that were busy."""
    clock = kind_of_clock()
    run, counts = begin(config, backend, train), train.y.positive().column_counts()
    step = waiting_for_device(backend, run.step)
    while clock.seconds() < budget:
        order = run.order[run.rng.permutation(train.n_samples)]
        for start in range(0, train.n_samples, config.batch_size):
            used = clock.seconds() / budget
            if used >= 1:
                break
            lr = learning_rate(config.lr_schedule, config.lr, used, config.warmup)
            step(run.data.take(order[start : start + config.batch_size]), lr)
    busy = clock.cores()
    run.catch_up()
    return Model(config, run.network, backend, counts, train.n_samples), run.n_steps, busy


def tiny(config: slide.Config) -> slide.Config:
    """The same settings in little."""
    small = kind_of(config).tiny(config)
    return slide.Config(small.training, small.learner, small.steps, small.refresh)


def row(name: str, runs: list[dict[str, float]]) -> dict[str, Any]:
    """Medians, and how far apart the seeds are."""
    first = [100 * each["precision_at_1"] for each in runs]
    return {
        "negatives": name,
        "P@1": f"{statistics.median(first):.1f}",
        "from .. to": f"{min(first):.1f} .. {max(first):.1f}",
        "P@5": f"{100 * statistics.median(each['precision_at_5'] for each in runs):.1f}",
        "PSP@5": f"{100 * statistics.median(each['psp_at_5'] for each in runs):.1f}",
        "steps": round(statistics.median(each["steps"] for each in runs)),
        "CPU / wall": statistics.median(each["busy"] for each in runs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--seconds", type=float, required=True, help="of training, each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true", help="seconds of CPU, on one thread")
    parser.add_argument("--only", default="", help="those whose name contains this")
    args = parser.parse_args()
    train, test = pair_in(args.data)
    backend = slide.load_backend()
    threads, clock = (1, Spent) if args.cpu else (cores(), Busy)
    backend.set_threads(threads)
    runs: dict[str, list[dict[str, float]]] = {}
    with threadpool_limits(limits=1, user_api="blas"):
        for seed in range(args.seeds):
            for name, (config, begin) in contestants(train).items():
                if args.only not in name:
                    continue
                if not seed:  # compile
                    small = tiny_like(train)
                    trained(tiny(config), begin, backend, small, 0.1)[0].evaluate(small)
                seeded = replace(config, seed=seed)
                model, steps, busy = trained(seeded, begin, backend, train, args.seconds, clock)
                scores = model.evaluate(test) | {"steps": steps, "busy": busy}
                runs.setdefault(name, []).append(scores)
                print(f"{name} {seed}: {100 * scores['precision_at_1']:.1f}", flush=True)
    kind = " of CPU" if args.cpu else ""
    note = f"{args.seconds:g} s{kind} each, {args.seeds} seeds, {threads} threads."
    rows = [row(name, each) for name, each in runs.items()]
    print(Table(args.data.resolve().name, rows, note).markdown())


if __name__ == "__main__":
    main()
