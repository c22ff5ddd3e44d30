"""Addresses that modules had before there were rooms: packages that import them go on working.

Whoever imports one gets what the module of today has, and a DeprecationWarning with its address.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HERE = "slide.core."
MOVED = {
    **{
        name: f"contract.{name}"
        for name in (
            "arrays", "backend", "families", "losses", "optim", "sparse", "sparse_kernels",
        )
    },
    "hashing": "contract.tables",
    "timing": "contract.timed",
    "dataset": "examples.dataset",
    "metrics": "examples.metrics",
    "config": "learners.config",
    "recipe": "learners.recipe",
    "inputs": "direct.inputs",
    "layers": "sampled.layers",
    "network": "sampled.network",
    "retrieval": "sampled.retrieval",
    "model": "models.model",
    "trainer": "runs.trainer",
}  # fmt: skip
NAMES: dict[str, dict[str, Any]] = {
    "config": {"DIRECT": {"sampler": "index", "scope": "example", "optimizer": "adagrad"}},
}
"""What has no address any more: `Config(hidden=())` says by itself what stood in `DIRECT`."""


class Moved(MetaPathFinder, Loader):
    """Finds the modules of the table, after all others have found nothing."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stands for another one."""
        is_moved = fullname.removeprefix(HERE) in MOVED and fullname.startswith(HERE)
        return ModuleSpec(fullname, self) if is_moved else None

    def exec_module(self, module: ModuleType) -> None:
        """Let it have all names of the module of today."""
        name = module.__name__.removeprefix(HERE)
        address = HERE + MOVED[name]
        warnings.warn(f"{HERE}{name} is {address} now", DeprecationWarning, stacklevel=2)
        today = import_module(address)
        module.__dict__.update(
            {key: value for key, value in vars(today).items() if key[:2] != "__"}
        )
        module.__dict__.update(NAMES.get(name, {}))


def install() -> None:
    """Have the import system ask for them, once."""
    if not any(isinstance(finder, Moved) for finder in sys.meta_path):
        sys.meta_path.append(Moved())
