"""Train and serve networks with huge output layers on CPUs, computing only neurons that matter."""

from slide.backends import load as load_backend
from slide.core.arrays import CSR
from slide.core.config import Config
from slide.core.dataset import Dataset
from slide.core.errors import BackendError, ConfigError, DataError, ModelError, SlideError
from slide.core.model import Model
from slide.core.recipe import recipe
from slide.core.trainer import Trainer
from slide.data import load_demo, read, write

__version__ = "0.1.0"

__all__ = [
    "CSR",
    "BackendError",
    "Config",
    "ConfigError",
    "DataError",
    "Dataset",
    "Model",
    "ModelError",
    "SlideError",
    "Trainer",
    "load_backend",
    "load_demo",
    "read",
    "recipe",
    "write",
]
