"""The learners that there are, and which of them settings ask for."""

from __future__ import annotations

from slide.core.direct.kind import DIRECT_LEARNER
from slide.core.learner import Kind
from slide.core.sampled.kind import SAMPLED_LEARNER
from slide.core.settings.config import Config

KINDS: tuple[Kind, ...] = (SAMPLED_LEARNER, DIRECT_LEARNER)
"""All of them; that of the first whose `is_wanted` says so is begun, read, and searched."""


def kind_of(config: Config) -> Kind:
    """The kind of learner that settings ask for."""
    return next(kind for kind in KINDS if kind.is_wanted(config))
