"""Worker processes that share memory: what the backend `processes` is made of.

`workers` is the pool of them, as `slide.core.contract.workers` has it, and `working` what runs in
each; `memory` holds the arrays that all see, `messages` sends their places, `parts` cuts a kernel
into parts, `starting` begins and ends a process. May import the contract, and the registry.
"""

from typing import Literal

Mode = Literal["synchronous", "hogwild"]
"""One step after the other, or every worker on steps of its own."""

OnLoss = Literal["fail", "respawn"]
"""What to do when a worker dies."""
