"""The value that a rule chooses for a setting, and why, in one place."""

from __future__ import annotations

from typing import Any, NamedTuple

RULE = "a rule of this learner"


class Chosen(NamedTuple):
    """What a rule gives: its value and its reason are made together, so that neither can drift.

    Args:
        value: of the setting.
        because: why, in words that follow on a colon.
    """

    value: Any
    because: str = RULE

    @classmethod
    def of(cls, given: Any) -> Chosen:
        """The same of a rule that may give its value alone."""
        return given if isinstance(given, Chosen) else cls(given)
