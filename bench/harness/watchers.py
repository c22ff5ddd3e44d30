"""Who watches a training run of a bench."""

from __future__ import annotations

from typing import Any


class Last:
    """Keeps the last evaluation."""

    def on_step(self, step: int, n_steps: int) -> None:
        pass

    def on_evaluation(self, record: dict[str, Any]) -> None:
        self.record = record
