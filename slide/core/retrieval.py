"""Hash tables for inference: more of them, with shorter codes, than training can afford."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.backend import Backend, Query
from slide.core.config import Config
from slide.core.hashing import SimHash, Tables
from slide.core.network import Network
from slide.core.sampling import build_tables

L = 100
FEWER_BITS = 2  # than in training: recall of the exact top 5 matters more here than time
CANDIDATE_SHARE = 0.05  # of all neurons, kept per example; at least CANDIDATES_AT_LEAST
CANDIDATES_AT_LEAST = 100


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Tables over a trained output layer, and how to query them.

    Args:
        family: hash functions, drawn anew from the seed.
        tables: of the neurons.
        query: neurons met in the most tables first.
    """

    family: SimHash
    tables: Tables
    query: Query

    @classmethod
    def build(cls, backend: Backend, network: Network, config: Config) -> Retrieval:
        """Hash the output layer of a trained network; the same seed gives the same tables."""
        rng = np.random.default_rng([config.seed, 1])  # not the stream of training
        d = network.output.shape[1]
        family = SimHash.draw(d, max(config.K - FEWER_BITS, 1), L, rng)
        family = family.map(backend.put)
        n = network.n_labels
        budget = max(CANDIDATES_AT_LEAST, round(CANDIDATE_SHARE * n))
        tables = build_tables(backend, network.output.weight, family, config.seed)
        return cls(family, tables, Query("topk", budget, bucket_limit=n, shared=False))
