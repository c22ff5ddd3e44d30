"""Settings of networks with hidden layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from slide.core.contract.backend import Strategy
from slide.core.contract.families import HashName
from slide.core.contract.optim import OptimizerName
from slide.core.contract.tables import Policy
from slide.core.errors import ConfigError, said
from slide.core.settings.setting import (
    Part,
    choice,
    demand_all,
    flag,
    number,
    power_of_two,
    whole,
    widths,
)

SamplerName = Literal["lsh", "uniform", "in-batch", "full"]
Scope = Literal["batch", "example"]
WIDEST = 1 << 24  # units of a hidden layer


@dataclass(frozen=True, slots=True)
class Layers(Part):
    """The hidden layers."""

    title: ClassVar[str] = "Hidden layers"

    hidden: tuple[int, ...] = widths(
        (256,), 1, WIDEST, "units of each hidden layer, first to last", least=1, common=True
    )
    hidden_active: tuple[int, ...] = widths(
        (),
        0,
        WIDEST,
        "active units of each, 0 for all; a layer of which not all are active has hash tables",
    )
    dropout: float = number(0.5, 0.0, 0.99, "share of hidden units zeroed in training", common=True)

    def __post_init__(self) -> None:
        demand_all(self)
        if len(self.hidden_active) not in (0, len(self.hidden)):
            raise ConfigError(
                f"{said('hidden_active')} has {len(self.hidden_active)} numbers: expected one for "
                f"each of the {len(self.hidden)} hidden layers, 0 where all units are active"
            )
        for width, active in zip(self.hidden, self.hidden_active, strict=False):
            if active > width:
                raise ConfigError(
                    f"{said('hidden_active')} is {active}: expected a whole number from 0 to "
                    f"{width}, the units of its layer"
                )

    def n_active_of(self, layer: int) -> int:
        """Active units of the hidden layer with this number; 0 for all."""
        return self.hidden_active[layer] if self.hidden_active else 0


@dataclass(frozen=True, slots=True)
class Optimization(Part):
    """What moves the rows of weights."""

    title: ClassVar[str] = "Hidden layers"

    optimizer: OptimizerName = choice(
        "adam",
        "what moves touched rows: adam, adagrad (row-wise: one accumulator a row) or sgd",
        common=True,
    )
    weight_decay: float = number(
        0.0, 0.0, 1.0, "times the learning rate, what a touched row shrinks by"
    )
    catch_up: bool = flag(
        False,
        "rows catch up with the steps that they missed before they are used, so that the lazy "
        "optimizer equals the dense one",
    )


@dataclass(frozen=True, slots=True)
class Sampling(Part):
    """Who is active beside the labels."""

    title: ClassVar[str] = "Sampled output layer"

    sampler: SamplerName = choice(
        "lsh",
        "who proposes active neurons: hash tables and a uniform share (lsh), chance (uniform), "
        "nobody, so that the other labels of the batch are the negatives (in-batch), or all "
        "(full); index is for direct connections",
        common=True,
    )
    scope: Scope = choice(
        "batch", "one active set per batch, or per example as in the paper", common=True
    )
    uniform_share: float = number(
        0.5, 0.0, 1.0, "share of the active set drawn uniformly by the lsh sampler"
    )
    strategy: Strategy = choice(
        "topk", "how neurons found in the tables are preferred", common=True
    )
    threshold: int = whole(2, 1, 1024, "tables that must have a neuron, for that strategy")
    bucket_limit: int = whole(128, 1, 1 << 31, "entries of one bucket that a query looks at")

    def __post_init__(self) -> None:
        demand_all(self)
        if self.sampler == "in-batch" and self.scope == "example":
            raise ConfigError(
                f"{said('sampler')} is 'in-batch', which proposes nobody beside the labels that a "
                f"batch shares: expected {said('scope', 'batch')}, or another {said('sampler')}"
            )


@dataclass(frozen=True, slots=True)
class Hashing(Part):
    """The hash functions, and how a table is filled."""

    title: ClassVar[str] = "Hash tables"

    hash: HashName = choice("simhash", "family of hash functions", common=True)
    K: int = whole(10, 1, 64, "digits per hash code", common=True)
    L: int = whole(16, 1, 1024, "hash tables", common=True)
    probes: int = whole(1, 1, 16, "nearest buckets of a table that a query looks at")
    max_buckets: int = power_of_two(
        1 << 18, 2, 1 << 30, "buckets per table; larger numbers are folded to it"
    )
    center: bool = flag(True, "subtract the mean weight row before hashing")
    hash_bias: bool = flag(True, "hash a neuron's bias as one more coordinate")
    hash_norm: bool = flag(
        True, "let the length of a row count, too (SimHash: maximum inner product search)"
    )
    policy: Policy = choice(
        "reservoir",
        "who stays of a bucket over its limit: a fair sample (reservoir) or the newest (fifo)",
    )


@dataclass(frozen=True, slots=True)
class Upkeep(Part):
    """When tables are renewed otherwise than by the clock of all learners."""

    title: ClassVar[str] = "Hash tables"

    stale_recall: float = number(
        0.0,
        0.0,
        1.0,
        "rebuild only if recall has fallen below this share of what it was after the last rebuild; "
        "0 to rebuild without asking",
    )
    rehash_every: int = whole(
        0, 0, 1 << 31, "steps after which new hash functions are drawn; 0 for never"
    )
    reinsert_every: int = whole(
        0, 0, 1 << 31, "steps after which touched rows move to their new buckets; 0 for never"
    )


@dataclass(frozen=True, slots=True)
class SampledSettings(Part):
    """Of a network with hidden layers and a sampled output layer, in parts."""

    title: ClassVar[str] = "Hidden layers"

    layers: Layers = field(default_factory=Layers)
    optimization: Optimization = field(default_factory=Optimization)
    sampling: Sampling = field(default_factory=Sampling)
    hashing: Hashing = field(default_factory=Hashing)
    upkeep: Upkeep = field(default_factory=Upkeep)

    def __post_init__(self) -> None:
        if self.sampling.sampler == "in-batch" and any(self.layers.hidden_active):
            raise ConfigError(
                f"{said('sampler')} is 'in-batch', which proposes nobody beside the labels that a "
                f"batch shares: expected no {said('hidden_active')}, or another {said('sampler')}"
            )
