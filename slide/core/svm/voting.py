"""The nearest examples beside linear SVMs, where examples are parts of one thing.

Of a user's items a part is the labels of an example and the others are its features. Whoever has an
item is not told of it again, and what others have who have the same: a linear score of each label
by itself knows little of either, and both are summands of `Neighbours`, whose few weights all
labels share. They are learned on all parts of the things that are held out: none of them has been
trained on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.core.contract.state import State
from slide.core.direct.judging import stacked
from slide.core.direct.network import Direct
from slide.core.direct.stacking import MOST_HELD_OUT, Asked, Stacked, evenly, with_neighbours
from slide.core.direct.things import wholes_of
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import Scored
from slide.core.svm.settings import SvmSettings
from slide.core.svm.splitting import FEWEST_HELD_OUT, Split

MOST = 0.5  # share of the examples


@dataclass(slots=True)
class Voting:
    """What neighbours take, and what was found of them.

    Args:
        train: all examples, with their features, in the order of the run.
        is_wanted: whether they stay in any case.
        found: how much they count; None before it is learned, or if they do not.
        made: the network with them, and that which it was made of.
    """

    train: Dataset
    is_wanted: bool
    found: Stacked | None = None
    made: tuple[Direct, Direct] | None = None

    def state(self) -> State:
        """What was found; the rest is made again."""
        return {"found": self.found and asdict(self.found)}

    def judge(self, network: Direct, split: Split, backend: Backend) -> Scored | None:
        """Learn how much neighbours count, on what the network has not seen; answers to that.

        Returns:
            None where that are too few examples.
        """
        unseen = evenly(unseen_by(split, self.train), MOST_HELD_OUT)
        held = Asked.of(self.train, split.usable, unseen, wholes_of).without_parts()
        if held.asked.n_samples < FEWEST_HELD_OUT:
            return None
        self.found, answers = stacked(network, held, self.is_wanted, backend)
        return answers

    def beside(self, network: Direct, backend: Backend) -> Direct:
        """The network with neighbours, if they count."""
        if self.found is None:
            return network
        if self.made is None or self.made[1] is not network:
            rows = np.arange(self.train.n_samples)
            layered = with_neighbours(network, self.found, self.train, rows, backend)
            self.made = layered, network
        return self.made[0]


def begun_voting(settings: SvmSettings, train: Dataset, split: Split) -> Voting | None:
    """What neighbours take, unless there is to be one layer, or examples are no folds of things."""
    if settings.layers == 1 or not split.has_parts:
        return None
    if not are_folds(train.take(unseen_by(split, train))):
        return None
    return Voting(train, settings.layers == 2)


def unseen_by(split: Split, train: Dataset) -> Array:
    """Rows that are not trained on: those held out, and other parts of the same things."""
    return np.setdiff1d(np.arange(train.n_samples), split.usable)


def are_folds(data: Dataset) -> bool:
    """Whether most examples have others of the same items, cut in another place."""
    _, which, counts = np.unique(wholes_of(data), return_inverse=True, return_counts=True)
    return bool((counts[which] > 1).mean() > MOST)


def voting_restored(settings: SvmSettings, train: Dataset, state: State | None) -> Voting | None:
    """The same of such a state."""
    if state is None:
        return None
    found = state["found"] and Stacked(**state["found"])
    return Voting(train, settings.layers == 2, found)
