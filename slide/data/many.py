"""Several files by one name, as shells expand it, and their examples with one numbering."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slide.core.contract.arrays import CSR
from slide.core.errors import DataError
from slide.core.examples.dataset import Dataset
from slide.data.called import Called, shared
from slide.data.streams import is_stream


def files_of(path: Path) -> list[Path]:
    """The files that a pattern such as `part-*.txt.gz` names, in the order of their names.

    What is there under just this name is itself, and so is what is no pattern.

    Raises:
        DataError: a pattern names nothing.
    """
    if is_stream(path) or os.path.lexists(path) or not glob.has_magic(str(path)):
        return [path]
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
    if not found:
        raise DataError("no file has a name of this pattern: check the path", path)
    return found


def in_a_row(sets: Sequence[Dataset]) -> Dataset:
    """All examples, one set after the other; a number means the same column in each.

    Raises:
        InputError: columns have names, and not the same in each.
    """
    if len(sets) == 1:
        return sets[0]
    n_features = max(data.n_features for data in sets)
    n_labels = max(data.n_labels for data in sets)
    x = CSR.stack([data.features for data in sets], n_features)
    y = CSR.stack([data.y for data in sets], n_labels)
    left_out = None
    if any(data.left_out is not None for data in sets):
        none = [data.left_out or CSR.empty(data.n_samples, n_labels) for data in sets]
        left_out = CSR.stack([replace(each, n_cols=n_labels) for each in none], n_labels)
    return Dataset(x, y, left_out, *shared([Called.of(data) for data in sets]))
