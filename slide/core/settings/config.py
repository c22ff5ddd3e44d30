"""Every setting of a network and its training, and the recipe that chooses them from data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from slide.core.contract.backend import Strategy
from slide.core.contract.families import HashName
from slide.core.contract.losses import LossName
from slide.core.contract.optim import OptimizerName, ScheduleName
from slide.core.contract.tables import Policy
from slide.core.errors import ConfigError

SamplerName = Literal["lsh", "uniform", "in-batch", "full", "index"]
Scope = Literal["batch", "example"]
BEFORE = "before"
"""In the metadata of a field: what models do that were trained before there was this setting."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one run; each is checked when the object is made.

    Args:
        hidden: units of each hidden layer, first to last; () for direct connections from features
            to labels (`slide.core.direct.network`), which `adagrad` trains on the sampler `index`.
        hidden_active: active units of each hidden layer, 0 for all; () for all of all layers. A
            layer of which not all are active has hash tables like the output layer.
        epochs: passes over the training set.
        batch_size: examples per step.
        loss: `softmax` over the active set, `bce` (one versus all) or `saros` (pairwise).
        optimizer: `adam`, `adagrad` (one accumulator a row) or `sgd`, on touched rows alone.
        catch_up: let rows catch up with the steps that they missed before they are used, so that
            the lazy optimizer equals the dense one.
        weight_decay: times the learning rate, what a touched row shrinks by.
        lr: learning rate, at its largest.
        lr_schedule: `constant`, or to 0 in a line or half a cosine.
        warmup: share of the run in which the learning rate rises from 0.
        dropout: share of hidden units zeroed in training, in [0, 1).
        sampler: who proposes active neurons beside the labels: `lsh` (hash tables and a uniform
            share), `uniform` (chance alone), `in-batch` (nobody: an example's negatives are the
            other labels of the batch), `full` (all neurons: a dense network), `index` (the
            highest scores that are not labels, of direct connections).
        scope: `batch`, one active set shared by the batch; `example`, one each, as in the paper.
        active: output neurons proposed beside the labels, per batch or per example by `scope`.
        uniform_share: share of the active set drawn uniformly by the `lsh` sampler.
        strategy: how neurons found in the tables are preferred, see
        `slide.core.contract.backend.Query`. threshold: tables that must have a neuron, for the
        strategy of that name. hash: family of hash functions, see `slide.core.contract.families`.
        K: digits per hash code. L: hash tables. probes: nearest buckets of a table that a query
        looks at. max_buckets: buckets per table at most, a power of two; larger numbers are folded
        to it. center: subtract the mean weight row before hashing. hash_bias: hash a neuron's bias
        as one more coordinate. hash_norm: let the length of its row count, too (SimHash only, see
            `slide.core.sampled.mips`).
        policy: who stays of a bucket that is over its limit: a fair sample of it (`reservoir`)
            or the newest (`fifo`).
        bucket_limit: entries of one bucket that a query looks at.
        rebuild_every: steps from the first build of the tables to the second.
        rebuild_growth: each later gap is e**rebuild_growth times the one before; 0 for a period.
        stale_recall: rebuild only if recall on the probe set has fallen below this share of what
            it was after the last rebuild; 0 to rebuild without asking.
        rehash_every: steps after which new hash functions are drawn; 0 for never.
        reinsert_every: steps after which touched rows move to their new buckets; 0 for never.
        connections: inputs that a label is connected to at least, those that its examples have
            most of. This and what follows, up to the seed, is for direct connections alone.
        connections_per_example: and so many more for each of its examples.
        grown: inputs that weigh against a label, connected to it besides.
        bias_floor: a label's bias starts at the logarithm of its share of the examples, but not
            below this.
        idf_power: features are multiplied by this power of their inverse document frequency,
            log((n + 1) / (df + 1)), or 0.01 if that is less.
        pairs: pairs of features, of examples with 16 at most, are inputs, too.
        list_limit: labels that the index keeps for an input in training.
        seed: of the one generator that everything random is drawn from.

    Raises:
        ConfigError: a setting is out of its range.
    """

    hidden: tuple[int, ...] = (256,)
    hidden_active: tuple[int, ...] = ()
    epochs: int = 3
    batch_size: int = 256
    loss: LossName = "softmax"
    optimizer: OptimizerName = "adam"
    catch_up: bool = False
    weight_decay: float = 0.0
    lr: float = 0.01
    lr_schedule: ScheduleName = "linear"
    warmup: float = 0.0
    dropout: float = 0.5
    sampler: SamplerName = "lsh"
    scope: Scope = "batch"
    active: int = 2000
    uniform_share: float = 0.5
    strategy: Strategy = "topk"
    threshold: int = 2
    hash: HashName = "simhash"
    K: int = 10
    L: int = 16
    probes: int = 1
    max_buckets: int = 1 << 18
    center: bool = True
    hash_bias: bool = True
    hash_norm: bool = True
    policy: Policy = "reservoir"
    bucket_limit: int = 128
    rebuild_every: int = 50
    rebuild_growth: float = 0.1
    stale_recall: float = 0.0
    rehash_every: int = 0
    reinsert_every: int = 0
    connections: int = 50
    connections_per_example: float = 4.0
    grown: int = 20
    bias_floor: float = -4.0
    idf_power: float = 0.0
    pairs: bool = False
    list_limit: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in WHOLE_NUMBERS:
            demand_int(name, getattr(self, name), low, high)
        for name, bottom, top in NUMBERS:
            demand_float(name, getattr(self, name), bottom, top)
        for name, known in CHOICES:
            demand_one_of(name, getattr(self, name), get_args(known))
        for name in ("catch_up", "center", "hash_bias", "hash_norm", "pairs"):
            demand_bool(name, getattr(self, name))
        demand_hidden(self.hidden, self.hidden_active)
        demand_companions(self)
        if self.max_buckets & (self.max_buckets - 1):
            raise ConfigError(f"max_buckets is {self.max_buckets}: expected a power of two")

    def n_active_of(self, layer: int) -> int:
        """Active units of the hidden layer with this number; 0 for all."""
        return self.hidden_active[layer] if self.hidden_active else 0

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Config:
        """The inverse of `dataclasses.asdict`.

        A model that is older than a setting does not have it. It then is what did the same before:
        `field(default=..., metadata={BEFORE: ...})` where that is another value than the default.

        Raises:
            ConfigError: a setting is unknown, or out of its range.
        """
        known = {one.name: one for one in fields(cls)}
        for name in sorted(set(settings) - set(known)):
            raise ConfigError(f"unknown setting {name!r}: expected {', '.join(sorted(known))}")
        before = {
            name: one.metadata[BEFORE] for name, one in known.items() if BEFORE in one.metadata
        }
        settings = before | settings
        lists = {name: value for name, value in settings.items() if isinstance(value, list)}
        return cls(**settings | {name: tuple(value) for name, value in lists.items()})


WHOLE_NUMBERS = (
    ("epochs", 1, 1 << 20),
    ("batch_size", 1, 1 << 20),
    ("active", 1, 1 << 31),
    ("threshold", 1, 1024),
    ("K", 1, 64),
    ("L", 1, 1024),
    ("probes", 1, 16),
    ("max_buckets", 2, 1 << 30),
    ("bucket_limit", 1, 1 << 31),
    ("rebuild_every", 1, 1 << 31),
    ("rehash_every", 0, 1 << 31),
    ("reinsert_every", 0, 1 << 31),
    ("connections", 1, 1 << 31),
    ("grown", 0, 1 << 20),
    ("list_limit", 1, 1 << 31),
    ("seed", 0, 1 << 63),
)
NUMBERS = (
    ("lr", 1e-9, 10.0),
    ("warmup", 0.0, 0.99),
    ("weight_decay", 0.0, 1.0),
    ("dropout", 0.0, 0.99),
    ("uniform_share", 0.0, 1.0),
    ("rebuild_growth", 0.0, 10.0),
    ("stale_recall", 0.0, 1.0),
    ("connections_per_example", 0.0, 1e6),
    ("bias_floor", -100.0, 0.0),
    ("idf_power", 0.0, 10.0),
)
CHOICES = (
    ("loss", LossName),
    ("optimizer", OptimizerName),
    ("lr_schedule", ScheduleName),
    ("sampler", SamplerName),
    ("scope", Scope),
    ("strategy", Strategy),
    ("hash", HashName),
    ("policy", Policy),
)


def demand_int(name: str, got: object, low: int, high: int) -> None:
    """Raise ConfigError unless `got` is a whole number in [low, high]."""
    if not isinstance(got, int) or isinstance(got, bool) or not low <= got <= high:
        raise ConfigError(f"{name} is {got!r}: expected a whole number from {low} to {high}")


def demand_float(name: str, got: object, low: float, high: float) -> None:
    """Raise ConfigError unless `got` is a number in [low, high]."""
    if not isinstance(got, int | float) or isinstance(got, bool) or not low <= got <= high:
        raise ConfigError(f"{name} is {got!r}: expected a number from {low:g} to {high:g}")


def demand_one_of(name: str, got: object, known: tuple[str, ...]) -> None:
    """Raise ConfigError unless `got` is one of the known names."""
    if got not in known:
        raise ConfigError(f"{name} is {got!r}: expected one of {', '.join(known)}")


def demand_bool(name: str, got: object) -> None:
    """Raise ConfigError unless `got` is True or False."""
    if not isinstance(got, bool):
        raise ConfigError(f"{name} is {got!r}: expected true or false")


def demand_hidden(hidden: object, active: object) -> None:
    """Raise ConfigError unless these are the widths of some layers and what is active of each."""
    for name, got in (("hidden", hidden), ("hidden_active", active)):
        if not isinstance(got, tuple):
            raise ConfigError(f"{name} is {got!r}: expected a tuple with a number for each layer")
    assert isinstance(hidden, tuple)
    assert isinstance(active, tuple)
    if len(hidden) > 16:
        raise ConfigError(f"hidden has {len(hidden)} layers: expected 16 at most")
    if len(active) not in (0, len(hidden)):
        raise ConfigError(
            f"hidden_active has {len(active)} numbers: expected one for each of the {len(hidden)} "
            "hidden layers, 0 where all units are active"
        )
    for layer, width in enumerate(hidden):
        demand_int("hidden", width, 1, 1 << 24)
        if active:
            demand_int("hidden_active", active[layer], 0, width)


DIRECT: dict[str, Any] = {"sampler": "index", "scope": "example", "optimizer": "adagrad"}
"""What a network without hidden layer is trained by."""


def demand_companions(config: Config) -> None:
    """Raise ConfigError unless settings that belong together are together."""
    if config.hidden and config.sampler == "index":
        raise ConfigError(
            "sampler is 'index' with hidden layers: expected lsh, uniform, in-batch or full, or no "
            "hidden layer (--hidden 0)"
        )
    if config.sampler == "in-batch" and (config.scope == "example" or any(config.hidden_active)):
        raise ConfigError(
            "sampler is 'in-batch', which proposes nobody beside the labels that a batch shares: "
            "expected scope 'batch' and no hidden_active, or another sampler"
        )
    for name, wanted in DIRECT.items():
        if not config.hidden and getattr(config, name) != wanted:
            raise ConfigError(
                f"{name} is {getattr(config, name)!r} without hidden layer: expected {wanted!r}, "
                "or a hidden layer (--hidden 256)"
            )
