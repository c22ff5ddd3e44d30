"""What a run is made of while it lasts, as a tree that can be stored: see `State`."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR

State = dict[str, Any]
"""Values by name: arrays of the host, whatever JSON has, and lists and such dicts of them.

Arrays are those that the run has, which later steps write into: who keeps a state copies them."""


def state_of_csr(matrix: CSR) -> State:
    """A matrix, whose arrays are not copied."""
    return {
        "indptr": matrix.indptr,
        "indices": matrix.indices,
        "values": matrix.values,
        "n_cols": matrix.n_cols,
    }


def csr_from(state: State) -> CSR:
    """The matrix of such a state."""
    return CSR(**state)


def state_of_rng(rng: np.random.Generator) -> State:
    """All that decides what a generator draws next."""
    return dict(rng.bit_generator.state)


def rng_from(state: State) -> np.random.Generator:
    """A generator that goes on from there."""
    rng = np.random.default_rng(0)
    rng.bit_generator.state = state
    return rng
