"""Speed against PyTorch, written as its users write it: `python bench/against_torch.py --data DIR`.

DIR holds X_train.npz and Y_train.npz; without it examples are drawn. All contestants train the same
network (hidden 128, batch 256 from the same examples) in one process on the same threads, turn by
turn; each round gives every one some steps, and a figure is the median over rounds. Nothing is
timed that `slide verify` refuses. Then the exact top 5 of 256 examples, the same way, over weights
drawn at random. Prints Markdown tables; needs PyTorch.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from machine import Busy
from options import parser, tell, verified
from problems import BATCH, FULL, HIDDEN, QUICK, settings, train_set
from tables import Table

import slide
from slide.core.backend import Backend
from slide.core.training import Run

LR = 0.01
N_ROUNDS = {"quick": 3, "full": 5}
Step = Callable[[slide.Dataset], None]
Figures = dict[str, list[tuple[float, float]]]


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


def slide_step(sampler: str, scope: str, backend: Backend, data: slide.Dataset) -> Step:
    config = settings(sampler, scope)
    run = Run.begin(config, backend, data)
    return lambda batch: run.step(config, batch, LR) and None


def trainers(backend: Backend, data: slide.Dataset) -> dict[str, tuple[int, Step]]:
    """Steps in a round, and how to make one; what the others are compared with comes first."""
    shape = data.n_features, data.n_labels
    return {
        "PyTorch dense softmax": (1, torch_dense(*shape)),
        "PyTorch sampled softmax, 8,000 negatives": (8, torch_sampled(*shape, 8000)),
        "slide batch, 8,000 uniform": (8, slide_step("uniform", "batch", backend, data)),
        "slide batch, 8,000 by hashing": (8, slide_step("lsh", "batch", backend, data)),
        "slide example, 1,000 uniform": (8, slide_step("uniform", "example", backend, data)),
        "slide example, 1,000 by hashing": (8, slide_step("lsh", "example", backend, data)),
    }


def searchers(backend: Backend, n_labels: int) -> dict[str, tuple[int, Step]]:
    rng = np.random.default_rng(0)
    h = rng.standard_normal((BATCH, HIDDEN), dtype=np.float32)
    w = rng.standard_normal((n_labels, HIDDEN), dtype=np.float32)
    theirs = torch.from_numpy(h), torch.from_numpy(w)
    ours = backend.put(h), backend.put(w)
    return {
        "PyTorch h @ w.T and topk": (1, lambda _: torch.topk(theirs[0] @ theirs[1].T, 5) and None),
        "slide top_k": (1, lambda _: backend.top_k(*ours, None, 5) and None),
    }


def race(contestants: dict[str, tuple[int, Step]], data: slide.Dataset, n_rounds: int) -> Figures:
    """Seconds of a step and busy cores, for each round; the round before the first warms up."""
    rng = np.random.default_rng(0)
    figures: Figures = {name: [] for name in contestants}
    for number in range(n_rounds + 1):
        for name, (n_steps, step) in contestants.items():
            batches = [data.take(rng.integers(data.n_samples, size=BATCH)) for _ in range(n_steps)]
            busy = Busy()
            for batch in batches:
                step(batch)
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
    note = (
        f"{data.n_labels:,} labels, {data.n_features:,} features, batch {BATCH} x {HIDDEN}, "
        f"torch {torch.__version__} on {torch.get_num_threads()} threads, backend {backend.name}; "
        f"medians of {n_rounds} alternating rounds."
    )
    steps = rows("a training step", race(trainers(backend, data), data, n_rounds))
    found = race(searchers(backend, data.n_labels), data, n_rounds)
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
