"""The loss that embeddings are trained on: a sampled softmax, whose negatives stand for the others.

Source: importance-weighted sampling, Jean et al. (ACL 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.direct.embedding_rows import dots
from slide.core.direct.embeddings import SCALE


@dataclass(frozen=True, slots=True)
class Negatives:
    """Labels that were drawn.

    Args:
        labels: i32 (NEGATIVES,).
        vectors: f32 (NEGATIVES, DIM), of unit length.
        stands: f32 (NEGATIVES,), for how many others each stands: what it counts.
    """

    labels: Array
    vectors: Array
    stands: Array

    def slopes(
        self, directions: Array, labels: Array, wanted: Array, factors: Array
    ) -> tuple[Array, Array, Array]:
        """Gradients of the sum of losses by `directions`, by `wanted`, and by the own vectors.

        No logit is above SCALE, so that no exponential is too large.

        Args:
            directions: f32 (B, DIM), of the examples, of unit length.
            labels: i32 (B,), of the examples; one that is drawn counts for nothing there.
            wanted: f32 (B, DIM), vectors of the labels, of unit length.
            factors: f32 (B,), of the losses.
        """
        own = np.exp(SCALE * dots(directions, wanted))
        others = np.exp((SCALE * directions) @ self.vectors.T)  # (B, NEGATIVES)
        others[labels[:, None] == self.labels] = 0
        factors = SCALE * factors
        shares = (factors / (own + others @ self.stands))[:, None]
        of_logits = own[:, None] * shares - factors[:, None]
        stand = self.stands[:, None]
        slope = shares * (others @ (stand * self.vectors)) + of_logits * wanted
        return slope, of_logits * directions, stand * (others.T @ (shares * directions))
