"""What a state of hidden layers must be: it was read from a file that anyone may have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.families import kind_of
from slide.core.contract.forms import (
    demand_array,
    demand_clock,
    demand_counts,
    demand_fields,
    demand_finite,
    demand_ids,
    demand_numbers,
    demand_rng,
)
from slide.core.contract.invariants import demand
from slide.core.contract.state import State
from slide.core.contract.tables import Policy, Tables
from slide.core.sampled.layer_tables import LayerTables
from slide.core.sampled.network import shapes_of_layers
from slide.core.sampled.sampling import Sampler
from slide.core.sampled.settings import SampledSettings
from slide.core.sampled.updating import optimizer_of


def demand_params(params: Any, own: SampledSettings, n_features: int, n_labels: int) -> None:
    """Raise ValueError or KeyError unless they are of layers for such examples."""
    shapes = shapes_of_layers(own.layers, n_features, n_labels)
    demand(isinstance(params, list) and len(params) == len(shapes), "there are other layers")
    begin = optimizer_of(own.optimization).begin
    for param, shape in zip(params, shapes, strict=True):
        demand_fields("a layer", param, ("weight", "mean", "square"))
        demand_array("weight", param["weight"], np.float32, *shape)
        begun = begin(param["weight"][:0])
        for name in ("mean", "square"):
            width = getattr(begun, name).shape[1]
            demand_array(name, param[name], np.float32, shape[0], width)
        demand(bool((param["square"] >= 0).all()), "a square is below 0")


def demand_sampler(sampler: Sampler | None, state: Any) -> None:
    """Raise unless a sampler can be restored from it; None has no state."""
    if sampler is None:
        demand(state is None, "a layer has no sampler")
        return
    demand_fields("a sampler", state, ("touched", "tables"))
    demand_array("touched", state["touched"], np.bool_, len(sampler.touched))
    if sampler.tables is None:
        demand(state["tables"] is None, "a layer has no tables")
    else:
        demand_layer_tables(sampler.tables, state["tables"])


def demand_layer_tables(own: LayerTables, state: State) -> None:
    """Raise unless the tables of a layer can be restored from it."""
    demand_counts(state, "built_at")
    demand_numbers(state, "fresh_recall")
    demand_array("moved", state["moved"], np.bool_, own.n_neurons)
    rebuilds, rehashes, reinserts = state["clocks"]
    for clock in (rebuilds, rehashes, reinserts):
        demand_clock(clock)
    if state["drawn_from"] is None:
        demand(rehashes["n_turns"] == 0, "nobody drew the hash functions")
        return
    demand_rng(state["drawn_from"])
    if state["center"] is not None:
        demand_array("center", state["center"], np.float32, own.width)
    is_lifted = own.hashing.hash_norm and kind_of(own.hashing.hash).lifts
    demand((state["radius"] is not None) == is_lifted, "a radius of other hash functions")
    if is_lifted:
        demand_finite(state, "radius")
    demand_tables(state["tables"], own)


def demand_tables(state: State, own: LayerTables) -> None:
    """Raise unless each table has each neuron once: kernels that move one rely on it."""
    demand_fields("tables", state, [each.name for each in fields(Tables)])
    demand_counts(state, "L", "n_buckets", "n_neurons", "salt")
    L, n, n_buckets = own.hashing.L, own.n_neurons, state["n_buckets"]
    demand((state["L"], state["n_neurons"]) == (L, n) and n_buckets > 0, "other tables")
    demand(state["policy"] in get_args(Policy), "tables of no policy")
    offsets, ids = state["offsets"], state["ids"]
    demand_array("offsets", offsets, np.int64, L * n_buckets + 1)
    demand_array("ids", ids, np.int32, L * n)
    demand_ids("ids", ids, n)
    are_runs = (offsets[1:] >= offsets[:-1]).all()
    are_runs = are_runs and np.array_equal(offsets[::n_buckets], np.arange(L + 1) * n)
    cells = ids.reshape(L, n) + n * np.arange(L)[:, None]
    are_once = (np.bincount(cells.reshape(-1), minlength=L * n) == 1).all()
    demand(bool(are_runs and are_once), "a table has not each neuron once")


def demand_drawn(own: LayerTables) -> None:
    """Raise unless the hash functions that were drawn have the buckets of the tables."""
    if own.functions is not None and own.tables is not None:
        demand(own.tables.n_buckets == own.functions.family.n_buckets, "other buckets")


def demand_catch_ups(states: Any, heights: Sequence[int], n_steps: int) -> None:
    """Raise unless rows are at steps behind which all rates are known.

    Args:
        states: of the layers whose rows catch up.
        heights: how many rows each of them has.
        n_steps: that were taken.
    """
    demand(isinstance(states, list) and len(states) == len(heights), "other layers catch up")
    for state, n in zip(states, heights, strict=True):
        last, steps = state["last"], state["steps"]
        demand_array("last", last, np.int64, n)
        demand_array("steps", steps, np.int64, None)
        demand_array("rates", state["rates"], np.float64, len(steps))
        least = int(last.min(initial=n_steps))
        demand(least >= 0 and last.max(initial=0) <= n_steps, "rows are ahead")
        owed: Array = np.arange(least + 1, least + 1 + min(n_steps - least, len(steps) + 1))
        demand(bool(np.isin(owed, steps).all()), "a row is owed what nobody knows")
