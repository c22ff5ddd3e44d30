"""The network: sparse features -> ReLU hidden layer -> one output neuron per label.

A bias is a weight like any other: it belongs to an input that is always 1. The features get one
more column for it, the hidden layer one more unit, so that no kernel has to know about biases and
hashing a neuron's row hashes its bias along with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.arrays import CSR, Array, Param
from slide.core.backend import Backend

OUTPUT_SCALE = 0.1  # of a standard normal over sqrt(hidden): logits start near zero


@dataclass(frozen=True, slots=True)
class Network:
    """Both layers' parameters, as arrays of one backend.

    Args:
        hidden: (n_features + 1, n_hidden), one row per feature and a last one for the bias.
        output: (n_labels, n_hidden + 1), one row per neuron, its bias in the last column.
    """

    hidden: Param
    output: Param

    @property
    def n_features(self) -> int:
        return self.hidden.shape[0] - 1

    @property
    def n_hidden(self) -> int:
        return self.hidden.shape[1]

    @property
    def n_labels(self) -> int:
        return self.output.shape[0]

    @classmethod
    def draw(
        cls,
        n_features: int,
        n_hidden: int,
        n_labels: int,
        backend: Backend,
        rng: np.random.Generator,
    ) -> Network:
        """Normal weights, biases zero, optimizer state zero."""
        hidden = rng.standard_normal((n_features + 1, n_hidden), dtype=np.float32)
        hidden *= np.float32(n_hidden**-0.5)
        hidden[-1] = 0
        output = rng.standard_normal((n_labels, n_hidden + 1), dtype=np.float32)
        output *= np.float32(OUTPUT_SCALE * n_hidden**-0.5)
        output[:, -1] = 0
        return cls(Param.of(backend.put(hidden)), Param.of(backend.put(output)))


def n_bytes(n_features: int, n_hidden: int, n_labels: int) -> int:
    """Memory that a network's weights and optimizer state take."""
    cells = (n_features + 1) * n_hidden + n_labels * (n_hidden + 1)
    return cells * 3 * np.dtype(np.float32).itemsize


def input_of(x: CSR, backend: Backend) -> CSR:
    """Features as the network takes them: rows of unit length, and the constant column."""
    return x.with_unit_rows().with_constant().map(backend.put)


def with_constant_unit(h: Array) -> Array:
    """The hidden layer's output (B, d) with a last unit that is always 1, (B, d + 1)."""
    return np.concatenate([h, np.ones_like(h[:, :1])], axis=1)
