"""slide evaluate: how good a model's rankings are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from slide.cli.freeze import model_in
from slide.cli.logs import (
    ClickedFrom,
    Clicks,
    HoldOut,
    LogColumns,
    NoRepeats,
    Sessions,
    Shown,
    logs_of,
)
from slide.cli.options import (
    AsJson,
    BackendName,
    DataFile,
    ModelFolder,
    OneBasedText,
    Threads,
    computing_threads,
    print_json,
)
from slide.cli.plans import Insert, Sampled, prepare, refuse_idle, takes_plan
from slide.cli.reading import Reading
from slide.cli.screen import percent
from slide.cli.texts import Labels, Separator, Text
from slide.cli.unseen import Strict, telling_unseen
from slide.core.errors import ConfigError

HEADINGS = {
    "precision": "P", "ndcg": "nDCG", "psp": "PSP", "hit_rate": "HR", "mrr": "MRR",
    "r_precision": "RP", "map": "MAP", "label_recall": "recall", "head_recall": "  head",
    "torso_recall": "  torso", "tail_recall": "  tail", "coverage": "coverage",
    "recall": "of exact",
}  # fmt: skip
COLUMNS = 8  # of depths, that fit beside each other


@takes_plan
def evaluate(
    folder: ModelFolder,
    file: DataFile,
    plan: dict[str, Any],
    sampled: Sampled = False,
    insert: Insert = None,
    psp_a: Annotated[float, typer.Option(help="Propensity parameter A of the data set.")] = 0.55,
    psp_b: Annotated[float, typer.Option(help="Propensity parameter B of the data set.")] = 1.5,
    at: Annotated[
        str, typer.Option(metavar="K[,K..]", help="Depths of the ranking to evaluate at.")
    ] = "1,3,5",
    one_based: OneBasedText = None,
    text: Text = None,
    labels: Labels = None,
    separator: Separator = None,
    sessions: Sessions = False,
    clicks: Clicks = False,
    columns: LogColumns = None,
    clicked_from: ClickedFrom = None,
    no_repeats: NoRepeats = False,
    hold_out: HoldOut = None,
    shown: Shown = False,
    strict: Strict = False,
    backend: BackendName = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print how good the rankings of the model DIR are on FILE, at each depth k.

    Precision P@k, nDCG@k, propensity-scored precision PSP@k, hit rate HR@k
    (share of the examples with a label in the top k), recall@k, MRR@k,
    R-precision RP@k, mean average precision MAP@k, coverage@k (share of the
    labels that are named at all), and recall@k of the labels that are most
    frequent in training (head), less frequent (torso) and least frequent
    (tail). With --sampled also how much of the exact top k is found.
    """
    from slide.data import refuse_other_than_svmlight, refuse_twice

    refuse_idle(sampled, plan, insert)
    if sampled and shown:
        raise ConfigError("--shown and --sampled rank different labels: leave one of them out")
    logs = logs_of(
        sessions, clicks, columns, no_repeats, clicked_from, hold_out, shown, text=text,
        labels=labels, separator=separator, one_based=one_based, insert=insert,
    )  # fmt: skip
    ranks = ranks_of(at)
    refuse_twice(file, insert)
    refuse_other_than_svmlight(file, one_based)
    model = model_in(folder, backend)
    reading = Reading(logs, one_based, text, labels, separator)
    data, n_left_out = reading.examples(model, folder, file)
    with computing_threads(model.backend, threads), telling_unseen(file, strict):
        if sampled:
            prepare(model, plan, insert, reading.counting(model), folder)
        if shown:
            scores = model.evaluate_shown(data, (psp_a, psp_b), ranks)
        else:
            scores = model.evaluate(data, sampled, (psp_a, psp_b), ranks)
    if as_json:
        inference = "sampled" if sampled else "exact"
        print_json(
            {"n_samples": data.n_samples, "left_out_pairs": n_left_out, "inference": inference}
            | scores
        )
        return
    print_table(scores, ranks)


def ranks_of(text: str) -> list[int]:
    """The depths of `--at 1,5,10`, each once, ascending.

    Raises:
        ConfigError: they are no list of whole numbers from 1 on.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 0 < int(word) < 1 << 30 for word in words):
        raise ConfigError(
            f"--at is {text!r}: expected whole numbers from 1 on with commas between them, such "
            "as 1,5,10,20"
        )
    return sorted(set(map(int, words)))


def print_table(scores: dict[str, float], ranks: list[int]) -> None:
    """A row for each measure, a column for each depth; few enough of them for 80 characters."""
    for start in range(0, len(ranks), COLUMNS):
        shown = ranks[start : start + COLUMNS]
        print(" " * 9 + " ".join(f"{f'k={k}':>7}" for k in shown))
        for name, heading in HEADINGS.items():
            if name == "recall" and f"recall_at_{ranks[0]}" not in scores:
                continue  # it is of the sampled mode
            row = " ".join(percent(scores.get(f"{name}_at_{k}")) for k in shown)
            print(f"{heading:9}{row}")
