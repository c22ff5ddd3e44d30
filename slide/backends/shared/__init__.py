"""Worker processes that share memory: what the backend `processes` is made of."""

from typing import Literal

Mode = Literal["synchronous", "hogwild"]
"""One step after the other, or every worker on steps of its own."""

OnLoss = Literal["fail", "respawn"]
"""What to do when a worker dies."""
