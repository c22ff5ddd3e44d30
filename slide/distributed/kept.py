"""Where shards keep what they have: in folders beside the checkpoints of the run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from slide.core.checkpoints.shelf import Shelf

FORM = re.compile(r"shards-(\d+)")


class Parts:
    """Folders of shards, by the step that they were kept after.

    Args:
        folder: of the run's checkpoints, which every machine sees by this name; None where it
            writes none.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def folder_of(self, step: int) -> Path:
        """For what shards have after this step."""
        assert self.folder is not None
        return self.folder / f"shards-{step:012d}"

    def prune(self, step: int) -> None:
        """Remove all but those of this step, and of checkpoints that there are."""
        assert self.folder is not None
        needed = {int(path.name.split("-")[1]) for path in Shelf(self.folder).steps()} | {step}
        for number, path in self.found():
            if number not in needed:
                shutil.rmtree(path, ignore_errors=True)

    def clear(self) -> None:
        """Remove all of them."""
        for _, path in self.found():
            shutil.rmtree(path, ignore_errors=True)

    def found(self) -> Iterator[tuple[int, Path]]:
        """Those that there are, and their steps."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in list(self.folder.iterdir()):
            if match := FORM.fullmatch(path.name):
                yield int(match[1]), path
