"""Examples that an estimator puts together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.errors import InputError
from slide.core.examples.dataset import Dataset
from slide.core.examples.targets import Targets, array_of, listed


def first_targets(classes: Any) -> Targets | None:
    """Labels that are said to come first."""
    if classes is None:
        return None
    names = listed(classes)
    alike = not isinstance(names, list) or len({type(name) for name in names}) <= 1
    array = np.asarray(names) if alike else array_of(names)
    return Targets("classes", len(array), array)


def joined(first: Dataset | None, second: Dataset) -> Dataset:
    """The examples of both; the second has the labels and features of the first, and more."""
    if first is None:
        return second
    return replace(
        second,
        x=stacked(first.x, second.x),
        y=CSR.stack([first.y, second.y], second.n_labels),
        weights=np.concatenate([first.weights, second.weights]),
    )


def stacked(first: CSR | Block, second: CSR | Block) -> CSR | Block:
    """Features one below the other; those that the first lacks are 0 there."""
    if isinstance(first, CSR) and isinstance(second, CSR):
        return CSR.stack([first, second], second.n_cols)
    missing = second.n_cols - first.n_cols
    return Block.of(np.concatenate([np.pad(first.dense(), ((0, 0), (0, missing))), second.dense()]))


def pair(validation: Any) -> tuple[Any, Any]:
    """Features and labels, or InputError."""
    if not (isinstance(validation, tuple | list) and len(validation) == 2):
        raise InputError("validation: expected a pair (X, y)")
    return validation[0], validation[1]


def wanted_of(ids: list[Array], n: int) -> CSR:
    """Ids of each row, ascending, as CSR (len(ids), n) of ones."""
    lengths = [len(row) for row in ids]
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices = np.concatenate([*ids, np.zeros(0, np.int32)]).astype(np.int32)
    return CSR(indptr, indices, np.ones(len(indices), np.float32), n)
