"""slide predict: the best labels for each example."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from slide.cli.distributed import Address, Distributed, Shards, Wanted
from slide.cli.logs import (
    ClickedFrom,
    Clicks,
    LogColumns,
    Logs,
    NoRepeats,
    Sessions,
    logs_of,
    refuse_itemless,
)
from slide.cli.options import (
    BackendName,
    DataFile,
    ModelFolder,
    OneBasedText,
    Threads,
    computing_threads,
)
from slide.cli.plans import Insert, Sampled, prepare, refuse_idle, takes_plan
from slide.cli.texts import Text, examples_for, tell_unknown
from slide.cli.unseen import Strict, telling_unseen
from slide.core.errors import DataError
from slide.core.examples.counting import OneBased

if TYPE_CHECKING:
    from slide.core.contract.arrays import Array
    from slide.core.examples.dataset import Dataset
    from slide.core.models.model import Model


@takes_plan
def predict(
    folder: ModelFolder,
    file: DataFile,
    plan: dict[str, Any],
    k: Annotated[
        int | None, typer.Option("--k", help="Labels per example, or all; 5 if there are as many.")
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Print probabilities instead of logits.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="P", help="Only labels whose probability is P at least."),
    ] = None,
    sampled: Sampled = False,
    insert: Insert = None,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Write there; - is stdout.", show_default=False)
    ] = Path("-"),
    one_based: OneBasedText = None,
    text: Text = None,
    sessions: Sessions = False,
    clicks: Clicks = False,
    columns: LogColumns = None,
    clicked_from: ClickedFrom = None,
    no_repeats: NoRepeats = False,
    names: Annotated[
        bool, typer.Option("--names", help="Print names, as for texts, though FILE has numbers.")
    ] = False,
    strict: Strict = False,
    backend: BackendName = None,
    threads: Threads = None,
    distributed: Distributed = False,
    shards: Shards = None,
    address: Address = None,
) -> None:
    """Print a line per example of FILE: its k best labels as `label:logit`, best first.

    With --proba, or --threshold, they are `label:probability`, in the same
    order. Of texts it is a JSON object, {"labels": [NAME, ..], "scores":
    [LOGIT, ..]}; a text in which no word is known has no labels, and "unknown":
    true. Probabilities are called "probabilities" there. Of a log (--sessions)
    it is such an object for each session, with "session": ID before the rest;
    of one of clicks (--clicks) for each user, with "user": ID.
    """
    from slide.data import (
        refuse_no_text,
        refuse_other_than_svmlight,
        refuse_taken,
        refuse_twice,
        refuse_unwritable,
        write_named,
        write_predictions,
    )

    place = Wanted(distributed, shards, address, backend=backend, threads=threads)
    place.refuse_sampled(sampled)
    refuse_threshold(threshold)
    refuse_idle(sampled, plan, insert)
    logs = logs_of(
        sessions, clicks, columns, no_repeats, clicked_from, text=text, one_based=one_based,
        insert=insert,
    )  # fmt: skip
    refuse_twice(file, insert)
    refuse_other_than_svmlight(file, one_based)
    refuse_taken(out)
    refuse_no_text(out)
    refuse_unwritable(out)
    with place.model(folder) as model:
        one_based = model.one_based if one_based is None else one_based
        who, data = asked_in(file, model, folder, logs, one_based, text)
        has_texts = model.text is not None
        label_names = model.named_labels if has_texts or names or logs else None
        likely = proba or threshold is not None
        with computing_threads(model.backend, threads), telling_unseen(file, strict):
            if sampled:
                prepare(model, plan, insert, one_based, folder)
            ids, scores = best_of(model, data, k, likely, sampled)
        if threshold is not None:
            ids = np.where(scores >= threshold, ids, np.int32(-1))
        if has_texts:
            tell_unknown(data, "answered without labels")
        if label_names is None:
            write_predictions(ids, scores, out, one_based.first_label)
            return
        is_known = known_rows(data, has_texts, None if logs is None else len(label_names))
        what = "probabilities" if likely else "scores"
        kind = "session" if logs is None else logs.kind
        write_named(label_names, ids, scores, is_known, out, what, who, kind)


def asked_in(
    file: Path, model: Model, folder: Path, logs: Logs | None, counting: OneBased,
    text: list[str] | None,
) -> tuple[list[Any] | None, Dataset]:  # fmt: skip
    """Whose examples are to be answered, where they are of a log, and these examples.

    Raises:
        DataError: there is none, or the file is not of the kind that the model was trained on.
    """
    from slide.data.streams import shown

    who: list[Any] | None = None
    if logs is not None:
        refuse_itemless(model, folder, logs)
        who, data = logs.read_ends(file, model)
    else:
        data = examples_for(model, file, counting, text, features_only=True)
    if not data.n_samples:
        raise DataError("there is no example, expected one at least: check the file", shown(file))
    return who, data


def best_of(
    model: Model, data: Dataset, k: int | None, likely: bool, sampled: bool
) -> tuple[Array, Array]:
    """The best labels of each example less those that are left out, and their scores.

    Args:
        model: which answers.
        data: the examples.
        k: how many; None for 5, or as many as training has seen.
        likely: whether scores are to be probabilities.
        sampled: whether few labels are looked at.
    """
    from slide.core.examples.metrics import without

    wanted = max(1, min(5, model.n_seen_labels)) if k is None else k
    answer = model.predict_proba if likely else model.predict
    left_out = data.left_out
    if left_out is None:
        return answer(data.x, wanted, sampled)
    ids, scores = answer(data.x, wanted + int(left_out.row_lengths().max()), sampled)
    return without(ids, scores, left_out, wanted)


def known_rows(data: Dataset, has_texts: bool, n_items: int | None) -> Array:
    """Which examples have anything that training knew, bool (n,).

    Args:
        data: the examples.
        has_texts: whether they are texts, of which it is words.
        n_items: that training knew; None if they are of no log. Of numbers all are known.
    """
    if has_texts:
        return data.features.row_lengths() > 0
    if n_items is not None:
        return data.features.first_columns(n_items).row_lengths() > 0
    return np.ones(data.n_samples, bool)


def refuse_threshold(threshold: float | None) -> None:
    """Raise ConfigError if it is no probability."""
    from slide.core.settings.demands import demand_float

    if threshold is not None:
        demand_float("--threshold", threshold, 0, 1)
