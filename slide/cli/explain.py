"""slide explain: why a label has its score, input by input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slide.cli.freeze import model_in
from slide.cli.options import (
    FORMATS,
    AsJson,
    BackendName,
    DataFile,
    ModelFolder,
    OneBasedText,
    Threads,
    computing_threads,
    print_json,
)
from slide.cli.texts import Text, examples_for
from slide.cli.unseen import telling_unseen
from slide.core.errors import DataError, InputError

if TYPE_CHECKING:
    from slide.core.contract.arrays import CSR, Block
    from slide.core.examples.counting import OneBased
    from slide.core.examples.names import Name, Names
    from slide.core.models.model import Model

SHOWN = 3  # labels, unless more are asked for


def explain(
    folder: ModelFolder,
    file: DataFile,
    row: Annotated[int, typer.Option("--row", help="Which example of FILE, counted from 0.")],
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="Explain this label, as predict names it; the best ones if not given.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", help="So many of the best labels; 3 if there are as many.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="Inputs to show, the strongest.")] = 10,
    examples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Show the nearest of these training examples. {FORMATS}",
            show_default=False,
        ),
    ] = None,
    one_based: OneBasedText = None,
    text: Text = None,
    backend: BackendName = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Tell what speaks for a label, and against it, in one example of FILE.

    Each input adds something to the score, or takes it away: its value, as the
    model rescales it, times a weight. With the constant they add up to the
    score that predict prints. Behind hidden layers weights are gradients.
    """
    from slide.cli.evidence import show
    from slide.core.models.explaining import explanations
    from slide.data import refuse_other_than_svmlight, refuse_twice
    from slide.distributed.ensemble_folder import refuse_ensemble

    refuse_twice(file, examples)
    refuse_other_than_svmlight(file, one_based)
    refuse_ensemble(folder, "an explanation is of the weights of one model")
    model = model_in(folder, backend)
    counting = model.one_based if one_based is None else one_based
    x = row_of(examples_for(model, file, counting, text, features_only=True).x, row, file)
    near = examples_for(model, examples, counting, text) if examples else None
    with computing_threads(model.backend, threads):
        labels = best_labels(model, x, k) if label is None else [named(model, label, counting)]
        told = explanations(model, x, labels, n, near)
    if as_json:
        firsts = counting.first_feature, counting.first_label
        print_json({"row": row, "explanations": [each.to_dict(*firsts) for each in told]})
    else:
        show(told, counting, ranked=label is None)


def row_of(x: CSR | Block, row: int, file: Path) -> CSR | Block:
    """One of the examples, or DataError."""
    import numpy as np

    from slide.data.streams import shown

    if not 0 <= row < x.n_rows:
        expected = (
            f"0 to {x.n_rows - 1}, the examples of the file" if x.n_rows else "a file with examples"
        )
        raise DataError(f"--row is {row}: expected {expected}", shown(file))
    return x.take(np.array([row]))


def best_labels(model: Model, x: CSR | Block, k: int | None) -> list[int]:
    """The ids of the best labels; what training never saw is told with the explanation."""
    wanted = max(1, min(SHOWN, model.n_seen_labels)) if k is None else k
    with telling_unseen(None, strict=False, quiet=True):
        ids, _ = model.predict(x, wanted)
    best: list[int] = ids[0].tolist()
    return best


def named(model: Model, text: str, counting: OneBased) -> Any:
    """The label that is meant: a name where labels have some, otherwise the number in a file."""
    if model.label_names is not None:
        return model.label_names.ids([name_of(model.label_names, text)]).item()
    if not text.isdecimal():
        raise InputError(
            f"--label is {text!r}: expected a number, for the labels of the model have no names"
        )
    return int(text) - counting.first_label


def name_of(names: Names, text: str) -> Name:
    """The name that is spelled so: names may be numbers as well."""
    try:
        other = json.loads(text)
    except ValueError:
        return text
    is_other = isinstance(other, int | float) and names.get(text) is None
    return other if is_other and names.get(other) is not None else text
