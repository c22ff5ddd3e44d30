"""Hidden layers, frozen: hash tables are stored, and so are the hash functions that fill them.

With float32 the answers are those of a `Model`; with fewer bits those of its output layer are
decoded while they are multiplied. Other layers, which are small, stay in float32.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast, get_args

import numpy as np

from slide.backends.numba_threads import NumbaBackend
from slide.backends.threads.packed import (
    PackedRows,
    best_of_packed_candidates,
    best_of_packed_rows,
    packed_row_logits,
)
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend, Query, Strategy
from slide.core.contract.families import DOPH, DWTA, Binned, Buckets, Family, draw_family
from slide.core.contract.forms import LARGEST
from slide.core.contract.invariants import demand
from slide.core.contract.tables import Policy, Tables
from slide.core.errors import ConfigError
from slide.core.errors import said as spelled
from slide.core.learner import LAST, Searcher
from slide.core.models.model import Model
from slide.core.sampled.kind import (
    AllNeurons,
    Retrieved,
    sampled_searcher,
    shapes_of,
    tensor_names,
    tensors,
)
from slide.core.sampled.mips import InnerProductHash
from slide.core.sampled.network import Network
from slide.core.sampled.retrieval import LayerRetrieval, Retrieval
from slide.core.sampled.step import activations
from slide.core.settings.demands import demand_float, demand_int, demand_one_of
from slide.core.settings.plan import Plan
from slide.serving.engine import Arrays, Engine, are_below, fits, starts_of
from slide.serving.packing import codes_of, demand_codes, scales_of


def arrays_of(model: Model, dtype: str, keep: float) -> tuple[Arrays, dict[str, Any]]:
    """What is stored of a model with hidden layers, its tables included."""
    if keep < 1:
        raise ConfigError(
            f"{spelled('keep')} is {keep:g}, but the weights of hidden layers are no list that "
            "some could be left out of: leave it out, and choose "
            f"{spelled('dtype', 'int8')} for a smaller model"
        )
    network, unseen = cast(Network, model.network), model.label_counts == 0
    retrieved = model.retrieving or searcher_of(model, network)
    assert isinstance(retrieved, Retrieved)
    arrays = tensors(network, model.backend)
    output = arrays["output"].copy()
    output[unseen, -1] = LAST
    arrays["output"] = output
    if dtype != "float32":
        arrays |= packed_output(output, dtype)
    tables = []
    for number, layer in enumerate(retrieved.retrieval.layers):
        said, own = (None, {}) if layer is None else table_arrays(layer, model.backend)
        tables.append(said)
        arrays |= {f"tables.{number}.{name}": array for name, array in own.items()}
    return arrays, {"tables": tables}


def searcher_of(model: Model, network: Network) -> Searcher:
    """What the model would search by in sampled mode: its tables, built now."""
    plan, examples = model.prepared or (Plan(), None)
    found = sampled_searcher(network, model.backend, model.config, plan, examples)
    unseen = np.flatnonzero(model.label_counts == 0).astype(np.int32)
    return found.naming_last(unseen, model.backend) if len(unseen) else found


def packed_output(output: Array, dtype: str) -> Arrays:
    """The output layer in few bits, f32 (n, d + 1) before: a scale for each neuron."""
    weights = output[:, :-1]
    scales = scales_of(np.abs(weights).max(axis=1), dtype)
    codes = codes_of(weights, scales[:, None], dtype)
    return {"output": codes, "output_scales": scales, "output_biases": output[:, -1].copy()}


def table_arrays(layer: LayerRetrieval, backend: Backend) -> tuple[dict[str, Any], Arrays]:
    """The tables of a layer and their hash functions: what is said of them, and arrays."""
    functions, tables = layer.functions, layer.tables
    arrays = {"offsets": tables.offsets, "ids": tables.ids}
    arrays |= {"center": functions.center} if functions.center is not None else {}
    arrays |= {"hidden": layer.hidden} if layer.hidden is not None else {}
    family: list[Array] = []
    functions.family.map(lambda array: family.append(array) or array)  # type: ignore[func-returns-value]
    arrays |= {f"family.{place}": array for place, array in enumerate(family)}
    said = {
        "d": functions.family.d, "K": functions.family.K, "L": functions.family.L,
        "n_coordinates": functions.n_coordinates, "radius": functions.radius,
        "query": asdict(layer.query), "probes": layer.probes,
        "n_buckets": tables.n_buckets, "n_neurons": tables.n_neurons, "salt": tables.salt,
        "policy": tables.policy,
    }  # fmt: skip
    return said, {name: backend.get(array) for name, array in arrays.items()}


def engine_of(arrays: Arrays, said: dict[str, Any], model: dict[str, Any]) -> Engine:
    """What answers, over arrays as `arrays_of` gives them; ValueError if these do not fit."""
    own, backend = model["config"].learner, NumbaBackend()
    weights = [arrays[name] for name in tensor_names(len(own.layers.hidden))]
    n = len(weights[-1])
    is_packed = "output_scales" in arrays
    if is_packed:
        fits(arrays, {"output_scales": (n,), "output_biases": (n,)})
        demand_codes(weights[-1])
        shape = n, weights[-1].shape[1] + 1
        weights[-1] = np.broadcast_to(np.float32(0), shape)  # nobody multiplies by it
    expected = shapes_of(own.layers, weights)
    demand([each.shape for each in weights] == expected, f"layers are not of shapes {expected}")
    demand(all(each.dtype == np.float32 for each in weights), "layers are not float32")
    network = Network.of(weights, own.layers, backend)
    layers = [
        None
        if one is None
        else retrieval_from(table_part(arrays, number), one, own.hashing, expected[number])
        for number, one in enumerate(said["tables"])
    ]
    demand(len(layers) == len(weights) and layers[-1] is not None, "there are no tables")
    retrieval = Retrieval(layers)
    if not is_packed:
        return Engine(network, AllNeurons(network), Retrieved(network, retrieval))
    rows = PackedRows(arrays["output"], arrays["output_scales"], arrays["output_biases"])
    packed = PackedNetwork(network.hidden, network.output, rows)
    return Engine(packed, PackedNeurons(packed, rows), PackedNeurons(packed, rows, retrieval))


def table_part(arrays: Arrays, number: int) -> Arrays:
    """The arrays of one layer's tables."""
    prefix = f"tables.{number}."
    return {
        name.removeprefix(prefix): array for name, array in arrays.items()
        if name.startswith(prefix)
    }  # fmt: skip


def retrieval_from(
    arrays: Arrays, said: dict[str, Any], hashing: Any, shape: tuple[int, ...]
) -> LayerRetrieval:
    """Tables and their hash functions, as `table_arrays` gives them, over a layer of this shape."""
    demand_said(said, shape)
    offsets, ids, n, L = arrays["offsets"], arrays["ids"], said["n_buckets"], said["L"]
    fits(arrays, {"offsets": (L * n + 1,), "ids": (len(ids),)})
    *_, multipliers, _ = family_arrays(arrays)
    demand(multipliers.shape == (L, said["K"]), "hash functions do not fit the tables")
    demand(starts_of(offsets, len(ids)), "tables do not fit their ids")
    demand(said["n_neurons"] == shape[0], "tables do not fit their layer")
    are_below("ids of tables", ids, shape[0])
    of_layer = {"hidden": shape[:1], "center": shape[1:]}
    fits(arrays, {name: one for name, one in of_layer.items() if name in arrays})
    drawn = draw_family(
        hashing.hash, said["d"], said["K"], L, hashing.max_buckets, np.random.default_rng(0)
    )
    stored = iter(family_arrays(arrays))
    family = drawn.map(lambda array: same_shape(next(stored), array))
    demand(family.n_buckets == n, "hash functions do not fit the tables")
    demand(are_within_tables(family.buckets, drawn.buckets), "hash functions beyond their tables")
    are_hash_places(family)
    functions = InnerProductHash(
        family, said["n_coordinates"], arrays.get("center"), said["radius"]
    )
    tables = Tables(offsets, ids, L, n, said["n_neurons"], said["salt"], said["policy"])
    return LayerRetrieval(
        functions, tables, Query(**said["query"]), said["probes"], arrays.get("hidden")
    )


def family_arrays(arrays: Arrays) -> list[Array]:
    """The arrays of hash functions, in the order of `Family.map`: those of its buckets last."""
    names = [name for name in arrays if name.startswith("family.")]
    return [arrays[f"family.{place}"] for place in range(len(names))]


def are_within_tables(buckets: Buckets, drawn: Buckets) -> bool:
    """Whether buckets are there: numbers of digits are, if they are such; others are folded."""
    is_folded = drawn.dropped_bits > 0
    is_same = np.array_equal(buckets.multipliers, drawn.multipliers)
    return is_folded or (is_same and not buckets.shifts.any())


def demand_said(said: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Raise ValueError or ConfigError unless numbers are such as `table_arrays` tells."""
    d, query, radius = said["n_coordinates"], said["query"], said["radius"]
    demand_int("K", said["K"], 1, 64)
    demand_int("L", said["L"], 1, 1024)
    demand_int("n_buckets", said["n_buckets"], 1, 1 << 30)
    demand_int("n_coordinates", d, shape[1] - 1, shape[1])
    demand_int("d", said["d"], d + (radius is not None), d + (radius is not None))
    demand_int("probes", said["probes"], 1, 16)
    demand_int("salt", said["salt"], 0, 1 << 62)
    demand_one_of("policy", said["policy"], get_args(Policy))
    demand_one_of("strategy", query["strategy"], get_args(Strategy))
    demand_int("budget", query["budget"], 1, 1 << 31)
    demand_int("bucket_limit", query["bucket_limit"], 1, 1 << 31)
    demand_int("threshold", query["threshold"], 1, 1024)
    demand(query["shared"] is False, "queries share their candidates")
    if radius is not None:
        demand_float("radius", radius, 0, LARGEST)


def are_hash_places(family: Family) -> None:
    """Raise ValueError unless hash functions look at coordinates and bins that there are."""
    if isinstance(family, Binned):
        are_below("positions of hash functions", family.positions, family.d)
    if isinstance(family, DWTA | DOPH):
        n = len(family.first)
        are_below("first bins of hash functions", family.first, n)
        are_below("strides of hash functions", family.stride, n + 1)


def same_shape(stored: Array, drawn: Array) -> Array:
    """What is stored of hash functions, if that has the form of others of the family."""
    is_same = (stored.shape, stored.dtype) == (drawn.shape, drawn.dtype)
    demand(is_same, f"hash functions have the shape {stored.shape}, expected {drawn.shape}")
    return stored


@dataclass(frozen=True, slots=True)
class PackedNetwork(Network):
    """Layers whose output has its weights in few bits, and zeros in their place.

    Args:
        rows: those weights.
    """

    rows: PackedRows

    def weights_of(self, label: int, backend: Backend) -> Array:
        """See `Network`."""
        codes, scales, biases = self.rows
        weights = codes[label].astype(np.float32) * scales[label]
        return np.append(weights, biases[label])


@dataclass(frozen=True, slots=True)
class PackedNeurons:
    """Computes logits of weights in few bits: of every neuron, or of those that tables retrieve.

    Args:
        network: its hidden layers; the weights of its output are not there.
        output: those weights.
        retrieval: finds the neurons that are computed; None for all.
    """

    network: Network
    output: PackedRows
    retrieval: Retrieval | None = None

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """See `Searcher`."""
        assert isinstance(backend, NumbaBackend)
        a = activations(backend, self.network, x, self.retrieval)
        h = a.dense()[:, :-1]
        if self.retrieval is None:
            return best_of_packed_rows(backend.pool, h, self.output, k)
        found = self.retrieval.find(backend, -1, a)
        return best_of_packed_candidates(h, self.output, found, k)

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`."""
        h = activations(backend, self.network, x).dense()[:, :-1]
        return packed_row_logits(h, self.output, wanted)

    def naming_last(self, labels: Array, backend: Backend) -> PackedNeurons:
        """See `Searcher`; that is so already."""
        return self
