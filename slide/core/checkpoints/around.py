"""Writing from memory to the disk around the cache of the system, where it knows how.

A checkpoint is read once or never: in the cache it would take room from data that training reads,
and two cores as long as a second to be put there.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress


def write_all(number: int, data: memoryview) -> None:
    """Write bytes; those that cannot go around the cache, the last of a file, go through it.

    Args:
        number: of an open file.
        data: from the beginning of a page on.

    Raises:
        OSError: the operating system refuses.
    """
    while len(data):
        try:
            data = data[os.write(number, data) :]
        except OSError as error:
            if error.errno != errno.EINVAL or not switch(number, False):
                raise


def switch(number: int, on: bool) -> bool:
    """Go around the cache from now on, or through it; whether that is a change."""
    direct = getattr(os, "O_DIRECT", 0)
    if not direct:
        return False
    import fcntl

    flags = fcntl.fcntl(number, fcntl.F_GETFL)
    if bool(flags & direct) == on:
        return False
    with suppress(OSError):  # file systems in memory have no disk to go to
        fcntl.fcntl(number, fcntl.F_SETFL, flags ^ direct)
        return True
    return False
