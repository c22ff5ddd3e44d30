"""What the inputs of one example add to the logit of one label, as a learner tells it."""

from __future__ import annotations

from dataclasses import dataclass

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
