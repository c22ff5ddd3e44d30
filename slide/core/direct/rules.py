"""Settings of direct connections that suit a training set.

The measurements behind them: docs/decisions/0019-direct-connections.md, for large sets
0022-large-batches.md, for blocks of clicks 0047-users-are-what-they-clicked.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slide.core.direct.settings import DirectSettings
from slide.core.settings.settings import Settings
from slide.core.settings.traits import Traits

FEW_FEATURES = 8  # per example, up to which all pairs of them are worth having
NEGATIVES_PER_LABEL = 8
LIST_ENTRIES = 16_000  # that a search reads: an example with many features meets a label many times
BLOCK_RATE = 0.5  # larger ones rank what was shown better, and all labels worse (docs/saros.md)
TINY = 4  # active labels where every kernel of a run is to be called once


def suits(traits: Traits) -> bool:
    """Sparse features, of which each says something about a label by itself."""
    return not traits.is_dense


def rules(traits: Traits, chosen: dict[str, Any]) -> dict[str, Any]:
    """By the numbers of examples, of their features and of their labels."""
    one_label = traits.labels_per_example < 1.5
    is_large = traits.n_samples >= 200_000
    negatives = round(NEGATIVES_PER_LABEL * traits.labels_per_example)
    are_blocks = chosen.get("loss") == "saros" and traits.has_skipped
    return {
        "loss": "bce",
        "lr": BLOCK_RATE if are_blocks else 2.0,
        "batch_size": 64 if traits.n_samples < 20_000 else 1024 if is_large else 256,
        "rebuild_growth": 0.3,
        "rebuild_every": 4 if is_large else 8,
        "epochs": 1 if are_blocks else 3 if traits.n_samples < 80_000 else 2,
        "active": min(max(negatives, 60 if is_large else 30), 100),
        "list_limit": int(min(max(LIST_ENTRIES / traits.features_per_example, 100), 1000)),
        "bias_floor": -100.0 if one_label else -4.0,  # labels exclude each other: shares are right
        "idf_power": 0.5 if traits.is_binary else 0.0,
        "pairs": traits.features_per_example <= FEW_FEATURES,
        "layers": None if one_label and not are_blocks else 1,
    }


def tiny(settings: Settings[DirectSettings]) -> Settings[DirectSettings]:
    """The same in little; long lists of the index are cut by code of their own."""
    return Settings(
        replace(settings.training, active=TINY),
        replace(settings.learner, list_limit=1),
        settings.steps,
        replace(settings.refresh, rebuild_every=1),
    )
