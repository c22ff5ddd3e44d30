"""The environments of the peers: what pip installs into each, and what is installed already.

Versions are pinned, so that a table says what it compares with. PECOS takes its torch first and by
name: left to itself, pip would fetch a build for graphics cards.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path

from bench import ROOT

OUT = ROOT / "out" / "peers"
TORCH = "torch==2.13.0"
PACKAGES: dict[str, list[list[str]]] = {
    "omikuji": [["omikuji==0.5.2", "numpy", "scipy"]],
    "pecos": [[TORCH], ["libpecos==1.2.8", "numpy", "scipy"]],
    "napkinxc": [["napkinxc==0.7.2", "numpy", "scipy"]],
    "torch": [[TORCH, "numpy", "scipy"]],
}
"""By environment: the packages of one call of pip after the other."""

DISTRIBUTIONS = {
    "omikuji": "omikuji",
    "pecos": "libpecos",
    "napkinxc": "napkinxc",
    "torch": "torch",
}
"""By environment: the package whose version is the peer's."""


def folder_of(environment: str) -> Path:
    return OUT / "env" / environment


def python_of(environment: str) -> Path:
    return folder_of(environment) / "bin" / "python"


def version_of(environment: str) -> str | None:
    """The version installed, or None."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder_of(environment) / "lib" / version / "site-packages"
    found = distributions(name=DISTRIBUTIONS[environment], path=[str(packages)])
    return next((distribution.version for distribution in found), None)
