"""The learners that there are."""

from __future__ import annotations

from typing import Any

from slide.core.direct.kind import DIRECT
from slide.core.learner import Kind
from slide.core.sampled.kind import SAMPLED
from slide.core.settings.settings import Settings
from slide.core.svm.kind import SVM

KINDS: tuple[Kind, ...] = (SAMPLED, DIRECT, SVM)
"""All of them: the first is trained where nothing speaks for another (see `Kind.suits`)."""


def kind_of(settings: Settings[Any]) -> Kind:
    """The kind of learner whose settings these are."""
    return next(kind for kind in KINDS if type(settings.learner) is kind.settings)
