"""When the hash tables are rebuilt: often while the weights move fast, ever more rarely later.

Source: SLIDE (arXiv 1903.03129) section 3.1.3: at steps N0, N0 + N0 e^lambda, ...
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class RebuildSchedule:
    """Says at each step whether the tables are due, with gaps growing by e^growth each time.

    Args:
        first_gap: steps between the first build (step 0) and the second, N0.
        growth: lambda; 0 for a fixed period.
    """

    first_gap: int
    growth: float
    n_rebuilds: int = 0
    due_at: float = 0.0

    def take_turn(self, step: int) -> bool:
        """True if the tables must be built before this step, which then counts as done."""
        if step < self.due_at:
            return False
        self.due_at += self.first_gap * math.exp(self.growth * self.n_rebuilds)
        self.n_rebuilds += 1
        return True
