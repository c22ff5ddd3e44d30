"""Where shards keep what they have: in folders beside the checkpoints of the run."""

from __future__ import annotations

import shutil
from pathlib import Path

from slide.core.checkpoints.shelf import Shelf


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
        shelf = Shelf(self.folder)
        needed = {int(path.name.split("-")[1]) for path in shelf.steps()} | {step}
        for number, path in shelf.of_shards().items():
            if number not in needed:
                shutil.rmtree(path, ignore_errors=True)
