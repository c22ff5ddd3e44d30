"""What a state of direct connections must be: it was read from a file that anyone may have made."""

from __future__ import annotations

from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.forms import (
    demand_array,
    demand_clock,
    demand_counts,
    demand_fields,
    demand_finite,
    demand_flags,
    demand_ids,
    demand_rng,
)
from slide.core.contract.invariants import demand
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.state import State, csr_from
from slide.core.direct.embeddings import Attention, Embeddings
from slide.core.direct.inputs import Inputs
from slide.core.direct.neighbours import SUMMANDS, layer_of
from slide.core.examples.dataset import Dataset

OF_EMBEDDINGS = (
    "vectors", "attention", "rng", "means", "squares", "counts", "n_steps", "n_epochs",
)  # fmt: skip


def demand_state(state: State, train: Dataset) -> None:
    """Raise ValueError or KeyError unless a run of these examples can go on from it."""
    n_inputs = demand_network(state["network"], train)
    demand_array("touched", state["touched"], np.bool_, train.n_labels)
    demand_counts(state, "n_steps", "built_at")
    demand_clock(state["rebuilds"])
    demand_rng(state["rng"])
    demand_held_out(state, train)
    if state["index"] is not None:
        index = InvertedIndex(**state["index"])
        demand_array("base", index.base, np.float32, train.n_labels)
        demand_array("the index", index.values, np.float32, None)
        demand(len(index.offsets) == n_inputs + 2, "the index is of other inputs")
        index.check()


def demand_held_out(state: State, train: Dataset) -> None:
    """Raise unless rows are held out, or what was learned on them is there, as a run has it."""
    held, scored = state["held"], state["held_out"]
    demand_array("held", held, np.int64, None)
    demand_ids("held", held, train.n_samples)
    demand_stacked(state["found"])
    demand_flags(state, "is_embedded")
    if state["embedding"] is not None:
        demand_embedding(state["embedding"], train.n_labels)
    if scored is not None:
        demand_scored(scored, train.n_labels)


def demand_stacked(found: State | None) -> None:
    """Raise unless it is how much neighbours count, if they do."""
    if found is not None:
        demand_fields("what neighbours count", found, ("neighbours", "connections"))
        demand_array("weights of neighbours", found["neighbours"], np.float32, None)
        fits = len(found["neighbours"]) in (SUMMANDS, SUMMANDS + 1)
        demand(fits, f"weights of neighbours are {len(found['neighbours'])}")
        demand_finite(found, "connections")


def demand_embedding(state: State, n_labels: int) -> None:
    """Raise unless embeddings can be trained from there on."""
    demand_fields("embeddings", state, OF_EMBEDDINGS)
    demand_counts(state, "n_steps", "n_epochs")
    demand_rng(state["rng"])
    demand_array("counts", state["counts"], np.int32, n_labels)
    demand(bool((state["counts"] >= 0).all()), "counts are below 0")
    Embeddings(state["vectors"], Attention(**state["attention"])).check(n_labels)
    begun = {"vectors": state["vectors"]} | state["attention"]
    for name in ("means", "squares"):
        demand_fields(name, state[name], begun)
        for part, array in begun.items():
            demand_array(name, state[name][part], np.float32, *array.shape)
    for array in state["squares"].values():
        demand(bool((array >= 0).all()), "squares are below 0")


def demand_network(state: State, train: Dataset) -> int:
    """Raise unless weights are those of such examples; how many inputs and units there are."""
    inputs = Inputs(state["input_weights"], state["pairs"])
    demand_array("input_weights", inputs.weights, np.float32, train.n_features)
    demand_array("pairs", inputs.pairs, np.int64, None)
    inputs.check()
    weight = csr_from(state["weight"])
    n_inputs = inputs.n_inputs + demand_hidden(state["hidden"], inputs, train.n_labels)
    demand_matrix("weights", weight, train.n_labels, n_inputs + 1)
    demand_array("square", state["square"], np.float32, weight.nnz)
    SparseParam(weight, state["square"]).check()
    has_bias = (weight.row_lengths() > 0).all()
    has_bias = has_bias and (weight.indices[weight.indptr[1:] - 1] == n_inputs).all()
    demand(bool(has_bias), "a label has no bias")
    return n_inputs


def demand_hidden(state: State, inputs: Inputs, n_labels: int) -> int:
    """Raise unless a hidden layer is of such inputs and labels; how many units it has."""
    stored = dict(state)
    hidden = layer_of(stored)
    demand(not stored, "a hidden layer has other arrays")
    if hidden is None:
        return 0
    for name, array in state.items():
        demand_array(name, array, array.dtype.type, None)
    hidden.check(inputs, n_labels)
    return hidden.n_units


def demand_matrix(name: str, matrix: CSR, n_rows: int, n_cols: int) -> None:
    """Raise unless it is one of this shape, of finite numbers."""
    values: Array = matrix.values
    demand_array(name, values, np.float32, None)
    matrix.check()
    demand(matrix.shape == (n_rows, n_cols), f"{name} are {matrix.shape}: of other examples")


def demand_ascending(name: str, numbers: Any, n: int) -> None:
    """Raise unless they ascend, and are below n."""
    demand_array(name, numbers, np.int64, None)
    demand_ids(name, numbers, n)
    demand(bool((numbers[1:] > numbers[:-1]).all()), f"{name} do not ascend")


def demand_scored(state: State, n_labels: int) -> None:
    """Raise unless they are answers."""
    labels: Array = state["labels"]
    demand_array("labels", labels, np.int32, None, None)
    demand_ids("labels", labels, n_labels, -1)
    demand_array("scores", state["scores"], np.float32, *labels.shape)
    demand_matrix("held-out labels", csr_from(state["y"]), len(labels), n_labels)
