"""Where probabilities are calibrated: on answers to examples that a model was not trained on.

Those that its learner held out, if it did; else a validation set; else, if that is asked for, parts
of the training set, each answered by a model that is trained on the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import ConfigError, said
from slide.core.examples.dataset import Dataset
from slide.core.examples.scored import DEEPEST, Scored
from slide.core.models.model import Model
from slide.core.models.unseen import known_features

MOST = 4000  # examples that are answered: more would move no curve
SHARE, MOST_PARTS = 0.1, 10  # of the training set is a part, and how many there are at most
ENOUGH = 500  # examples from which one part will do
FEWEST = 20  # examples of which any can be spared


def refuse_too_few(n_samples: int) -> None:
    """Raise ConfigError if training on a part of so few examples would say nothing."""
    if n_samples < FEWEST:
        raise ConfigError(
            f"calibrate is asked for on {n_samples} training examples, of which none can be left "
            f"out: expected {FEWEST} at least; give more, or leave out {said('calibrate')}"
        )


def answers(model: Model, data: Dataset) -> Scored:
    """To examples by columns of the model, of which some are enough."""
    rows = np.linspace(0, data.n_samples - 1, min(data.n_samples, MOST)).astype(np.int64)
    some = data.take(rows)
    return Scored.of(*model.ranked(some.x, depth(model)), some)


def answers_by_parts(train: Dataset, seed: int, fit: Callable[[Dataset], Model]) -> Scored:
    """To parts of a training set, by models of the rest.

    Args:
        train: all examples.
        seed: of what is drawn.
        fit: trains a model.
    """
    order, parts = train.canonical_order(), []
    for part in drawn_parts(train.n_samples, np.random.default_rng(seed)):
        model = fit(train.take(np.delete(order, part)))
        left_out = train.take(order[part])
        x, _ = known_features(left_out.x, model.features)
        labels, scores = model.ranked(x, depth(model))
        parts.append(Scored.of(model.labels.ids_of(labels), scores, left_out))
    return Scored.joined(parts)


def drawn_parts(n: int, rng: np.random.Generator) -> list[Array]:
    """Rows of each part: so many parts that all together are enough."""
    size = min(int(SHARE * n), MOST)
    n_parts = min(-(-ENOUGH // size), MOST_PARTS)
    return np.split(rng.permutation(n)[: n_parts * size], n_parts)


def depth(model: Model) -> int:
    """Labels that are asked for."""
    return min(DEEPEST, model.network.n_labels)
