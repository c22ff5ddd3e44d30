"""Settings of networks with hidden layers that suit a training set.

The measurements behind them: docs/decisions/0004-default-recipe.md.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from slide.core.contract.families import HashName, kind_of
from slide.core.sampled.settings import SampledSettings
from slide.core.settings.settings import Settings
from slide.core.settings.traits import Traits

TINY = 4  # units and active neurons of the smallest network that calls every kernel of a run


def rules(traits: Traits, chosen: dict[str, Any]) -> dict[str, Any]:
    """By the number of examples and of labels, and by the hash family that was chosen."""
    return {
        "batch_size": 128 if traits.n_samples < 20_000 else 256,
        "epochs": min(max(math.ceil(160_000 / max(traits.n_samples, 1)), 3), 15),
        "active": max(2000, traits.n_labels // 50),
        "K": digits_for(traits.n_labels, chosen.get("hash", "simhash")),
    }


def digits_for(n_labels: int, family: HashName) -> int:
    """K such that a bucket holds about 16 neurons."""
    bits = min(max(round(math.log2(max(n_labels, 2) / 16)), 4), 16)
    return max(round(bits / kind_of(family).bits), 1)


def tiny(settings: Settings[SampledSettings]) -> Settings[SampledSettings]:
    """The same in little: tables are due at every step, for reinserts if there are any."""
    learner = settings.learner
    layers, reinserts = learner.layers, learner.upkeep.reinsert_every > 0
    return Settings(
        replace(settings.training, active=TINY),
        replace(
            learner,
            layers=replace(
                layers,
                hidden=(TINY,) * len(layers.hidden),
                hidden_active=tuple(min(n, TINY - 1) for n in layers.hidden_active),
            ),
            hashing=replace(learner.hashing, K=1, L=2),
            upkeep=replace(learner.upkeep, reinsert_every=int(reinserts)),
        ),
        settings.steps,
        replace(settings.refresh, rebuild_every=2 if reinserts else 1),
    )
