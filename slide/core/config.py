"""Every setting of a network and its training, and the recipe that chooses them from data."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from slide.core.backend import Strategy
from slide.core.errors import ConfigError

SamplerName = Literal["lsh", "uniform", "full"]
Scope = Literal["batch", "example"]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one run; each is checked when the object is made.

    Args:
        hidden: units of the hidden layer.
        epochs: passes over the training set.
        batch_size: examples per step.
        lr: Adam's learning rate at the first step; it decays linearly to 0.
        dropout: share of hidden units zeroed in training, in [0, 1).
        sampler: who proposes active neurons beside the labels: `lsh` (hash tables and a uniform
            share), `uniform` (chance alone), `full` (all neurons: a dense softmax).
        scope: `batch`, one active set shared by the batch; `example`, one each, as in the paper.
        active: neurons proposed beside the labels, per batch or per example by `scope`.
        uniform_share: share of `active` drawn uniformly by the `lsh` sampler.
        strategy: how neurons found in the tables are preferred, see `slide.core.backend.Query`.
        K: bits per hash code, a table has 2**K buckets.
        L: hash tables.
        bucket_limit: entries of one bucket that a query looks at.
        rebuild_every: steps from the first build of the tables to the second.
        rebuild_growth: each later gap is e**rebuild_growth times the one before.
        seed: of the one generator that everything random is drawn from.

    Raises:
        ConfigError: a setting is out of its range.
    """

    hidden: int = 256
    epochs: int = 3
    batch_size: int = 256
    lr: float = 0.01
    dropout: float = 0.5
    sampler: SamplerName = "lsh"
    scope: Scope = "batch"
    active: int = 2000
    uniform_share: float = 0.5
    strategy: Strategy = "topk"
    K: int = 10
    L: int = 16
    bucket_limit: int = 128
    rebuild_every: int = 50
    rebuild_growth: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("hidden", 1, 1 << 16),
            ("epochs", 1, 1 << 20),
            ("batch_size", 1, 1 << 20),
            ("active", 1, 1 << 31),
            ("K", 1, 24),
            ("L", 1, 1024),
            ("bucket_limit", 1, 1 << 31),
            ("rebuild_every", 1, 1 << 31),
            ("seed", 0, 1 << 63),
        ):
            demand_int(name, getattr(self, name), low, high)
        for name, bottom, top in (
            ("lr", 1e-9, 10.0),
            ("dropout", 0.0, 0.99),
            ("uniform_share", 0.0, 1.0),
            ("rebuild_growth", 0.0, 10.0),
        ):
            demand_float(name, getattr(self, name), bottom, top)
        demand_one_of("sampler", self.sampler, get_args(SamplerName))
        demand_one_of("scope", self.scope, get_args(Scope))
        demand_one_of("strategy", self.strategy, get_args(Strategy))

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Config:
        """The inverse of `dataclasses.asdict`; all settings must be there and no others."""
        known = {field.name for field in fields(cls)}
        for name in sorted(known ^ set(settings)):
            what = "missing" if name in known else "unknown"
            raise ConfigError(f"{what} setting {name!r}: expected {', '.join(sorted(known))}")
        return cls(**settings)


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


def recipe(n_samples: int, n_labels: int, **chosen: Any) -> Config:
    """Settings that suit a data set of this size; `chosen` ones are kept.

    The rules and the measurements behind them: docs/decisions/0004-default-recipe.md.
    """
    rules: dict[str, Any] = {
        "batch_size": 128 if n_samples < 20_000 else 256,
        "epochs": min(max(math.ceil(160_000 / max(n_samples, 1)), 3), 15),
        "active": max(2000, n_labels // 50),
        "K": min(max(round(math.log2(max(n_labels, 2) / 16)), 4), 16),
    }
    return Config(**(rules | chosen))
