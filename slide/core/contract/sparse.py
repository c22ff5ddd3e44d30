"""Weights that are sparse themselves: where they live, and how a query finds its rows.

A direct connection goes from an input feature to a label. A label has one for few of the features,
so its row of weights is a row of a CSR, and the labels that a sparse input may score high are
those that share a feature with it: an inverted index finds them. Such an index is a hash table
whose buckets are the features, and cutting its lists is cutting long buckets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.contract.state import State
from slide.core.contract.tables import mix


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

    def map(self, function: Callable[[Array], Array]) -> InvertedIndex:
        """The same index with each of its arrays replaced by `function(array)`."""
        return InvertedIndex(*map(function, (self.offsets, self.ids, self.values, self.base)))

    def state(self) -> State:
        """Its arrays by name, which nobody writes into."""
        return {
            "offsets": self.offsets,
            "ids": self.ids,
            "values": self.values,
            "base": self.base,
        }

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        demand(
            self.base.dtype == np.float32 and self.base.ndim == 1,
            f"base is {self.base.dtype} of {self.base.ndim} dimensions, expected float32 of 1",
        )
        CSR(self.offsets, self.ids, self.values, len(self.base)).check()


@dataclass(frozen=True, slots=True)
class SolvedRows:
    """Rows of weights as `solve_rows` leaves them.

    Args:
        weight: CSR (n, d), the largest entries of each row.
        bias: f32 (n,).
        duals: f32, one for each entry of `wanted`, at least 0.
    """

    weight: CSR
    bias: Array
    duals: Array

    def check(self) -> None:
        """Raise ValueError, in one sentence, where an invariant does not hold."""
        self.weight.check()
        demand(bool(np.all(self.duals >= 0)), "a dual is below 0")


def visits(lengths: Array, number: int, salt: int) -> tuple[Array, Array]:
    """The order in which a pass of `solve_rows` visits the m examples of each row.

    Visit k is of example (first + k * stride) mod m, where, with s = salt + number,

        first = mix(m, 2 s) mod m,  stride >= m // 4 + 1 + mix(m, 2 s + 1) mod (m // 2 + 1)

    is the smallest that has no divisor in common with m, so that every example is visited once. A
    stride is between a quarter and three quarters of m, or a little more, so that neighbours in a
    file are far apart in time.

    Args:
        lengths: i64 (n,), m of each row.
        number: of the pass, from 0.
        salt: of the call.

    Returns:
        first and stride of each row, i64 (n,).
    """
    m = np.maximum(lengths, 1)
    first = mix(lengths, 2 * (salt + number)).astype(np.int64) % m
    stride = m // 4 + mix(lengths, 2 * (salt + number) + 1).astype(np.int64) % (m // 2 + 1) + 1
    while (shared := np.gcd(stride, m) != 1).any():
        stride = stride + shared
    return first, stride
