"""Speed against PyTorch, written as its users write it: `python -m bench.rivals.against_torch`.

The DIR of --data holds X_train.npz and Y_train.npz; without it examples are drawn. All contestants
train the same network (hidden 128, batch 256 from the same examples) in one process on the same
threads, turn by turn; each round gives every one some steps, and a figure is the median over
rounds. Nothing is timed that `slide verify` refuses. Then the exact top 5 of 256 examples, the same
way, over weights drawn at random. If the backend computes on a GPU, so does PyTorch, unless it sees
none: the tables say who ran where. Prints Markdown tables; needs PyTorch.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import slide
from bench.harness.machine import gpu
from bench.harness.options import parser, tell, verified
from bench.harness.problems import BATCH, FULL, HIDDEN, QUICK, settings, train_set
from bench.harness.tables import Table
from bench.rivals.torch_networks import Dense, Network, Sampled
from slide.bench.devices import is_on_device, wait_for_device
from slide.bench.machine import Busy
from slide.core.contract.backend import Backend
from slide.core.sampled.run import SampledRun

LR = 0.01
N_ROUNDS = {"quick": 3, "full": 5}
Step = Callable[[slide.Dataset], None]
Figures = dict[str, list[tuple[float, float]]]


def device_for(backend: Backend) -> str:
    """Where PyTorch is to run beside this backend."""
    return "cuda" if is_on_device(backend) and torch.cuda.is_available() else "cpu"


def waiter(backend: Backend, device: str) -> Callable[[], None]:
    """A function that returns when slide and PyTorch have done all that they were asked for."""

    def wait_for_both() -> None:
        wait_for_device(backend)
        if device == "cuda":
            torch.cuda.synchronize()

    return wait_for_both


def who_ran_where(backend: Backend, device: str) -> str:
    cpu = f"the CPU ({torch.get_num_threads()} threads)"
    theirs = torch.cuda.get_device_name() if device == "cuda" else cpu
    ours = gpu().get("GPU", "a device that CuPy does not see") if is_on_device(backend) else cpu
    return f"torch {torch.__version__} on {theirs}, backend {backend.name} on {ours}"


def torch_step(network: Network) -> Step:
    return lambda batch: network.step(batch.features, batch.y)


def slide_step(sampler: str, scope: str, backend: Backend, data: slide.Dataset) -> Step:
    config = settings(sampler, scope)
    run = SampledRun.begin(config, backend, data)
    return lambda batch: run.step(batch, LR) and None


def trainers(backend: Backend, device: str, data: slide.Dataset) -> dict[str, tuple[int, Step]]:
    """Steps in a round, and how to make one; what the others are compared with comes first."""
    sizes = data.n_features, data.n_labels, HIDDEN, LR
    return {
        "PyTorch dense softmax": (1, torch_step(Dense(*sizes, device))),
        "PyTorch sampled softmax, 8,000 negatives": (8, torch_step(Sampled(*sizes, 8000, device))),
        "slide batch, 8,000 uniform": (8, slide_step("uniform", "batch", backend, data)),
        "slide batch, 8,000 by hashing": (8, slide_step("lsh", "batch", backend, data)),
        "slide example, 1,000 uniform": (8, slide_step("uniform", "example", backend, data)),
        "slide example, 1,000 by hashing": (8, slide_step("lsh", "example", backend, data)),
    }


def searchers(backend: Backend, device: str, n_labels: int) -> dict[str, tuple[int, Step]]:
    rng = np.random.default_rng(0)
    h = rng.standard_normal((BATCH, HIDDEN), dtype=np.float32)
    w = rng.standard_normal((n_labels, HIDDEN), dtype=np.float32)
    theirs = torch.from_numpy(h).to(device), torch.from_numpy(w).to(device)
    ours = backend.put(h), backend.put(w)
    return {
        "PyTorch h @ w.T and topk": (1, lambda _: torch.topk(theirs[0] @ theirs[1].T, 5) and None),
        "slide top_k": (1, lambda _: backend.top_k(*ours, None, 5) and None),
    }


def race(
    contestants: dict[str, tuple[int, Step]],
    data: slide.Dataset,
    n_rounds: int,
    wait_for_all: Callable[[], None],
) -> Figures:
    """Seconds of a step and busy cores, for each round; the round before the first warms up."""
    rng = np.random.default_rng(0)
    figures: Figures = {name: [] for name in contestants}
    for number in range(n_rounds + 1):
        for name, (n_steps, step) in contestants.items():
            batches = [data.take(rng.integers(data.n_samples, size=BATCH)) for _ in range(n_steps)]
            busy = Busy()
            for batch in batches:
                step(batch)
            wait_for_all()
            wall, cores = busy.seconds(), busy.cores()
            if number:
                figures[name].append((wall / n_steps, cores))
    return figures


def rows(what: str, figures: Figures) -> list[dict[str, Any]]:
    """Medians over the rounds, and how they compare with the first."""
    medians = {
        name: [statistics.median(part) for part in zip(*rounds, strict=True)]
        for name, rounds in figures.items()
    }
    first = next(iter(medians.values()))[0]
    return [
        {what: name, "ms": 1000 * seconds, "CPU / wall": cores, "times as fast": first / seconds}
        for name, (seconds, cores) in medians.items()
    ]


def races(backend: Backend, data: slide.Dataset, n_rounds: int) -> list[Table]:
    """Both tables."""
    device = device_for(backend)
    note = (
        f"{data.n_labels:,} labels, {data.n_features:,} features, batch {BATCH} x {HIDDEN}, "
        f"{who_ran_where(backend, device)}; medians of {n_rounds} alternating rounds."
    )
    rules = data, n_rounds, waiter(backend, device)
    steps = rows("a training step", race(trainers(backend, device, data), *rules))
    found = race(searchers(backend, device, data.n_labels), *rules)
    searches = rows(f"exact top 5 of {BATCH}", found)
    return [Table("Against PyTorch: training", steps, note),
            Table("Against PyTorch: inference", searches, note)]  # fmt: skip


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int)
    args = options.parse_args()
    torch.set_num_threads(args.threads)
    try:
        backend = verified(args.backend, args.threads)
    except slide.BackendError as error:
        options.error(str(error))
    n_rounds = args.rounds or N_ROUNDS["quick" if args.quick else "full"]
    data = train_set(args.data, QUICK if args.quick else FULL)
    tell(races(backend, data, n_rounds), args.json)


if __name__ == "__main__":
    main()
