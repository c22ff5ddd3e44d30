"""Speed against PyTorch, written as its users write it: `python bench/against_torch.py DIR`.

DIR holds X_train.npz and Y_train.npz as make_synthetic.py writes them. All contestants train the
same network (hidden 128, batch 256 from the same examples) in one process on the same threads, turn
by turn; each round gives every one some steps, and a figure is the median over rounds. Nothing is
timed that `slide verify` refuses. Then the exact top 5 of 256 examples, the same way, over weights
drawn at random. Prints Markdown tables; needs `pip install torch==2.13.0`.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse
import torch

import slide
from slide.core.arrays import CSR
from slide.core.training import Run
from slide.reference.checks import passed, verify

HIDDEN, BATCH, LR = 128, 256, 0.01
EXAMPLE = {"scope": "example", "active": 1000}
Step = Callable[[slide.Dataset], None]


def torch_inputs(batch: slide.Dataset) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = batch.features
    return (torch.from_numpy(x.indices).long(), torch.from_numpy(x.indptr[:-1]),
            torch.from_numpy(x.values))  # fmt: skip


def torch_dense(n_features: int, n_labels: int) -> Step:
    """EmbeddingBag, ReLU, Linear, cross entropy with equal targets, fused Adam on everything."""
    torch.manual_seed(0)
    first = torch.nn.EmbeddingBag(n_features, HIDDEN, mode="sum")
    second = torch.nn.Linear(HIDDEN, n_labels)
    torch.nn.init.normal_(first.weight, std=0.1)
    adam = torch.optim.Adam([*first.parameters(), *second.parameters()], LR, fused=True)

    def step(batch: slide.Dataset) -> None:
        ids, offsets, values = torch_inputs(batch)
        h = torch.relu(first(ids, offsets, per_sample_weights=values))
        log_p = torch.log_softmax(second(h), dim=1)
        rows, columns = torch.from_numpy(batch.y.row_numbers()), torch.from_numpy(batch.y.indices)
        lengths = torch.from_numpy(batch.y.row_lengths())[rows]
        loss = -(log_p[rows, columns.long()] / lengths).sum() / batch.n_samples
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def torch_sampled(n_features: int, n_labels: int, n_negatives: int) -> Step:
    """Sampled softmax over the batch's labels and uniform negatives, SparseAdam on touched rows."""
    torch.manual_seed(0)
    first = torch.nn.EmbeddingBag(n_features, HIDDEN, mode="sum", sparse=True)
    second = torch.nn.Embedding(n_labels, HIDDEN + 1, sparse=True)
    torch.nn.init.normal_(first.weight, std=0.1)
    torch.nn.init.normal_(second.weight, std=0.05)
    adam = torch.optim.SparseAdam([*first.parameters(), *second.parameters()], LR)

    def step(batch: slide.Dataset) -> None:
        ids, offsets, values = torch_inputs(batch)
        h = torch.relu(first(ids, offsets, per_sample_weights=values))
        labels = torch.from_numpy(batch.y.indices).long()
        active = torch.cat([labels, torch.randint(n_labels, (n_negatives,))]).unique()
        w = second(active)
        log_p = torch.log_softmax(h @ w[:, :-1].T + w[:, -1], dim=1)
        rows = torch.from_numpy(batch.y.row_numbers())
        lengths = torch.from_numpy(batch.y.row_lengths())[rows]
        chosen = log_p[rows, torch.searchsorted(active, labels)]
        loss = -(chosen / lengths).sum() / batch.n_samples
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def slide_step(config: slide.Config, backend: slide.Backend, data: slide.Dataset) -> Step:
    run = Run.begin(config, backend, data)
    return lambda batch: run.step(config, batch, LR) and None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backend", default="numba")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    backend = slide.load_backend(args.backend)
    if not passed(verify(backend, 3)):
        parser.error(f"backend {args.backend} is not verified: see slide verify {args.backend}")
    backend.set_threads(args.threads)
    data = slide.Dataset(*(matrix_of(args.data / f"{name}_train.npz") for name in "XY"))
    shape = data.n_features, data.n_labels
    base = slide.Config(hidden=(HIDDEN,), batch_size=BATCH, lr=LR, dropout=0.0, rebuild_every=1000)
    contestants: dict[str, tuple[int, Step]] = {
        "PyTorch dense softmax": (1, torch_dense(*shape)),
        "PyTorch sampled softmax, 8,000 negatives": (8, torch_sampled(*shape, 8000)),
    }
    for name, changes in (
        ("slide batch, 8,000 uniform", {"sampler": "uniform", "active": 8000}),
        ("slide batch, 8,000 by hashing", {"sampler": "lsh", "active": 8000}),
        ("slide example, 1,000 uniform", {"sampler": "uniform", **EXAMPLE}),
        ("slide example, 1,000 by hashing", {"sampler": "lsh", **EXAMPLE}),
    ):
        contestants[name] = 8, slide_step(replace(base, **changes), backend, data)
    figures = race(contestants, data, args.rounds)
    python = platform.python_version()
    print(f"{cpu()}, {args.threads} of {os.cpu_count()} cores, Python {python}, "
          f"torch {torch.__version__}, slide {slide.__version__}, backend {backend.name}; "
          f"{shape[1]:,} labels, {shape[0]:,} features, batch {BATCH} x {HIDDEN}")  # fmt: skip
    print_table("ms a step", figures)
    searches = race(searchers(backend, shape[1]), data, args.rounds)
    print_table("ms for the exact top 5 of 256", searches)


def searchers(backend: slide.Backend, n_labels: int) -> dict[str, tuple[int, Step]]:
    rng = np.random.default_rng(0)
    h = rng.standard_normal((BATCH, HIDDEN), dtype=np.float32)
    w = rng.standard_normal((n_labels, HIDDEN), dtype=np.float32)
    theirs = torch.from_numpy(h), torch.from_numpy(w)
    return {
        "PyTorch h @ w.T and topk": (1, lambda _: torch.topk(theirs[0] @ theirs[1].T, 5) and None),
        "slide top_k": (1, lambda _: backend.top_k(h, w, None, 5) and None),
    }


def print_table(what: str, figures: dict[str, list[tuple[float, float]]]) -> None:
    """The first row is what the others are compared with."""
    medians = {name: [statistics.median(part) for part in zip(*rounds, strict=True)]
               for name, rounds in figures.items()}  # fmt: skip
    first = next(iter(medians.values()))[0]
    print(f"\n| | {what} | CPU / wall | times the speed of the first |\n|---|---|---|---|")
    for name, (seconds, busy) in medians.items():
        print(f"| {name} | {1000 * seconds:,.0f} | {busy:.2f} | {first / seconds:.1f} |")


def matrix_of(path: Path) -> CSR:
    return CSR.from_scipy(scipy.sparse.load_npz(path))


def race(
    contestants: dict[str, tuple[int, Step]], data: slide.Dataset, n_rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds of a step and busy cores, for each round; the round before the first warms up."""
    rng = np.random.default_rng(0)
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for number in range(n_rounds + 1):
        for name, (n_steps, step) in contestants.items():
            batches = [data.take(rng.integers(data.n_samples, size=BATCH)) for _ in range(n_steps)]
            wall, cpu_seconds = time.perf_counter(), time.process_time()
            for batch in batches:
                step(batch)
            wall, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu_seconds
            if number:
                figures[name].append((wall / n_steps, cpu_seconds / wall))
    return figures


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


if __name__ == "__main__":
    main()
