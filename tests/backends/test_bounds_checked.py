"""The compiled loops, with every index checked: Numba leaves that out unless it is told."""

import os
import subprocess
import sys

import pytest

BEYOND = """
import numpy as np
from slide.backends.threads.compiling import compiled

@compiled
def last_of(x):
    return x[len(x)]

last_of(np.zeros(3))
"""


def checked(folder, *command):
    """A process whose kernels are compiled anew, with checks, into a folder of their own."""
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.slow
def test_a_planted_read_beyond_the_end_is_found(tmp_path):
    (tmp_path / "beyond.py").write_text(BEYOND)  # a file, for kernels are kept by file
    ended = checked(tmp_path, tmp_path / "beyond.py")
    assert ended.returncode == 1
    assert "IndexError: index is out of bounds" in ended.stderr


@pytest.mark.slow
def test_no_kernel_leaves_its_arrays(tmp_path):
    """All kernels on all that `slide verify` draws, and on the structures that it makes."""
    ended = checked(tmp_path, "-m", "slide", "verify", "numba", "--examples", "2", "--json")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert "out of bounds" not in ended.stdout + ended.stderr
    assert any(tmp_path.rglob("*.nbc"))  # it did compile them anew
