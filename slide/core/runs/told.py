"""What a run tells of itself beside its epochs: run.json in the folder of its model.

Where it ran, with which versions, what its seconds went into, and how good the model that it left
is on examples that it was not trained on. `slide report` reads it; a model does without.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from slide.core import machine
from slide.core.models.folder import RUN
from slide.core.models.origin import version
from slide.core.models.stored import refusing_writes

PACKAGES = ("numpy", "scipy", "numba", "llvmlite")


def write_told(folder: Path, told: Mapping[str, Any]) -> None:
    """Write run.json into the folder of a model.

    Raises:
        ModelError: the operating system refuses.
    """
    with refusing_writes(folder):
        (folder / RUN).write_text(json.dumps(told) + "\n", encoding="utf-8")


def here() -> dict[str, Any]:
    """This machine, and versions of what computes: `machine` and `versions` of run.json."""
    memory = machine.memory()
    return {
        "machine": {
            "cpu": machine.cpu_model(),
            "cores": machine.cores(),
            "memory_bytes": memory if math.isfinite(memory) else None,
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {
            "slide": version(),
            "python": platform.python_version(),
            **versions_of(*PACKAGES),
        },
    }


def versions_of(*packages: str) -> dict[str, str]:
    """Of those that say theirs: at the end of a run nothing may fail for want of one."""
    found = {}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
