"""slide evaluate: how good a model's rankings are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from slide.cli.options import (
    AsJson,
    BackendName,
    DataFile,
    ModelFolder,
    Threads,
    computing_threads,
    print_json,
)
from slide.cli.screen import percent
from slide.core.errors import ConfigError


def evaluate(
    folder: ModelFolder,
    file: DataFile,
    sampled: Annotated[
        bool,
        typer.Option(
            "--sampled/--exact",
            help="Look only at neurons that hash tables, or a cut index, find; or at all.",
        ),
    ] = False,
    k_digits: Annotated[
        int | None, typer.Option("--K", help="Digits per hash code of the sampled mode.")
    ] = None,
    n_tables: Annotated[int | None, typer.Option("--L", help="Its hash tables (100).")] = None,
    probes: Annotated[
        int | None, typer.Option(help="Nearest buckets of a table it looks into (8).")
    ] = None,
    candidates: Annotated[
        float | None,
        typer.Option(
            help="Share of the labels of which it computes the logits (0.002, and 1,000 at least)."
        ),
    ] = None,
    bucket_limit: Annotated[
        int | None, typer.Option(help="Entries of a bucket it looks at (50).")
    ] = None,
    insert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Fill its tables by the labels of these training examples."
        ),
    ] = None,
    psp_a: Annotated[float, typer.Option(help="Propensity parameter A of the data set.")] = 0.55,
    psp_b: Annotated[float, typer.Option(help="Propensity parameter B of the data set.")] = 1.5,
    backend: BackendName = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print P@k, nDCG@k and propensity-scored P@k of the model DIR on FILE, for k = 1, 3, 5.

    With --sampled also recall@k: how much of the exact top k is found.
    """
    from slide.backends import load
    from slide.core.model import Model
    from slide.core.retrieval import Plan
    from slide.data import read

    options: dict[str, Any] = {
        "K": k_digits,
        "L": n_tables,
        "probes": probes,
        "candidates": candidates,
        "bucket_limit": bucket_limit,
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    if not sampled:
        given = [*chosen, *(["insert"] if insert else [])]
        refuse_options_of_tables([name.replace("_", "-") for name in given])
    plan = Plan(**chosen)
    computer = load(backend)
    model = Model.load(folder, computer)
    if not model.config.hidden:
        refuse_options_of_hashing([name for name in ("K", "L", "probes") if name in chosen])
    data = read(file, model.network.n_features, model.network.n_labels)
    shape = model.network.n_features, model.network.n_labels
    examples = read(insert, *shape) if insert else None
    with computing_threads(computer, threads):
        if sampled:
            model.prepare_sampled(plan, examples)
        scores = model.evaluate(data, sampled, (psp_a, psp_b))
    if as_json:
        print_json(
            {"n_samples": data.n_samples, "inference": "sampled" if sampled else "exact"} | scores
        )
        return
    print("           k=1     k=3     k=5")
    for name in ("precision", "ndcg", "psp", "recall"):
        if f"{name}_at_1" in scores:
            row = " ".join(percent(scores[f"{name}_at_{k}"]) for k in (1, 3, 5))
            print(f"{HEADINGS[name]:7}{row}")


def refuse_options_of_tables(names: list[str]) -> None:
    """Raise ConfigError if any was given: exact evaluation looks into no tables."""
    if names:
        raise ConfigError(
            f"got {' and '.join('--' + name for name in names)} without --sampled: exact "
            "evaluation has no hash tables, so add --sampled or leave them out"
        )


def refuse_options_of_hashing(names: list[str]) -> None:
    """Raise ConfigError if any was given: direct connections are not hashed."""
    if names:
        raise ConfigError(
            f"got {' and '.join('--' + name for name in names)} for direct connections, which have "
            "an index and no hash tables: leave it out, or cut the index by --bucket-limit"
        )


HEADINGS = {"precision": "P", "ndcg": "nDCG", "psp": "PSP", "recall": "recall"}
