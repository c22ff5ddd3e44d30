"""Every cell of the grid kernel x property as an item of pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from threadpoolctl import threadpool_limits

from slide.core.contract.backend import KERNELS
from slide.core.errors import ConfigError
from slide.reference.checks import Check, check
from slide.reference.properties import GRID
from slide.testing.under_test import BackendUnderTest


def conformance(
    backend: str, examples: int = 25, seed: int = 0, inherited: Sequence[str] = ()
) -> Callable[..., None]:
    """A test function with one item for each check of `slide verify`, as `sddmm-exact`.

    An item fails with the sentence and the call that shows it, as Python to paste. It is skipped
    where nothing is the backend's own: a kernel that it takes from another one, by name (see
    `slide.backends.delegating`), or that it may inherit. All items share an instance.

    Args:
        backend: a registered name or `module:Class`.
        examples: of each check, at least 1.
        seed: of the examples, at least 0.
        inherited: kernels that may be the reference's own; another one fails if it is.

    Raises:
        ConfigError: an argument is out of range.
    """
    refuse_wrong(examples, seed, inherited)
    tested = BackendUnderTest(backend)
    cells = [
        pytest.param(kernel, name, id=f"{kernel}-{name}".replace(" ", "_"))
        for kernel, names in GRID.items()
        for name in names
    ]

    @pytest.mark.parametrize(("kernel", "name"), cells)
    def test_conformance(kernel: str, name: str) -> None:
        instance = tested.instance()
        with threadpool_limits(limits=1):  # BLAS with more threads has other last bits
            report_check(check(instance, kernel, name, examples, seed), backend, inherited)

    return test_conformance


def refuse_wrong(examples: int, seed: int, inherited: Sequence[str]) -> None:
    """Raise ConfigError if an argument of `conformance` is out of range."""
    if examples < 1 or seed < 0:
        raise ConfigError(
            f"conformance got examples={examples} and seed={seed}: expected examples of at least 1 "
            "and a seed of at least 0"
        )
    if unknown := [kernel for kernel in inherited if kernel not in KERNELS]:
        raise ConfigError(
            f"conformance got inherited={unknown}: expected kernels among {', '.join(KERNELS)}"
        )


def report_check(one: Check, backend: str, inherited: Sequence[str]) -> None:
    """Let the item pass, be skipped or fail; training is inherited if some kernel is."""
    if one.outcome == "pass":
        return
    allowed = one.kernel in inherited or (one.kernel not in KERNELS and inherited)
    if one.outcome == "taken" or (one.outcome == "inherited" and allowed):
        pytest.skip(f"{one.outcome}: {one.message}")
    pytest.fail(explained(one, backend), pytrace=False)


def explained(one: Check, backend: str) -> str:
    """Why a check is not passed, and the call to paste that shows it."""
    sentence = f"{one.kernel} {one.property}: {one.outcome}. {one.message}"
    if not one.snippet:
        return sentence
    lines = (
        "import slide",
        "from slide.reference.pasting import *",
        f"backend = slide.load_backend({backend!r})",
        one.snippet,
    )
    return "\n".join([sentence, "", *lines])
