"""A third learner, the smallest that is one: it counts labels, and predicts the most frequent."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.state import rng_from, state_of_rng
from slide.core.examples.dataset import Dataset
from slide.core.learner import Kind, Stepping, report_of
from slide.core.settings.setting import Part, number
from slide.core.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class PopularitySettings(Part):
    """Its one setting, by which it is asked for while a test has it among the kinds."""

    title: ClassVar[str] = "Popularity"

    head_start: float = number(0.0, 0.0, 100.0, "what every label begins with", common=True)


@dataclass(frozen=True, slots=True)
class Popularity:
    """Which labels there are most of: counts f32 (n_labels,), an array of the backend."""

    n_features: int
    counts: Array

    @property
    def n_labels(self) -> int:
        return len(self.counts)

    def top_k(self, backend, x, k):
        """The same labels for everybody."""
        counts = backend.get(self.counts)
        ids = np.argsort(-counts, kind="stable")[:k].astype(np.int32)
        ids = np.tile(ids, (x.n_rows, 1))
        return ids, counts[ids]

    def scores(self, backend, x, wanted):
        """How often each was counted."""
        return wanted.with_values(backend.get(self.counts)[wanted.indices])

    def naming_last(self, labels, backend):
        """They have counted nothing, and are last as it is."""
        return self


@dataclass(slots=True)
class Counting(Stepping):
    """State of one run."""

    settings: Settings[PopularitySettings]
    backend: Backend
    rng: np.random.Generator
    network: Popularity
    data: Dataset
    order: Array
    n_steps: int = 0
    found_by: Any = None

    @classmethod
    def begin(cls, settings, backend, train):
        """Nothing is counted yet."""
        counts = backend.put(np.full(train.n_labels, settings.learner.head_start, np.float32))
        network = Popularity(train.n_features, counts)
        rng = np.random.default_rng(settings.training.seed)
        return cls(settings, backend, rng, network, train, train.canonical_order())

    @classmethod
    def resume(cls, settings, backend, train, state):
        """Go on from such a state."""
        run = cls.begin(settings, backend, train)
        run.rng, run.n_steps = rng_from(state["rng"]), state["n_steps"]
        run.network = Popularity(train.n_features, backend.put(state["counts"]))
        return run

    def state(self):
        """Counts, how often was counted, and the generator."""
        counts = self.backend.get(self.network.counts)
        return {"rng": state_of_rng(self.rng), "n_steps": self.n_steps, "counts": counts}

    @property
    def output_weight(self):
        return self.network.counts

    def attach(self, backend):
        self.backend = backend

    def refresh(self):
        return False

    def train_on(self, batch, lr):
        """Count the labels of a batch."""
        self.n_steps += 1
        self.network.counts[:] += batch.y.positive().column_counts()
        active = batch.y.with_values(np.zeros_like(batch.y.values))
        return report_of(1 / self.n_steps, active, active, batch.y.nnz)

    def catch_up(self):
        pass

    def weight_sum(self):
        return float(self.network.counts.sum())

    def diagnostics(self):
        return {"dead_neurons": float((self.backend.get(self.network.counts) == 0).mean())}


def read(stored, settings, counts, backend):
    """Counts of as many labels, or None."""
    fits = stored["counts"].shape == counts.shape
    return Popularity(int(stored["n_features"][0]), backend.put(stored["counts"])) if fits else None


def tensors(network, backend):
    """Counts, and what the network must remember beside them."""
    n_features = np.array([network.n_features], np.int64)
    return {"counts": backend.get(network.counts), "n_features": n_features}


POPULARITY = Kind(
    name="popularity",
    title="popularity",
    settings=PopularitySettings,
    suits=lambda traits: False,
    rules=lambda traits, chosen: {"epochs": 1},
    tiny=lambda settings: settings,
    begin=Counting.begin,
    resume=Counting.resume,
    tensors=tensors,
    read=read,
    exact=lambda network, backend: network,
    sampled=lambda network, backend, settings, plan, examples: network,
    n_bytes=lambda settings, train: 4.0 * train.n_labels,
    size=lambda settings, train: (f"{train.n_labels} counts take", "count fewer labels"),
)
