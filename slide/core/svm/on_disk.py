"""The training set as rounds look at it: in an order of its own, on disk if it comes from there.

Random reads are of an example, and slow: so they are made once, when examples are brought into
order, in a file beside theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.direct.inputs import Inputs
from slide.core.examples.dataset import Dataset
from slide.core.examples.fetching import read_at_random, taken
from slide.core.examples.mapped import Mapped
from slide.core.examples.scratch import Scratch, row_runs


@dataclass(frozen=True, slots=True)
class InOrder(Mapped):
    """Examples on disk in the order of their contents, labels in memory."""

    def take(self, rows: Array) -> Dataset:
        """The given examples in the given order, in memory; all, which a round does not look at."""
        return self if len(rows) == self.n_samples else super(InOrder, self).take(rows)


def in_order(train: Dataset) -> Dataset:
    """Different examples in the order of their contents."""
    data = train.distinct()
    order, scratch = data.canonical_order(), Scratch.of(data)
    if not isinstance(data, Mapped) or scratch.folder is None:
        return data.take(order)
    x = data.features
    lengths = x.row_lengths()[order]
    ordered = replace(x, indptr=np.append(0, np.cumsum(lengths)))
    parts = (taken(x, order[rows]) for rows in row_runs(ordered))
    return InOrder(
        scratch.stacked(parts, x.n_cols), data.y.take(order), keys=data.keys[order],
        is_binary=data.is_binary, folder=data.folder,
    )  # fmt: skip


def as_inputs(data: Dataset, inputs: Inputs) -> Dataset:
    """The same examples with inputs in the place of features."""
    made = Scratch.of(data).made_of(data.features, inputs.of, inputs.n_inputs)
    read_at_random(made.indices, made.values)
    return replace(data, x=made)
