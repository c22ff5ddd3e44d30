"""The hash tables of one layer, kept in step with weights that move.

Three clocks of their own: new codes for all neurons (*rebuild*), new hash functions (*rehash*), and
new codes for the neurons that were touched (*reinsert*). A rebuild may be made to wait until the
tables are stale, which is measured by their recall.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.tables import Tables
from slide.core.sampled.mips import InnerProductHash
from slide.core.settings.config import Config
from slide.core.settings.schedule import Schedule


class Due(NamedTuple):
    """Which clocks have struck."""

    rehash: bool
    rebuild: bool
    reinsert: bool


@dataclass(slots=True)
class LayerTables:
    """Hash functions and tables of one layer's neurons.

    Args:
        config: family, K, L, what of a row is hashed, policy, and the three clocks.
        n_neurons: rows of the layer's weight.
        width: coordinates of a row, the bias included.

    Attributes:
        functions: as fitted to the rows of the last rebuild, which is how reinserts use them;
            None before the first `refresh`.
        tables: of the neurons; None before the first `refresh`.
        built_at: step of the last rebuild.
        fresh_recall: recall on the probe set right after it; NaN where nobody asked.
        moved: which neurons were touched since they were last hashed, bool (n_neurons,).
    """

    config: Config
    n_neurons: int
    width: int
    functions: InnerProductHash | None = None
    tables: Tables | None = None
    built_at: int = 0
    fresh_recall: float = math.nan
    moved: Array = field(init=False)
    rebuilds: Schedule = field(init=False)
    rehashes: Schedule = field(init=False)
    reinserts: Schedule = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        self.moved = np.zeros(self.n_neurons, bool)
        self.rebuilds = Schedule(config.rebuild_every, config.rebuild_growth)
        self.rehashes = Schedule(config.rehash_every or math.inf)
        self.reinserts = Schedule(config.reinsert_every or math.inf)

    def due(self, step: int) -> Due:
        """What the three clocks say before this step; the turns count as taken."""
        clocks = self.rehashes, self.rebuilds, self.reinserts
        return Due(*(clock.take_turn(step) for clock in clocks))

    def refresh(
        self,
        backend: Backend,
        weight: Array,
        due: Due,
        step: int,
        recall: Callable[[], float],
        rng: np.random.Generator,
    ) -> None:
        """Do what is due.

        Args:
            backend: hashes and builds.
            weight: f32 (n_neurons, width).
            due: what.
            step: steps done so far.
            recall: measures the present tables on the probe set.
            rng: draws new hash functions.
        """
        if due.rehash:
            self.functions = InnerProductHash.draw(self.config, self.width, rng, backend)
        if due.rehash or (due.rebuild and self.is_stale(recall)):
            self.rebuild(backend, weight, step)
            if self.config.stale_recall:
                self.fresh_recall = recall()
        elif due.reinsert:
            self.reinsert(backend, weight)

    def is_stale(self, recall: Callable[[], float]) -> bool:
        """Whether recall has fallen too far since the last rebuild; yes if nobody is to ask."""
        bound = self.config.stale_recall
        return not bound or recall() < bound * self.fresh_recall

    def rebuild(self, backend: Backend, weight: Array, step: int) -> None:
        """New codes for all neurons."""
        assert self.functions is not None
        self.functions = self.functions.fitted_to(weight, self.config.center)
        codes = self.functions.of_rows(backend, weight)
        n_buckets = self.functions.family.n_buckets
        self.tables = backend.build(codes, n_buckets, step, self.config.policy)
        self.built_at = step
        self.moved[:] = False

    def reinsert(self, backend: Backend, weight: Array) -> None:
        """New codes for the neurons that were touched."""
        assert self.functions is not None
        assert self.tables is not None
        rows = backend.put(np.flatnonzero(self.moved).astype(np.int32))
        codes = self.functions.of_rows(backend, weight[rows])
        self.tables = backend.reinsert(self.tables, rows, codes)
        self.moved[:] = False

    def mark_moved(self, rows: Array) -> None:
        """Remember that these neurons (host array) have moved."""
        self.moved[rows] = True

    def codes(self, backend: Backend, a: CSR | Block) -> Array:
        """Buckets to look into for the inputs a (B, width): u32 (B, L * probes)."""
        assert self.functions is not None
        return self.functions.of_queries(backend, a, self.config.probes)
