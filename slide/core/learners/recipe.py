"""Settings that suit a data set, chosen from what can be counted in it.

The rules are those of the learners: `slide.core.svm.kind`, `slide.core.direct.rules` and
`slide.core.sampled.rules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slide.core.errors import said
from slide.core.examples.dataset import Dataset, checked
from slide.core.examples.numbering import by_columns
from slide.core.learner import Kind
from slide.core.learners.config import Config, kinds_asked_for, plainly
from slide.core.learners.kinds import kind_of
from slide.core.settings.demands import demand_float
from slide.core.settings.traits import Traits


def recipe(
    train: Dataset, by_steps: bool = False, time_budget: float | None = None, **chosen: Any
) -> Config:
    """Settings that suit this training set; `chosen` ones are kept.

    Labels are solved as linear SVMs from sparse features, or connected to them directly and trained
    by steps where a setting of steps is chosen; dense features, and whoever chooses a setting of
    hidden layers or of hashing, get a network with a hidden layer.

    Args:
        train: the training set.
        by_steps: only learners that take steps on batches, as HOGWILD workers do.
        time_budget: seconds that there are; if another learner would take longer, one that takes
            steps, which stops when they are over.
        chosen: settings by name.

    Raises:
        InputError: the arrays of the training set contradict each other.
        ConfigError: a chosen setting is out of its range, or does not go with another.
    """
    if time_budget is not None:
        demand_float(said("time_budget"), time_budget, 1e-3, 1e9)
    train, _, _ = by_columns(
        checked(train, "the training set").counted()
    )  # as it will be trained on
    return recipe_of(train, by_steps, time_budget, **chosen)


def completed(
    config: Config, train: Dataset, by_steps: bool = False, time_budget: float | None = None
) -> Config:
    """A Config in which nothing is to be chosen any more: see `recipe`, whose arguments these are.

    The training set was checked before, and is by columns.
    """
    if config.chosen is None:
        return config
    return recipe_of(train, by_steps, time_budget, **config.chosen)


def recipe_of(train: Dataset, by_steps: bool, time_budget: float | None, **chosen: Any) -> Config:
    """`recipe` of a training set that was checked before, by columns."""
    return decision(train, by_steps, time_budget, **chosen).config


def settings_for(traits: Traits, by_steps: bool = False, **chosen: Any) -> Config:
    """The rules of `recipe`."""
    return decided(traits, by_steps, **chosen).config


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules choose, and all that the reasons of it are made of.

    Args:
        config: what is chosen.
        kind: of learner.
        asked: the kinds that have all settings which were said.
        possible: those of them that a backend and the time allow.
        traits: that the rules looked at.
        said: settings that somebody chose, by name.
        seconds: that a learner would have taken, where that was more than there is; None where
            time decided nothing.
    """

    config: Config
    kind: Kind
    asked: tuple[Kind, ...]
    possible: tuple[Kind, ...]
    traits: Traits
    said: dict[str, Any]
    seconds: float | None = None


def decision(train: Dataset, by_steps: bool, time_budget: float | None, **chosen: Any) -> Decision:
    """Of a training set that was checked before, by columns."""
    traits = Traits.of(train)
    found = decided(traits, by_steps, **chosen)
    if time_budget is None:
        return found
    seconds = kind_of(found.config).seconds(found.config, train)
    return found if seconds <= time_budget else decided(traits, True, seconds, **chosen)


def decided(
    traits: Traits, by_steps: bool = False, seconds: float | None = None, **chosen: Any
) -> Decision:
    """By what can be counted."""
    chosen = plainly(chosen)
    asked = kinds_asked_for(chosen)
    possible = [kind for kind in asked if kind.takes_steps or not by_steps] or asked
    kind = next((kind for kind in reversed(possible) if kind.suits(traits)), possible[0])
    config = Config(learner=kind.settings(), **kind.completed(traits, chosen))
    return Decision(config, kind, tuple(asked), tuple(possible), traits, chosen, seconds)
