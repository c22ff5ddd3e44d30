"""Train and serve networks with huge output layers on CPUs, computing only neurons that matter.

What there is, is imported when it is first asked for: `import slide` takes no time, and the `slide`
command hears Ctrl-C from its beginning.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from slide.default import open_backend as _open_backend  # noqa: F401 - for `backend=None`

if TYPE_CHECKING:
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
    from slide.estimator.classifier import SlideClassifier
    from slide.estimator.fitting import fit
    from slide.report.tensorboard import TensorBoard
    from slide.serving.predictor import Predictor

__version__ = "0.1.0"

_ERRORS = "slide.core.errors"
PLACES = {
    "CSR": "slide.core.contract.arrays",
    "BackendError": _ERRORS,
    "Config": "slide.core.learners.config",
    "ConfigError": _ERRORS,
    "DataError": _ERRORS,
    "Dataset": "slide.core.examples.dataset",
    "InputError": _ERRORS,
    "Model": "slide.core.models.model",
    "ModelError": _ERRORS,
    "Names": "slide.core.examples.names",
    "Plan": "slide.core.settings.plan",
    "Predictor": "slide.serving.predictor",
    "SlideError": _ERRORS,
    "SlideWarning": _ERRORS,
    "TensorBoard": "slide.report.tensorboard",
    "TextFeatures": "slide.core.examples.texts",
    "Trainer": "slide.core.runs.trainer",
    "UncalibratedWarning": "slide.core.models.probabilities",
    "UnseenWarning": "slide.core.models.unseen",
    "fit": "slide.estimator.fitting",
    "load_backend": "slide.backends",
    "load_demo": "slide.data",
    "read": "slide.data",
    "read_texts": "slide.data",
    "recipe": "slide.core.learners.recipe",
    "write": "slide.data",
}
"""The module of each name."""
ROOMS = "backends", "core", "data", "estimator", "serving"

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
    "TensorBoard",
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
    """What is called so, from where it is."""
    if name == "SlideClassifier":
        from slide.estimator.missing import classifier

        return classifier()
    if name in ROOMS:  # with all that is in them and public, as if it had been imported at once
        for place in {*PLACES.values()}:
            import_module(place)
        return import_module(f"slide.{name}")
    if name not in PLACES:
        raise AttributeError(f"module 'slide' has no attribute {name!r}")
    there = "load" if name == "load_backend" else name
    value = globals()[name] = getattr(import_module(PLACES[name]), there)
    return value


def __dir__() -> list[str]:
    """Of the names that there are, also those not yet asked for."""
    return sorted({*globals(), *__all__})
