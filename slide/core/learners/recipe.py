"""Settings that suit a data set, chosen from what can be counted in it.

The rules are those of the learners: `slide.core.direct.rules`, `slide.core.sampled.rules`.
"""

from __future__ import annotations

from typing import Any

from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config, kinds_asked_for
from slide.core.settings.traits import Traits


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
    possible = kinds_asked_for(chosen)
    kind = next((kind for kind in reversed(possible) if kind.suits(traits)), possible[0])
    return Config(learner=kind.settings(), **(kind.rules(traits, chosen) | chosen))
