"""Train and serve networks with huge output layers on CPUs, computing only neurons that matter."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from slide.backends import load as load_backend
from slide.core.contract.arrays import CSR
from slide.core.errors import (
    BackendError,
    ConfigError,
    DataError,
    InputError,
    ModelError,
    SlideError,
    SlideWarning,
)
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.examples.texts import TextFeatures
from slide.core.learners.config import Config
from slide.core.learners.recipe import recipe
from slide.core.models.model import Model
from slide.core.models.probabilities import UncalibratedWarning
from slide.core.models.unseen import UnseenWarning
from slide.core.runs.trainer import Trainer
from slide.core.settings.plan import Plan
from slide.data import load_demo, read, read_texts, write
from slide.default import open_backend as _open_backend  # noqa: F401 - for `backend=None`
from slide.estimator.fitting import fit

if TYPE_CHECKING:
    from slide.estimator.classifier import SlideClassifier
    from slide.serving.predictor import Predictor

__version__ = "0.1.0"

LAZY = {"Predictor": "slide.serving.predictor"}
"""What is imported when first asked for, as it brings the compiler along."""

__all__ = [
    "CSR",
    "BackendError",
    "Config",
    "ConfigError",
    "DataError",
    "Dataset",
    "InputError",
    "Model",
    "ModelError",
    "Names",
    "Plan",
    "Predictor",
    "SlideClassifier",
    "SlideError",
    "SlideWarning",
    "TextFeatures",
    "Trainer",
    "UncalibratedWarning",
    "UnseenWarning",
    "fit",
    "load_backend",
    "load_demo",
    "read",
    "read_texts",
    "recipe",
    "write",
]
if find_spec("sklearn") is None:  # `from slide import *` takes what can be had
    __all__.remove("SlideClassifier")


def __getattr__(name: str) -> Any:
    """What is imported when first asked for: what brings the compiler along, or needs an extra."""
    if name == "SlideClassifier":
        from slide.estimator.missing import classifier

        return classifier()
    if name not in LAZY:
        raise AttributeError(f"module 'slide' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(LAZY[name]), name)
    return value
