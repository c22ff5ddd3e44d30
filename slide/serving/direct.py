"""Direct connections, frozen: the inverted index is stored, not made anew.

With float32 the weights by label are stored beside it, and `IndexSearcher` answers, as it does for
a `Model`. With fewer bits there are the lists alone, whose sums are the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from slide.backends.numba_threads import NumbaBackend
from slide.backends.threads.packed import (
    RUN,
    Biases,
    PackedLists,
    best_of_packed,
    by_bias,
    packed_logits,
)
from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.forms import LARGEST
from slide.core.contract.invariants import demand
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.direct.inputs import Inputs
from slide.core.direct.listed import ListedLabels
from slide.core.direct.neighbours import Layer, layer_of
from slide.core.direct.network import Direct
from slide.core.direct.searching import IndexSearcher
from slide.core.examples.dataset import features_of
from slide.core.learner import LAST
from slide.core.models.model import Model
from slide.serving.engine import Arrays, Engine, are_below, ascend_in_runs, fits, starts_of
from slide.serving.packing import (
    codes_of,
    decoded,
    demand_codes,
    largest_of_runs,
    scales_of,
    with_largest,
)


def arrays_of(model: Model, dtype: str, keep: float) -> tuple[Arrays, dict[str, Any]]:
    """What is stored of a model with direct connections."""
    network = cast(Direct, model.network)
    backend = NumbaBackend()
    weight = with_largest(network.without_bias(model.backend), keep)
    bias = model.backend.get(network.bias)
    kept = Direct.of(weight, bias, network.inputs, backend, network.hidden)
    index = kept.index(backend)
    unseen = model.label_counts == 0
    last = unseen if unseen.any() else None
    searcher = IndexSearcher.of(kept, ListedLabels(index), 0, last)
    arrays = {
        "input_weights": kept.inputs.weights, "pairs": kept.inputs.pairs,
        "offsets": index.offsets, "ids": index.ids,
    }  # fmt: skip
    if network.hidden is not None:
        arrays |= network.hidden.tensors(model.backend)
    if dtype == "float32":
        return arrays | whole(searcher), {}
    scales = scales_of(largest_of_runs(index.values, index.offsets), dtype)
    codes = codes_of(index.values, np.repeat(scales, np.diff(index.offsets)), dtype)
    biases = np.where(unseen, np.float32(LAST), bias)
    return arrays | {
        "codes": codes,
        "scales": scales,
        "biases_of_labels": biases,
        "by_bias": by_bias(biases),
    }, {}


def whole(searcher: IndexSearcher) -> Arrays:
    """What is stored of float32 weights beside the index."""
    weight, index, last = searcher.network.param.weight, searcher.index.index, searcher.last
    return {
        "values": index.values, "base": index.base,
        "by_bias": searcher.by_bias, "biases": searcher.biases,
        "label_indptr": weight.indptr, "label_inputs": weight.indices,
        "label_weights": weight.values,
        **({} if last is None else {"last": last}),
    }  # fmt: skip


def engine_of(arrays: Arrays, said: dict[str, Any], model: dict[str, Any]) -> Engine:
    """What answers, over arrays as `arrays_of` gives them; ValueError if these do not fit."""
    inputs, hidden = Inputs(arrays["input_weights"], arrays["pairs"]), hidden_of(arrays)
    n = len(arrays["by_bias"])
    fits(arrays, {"input_weights": (inputs.n_features,), "pairs": (len(inputs.pairs),)})
    inputs.check()
    demand(bool((abs(inputs.weights) <= LARGEST).all()), "weights of features are not finite")
    n_inputs = inputs.n_inputs
    if hidden is not None:
        hidden.check(inputs, n)
        n_inputs += hidden.n_units
    fits(arrays, {"offsets": (n_inputs + 2,), "ids": (len(arrays["ids"]),), "by_bias": (n,)})
    demand(starts_of(arrays["offsets"], len(arrays["ids"])), "offsets do not fit the ids")
    are_below("by_bias", arrays["by_bias"], n)
    are_below("ids", arrays["ids"], n)
    ascend_in_runs("ids", arrays["ids"], arrays["offsets"])
    if "codes" not in arrays:
        weight, index = label_weights(arrays, n_inputs, n), index_of(arrays, n)
        square = np.broadcast_to(np.float32(1), weight.values.shape)  # of what is not trained on
        network = Direct(inputs, SparseParam(weight, square), hidden)
        last = arrays.get("last")
        demand(last is None or last.shape == (n,), "other labels come last than there are")
        listed = ListedLabels(index)  # as it is stored, in memory that processes share
        searcher = IndexSearcher(network, listed, 0, last, arrays["by_bias"], arrays["biases"])
        return Engine(searcher.network, searcher, None)
    fits(arrays, {"codes": arrays["ids"].shape, "scales": (n_inputs + 1,),
                  "biases_of_labels": (n,)})  # fmt: skip
    demand_codes(arrays["codes"])
    for start in range(0, n, RUN):
        part = arrays["by_bias"][start : start + RUN]
        is_of_run = start <= part.min() and part.max() < start + RUN
        demand(bool(is_of_run), "by_bias has labels of other runs")
    codes, meanings = decoded(arrays["codes"])
    lists = PackedLists(arrays["offsets"], arrays["ids"], codes, meanings, arrays["scales"])
    biases = Biases(arrays["biases_of_labels"], arrays["by_bias"], np.float32(LAST))
    packed = PackedDirect(inputs, lists, biases, hidden)
    return Engine(packed, packed, None)


def hidden_of(arrays: Arrays) -> Layer | None:
    """What finds the units of a hidden layer, if there is one."""
    return layer_of(dict(arrays))


def label_weights(arrays: Arrays, n_inputs: int, n: int) -> CSR:
    """The weights by label, of so many inputs and the constant."""
    weights, indptr = arrays["label_weights"], arrays["label_indptr"]
    fits(arrays, {"label_indptr": (n + 1,), "label_inputs": (len(weights),),
                  "label_weights": (len(weights),)})  # fmt: skip
    demand(starts_of(indptr, len(weights)), "label_indptr does not fit the weights")
    are_below("label_inputs", arrays["label_inputs"], n_inputs + 1)
    return CSR(indptr, arrays["label_inputs"], weights, n_inputs + 1)


def index_of(arrays: Arrays, n: int) -> InvertedIndex:
    """The weights by input."""
    fits(arrays, {"values": arrays["ids"].shape, "base": (n,), "biases": (n,)})
    return InvertedIndex(arrays["offsets"], arrays["ids"], arrays["values"], arrays["base"])


@dataclass(frozen=True, slots=True)
class PackedDirect:
    """A network of weights in few bits, and what searches it.

    Args:
        inputs: how features become inputs.
        lists: of inputs, the constant one, whose list is empty, last.
        biases: of labels; those that come last have `LAST`.
        hidden: what finds units beside the inputs, in full precision; None without them.
    """

    inputs: Inputs
    lists: PackedLists
    biases: Biases
    hidden: Layer | None = None

    @property
    def n_features(self) -> int:
        return self.inputs.n_features

    @property
    def n_labels(self) -> int:
        return len(self.biases.of_labels)

    def inputs_of(self, x: CSR | Block, backend: Backend) -> CSR:
        """See `Direct`."""
        features = features_of(x)
        inputs = self.inputs.of(features)
        return inputs if self.hidden is None else self.hidden.joined(inputs, features, backend)

    def weights_of(self, label: int, backend: Backend) -> tuple[Array, Array]:
        """See `Direct`; all lists are looked through."""
        lists = self.lists
        entries = np.flatnonzero(lists.ids == label)
        inputs = np.searchsorted(lists.offsets, entries, "right") - 1
        weights = lists.decoded[lists.codes[entries]] * lists.scales[inputs]
        constant = len(lists.scales) - 1
        return (
            np.append(inputs, constant).astype(np.int32),
            np.append(weights, self.biases.of_labels[label]),
        )

    def n_weights_by(self, backend: Backend) -> tuple[Array, Array]:
        """See `Direct`."""
        lists = self.lists
        return np.bincount(lists.ids, minlength=self.n_labels), np.diff(lists.offsets)[:-1]

    def top_k(self, backend: Backend, x: CSR | Block, k: int) -> tuple[Array, Array]:
        """See `Searcher`."""
        assert isinstance(backend, NumbaBackend)
        inputs = self.inputs_of(x, backend)
        return best_of_packed(backend.scratch, self.lists, self.biases, inputs, k)

    def scores(self, backend: Backend, x: CSR | Block, wanted: CSR) -> CSR:
        """See `Searcher`."""
        inputs = self.inputs_of(x, backend)
        return packed_logits(self.lists, self.biases, inputs, wanted)

    def naming_last(self, labels: Array, backend: Backend) -> PackedDirect:
        """See `Searcher`; that is so already."""
        return self
