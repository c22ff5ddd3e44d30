"""What answers for a frozen model, and what the arrays of one must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.invariants import demand
from slide.core.learner import Searcher, TrainedNetwork

Arrays = dict[str, Array]
DTYPES = {
    "label_counts": "i8", "input_weights": "f4", "pairs": "i8", "offsets": "i8", "ids": "i4",
    "by_bias": "i4", "values": "f4", "base": "f4", "biases": "f4", "last": "?",
    "label_indptr": "i8", "label_inputs": "i4", "label_weights": "f4", "scales": "f4",
    "biases_of_labels": "f4", "output_scales": "f4", "output_biases": "f4", "center": "f4",
    "hidden": "?",
}  # fmt: skip
"""Of arrays whose names tell it, all but codes, layers and hash functions."""
AT_A_TIME = 1 << 15  # ids that are compared, so that little memory is taken


@dataclass(frozen=True, slots=True)
class Engine:
    """A network as it is stored, and what searches it.

    Args:
        network: says how many features and labels there are.
        exact: searches all labels.
        retrieving: searches those that tables retrieve; None if there are no tables.
    """

    network: TrainedNetwork
    exact: Searcher
    retrieving: Searcher | None


def fits(arrays: Arrays, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless arrays have these shapes, and the dtypes of their names."""
    for name, shape in shapes.items():
        got = arrays[name].shape
        demand(got == shape, f"{name} has the shape {got}, expected {shape}")
    for name in arrays.keys() & DTYPES:
        dtype = arrays[name].dtype
        demand(dtype == DTYPES[name], f"{name} is {dtype}, expected {np.dtype(DTYPES[name])}")


def starts_of(offsets: Array, n: int) -> bool:
    """Whether runs follow on each other from 0 to n."""
    return bool(offsets[0] == 0 and offsets[-1] == n and (offsets[1:] >= offsets[:-1]).all())


def are_below(name: str, ids: Array, n: int) -> None:
    """Raise ValueError unless all ids are from 0 to n - 1: kernels follow them without looking."""
    least, largest = int(ids.min(initial=0)), int(ids.max(initial=0))
    is_within = least >= 0 and (largest < n or not ids.size)
    demand(is_within, f"{name} has ids from {least} to {largest}, expected 0 to {n - 1}")


def ascend_in_runs(name: str, ids: Array, offsets: Array) -> None:
    """Raise ValueError unless ids grow within each run, so that a run's end is its largest."""
    for start in range(0, len(ids) - 1, AT_A_TIME):
        part = ids[start : start + AT_A_TIME + 1]
        begins = np.flatnonzero(part[1:] <= part[:-1]) + start + 1
        found = offsets[np.minimum(np.searchsorted(offsets, begins), len(offsets) - 1)]
        demand(bool((found == begins).all()), f"{name} do not ascend within their lists")
