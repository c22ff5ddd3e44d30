"""When something is due: often while the weights move fast, ever more rarely later.

Source: SLIDE (arXiv 1903.03129) section 3.1.3: at steps N0, N0 + N0 e^lambda, ...
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from slide.core.contract.state import State


@dataclass(slots=True)
class Schedule:
    """Says at each step whether a turn is due, with gaps growing by e^growth each time.

    Args:
        first_gap: steps between the first turn (step 0) and the second, N0; infinite for one turn.
        growth: lambda; 0 for a fixed period.
    """

    first_gap: float
    growth: float = 0.0
    n_turns: int = 0
    due_at: float = 0.0

    def take_turn(self, step: int) -> bool:
        """True if the turn must be taken before this step, and then counts as taken."""
        if step < self.due_at:
            return False
        self.due_at += self.first_gap * math.exp(self.growth * self.n_turns)
        self.n_turns += 1
        return True

    def state(self) -> State:
        """Turns that were taken, and when the next one is due."""
        return {"n_turns": self.n_turns, "due_at": self.due_at}

    def restore(self, state: State) -> None:
        """Go on from such a state."""
        self.n_turns, self.due_at = state["n_turns"], state["due_at"]
