"""What a run takes of a GPU's memory, counted by the stand-in: `python -m bench.gpu.memory`.

Chooses or draws a network, takes a few training steps, looks at the probe and predicts a batch, by
the recipe and with a hidden layer. Counted are all arrays, as CuPy's pool would hold them, and the
copies that a sort makes; not the pool's fragments, nor what CUDA keeps for itself (some 300 MB).
Needs a C++ compiler and no GPU. Threads are emulated:
at size A it takes ten minutes, with --quick two.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import slide
from bench.harness.problems import ACTIVE, FULL, HIDDEN, QUICK, settings, train_set
from bench.harness.tables import Table
from slide.backends.gpu.stand_in import StandInBackend
from slide.core.learners.kinds import kind_of
from slide.core.learners.recipe import recipe
from slide.core.models.model import Model

N_STEPS = 5
N_PREDICTED = 256
BLOCKS = 1056  # of threads that a large GPU runs at a time


def configs(train: slide.Dataset) -> dict[str, slide.Config]:
    """The networks that are compared with others."""
    hidden = {f"hidden {HIDDEN}, {scope}": settings("lsh", scope) for scope in ACTIVE}
    return {"direct (the recipe)": recipe(train)} | hidden


def row(name: str, config: slide.Config, train: slide.Dataset, limit: int) -> dict[str, Any]:
    """Peaks in 10^6 bytes, and kilobytes that a step moves in and out."""
    backend = StandInBackend(limit)
    device, rng = backend.device, np.random.default_rng(0)
    device.n_blocks = BLOCKS
    run = kind_of(config).begin(config, backend, train)
    begun = device.memory.peak
    size = min(config.batch_size, train.n_samples)
    batches = [run.data.take(rng.permutation(train.n_samples)[:size]) for _ in range(N_STEPS)]
    run.step(batches[0], config.lr)
    device.n_put = device.n_got = device.memory.n_scalars = 0
    for batch in batches[1:]:
        run.step(batch, config.lr)
    moved = [n / 1000 / (N_STEPS - 1) for n in (device.n_put, device.n_got)]
    scalars = device.memory.n_scalars / (N_STEPS - 1)
    trained = device.memory.peak
    run.catch_up()
    run.diagnostics()
    counts = train.y.positive().column_counts()
    model = Model(config, run.network, backend, counts, train.n_samples)
    model.predict(train.x.take(np.arange(N_PREDICTED)))
    return {
        "network": name,
        "MB to begin": begun / 1e6,
        "MB with steps": trained / 1e6,
        "MB with predictions": device.memory.peak / 1e6,
        "kB put a step": moved[0],
        "kB got a step": moved[1],
        "numbers got a step": scalars,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="X_train.npz and so on")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--limit", type=int, default=4_000_000_000, help="bytes of memory")
    args = parser.parse_args()
    train = train_set(args.data, QUICK if args.quick else FULL)
    rows = [row(name, config, train, args.limit) for name, config in configs(train).items()]
    note = (
        f"{train.n_samples:,} examples, {train.n_features:,} features, {train.n_labels:,} labels; "
        f"at most {args.limit:,} bytes. NumPy standing in for CuPy: not a GPU result."
    )
    print(Table("Memory of a GPU", rows, note).markdown())


if __name__ == "__main__":
    main()
