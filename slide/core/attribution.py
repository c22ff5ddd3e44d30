"""What a learner tells of its network: what inputs add to a logit, a label's weights, its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slide.core.contract.arrays import Array


@dataclass(frozen=True, slots=True)
class Attribution:
    """logit = bias + sum of inputs * slopes.

    Args:
        features: i64 (m, 2), the column of a feature and -1, or the columns of a pair of them; both
            -1 of a unit of a hidden layer of labels.
        inputs: f64 (m,), what the network makes of them before it multiplies: rescaled features.
        slopes: f64 (m,), by how much the logit rises with an input: its weight, or its gradient.
        bias: what the logit would be without inputs; behind hidden layers, what biases add on the
            way through the units that are active.
        by_gradient: slopes hold for this example, and not for all.
    """

    features: Array
    inputs: Array
    slopes: Array
    bias: float
    by_gradient: bool = False
    units: Array | None = None
    """i64 (m, 2), of each input the row of the label whose score, or else whose share among the
    nearest examples, it is, and -1; None if there are no such units."""

    @property
    def contributions(self) -> Array:
        """f64 (m,), what each input adds to the logit."""
        added: Array = self.inputs * self.slopes
        return added

    @property
    def logit(self) -> float:
        """The sum of all."""
        return self.bias + float(self.contributions.sum())


@dataclass(frozen=True, slots=True)
class Strengths:
    """What speaks for one label, and against it, whatever the example.

    Args:
        features: i64 (m, 2), as in `Attribution`; both -1 of a unit.
        weights: f32 (m,), of the label for each input.
        bias: of the label.
        units: as in `Attribution`.
        below: f32 (m, n), where inputs are units of a hidden layer: the weights of each for what is
            below it; None otherwise.
        is_first: what is below are features, by their columns, and not units of one more layer.
    """

    features: Array
    weights: Array
    bias: float
    units: Array | None = None
    below: Array | None = None
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Layer:
    """A hidden layer.

    Args:
        of: what its units are: neurons, or labels and their share among training examples.
        n_units: how many there are.
        n_dead: neurons that no row of features can activate; units that no label has a weight for.
    """

    of: Literal["neurons", "labels"]
    n_units: int
    n_dead: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The parts of a network.

    Args:
        n_weights: that it has, biases apart; None where a learner does not tell.
        layers: hidden ones, from the features on.
        n_pairs: pairs of features that are inputs.
        n_unused: features and pairs that no label has a weight for; None where all are connected.
        n_examples: of training, that are in the model.
        unconnected: bool (n_labels,), labels without any weight, of which the bias is all; None
            where there is none.
    """

    n_weights: int | None
    layers: tuple[Layer, ...] = ()
    n_pairs: int = 0
    n_unused: int | None = None
    n_examples: int = 0
    unconnected: Array | None = None
