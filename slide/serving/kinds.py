"""Which learners' models can be frozen, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from slide.core.errors import ModelError, quoted
from slide.core.models.model import Model
from slide.serving import direct, layers
from slide.serving.engine import Arrays, Engine


class Freezer(NamedTuple):
    """How models of one kind of learner are stored, and answer.

    Args:
        arrays_of: what is stored of a model, given its dtype and the share of weights to keep:
            arrays, and what is said of them in JSON.
        engine_of: what answers, of such arrays, what is said of them, and the parts of a `Model`
            that its description tells; ValueError if they do not fit together.
    """

    arrays_of: Callable[[Model, str, float], tuple[Arrays, dict[str, Any]]]
    engine_of: Callable[[Arrays, dict[str, Any], dict[str, Any]], Engine]


DIRECT = Freezer(direct.arrays_of, direct.engine_of)
FREEZERS = {
    "direct": DIRECT,
    "svm": DIRECT,
    "sampled": Freezer(layers.arrays_of, layers.engine_of),
}


def freezer_of(learner: str) -> Freezer:
    """Of the learner of this name; ModelError if there is none."""
    if learner not in FREEZERS:
        raise ModelError(
            f"models of the learner {quoted(learner)} cannot be frozen: expected one of "
            f"{', '.join(FREEZERS)}, so use the model as it is"
        )
    return FREEZERS[learner]
