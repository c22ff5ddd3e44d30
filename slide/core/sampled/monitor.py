"""A few examples to look at a network through while it is trained.

Losses over a sample of neurons are not comparable, and tables grow stale unseen: a fixed slice of
the data gives the full loss, and the recall of the exact top k by the tables of each layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.backend import Backend, Query
from slide.core.contract.losses import LossName
from slide.core.examples.dataset import Dataset
from slide.core.examples.metrics import recall_at
from slide.core.learner import in_slices
from slide.core.sampled.network import Network
from slide.core.sampled.sampling import Sampler
from slide.core.sampled.step import activations

RANK = 10
BUDGET_SHARE = 0.01  # of the neurons, kept per example when recall is measured; at least 100


@dataclass(frozen=True, slots=True)
class Monitor:
    """A fixed slice of a data set.

    Args:
        data: its examples, on the host.
    """

    data: Dataset

    def recall(self, backend: Backend, network: Network, number: int, sampler: Sampler) -> float:
        """Recall of a layer's exact top 10 by its tables, within a budget of 1 % of the neurons."""
        tables = sampler.tables
        assert tables is not None
        layer = network.layers[number]
        a = activations(backend, network, self.data.x, upto=number)
        n, limit = layer.n_units, sampler.sampling.bucket_limit
        budget = max(round(BUDGET_SHARE * n), min(n, 100))
        query = Query("topk", budget, limit, shared=False)
        nothing = CSR.empty(a.n_rows, n).map(backend.put)
        codes = tables.codes(backend, a)
        found = backend.query(tables.tables, codes, nothing, nothing, query, 0)
        assert isinstance(found, CSR)
        k, weight = min(RANK, n), layer.param.weight
        exact, _ = backend.top_k(a.dense(), weight, None, k)
        sampled, _ = backend.top_k(a.dense(), weight, found, k)
        return recall_at(backend.get(sampled), backend.get(exact), k)

    def full_loss(self, backend: Backend, network: Network, name: LossName) -> float:
        """Mean loss over all neurons, comparable between samplers and steps."""
        losses: list[Array] = []
        for batch in in_slices(self.data):
            a = activations(backend, network, batch.x)
            z = network.output.forward(backend, a, None)
            weights = z.with_values(np.zeros_like(z.values[:1]))
            loss, _ = backend.loss(z, weights, batch.y.map(backend.put), name)
            losses.append(backend.get(loss))
        return float(np.concatenate(losses).mean())
