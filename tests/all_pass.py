"""Verifications that are to pass: what fails is told whole, for pytest cuts long values."""

import pytest


def assert_all_pass(checks, seed=0):
    """Fail with each check that is not `pass`: its sentence, the seed, and the call to paste."""
    told = [
        f"{one.kernel} {one.property}: {one.outcome}. {one.message}\n"
        f"after {one.examples} examples of seed {seed}\n"
        f"from slide.reference.pasting import *\n{one.snippet}"
        for one in checks
        if one.outcome != "pass"
    ]
    if told:
        pytest.fail("\n\n".join(told), pytrace=False)
