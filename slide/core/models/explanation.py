"""Why a label has its score, as an answer holds it: evidence, the constant, what is not known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from slide.core.examples.names import Name


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a hidden layer of labels: active as a label is likely by a first pass.

    Args:
        label: its id.
        name: its name; None if the model has none.
        by: its "score" in the first pass, or its "share" among the nearest training examples.
    """

    label: int
    name: Name | None
    by: Literal["score", "share"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One input that speaks for a label, or against it.

    Args:
        features: id of the feature, or the ids of the two whose pair it is; none of a unit of a
            hidden layer.
        names: theirs; None if the model has none.
        values: of these features in the row, as it was given.
        input: what the network makes of them: rescaled, the row to unit length.
        weight: of the label for this input; behind hidden layers the gradient of the logit.
        contribution: input * weight, what it adds to the score.
        share: contribution over the sum of the magnitudes of all contributions and the bias: from
            -1 to 1, and the magnitudes of all shares add up to 1.
        unit: of the hidden layer that it is; None if it is a feature, or a pair.
    """

    features: tuple[int, ...]
    names: tuple[Name | None, ...] | None
    values: tuple[float, ...]
    input: float
    weight: float
    contribution: float
    share: float
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training example near the row.

    Args:
        example: its row in the examples that were given, from 0.
        similarity: cosine of the angle between what both are to the labels: units of the last
            hidden layer, or inputs where there is none.
        labels: its own.
        names: theirs; None if the model has none.
    """

    example: int
    similarity: float
    labels: tuple[int, ...]
    names: tuple[Name | None, ...] | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """score = bias + contributions of `evidence` + `other_contribution`.

    Args:
        label: its id.
        name: its name; None if the model has none.
        score: the logit, as `Model.predict` gives it, but for rounding.
        n_examples: training examples that have the label. If there is none, nothing is known of it:
            the score is what names it after all others, and there is no evidence.
        by_gradient: weights are gradients, as behind hidden layers: contributions add up all the
            same, but a weight holds for this row, and as long as the same hidden units are active.
        bias: what is the same for all rows; behind hidden layers, what all biases add on the way
            through the units that are active.
        bias_share: of it, as that of evidence.
        evidence: the inputs of largest contributions, those that speak most for the label first,
            and those that speak most against it last.
        n_others: further inputs with a contribution.
        other_contribution: of these, in all.
        n_silent: inputs of the row that add nothing, for want of a weight.
        unknown: ids of the row's features that training never met; they were left out.
        neighbours: the nearest of the training examples that were given, nearest first.
    """

    label: int
    name: Name | None
    score: float
    n_examples: int
    by_gradient: bool
    bias: float
    bias_share: float
    evidence: tuple[Evidence, ...]
    n_others: int
    other_contribution: float
    n_silent: int
    unknown: tuple[int, ...]
    neighbours: tuple[Neighbour, ...] = ()

    def to_dict(self, first_feature: int = 0, first_label: int = 0) -> dict[str, Any]:
        """The same as dictionaries, lists and numbers, for JSON.

        Args:
            first_feature, first_label: the number that the first of them has there.
        """
        told = asdict(self)
        told["label"] += first_label
        told["unknown"] = [feature + first_feature for feature in self.unknown]
        for piece in told["evidence"]:
            piece["features"] = [feature + first_feature for feature in piece["features"]]
            if piece["unit"] is not None:
                piece["unit"]["label"] += first_label
        for neighbour in told["neighbours"]:
            neighbour["labels"] = [label + first_label for label in neighbour["labels"]]
        return told
