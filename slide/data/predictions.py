"""Predictions as text: a line per example, `label:score` best first, or JSON with names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import Array
from slide.core.contract.invariants import demand
from slide.core.examples.names import Names
from slide.data.target import new_file, save_text


def prediction_lines(ids: Array, scores: Array, first_label: int = 0) -> Iterator[str]:
    """A line, without its end, per example.

    Args:
        ids: integers (n, k), labels best first; -1 where there is none, which is left out.
        scores: floats (n, k).
        first_label: the number that label 0 has in the text.

    Raises:
        InputError: they are no such arrays, or a label has a score that is no number.
    """
    ids, scores = handed.refusing("predictions", lambda: demand_predictions(ids, scores))
    return lines_of(ids, scores, first_label)


def demand_predictions(ids: Array, scores: Array) -> tuple[Array, Array]:
    """Both as arrays, or ValueError."""
    ids, scores = handed.as_array("ids", ids), handed.as_array("scores", scores)
    demand(
        ids.ndim == 2 and ids.shape == scores.shape,
        f"ids have shape {ids.shape} and scores {scores.shape}: expected (n, k) of both",
    )
    kinds = ids.dtype.kind + scores.dtype.kind
    demand(
        kinds in ("if", "uf"),
        f"ids are {ids.dtype} and scores {scores.dtype}: expected integers and floats",
    )
    low = int(ids.min(initial=0))
    demand(low >= -1, f"ids has {low}: expected labels from 0, or -1 for none")
    demand(not np.isnan(scores[ids >= 0]).any(), "scores has nan: expected numbers")
    return ids, scores


def lines_of(ids: Array, scores: Array, first_label: int) -> Iterator[str]:
    """`prediction_lines` of arrays that were checked."""
    for row_ids, row_scores in zip(ids.tolist(), scores.tolist(), strict=True):
        pairs = zip(row_ids, row_scores, strict=True)
        yield " ".join(f"{label + first_label}:{score:.6g}" for label, score in pairs if label >= 0)


def write_predictions(ids: Array, scores: Array, path: Path, first_label: int = 0) -> None:
    """Write the lines to a file that does not exist yet, or to standard output (`-`), compressed if
    the name ends in .gz, .bz2, .xz or .zst.

    Raises:
        InputError: see `prediction_lines`.
        DataError: the file exists or cannot be written.
    """
    lines = prediction_lines(ids, scores, first_label)
    with new_file(path) as file:
        save_text((line + "\n" for line in lines), file, path)


def named_lines(
    names: Names,
    ids: Array,
    scores: Array,
    known: Array,
    what: str = "scores",
    sessions: Sequence[Any] | None = None,
    kind: str = "session",
) -> Iterator[str]:
    """A JSON object, without its line end, per example: names and scores, best first.

    Args:
        names: of labels.
        ids, scores: see `prediction_lines`.
        known: bool (n,), whether anything in an example is known; where nothing is, there is no
            label in the line, and `"unknown": true`.
        what: the scores are called.
        sessions: whom each example is of, which its line begins with; None for nobody.
        kind: what these are called.
    """
    whose = [{}] * len(ids) if sessions is None else [{kind: each} for each in sessions]
    for who, row_ids, row_scores, is_known in zip(whose, ids, scores, known, strict=True):
        shown = row_ids >= (0 if is_known else len(names))
        values = [float(f"{score:.6g}") for score in row_scores[shown].tolist()]
        answer = who | {"labels": names.of(row_ids[shown]), what: values}
        yield json.dumps(answer if is_known else answer | {"unknown": True}, ensure_ascii=False)


def write_named(
    names: Names,
    ids: Array,
    scores: Array,
    known: Array,
    path: Path,
    what: str = "scores",
    sessions: Sequence[Any] | None = None,
    kind: str = "session",
) -> None:
    """Write `named_lines` in UTF-8, where `write_predictions` writes its own; see there."""
    lines = named_lines(names, ids, scores, known, what, sessions, kind)
    with new_file(path) as file:
        save_text((line + "\n" for line in lines), file, path)
