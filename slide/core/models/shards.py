"""The weights of a model in several files: each has those of a range of labels.

The ranges are one after the other. What a file has of its labels, rows of weights for instance, the
others have of theirs; what belongs to no label stands in the first alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

from slide.core.contract.arrays import Array
from slide.core.contract.invariants import demand
from slide.core.models.folder import WEIGHTS

INDPTR = "indptr"  # where the rows of a sparse matrix begin among the entries of its own file
OF_ENTRIES = ("indices", "values")  # which those rows have
MOST = 99_999


def names_of(n: int) -> list[str]:
    """The files of a model, whose weights are in so many: at least 1."""
    if n == 1:
        return [WEIGHTS]
    return [f"weights-{place + 1:05}-of-{n:05}.safetensors" for place in range(n)]


def n_files_of(description: dict[str, Any]) -> int:
    """How many there are, by config.json; raises ValueError if it says nothing of the kind."""
    n = description.get("shards", 1)
    demand(type(n) is int and 1 <= n <= MOST, f"shards is {n!r:.20}, expected 1 to {MOST}")
    return int(n)


def read_all(folder: Path, n: int) -> dict[str, Array]:
    """The tensors of all labels.

    Raises:
        OSError, SafetensorError: a file cannot be read.
        ValueError: they do not fit together.
    """
    parts = [load_file(folder / name) for name in names_of(n)]
    return {name: joined(name, [part[name] for part in parts if name in part], n)
            for name in parts[0]}  # fmt: skip


def joined(name: str, parts: Sequence[Array], n: int) -> Array:
    """A tensor, of what files have of it: the first alone, or all of them."""
    if len(parts) == 1:
        return parts[0]
    demand(len(parts) == n, f"{name} is in {len(parts)} of {n} files")
    if name != INDPTR:
        return np.concatenate(parts)
    demand(all(len(part) for part in parts), f"{name} is empty")
    ends = np.cumsum([0, *(int(part[-1]) for part in parts)])
    moved = [part[1:] + end for part, end in zip(parts, ends, strict=False)]
    return np.concatenate([parts[0][:1], *moved])


class Files:
    """The files of a model, of which some labels are read at a time.

    Args:
        folder: of the model.
        n: how many files there are.

    Raises:
        OSError, SafetensorError: a file cannot be read.
    """

    def __init__(self, folder: Path, n: int) -> None:
        self.files: list[Any] = [safe_open(folder / name, "numpy") for name in names_of(n)]

    def of_labels(self, name: str) -> Array:
        """A tensor with one number for each label, or where rows begin."""
        parts = [file.get_tensor(name) for file in self.files]
        return joined(name, parts, len(self.files))

    def names(self) -> list[str]:
        """Of all tensors."""
        names: list[str] = list(self.files[0].keys())
        return names

    def rows(self, begin: int, end: int, by_label: Sequence[str], counts: str) -> dict[str, Array]:
        """All tensors, of labels from `begin` to `end` where they have something for each.

        Args:
            begin, end: labels; at least one.
            by_label: tensors that have a row for each, or entries of one.
            counts: a tensor with one number for each.
        """
        lengths = [file.get_slice(counts).get_shape()[0] for file in self.files]
        edges = np.cumsum([0, *lengths]).tolist()
        demand(0 <= begin < end <= edges[-1], f"labels {begin} to {end} of {edges[-1]}")
        pieces = []
        for file, first, last in zip(self.files, edges, edges[1:], strict=False):
            low, high = max(begin, first) - first, min(end, last) - first
            if low < high:
                pieces.append(rows_of(file, low, high, by_label))
        own = {name: joined(name, [piece[name] for piece in pieces], len(pieces))
               for name in pieces[0]}  # fmt: skip
        shared = [name for name in self.names() if name not in by_label]
        return own | {name: self.files[0].get_tensor(name) for name in shared}


def rows_of(file: Any, low: int, high: int, by_label: Sequence[str]) -> dict[str, Array]:
    """What a file has for some of its labels."""
    names = [name for name in file.keys() if name in by_label]  # noqa: SIM118, it is no dict
    rows = {name: file.get_slice(name)[low:high] for name in names if name not in
            (INDPTR, *OF_ENTRIES)}  # fmt: skip
    if INDPTR not in names:
        return rows
    indptr = file.get_slice(INDPTR)[low : high + 1]
    begin, end = int(indptr[0]), int(indptr[-1])
    entries = {name: file.get_slice(name)[begin:end] for name in OF_ENTRIES}
    return rows | {INDPTR: indptr - begin} | entries
