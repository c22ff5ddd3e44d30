"""Weights that are sparse themselves: where they live, and how a query finds its rows.

A direct connection goes from an input feature to a label. A label has one for few of the features,
so its row of weights is a row of a CSR, and the labels that a sparse input may score high are
those that share a feature with it: an inverted index finds them. Such an index is a hash table
whose buckets are the features, and cutting its lists is cutting long buckets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array, demand


@dataclass(frozen=True, slots=True)
class SparseParam:
    """A sparse weight matrix and its optimizer's state; the pattern stays as it is.

    Args:
        weight: CSR (n, n_inputs), one row per neuron.
        square: f32 (nnz,), above 0: what the squared gradients of each entry are added to.
    """

    weight: CSR
    square: Array

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        self.weight.check()
        demand(
            self.square.dtype == np.float32 and self.square.shape == self.weight.values.shape,
            f"square is {self.square.dtype} {self.square.shape}, expected float32 "
            f"{self.weight.values.shape}",
        )
        demand(bool(np.all(self.square > 0)), "square is not above 0")


@dataclass(frozen=True, slots=True)
class InvertedIndex:
    """For each input the neurons that have a weight for it, or those of them that matter most.

    Args:
        offsets: i64 (n_inputs + 1); the list of input f is `offsets[f]:offsets[f + 1]`.
        ids: i32 (n_entries,), neurons, strictly increasing within a list.
        values: f32 (n_entries,), their weights.
        base: f32 (n,), what the score of each neuron starts with.
    """

    offsets: Array
    ids: Array
    values: Array
    base: Array

    def without_last(self) -> InvertedIndex:
        """The same with an empty list for the last input."""
        end = int(self.offsets[-2])
        offsets = np.append(self.offsets[:-1], end)
        return InvertedIndex(offsets, self.ids[:end], self.values[:end], self.base)

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        CSR(self.offsets, self.ids, self.values, len(self.base)).check()
