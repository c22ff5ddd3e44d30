"""What each lever of direct connections is worth: one left out or moved at a time.

    python -m bench.quality.levers --data DIR [--sets a,b] [--levers x,y] [--seed N]

DIR holds NAME/{train,test}.txt.gz, or NAME/X_{train,test}.npz with the labels beside them. Prints
a Markdown table for each set: the recipe, then the recipe with one thing otherwise. Accuracy is
what it is about; seconds are of training, and comparable if nothing else runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from unittest.mock import patch

from threadpoolctl import threadpool_limits

import slide
from bench.harness.problems import pair_in
from slide.core.direct import connecting

FROM_ZERO = "started from 0, not from centroids"

LEVERS: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "nothing grown against a label": {"grown": 0},
    "50 connections for every label": {"connections_per_example": 0.0},
    "features not weighted by rarity": {"idf_power": 0.0},
    "rarity, square root": {"idf_power": 0.5},
    "no pairs": {"pairs": False},
    "bias from -4 on": {"bias_floor": -4.0},
    "bias from the share": {"bias_floor": -100.0},
    "30 hardest labels": {"active": 30},
    "100 hardest labels": {"active": 100},
    "index rebuilt once": {"rebuild_every": 1 << 20},
    "lists of 250": {"list_limit": 250},
    "half the learning rate": {"lr": 1.0},
    "softmax": {"loss": "softmax"},
    "constant learning rate": {"lr_schedule": "constant"},
    "one epoch": {"epochs": 1},
    "batches of 64": {"batch_size": 64},
    "batches of 1,024": {"batch_size": 1024},
    FROM_ZERO: {},
    "hidden layer of 256": {"hidden": (256,)},
}


def row(name: str, settings: dict[str, Any], train: slide.Dataset, test: slide.Dataset) -> str:
    """One line of the table."""
    backend = slide.load_backend()
    backend.set_threads(2)
    trainer = slide.Trainer(slide.recipe(train, by_steps=True, **settings), backend)
    with patch.object(connecting, "SCALE", 0.0 if name == FROM_ZERO else connecting.SCALE):
        scores = trainer.fit(train).evaluate(test)
    wanted = ("precision_at_1", "precision_at_3", "precision_at_5", "psp_at_5")
    cells = [f"{100 * scores[each]:.1f}" for each in wanted]
    return f"| {name} | {' | '.join(cells)} | {trainer.seconds:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sets", type=lambda text: text.split(","), metavar="A,B")
    parser.add_argument("--levers", type=lambda text: text.split(","), metavar="X,Y")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names = args.sets or sorted(path.name for path in args.data.iterdir() if path.is_dir())
    if unknown := set(args.levers or ()) - set(LEVERS):
        parser.error(f"no lever named {', '.join(unknown)}: expected {', '.join(LEVERS)}")
    with threadpool_limits(limits=1, user_api="blas"):
        for name in names:
            train, test = pair_in(args.data / name)
            usual = slide.recipe(train, by_steps=True)
            print(f"\n## {name}\n\n| | P@1 | P@3 | P@5 | PSP@5 | s |\n|---|---|---|---|---|---|")
            for lever, settings in LEVERS.items():
                wanted = lever == "the recipe" or not args.levers or lever in args.levers
                moved = any(getattr(usual, key) != value for key, value in settings.items())
                if wanted and (moved or lever in ("the recipe", FROM_ZERO)):
                    print(row(lever, {"seed": args.seed, **settings}, train, test), flush=True)


if __name__ == "__main__":
    main()
