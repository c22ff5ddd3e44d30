"""What core asks for and does not know: the backend of whoever names none, and frozen models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slide.core.contract.opening import opens_backends
from slide.core.machine import cores
from slide.core.models.freezing import freezes_models

if TYPE_CHECKING:
    from slide.core.contract.backend import Backend


@opens_backends
def open_backend(name: str | None) -> Backend:
    """The backend of this name, or the default one, on all cores that this process may use."""
    from slide.backends import load, use_threads

    backend = load(name)
    use_threads(backend, cores())
    return backend


@freezes_models
def freeze_model(model: Any, folder: Any, dtype: Any, keep: Any, overwrite: Any) -> Any:
    """See `Model.freeze`; kernels are imported when first wanted."""
    from slide.serving.predictor import Predictor

    return Predictor.freezing(model, folder, dtype, keep, overwrite)
