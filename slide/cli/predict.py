"""slide predict: the best labels for each example."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from slide.cli.options import BackendName, DataFile, ModelFolder, Threads, computing_threads
from slide.cli.plans import Insert, Sampled, prepare, refuse_idle, takes_plan
from slide.cli.unseen import Strict, telling_unseen


@takes_plan
def predict(
    folder: ModelFolder,
    file: DataFile,
    plan: dict[str, Any],
    k: Annotated[
        int | None, typer.Option("--k", help="Labels per example; 5 if there are as many.")
    ] = None,
    sampled: Sampled = False,
    insert: Insert = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there instead of to stdout.")
    ] = None,
    strict: Strict = False,
    backend: BackendName = None,
    threads: Threads = None,
) -> None:
    """Print a line per example of FILE: its k best labels as `label:logit`, best first."""
    from slide.backends import load
    from slide.core.models.model import Model
    from slide.data import prediction_lines, read, refuse_taken, write_predictions

    refuse_idle(sampled, plan, insert)
    if out is not None:
        refuse_taken(out)  # before the work is done
    computer = load(backend)
    model = Model.load(folder, computer)
    data = read(file)
    with computing_threads(computer, threads), telling_unseen(file, strict):
        if sampled:
            prepare(model, plan, insert)
        wanted = max(1, min(5, model.n_seen_labels)) if k is None else k
        ids, scores = model.predict(data.x, wanted, sampled)
    if out is None:
        sys.stdout.writelines(line + "\n" for line in prediction_lines(ids, scores))
    else:
        write_predictions(ids, scores, out)
