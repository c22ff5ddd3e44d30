"""What it costs in accuracy that workers divide the examples: averaged weights, and votes.

Run as `python -m bench.distributed.combined TRAIN TEST`; prints a table in Markdown. Workers take
turns in this process, which gives the bits that workers anywhere give: CPU seconds are of all of
them together, without what a network and Ray take. A run without workers stands above: by steps,
as averaged weights are trained, and with the settings that are chosen by default.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

import slide
from bench.harness.tables import Table
from slide.core.learners.config import Config
from slide.core.learners.recipe import recipe
from slide.core.runs.placement import HERE
from slide.core.runs.trainer import Trainer
from slide.distributed.averaging import DataParallel
from slide.distributed.ensemble import Voting

WARMING = 300  # examples that are trained on before, so that nothing is compiled later
BY_STEPS = {"lr": 2.0, "layers": 1}


def line(what: str, every: str, test: slide.Dataset, fit: Callable[[], Any]) -> dict[str, Any]:
    """Train and judge."""
    began = time.process_time()
    model = fit()
    spent = time.process_time() - began
    scores = model.evaluate(test, at=(1, 5))
    told = [round(100 * scores[f"precision_at_{k}"], 1) for k in (1, 5)]
    return {"what": what, "T": every, "P@1": told[0], "P@5": told[1], "CPU seconds": spent}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--workers", type=int, nargs="*", default=[2, 4])
    parser.add_argument("--every", type=int, nargs="*", default=[10, 1000])
    parser.add_argument("--members", type=int, nargs="*", default=[2, 4])
    options = parser.parse_args()
    train, test = slide.read(options.train), slide.read(options.test)
    warnings.simplefilter("ignore", slide.UnseenWarning)
    backend = slide.load_backend("numba")
    backend.set_threads(1)
    config = recipe(train, True, layers=1)

    def averaged(n: int, every: int, epochs: int) -> Callable[[], Any]:
        placement = DataParallel(n, every, "numba") if n else HERE
        settings = Config(training=config.training, steps=config.steps, refresh=config.refresh,
                          learner=config.learner, epochs=epochs)  # fmt: skip
        return lambda: Trainer(settings, backend, placement=placement).fit(train)

    def voted(n: int, **said: Any) -> Callable[[], Any]:
        return lambda: Voting(Config(**said), n, "numba").fit(train)

    once, twice = config.training.epochs, 2 * config.training.epochs
    with threadpool_limits(limits=1, user_api="blas"):
        Trainer(config, backend).fit(train.take(range(WARMING)))
        lines = [
            line("default, no workers", "", test, lambda: Trainer(Config(), backend).fit(train)),
            line("by steps, no workers", "", test, averaged(0, 0, once)),
        ]
        for n in options.workers:
            for every in options.every:
                lines.append(line(f"mean of {n}", str(every), test, averaged(n, every, once)))
            every = options.every[0]
            what = f"mean of {n}, twice the epochs"
            lines.append(line(what, str(every), test, averaged(n, every, twice)))
        for n in options.members:
            lines.append(line(f"vote of {n}, by default", "", test, voted(n)))
            lines.append(line(f"vote of {n}, by steps", "", test, voted(n, **BY_STEPS)))
    print(
        Table(f"Workers that divide the examples of {options.train.parent.name}", lines).markdown()
    )


if __name__ == "__main__":
    main()
