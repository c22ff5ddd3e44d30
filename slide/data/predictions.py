"""Predictions as text: a line per example, `label:score` best first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slide.core.contract.arrays import Array
from slide.data.target import new_file, save_text


def prediction_lines(ids: Array, scores: Array, first_label: int = 0) -> Iterator[str]:
    """A line, without its end, per example.

    Args:
        ids: i32 (n, k), labels best first; -1 where there is none, which is left out.
        scores: f32 (n, k).
        first_label: the number that label 0 has in the text.
    """
    for row_ids, row_scores in zip(ids.tolist(), scores.tolist(), strict=True):
        pairs = zip(row_ids, row_scores, strict=True)
        yield " ".join(f"{label + first_label}:{score:.6g}" for label, score in pairs if label >= 0)


def write_predictions(ids: Array, scores: Array, path: Path, first_label: int = 0) -> None:
    """Write the lines to a file that does not exist yet, or to standard output (`-`), compressed if
    the name ends in .gz, .bz2, .xz or .zst.

    Raises:
        DataError: the file exists or cannot be written.
    """
    with new_file(path) as file:
        save_text((line + "\n" for line in prediction_lines(ids, scores, first_label)), file, path)
