"""How a model is frozen: whoever computes for frozen models says so, as core does not know them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Freeze = Callable[[Any, Any, Any, Any, Any], Any]
_freezes: list[Freeze] = []


def freezes_models(freeze: Freeze) -> Freeze:
    """Let this function, freeze from now on, given what `Model.freeze` takes."""
    _freezes.append(freeze)
    return freeze


def frozen(model: Any, folder: Any, dtype: Any, keep: Any, overwrite: Any) -> Any:
    """What the last such function makes of a model."""
    return _freezes[-1](model, folder, dtype, keep, overwrite)
