"""Settings that suit a data set, chosen from what can be counted in it.

The rules and the measurements behind them: docs/decisions/0019-direct-connections.md, for large
sets 0022-large-batches.md, and for networks with hidden layers 0004-default-recipe.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.families import HashName, kind_of
from slide.core.errors import ConfigError
from slide.core.examples.dataset import Dataset
from slide.core.settings.config import DIRECT, Config

OF_BOTH = {
    "hidden", "epochs", "batch_size", "lr", "lr_schedule", "warmup", "loss", "sampler", "active",
    "rebuild_every", "rebuild_growth", "connections", "connections_per_example", "grown",
    "bias_floor", "idf_power", "pairs", "list_limit", "seed",
}  # fmt: skip
"""Settings that do not ask for a hidden layer; all others do."""

OF_DIRECT = {
    "connections", "connections_per_example", "grown", "bias_floor", "idf_power", "pairs",
    "list_limit",
}  # fmt: skip
"""Settings of direct connections alone."""

FEW_FEATURES = 8  # per example, up to which all pairs of them are worth having
NEGATIVES_PER_LABEL = 8


@dataclass(frozen=True, slots=True)
class Traits:
    """What the rules look at.

    Args:
        n_samples, n_labels: of the training set.
        features_per_example, labels_per_example: means.
        is_dense: features are given as an array.
        is_binary: all features of an example have one value above 0, and most examples have
            several: nobody has weighted them yet.
    """

    n_samples: int
    n_labels: int
    features_per_example: float
    labels_per_example: float
    is_dense: bool
    is_binary: bool

    @classmethod
    def of(cls, train: Dataset) -> Traits:
        """Counted in a training set."""
        n, x = max(train.n_samples, 1), train.x
        one_value = isinstance(x, CSR) and bool(np.all(x.values == first_of_row(x)))
        is_binary = one_value and x.nnz > n and bool(np.all(x.values > 0))
        labels = train.y.positive().nnz
        return cls(n, train.n_labels, x.nnz / n, labels / n, not isinstance(x, CSR), is_binary)


def first_of_row(x: CSR) -> Array:
    """For each entry the value of the first one of its row."""
    starts = x.indptr[:-1][x.row_lengths() > 0]
    return np.repeat(x.values[starts], x.row_lengths()[x.row_lengths() > 0])


def recipe(train: Dataset, **chosen: Any) -> Config:
    """Settings that suit this training set; `chosen` ones are kept.

    Sparse features are connected directly to the labels; dense ones, and whoever chooses a setting
    of hidden layers or of hashing, get a network with a hidden layer.

    Raises:
        ConfigError: a chosen setting is out of its range, or does not go with another.
    """
    return settings_for(Traits.of(train), **chosen)


def settings_for(traits: Traits, **chosen: Any) -> Config:
    """The rules of `recipe`."""
    known = {field.name for field in fields(Config)}
    wants_hidden = (
        bool(set(chosen) & (known - OF_BOTH)) or chosen.get("sampler", "index") != "index"
    )
    direct = chosen["hidden"] == () if "hidden" in chosen else not (traits.is_dense or wants_hidden)
    refuse_idle(set(chosen) & (OF_DIRECT if not direct else known - OF_BOTH - set(DIRECT)), direct)
    rules = direct_rules(traits) if direct else hidden_rules(traits, chosen.get("hash", "simhash"))
    return Config(**(rules | chosen))


def refuse_idle(names: set[str], direct: bool) -> None:
    """Raise ConfigError if settings were chosen that the network would not read."""
    if names:
        what = "direct connections, which read no such setting: leave it out, or add --hidden 256"
        if not direct:
            what = "hidden layers, which read no such setting: leave it out, or choose --hidden 0"
        raise ConfigError(f"{' and '.join(sorted(names))} was chosen for a network with {what}")


def direct_rules(traits: Traits) -> dict[str, Any]:
    """For direct connections."""
    one_label = traits.labels_per_example < 1.5
    is_large = traits.n_samples >= 200_000
    negatives = round(NEGATIVES_PER_LABEL * traits.labels_per_example)
    return DIRECT | {
        "hidden": (),
        "loss": "bce",
        "lr": 2.0,
        "batch_size": 64 if traits.n_samples < 20_000 else 1024 if is_large else 256,
        "rebuild_every": 4 if is_large else 8,
        "epochs": 3 if traits.n_samples < 80_000 else 2,
        "active": min(max(negatives, 60 if is_large else 30), 100),
        "bias_floor": -100.0 if one_label else -4.0,  # labels exclude each other: shares are right
        "idf_power": 0.5 if traits.is_binary else 0.0,
        "pairs": traits.features_per_example <= FEW_FEATURES,
    }


def hidden_rules(traits: Traits, family: HashName) -> dict[str, Any]:
    """For hidden layers."""
    return {
        "batch_size": 128 if traits.n_samples < 20_000 else 256,
        "epochs": min(max(math.ceil(160_000 / max(traits.n_samples, 1)), 3), 15),
        "active": max(2000, traits.n_labels // 50),
        "K": digits_for(traits.n_labels, family),
    }


def digits_for(n_labels: int, family: HashName) -> int:
    """K such that a bucket holds about 16 neurons."""
    bits = min(max(round(math.log2(max(n_labels, 2) / 16)), 4), 16)
    return max(round(bits / kind_of(family).bits), 1)
