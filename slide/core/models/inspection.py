"""What is in a model, as an answer holds it: its sizes, where it comes from, and what is dead."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from slide.core.attribution import Layer
from slide.core.examples.names import Name
from slide.core.models.explanation import Unit
from slide.core.models.origin import Origin


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a label, or of a unit.

    Args:
        features: id of the feature, or the ids of the two whose pair it is; none of a unit.
        names: theirs; None if the model has none.
        weight: of the label, or of the unit, for this input.
        unit: of a hidden layer of labels that it is; None if it is something else.
        neuron: number of the unit of a hidden layer that it is, from 0; None likewise.
        led_by: of a neuron the inputs that activate it most.
    """

    features: tuple[int, ...]
    names: tuple[Name | None, ...] | None
    weight: float
    unit: Unit | None = None
    neuron: int | None = None
    led_by: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelInputs:
    """The strongest inputs of a label, whatever the example.

    Args:
        label: its id.
        name: its name; None if the model has none.
        n_examples: training examples that have it.
        bias: what its score begins with.
        n_inputs: that it has a weight for.
        inputs: those of largest weights by magnitude, the largest weight first.
    """

    label: int
    name: Name | None
    n_examples: int
    bias: float
    n_inputs: int
    inputs: tuple[Input, ...]

    def to_dict(self, first_feature: int = 0, first_label: int = 0) -> dict[str, Any]:
        """The same for JSON; see `Inspection.to_dict`."""
        told = asdict(self)
        told["label"] += first_label
        waiting = list(told["inputs"])
        for piece in waiting:  # which grows
            piece["features"] = [feature + first_feature for feature in piece["features"]]
            if piece["unit"] is not None:
                piece["unit"]["label"] += first_label
            waiting += piece["led_by"]
        return told


@dataclass(frozen=True, slots=True)
class Some:
    """Labels of one kind.

    Args:
        n: how many there are.
        labels: ids of the first of them.
        names: theirs; None if the model has none.
    """

    n: int
    labels: tuple[int, ...]
    names: tuple[Name | None, ...] | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a model.

    Args:
        learner: name of its learner, as in config.json.
        title: the same in words.
        n_features, n_labels: columns and rows of its network.
        n_samples: training examples.
        n_weights, n_pairs, n_unused_inputs, n_held_examples, layers: see
            `slide.core.attribution.Anatomy`.
        trained_on: the name of the data.
        origin: when and by which release it was trained, and the digest of the data.
        one_based: what files count from 1.
        feature_names, label_names: how many there are; None where there are none.
        vectorizer: what makes features of texts; None of a model of numbers.
        calibrated_on: examples that probabilities were fitted to; None without any.
        calibration_error: how far off they were on these.
        examples_of_label: least, median and most training examples of a label that has some.
        without_examples: labels that training never met: named after all others.
        without_weights: labels that it met, of which the bias is all.
        config: settings by name.
    """

    learner: str
    title: str
    n_features: int
    n_labels: int
    n_samples: int
    n_weights: int | None
    n_pairs: int
    n_unused_inputs: int | None
    n_held_examples: int
    layers: tuple[Layer, ...]
    trained_on: str
    origin: Origin
    one_based: str
    feature_names: int | None
    label_names: int | None
    vectorizer: str | None
    calibrated_on: int | None
    calibration_error: float | None
    examples_of_label: tuple[int, float, int] | None
    without_examples: Some
    without_weights: Some
    config: dict[str, Any]

    def to_dict(self, first_label: int = 0) -> dict[str, Any]:
        """The same as dictionaries, lists and numbers, for JSON.

        Args:
            first_label: the number that the first label has there.
        """
        told = asdict(self)
        told |= told.pop("origin")
        for name in ("without_examples", "without_weights"):
            told[name]["labels"] = [label + first_label for label in told[name]["labels"]]
        return told
