"""Runs that are killed, also while they write a checkpoint, and go on to the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TIMES = os.environ.get("SLIDE_FAULTS", "3")
WANTED = "SLIDE_FAULTS" in os.environ  # by `make faults`
BACKENDS = [
    "numba",
    pytest.param("reference", marks=[] if WANTED else [pytest.mark.slow]),
    *(["processes", "hogwild"] if WANTED else []),
]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child is a copy of its parent")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_is_killed_goes_on_to_the_same_bits(backend):
    program = [sys.executable, TESTS / "killing.py", TIMES, backend]
    done = subprocess.run(program, text=True, capture_output=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[2:]
    assert len(lines) == (4 if backend == "hogwild" else 8)
    assert all(line.endswith(("| yes |", "| not claimed |")) for line in lines)
