"""Whether what a folder has is its own: whoever made it may have put a link there to harm."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_no_file(path: Path) -> bool:
    """Whether this name is there, and no file of the folder's own.

    A link may lead to what somebody else may read, or write, and the folder's writer may not, and a
    pipe or a device has no end. The folder itself may be a link.
    """
    return os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode)
