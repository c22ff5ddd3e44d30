"""How far a training step is from what the machine allows: `python -m bench.kernels.roofline`.

Measures the limits of the machine (`slide.bench.limits`), predicts from them the least that each
part of a step can take, and prints it beside what the part does take. A part has to compute so much
and to move so much, both at once if all is well: its floor is the larger of the two times. Rows
that no step has touched lately come from memory, all else from the cache. A part that beats its
floor had its rows in the cache after all, or a neighbour was busy while the limits were measured.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from threadpoolctl import threadpool_limits

import slide
from bench.harness.options import parser, tell, verified
from bench.harness.problems import BATCH, FULL, HIDDEN, QUICK, settings, train_set
from bench.harness.tables import Table, left_out
from slide.bench.devices import is_on_device
from slide.bench.limits import Limits, best_of, measure_limits
from slide.bench.machine import Busy, cache_bytes
from slide.core.contract.backend import KERNELS, Backend
from slide.core.sampled.run import SampledRun

N_STEPS = {"quick": 10, "full": 30}
UNSEEN = 1e-4  # seconds that are not worth a row
ELSE = "all else: batches, sampling, Python"


@dataclass(frozen=True, slots=True)
class Sizes:
    """What decides how long a step takes at least.

    Args:
        B: examples.
        entries: of the logits, over all examples.
        R: distinct active neurons.
        shared: whether the examples share them.
        d: of a row of the output layer.
        nnz: features shown, over all examples.
        F: distinct ones.
        units: of the hidden layer, which is a row of the input layer.
    """

    B: int
    entries: int
    R: int
    shared: bool
    d: int
    nnz: int
    F: int
    units: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a step, and the seconds that it takes at least.

    Args:
        name: in words.
        key: under which `SplitBackend` counts it.
        compute: for its operations.
        move: for its bytes.
    """

    name: str
    key: str
    compute: float
    move: float

    @property
    def floor(self) -> float:
        return max(self.compute, self.move)


def parts(s: Sizes, m: Limits) -> list[Part]:
    """All parts for which there is a floor."""
    product = 2 * s.entries * s.d / m.flops
    row, logits = 4 * s.d, 4 * s.entries
    rows = s.R * row
    repeats = 0 if s.shared else s.entries * row - rows  # of rows that another example has read
    first = rows / m.gather
    again = rows / (m.cached if rows <= cache_bytes() else m.gather)
    sums = 4 * s.nnz * s.units  # bytes of the rows of all features shown
    features = 4 * s.F * s.units  # and of the distinct ones among them
    hidden = repeats + s.B * row  # bytes of h that the weight gradient reads
    return [
        Part("logits", "sddmm output", product, first + (repeats + logits) / m.cached),
        Part("loss", "loss output", s.entries / m.exps, 2 * logits / m.cached),
        Part("back to the hidden layer", "spmm output", product,
             again + (repeats + logits) / m.cached),
        Part("output gradient", "spmm_t output", product,
             (hidden + logits) / m.cached + rows / m.stream),
        Part("output update", "update_rows output", 0, s.R / m.updates * s.d / HIDDEN),
        Part("input layer", "spmm input", 2 * s.nnz * s.units / m.flops,
             features / m.gather + (sums - features) / m.cached),
        Part("input gradient", "spmm_t input", 2 * s.nnz * s.units / m.flops,
             sums / m.cached + features / m.stream),
        Part("input update", "update_rows input", 0, s.F / m.updates * s.units / HIDDEN),
    ]  # fmt: skip


class SplitBackend:
    """Forwards every kernel and adds up its seconds by kernel and layer.

    Args:
        backend: does the work.
        n_labels: tells the output layer from the input layer.
    """

    def __init__(self, backend: Backend, n_labels: int) -> None:
        self.name, self.n_labels = backend.name, n_labels
        self.seconds: dict[str, float] = {}
        for kernel in KERNELS:
            setattr(self, kernel, self._split(kernel, getattr(backend, kernel)))

    def _split(self, kernel: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def split(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            key = f"{kernel} {self._layer(args)}"
            spent = time.perf_counter() - start
            self.seconds[key] = self.seconds.get(key, 0.0) + spent
            return result

        return split

    def _layer(self, args: tuple[Any, ...]) -> str:
        """The output layer's arguments have a column or a row for each label."""
        widths = {getattr(arg, "n_cols", None) for arg in args}
        widths |= {arg.shape[0] for arg in args if hasattr(arg, "shape")}
        return "output" if self.n_labels in widths else "input"


def split_steps(
    backend: Backend, config: slide.Config, data: slide.Dataset, n_steps: int
) -> tuple[Sizes, dict[str, float], float]:
    """Sizes of a step, the median seconds of each part and of the whole, and busy cores."""
    split = SplitBackend(backend, data.n_labels)
    run = SampledRun.begin(config, cast(Backend, split), data)
    rng = np.random.default_rng(0)
    seen: list[dict[str, float]] = []
    for number in range(n_steps + 2):  # two to warm up
        if number == 2:
            busy = Busy()
        split.seconds = {}
        began = time.perf_counter()
        batch = data.take(rng.integers(data.n_samples, size=BATCH))
        report = run.step(batch, config.lr)
        seen.append(split.seconds | {"whole": time.perf_counter() - began})
    cores = busy.cores()
    names = {name for step in seen for name in step}
    medians = {name: statistics.median(step.get(name, 0.0) for step in seen[2:]) for name in names}
    return sizes_of(report, batch, config), medians, cores


def sizes_of(report: Any, batch: slide.Dataset, config: slide.Config) -> Sizes:
    """Of a step that was made; the constant column is a feature, too."""
    features = batch.features
    return Sizes(
        B=batch.n_samples,
        entries=round(report.n_active * batch.n_samples),
        R=report.touched_rows,
        shared=config.scope == "batch",
        d=config.hidden[-1] + 1,
        nnz=features.nnz + batch.n_samples,
        F=len(np.unique(features.indices)) + 1,
        units=config.hidden[0],
    )


def rows(sizes: Sizes, limits: Limits, spent: dict[str, float]) -> list[dict[str, Any]]:
    """A row for each part, then what has no floor, then the whole."""
    found = parts(sizes, limits)
    lines = [line(part.name, part.compute, part.move, spent.get(part.key, 0.0)) for part in found]
    known = {part.key for part in found} | {"whole"}
    lines += [
        line(name, None, None, seconds)
        for name, seconds in sorted(spent.items())
        if name not in known and seconds > UNSEEN
    ]
    inside = sum(seconds for name, seconds in spent.items() if name != "whole")
    lines.append(line(ELSE, None, None, spent["whole"] - inside))
    whole = {"part": "whole step", "floor ms": 1000 * sum(part.floor for part in found)}
    return [*lines, compared(whole, spent["whole"])]


def line(name: str, compute: float | None, move: float | None, spent: float) -> dict[str, Any]:
    """One part; None where there is no floor."""
    if compute is None or move is None:
        return {"part": name, "measured ms": 1000 * spent}
    floor = {"compute ms": 1000 * compute, "move ms": 1000 * move}
    return compared({"part": name, **floor, "floor ms": 1000 * max(compute, move)}, spent)


def compared(row: dict[str, Any], spent: float) -> dict[str, Any]:
    return row | {"measured ms": 1000 * spent, "times floor": 1000 * spent / row["floor ms"]}


def roofline(
    backend: Backend, scope: str, data: slide.Dataset, limits: Limits, n_steps: int
) -> Table:
    """The table of one scope."""
    sizes, spent, cores = split_steps(backend, settings("uniform", scope), data, n_steps)
    sets = "one set for the batch" if sizes.shared else "a set for each example"
    note = (
        f"{sizes.B} examples, {sets}, {sizes.R:,} distinct active neurons, {sizes.entries:,} "
        f"logits, d = {sizes.d}; {sizes.F:,} distinct features, {sizes.nnz:,} shown; "
        f"{data.n_labels:,} labels; backend {backend.name}, {limits.threads} threads, "
        f"CPU / wall {cores:.2f}."
    )
    return Table(f"Roofline, scope {scope}", rows(sizes, limits, spent), note)


def table_of_limits(limits: list[Limits]) -> Table:
    """A row for each number of threads."""
    rows = [
        {
            "threads": each.threads,
            "read in order GB/s": each.stream / 1e9,
            "gather 512-byte rows GB/s": each.gather / 1e9,
            "in cache GB/s": each.cached / 1e9,
            "sgemm GFLOP/s": each.flops / 1e9,
            "exp billion/s": each.exps / 1e9,
            "Adam rows million/s": each.updates / 1e6,
            "CPU / wall": each.busy,
        }
        for each in limits
    ]
    return Table("Limits of the machine", rows, "The best that plain loops and BLAS reach here.")


def main() -> None:
    options = parser(__doc__)
    args = options.parse_args()
    try:
        backend = verified(args.backend, args.threads)
    except slide.BackendError as error:
        options.error(str(error))
    if is_on_device(backend):
        tell([left_out("Roofline", args.backend)], args.json)
        return
    scale = "quick" if args.quick else "full"
    limits = [measure_limits(n, scale) for n in sorted({1, args.threads})]
    data = train_set(args.data, QUICK if args.quick else FULL)
    with threadpool_limits(1, "blas"):
        tables = [
            roofline(backend, scope, data, best_of(limits[0], limits[-1]), N_STEPS[scale])
            for scope in ("batch", "example")
        ]
    tell([table_of_limits(limits), *tables], args.json)


if __name__ == "__main__":
    main()
