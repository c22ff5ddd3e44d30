"""A test that fails prints what repeats it: the draw of Hypothesis, the call of a verification."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DRAWN = """
from hypothesis import given, reproduce_failure, settings, strategies as st

{repeated}
@settings(max_examples=200)
@given(st.lists(st.integers(0, 10**6), min_size=3))
def test_drawn(numbers):
    assert sum(numbers) < 12_345
"""
VERIFIED = """
from all_pass import assert_all_pass
from slide.reference.checks import check
from slide.reference.kernels import ReferenceBackend

class Wrong(ReferenceBackend):
    def spmm(self, z, w):
        return -super().spmm(z, w)

def test_verified():
    assert_all_pass([check(Wrong(), "spmm", "exact", 3, seed=7)], seed=7)
"""


def failing(folder, *options, **texts):
    """What pytest prints of tests that fail, with the settings of all tests."""
    for name, text in texts.items():
        (folder / f"test_{name}.py").write_text(text)
    outer = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    environment = outer | {"PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent)))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider",
               *options, *(f"test_{name}.py" for name in texts)]  # fmt: skip
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert f"{len(texts)} failed" in ran.stdout, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """As `make test` runs it, in a process of xdist."""
    drawn = DRAWN.format(repeated="")
    folder = tmp_path_factory.mktemp("printed")
    return failing(folder, "--numprocesses=1", drawn=drawn, verified=VERIFIED)


def test_a_draw_that_fails_is_told_with_the_line_that_repeats_it(printed, capsys):
    lines = re.findall(r"@reproduce_failure\('[\d.]+', b'[^']+'\)", printed)
    scope = {}
    exec(DRAWN.format(repeated=lines[0]), scope)
    with pytest.raises(AssertionError):
        scope["test_drawn"]()
    numbers = r"numbers=\[[^]]+\]"
    again = capsys.readouterr().out
    assert re.findall(numbers, again)[0] == re.findall(numbers, printed)[0]


def test_a_verification_that_fails_is_told_with_its_seed_and_call(printed):
    assert "spmm exact: fail. spmm(" in printed
    assert "seed 7" in printed
    call = printed.partition("from slide.reference.pasting import *\n")[2]
    assert "z = " in call
    assert "backend.spmm(z, w)" in call
