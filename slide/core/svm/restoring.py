"""What a state of linear SVMs must be: it was read from a file that anyone may have made."""

from __future__ import annotations

import numpy as np

from slide.core.contract.forms import (
    demand_array,
    demand_counts,
    demand_fields,
    demand_finite,
    demand_flags,
    demand_ids,
    demand_rng,
)
from slide.core.contract.invariants import demand
from slide.core.contract.state import State, csr_from
from slide.core.direct.hidden import Units
from slide.core.direct.restoring import (
    demand_ascending,
    demand_matrix,
    demand_network,
    demand_scored,
    demand_stacked,
)
from slide.core.examples.dataset import Dataset
from slide.core.svm.shortlists import DRAWN, HARD
from slide.core.svm.solving import ANSWERS


def demand_state(state: State, train: Dataset) -> None:
    """Raise ValueError or KeyError unless a run of these examples can go on from it.

    Args:
        state: to go on from.
        train: the examples, equal ones as one.
    """
    demand_fields("the split", state["split"], ("usable", "held_out", "has_parts"))
    demand_flags(state["split"], "has_parts")
    for name in ("usable", "held_out"):
        demand_ascending(name, state["split"][name], train.n_samples)
    demand_flags(state, "has_all")
    # those that were held out before all were taken in have their hits still
    n_held_out = None if state["has_all"] else len(state["split"]["held_out"])
    if state["voting"] is not None:
        demand_fields("voting", state["voting"], ("found",))
        demand_stacked(state["voting"]["found"])
    stacking, layers = state["stacking"], [state["layer"]]
    if stacking is not None:
        demand_stacking(stacking, train)
        layers = [layer for layer in (stacking["below"], state["layer"]) if layer is not None]
    for place, layer in enumerate(layers):
        demand_layer(layer, train, n_held_out)
        demand(bool(layer["network"]["hidden"]) == (place > 0), "a layer lacks the one below it")
    demand_counts(state, "n_steps")
    demand_finite(state, "seconds", "loss", "idf_power")
    goodness = dict(enumerate(state["goodness"]))
    demand_finite({str(n): one for n, one in goodness.items()}, *map(str, goodness))
    demand_rng(state["rng"])
    if state["held_out"] is not None:
        demand_scored(state["held_out"], train.n_labels)


def demand_layer(state: State, train: Dataset, n_held_out: int | None) -> None:
    """Raise unless it is a layer of labels that is being solved on these examples."""
    n_inputs = demand_network(state["network"], train)
    demand_matrix("centroids", csr_from(state["centroids"]), train.n_labels, n_inputs)
    demand_array("counts", state["counts"], np.int64, train.n_labels)
    demand(bool((state["counts"] >= 0).all()), "a label has less than no examples")
    demand_lists(state["lists"], train.n_labels * train.n_samples)
    demand_fields("the balance", state["balance"], ("cost", "centroid"))
    demand_finite(state["balance"], "cost", "centroid")
    demand_array("hits", state["hits"], np.bool_, None, ANSWERS)
    are_those = n_held_out is None or len(state["hits"]) in (0, n_held_out)
    demand(are_those, "hits of other examples")


def demand_stacking(state: State, train: Dataset) -> None:
    """Raise unless it is what a hidden layer of these examples takes."""
    demand_fields("stacking", state, ("folds", "units", "below"))
    demand_array("folds", state["folds"], np.int8, train.n_samples)
    units = Units.unknown(0).state()
    demand_fields("units", state["units"], units)
    for name, none in units.items():
        array = state["units"][name]
        demand_array(name, array, none.dtype.type, train.n_samples, none.shape[1])
        if none.dtype == np.int32:
            demand_ids(name, array, train.n_labels, -1)


def demand_lists(lists: State, n_cells: int) -> None:
    """Raise unless they are shortlists of pairs that there are."""
    demand_fields("the lists", lists, ("cells", "reasons", "duals"))
    demand_ascending("cells", lists["cells"], n_cells)
    n = len(lists["cells"])
    demand_array("reasons", lists["reasons"], np.int8, n)
    demand_ids("reasons", lists["reasons"], HARD + 1, DRAWN)
    demand_array("duals", lists["duals"], np.float32, n)
    demand(bool((lists["duals"] >= 0).all()), "a dual is below 0")
