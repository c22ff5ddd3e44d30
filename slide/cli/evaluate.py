"""slide evaluate: how good a model's rankings are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from slide.cli.options import (
    AsJson,
    BackendName,
    DataFile,
    ModelFolder,
    OneBasedText,
    Threads,
    computing_threads,
    print_json,
    tell_left_out,
)
from slide.cli.plans import Insert, Sampled, prepare, refuse_idle, takes_plan
from slide.cli.screen import percent
from slide.cli.unseen import Strict, telling_unseen

HEADINGS = {"precision": "P", "ndcg": "nDCG", "psp": "PSP", "recall": "recall"}


@takes_plan
def evaluate(
    folder: ModelFolder,
    file: DataFile,
    plan: dict[str, Any],
    sampled: Sampled = False,
    insert: Insert = None,
    psp_a: Annotated[float, typer.Option(help="Propensity parameter A of the data set.")] = 0.55,
    psp_b: Annotated[float, typer.Option(help="Propensity parameter B of the data set.")] = 1.5,
    one_based: OneBasedText = None,
    strict: Strict = False,
    backend: BackendName = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print P@k, nDCG@k and propensity-scored P@k of the model DIR on FILE, for k = 1, 3, 5.

    With --sampled also recall@k: how much of the exact top k is found.
    """
    from slide.backends import load
    from slide.core.models.model import Model
    from slide.data import read, refuse_other_than_svmlight, refuse_twice

    refuse_idle(sampled, plan, insert)
    refuse_twice(file, insert)
    refuse_other_than_svmlight(file, one_based)
    computer = load(backend)
    model = Model.load(folder, computer)
    one_based = model.one_based if one_based is None else one_based
    data = read(file, one_based=one_based)
    n_left_out = tell_left_out(data)
    with computing_threads(computer, threads), telling_unseen(file, strict):
        if sampled:
            prepare(model, plan, insert, one_based)
        scores = model.evaluate(data, sampled, (psp_a, psp_b))
    if as_json:
        inference = "sampled" if sampled else "exact"
        print_json(
            {"n_samples": data.n_samples, "left_out_pairs": n_left_out, "inference": inference}
            | scores
        )
        return
    print("           k=1     k=3     k=5")
    for name in ("precision", "ndcg", "psp", "recall"):
        if f"{name}_at_1" in scores:
            row = " ".join(percent(scores[f"{name}_at_{k}"]) for k in (1, 3, 5))
            print(f"{HEADINGS[name]:7}{row}")
