"""Install each peer into its own environment: `python -m bench.rivals.peers.install`.

They go to out/peers/env/NAME, with what pip said in NAME.log beside it. One that cannot be
installed is told in one sentence and left out of the comparison.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from bench.rivals.peers.environments import PACKAGES, TORCH, folder_of, python_of, version_of


def install(name: str) -> str:
    """Install one peer unless it is there; how that went, in a sentence."""
    if version := version_of(name):
        return f"{name} {version} is installed."
    folder = folder_of(name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_name(f"{name}.log")
    with log.open("w", encoding="utf-8") as output:
        for command in commands(name, folder):
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                return (
                    f"{name} could not be installed and is left out ({last_line(log)}): see {log}"
                )
    return f"{name} {version_of(name)} is now installed."


def commands(name: str, folder: Path) -> list[list[str]]:
    """A fresh environment, then pip, which may choose no torch but ours."""
    constraints = folder.with_name("constraints.txt")
    constraints.write_text(TORCH + "\n", encoding="utf-8")
    pip = [str(python_of(name)), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    return [
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        *([*pip, "--constraint", str(constraints), *packages] for packages in PACKAGES[name]),
    ]


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PACKAGES))
    names = parser.parse_args().names or list(PACKAGES)
    if unknown := set(names) - set(PACKAGES):
        parser.error(f"no peer named {', '.join(sorted(unknown))}: expected {', '.join(PACKAGES)}")
    for name in names:
        print(install(name), flush=True)


if __name__ == "__main__":
    main()
