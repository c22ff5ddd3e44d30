"""Settings of networks with hidden layers that suit a training set.

The measurements behind them: docs/decisions/0004-default-recipe.md.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from slide.core.contract.families import HashName, kind_of
from slide.core.sampled.settings import SampledSettings
from slide.core.settings.chosen import Chosen
from slide.core.settings.settings import Settings
from slide.core.settings.traits import Traits

FEW, VISITS = 20_000, 160_000  # examples
IN_A_BUCKET = 16  # neurons, about
TINY = 4  # units and active neurons of the smallest network that calls every kernel of a run


def rules(traits: Traits, chosen: dict[str, Any]) -> dict[str, Chosen]:
    """By the number of examples and of labels, and by the hash family that was chosen."""
    n = f"{traits.n_samples:,} examples"
    return {
        "batch_size": Chosen(
            128 if traits.n_samples < FEW else 256, f"{n}: 128 below {FEW:,}, then 256"
        ),
        "epochs": Chosen(
            min(max(math.ceil(VISITS / max(traits.n_samples, 1)), 3), 15),
            f"{n}: so many passes that {VISITS:,} are visited, from 3 to 15",
        ),
        "active": Chosen(
            max(2000, traits.n_labels // 50),
            f"a fiftieth of {traits.n_labels:,} labels, 2,000 at least",
        ),
        "K": Chosen(
            digits_for(traits.n_labels, chosen.get("hash", "simhash")),
            f"a bucket then holds about {IN_A_BUCKET} of {traits.n_labels:,} labels",
        ),
    }


def digits_for(n_labels: int, family: HashName) -> int:
    """K such that a bucket holds about 16 neurons."""
    bits = min(max(round(math.log2(max(n_labels, 2) / IN_A_BUCKET)), 4), 16)
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
