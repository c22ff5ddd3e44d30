"""The hash tables of one layer, kept in step with weights that move.

Three clocks of their own: new codes for all neurons (*rebuild*), new hash functions (*rehash*), and
new codes for the neurons that were touched (*reinsert*). A rebuild may be made to wait until the
tables are stale, which is measured by their recall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from slide.core.contract.arrays import CSR, Array, Block
from slide.core.contract.backend import Backend
from slide.core.contract.state import State, rng_from, state_of_rng
from slide.core.contract.tables import Tables
from slide.core.sampled.mips import InnerProductHash
from slide.core.sampled.settings import Hashing, Upkeep
from slide.core.settings.schedule import Schedule
from slide.core.settings.settings import Refresh


class Due(NamedTuple):
    """Which clocks have struck."""

    rehash: bool
    rebuild: bool
    reinsert: bool


@dataclass(slots=True)
class LayerTables:
    """Hash functions and tables of one layer's neurons.

    Args:
        hashing: family, K, L, what of a row is hashed, and the policy of full buckets.
        refreshing: the clock of rebuilds.
        upkeep: the two others, and when tables are stale.
        n_neurons: rows of the layer's weight.
        width: coordinates of a row, the bias included.

    Attributes:
        functions: as fitted to the rows of the last rebuild, which is how reinserts use them;
            None before the first `refresh`.
        tables: of the neurons; None before the first `refresh`.
        built_at: step of the last rebuild.
        fresh_recall: recall on the probe set right after it; NaN where nobody asked.
        moved: which neurons were touched since they were last hashed, bool (n_neurons,).
        drawn_from: state of the generator that the functions were drawn from.
    """

    hashing: Hashing
    refreshing: Refresh
    upkeep: Upkeep
    n_neurons: int
    width: int
    functions: InnerProductHash | None = None
    tables: Tables | None = None
    built_at: int = 0
    fresh_recall: float = math.nan
    moved: Array = field(init=False)
    drawn_from: State | None = None
    rebuilds: Schedule = field(init=False)
    rehashes: Schedule = field(init=False)
    reinserts: Schedule = field(init=False)

    def __post_init__(self) -> None:
        self.moved = np.zeros(self.n_neurons, bool)
        self.rebuilds = Schedule(self.refreshing.rebuild_every, self.refreshing.rebuild_growth)
        self.rehashes = Schedule(self.upkeep.rehash_every or math.inf)
        self.reinserts = Schedule(self.upkeep.reinsert_every or math.inf)

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
        recall: float,
        rng: np.random.Generator,
    ) -> bool:
        """Do what is due; whether that was a rebuild.

        Args:
            backend: hashes and builds.
            weight: f32 (n_neurons, width).
            due: what.
            step: steps done so far.
            recall: of the present tables on the probe set, if `asks_for_recall`.
            rng: draws new hash functions.
        """
        if due.rehash:
            self.drawn_from = state_of_rng(rng)
            self.functions = InnerProductHash.draw(self.hashing, self.width, rng, backend)
        if due.rehash or (due.rebuild and self.is_stale(recall)):
            self.rebuild(backend, weight, step)
            return True
        if due.reinsert:
            self.reinsert(backend, weight)
        return False

    def asks_for_recall(self, due: Due) -> bool:
        """Whether recall decides if what is due is done."""
        return due.rebuild and not due.rehash and self.upkeep.stale_recall > 0

    def is_stale(self, recall: float) -> bool:
        """Whether recall has fallen too far since the last rebuild; yes if nobody is to ask."""
        bound = self.upkeep.stale_recall
        return not bound or recall < bound * self.fresh_recall

    def rebuild(self, backend: Backend, weight: Array, step: int) -> None:
        """New codes for all neurons."""
        assert self.functions is not None
        self.functions = self.functions.fitted_to(weight, self.hashing.center)
        codes = self.functions.of_rows(backend, weight)
        n_buckets = self.functions.family.n_buckets
        self.tables = backend.build(codes, n_buckets, step, self.hashing.policy)
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

    def state(self, backend: Backend) -> State:
        """Tables as they were built, what they were built by, and the three clocks."""
        functions, tables = self.functions, self.tables
        clocks = self.rebuilds, self.rehashes, self.reinserts
        center = None if functions is None else functions.center
        return {
            "drawn_from": self.drawn_from,
            "center": None if center is None else backend.get(center),
            "radius": functions and functions.radius,
            "tables": tables and tables.map(backend.get).state(),
            "built_at": self.built_at,
            "fresh_recall": self.fresh_recall,
            "moved": self.moved,
            "clocks": [clock.state() for clock in clocks],
        }

    def restore(self, state: State, backend: Backend) -> None:
        """Go on from such a state."""
        self.built_at, self.fresh_recall = state["built_at"], state["fresh_recall"]
        self.moved, self.drawn_from = state["moved"], state["drawn_from"]
        clocks = self.rebuilds, self.rehashes, self.reinserts
        for clock, each in zip(clocks, state["clocks"], strict=True):
            clock.restore(each)
        if self.drawn_from is None:
            return
        rng, center = rng_from(self.drawn_from), state["center"]
        drawn = InnerProductHash.draw(self.hashing, self.width, rng, backend)
        center = None if center is None else backend.put(center)
        self.functions = replace(drawn, center=center, radius=state["radius"])
        self.tables = Tables(**state["tables"]).map(backend.put)

    def mark_moved(self, rows: Array) -> None:
        """Remember that these neurons (host array) have moved."""
        self.moved[rows] = True

    def codes(self, backend: Backend, a: CSR | Block) -> Array:
        """Buckets to look into for the inputs a (B, width): u32 (B, L * probes)."""
        assert self.functions is not None
        return self.functions.of_queries(backend, a, self.hashing.probes)
