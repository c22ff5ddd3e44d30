"""A failure as Python that shows it again: the arguments and the call, then what is said of it.

Small arguments are written out. Others, and what a judge draws besides, are drawn anew from the
choices that were made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slide.core.contract.backend import KERNELS
from slide.reference.cases import Case
from slide.reference.cases.choices import Choice, ReplayedChoices
from slide.reference.cases.written import is_short
from slide.reference.falsifying import Failure
from slide.reference.judging import N_THREADS
from slide.reference.properties import PROPERTIES


def snippet_of(name: str, failure: Failure) -> str:
    """The call that failed in a property of that name; empty where nothing could be drawn."""
    case, choices = failure.case, failure.choices
    if case is None or choices is None:
        return ""
    prop, is_told = PROPERTIES[name], is_short(case.arguments) and case.kernel in KERNELS
    if is_told and not prop.draws and not prop.in_turn:
        arguments = ", ".join(case.names)
        lines = [  # judged before the call, which may write to its arguments
            case.assignments,
            f'print(judged(backend, "{name}", "{case.kernel}", {arguments}))',
            case.call,
        ]
        return "\n".join(lines)
    lines = [
        f"# {case}",
        f'cell = "{case.kernel}", "{name}"',
        f"choices = {choices.largest, *choices.made}",
        f"{', '.join(case.names)}, = redrawn(cell, choices).arguments",
        case.call,
        "print(judged_again(backend, cell, choices))",
    ]
    return "\n".join(lines)


def redrawn(cell: tuple[str, str], choices: Sequence[Choice]) -> Case:
    """The case that these choices make.

    Args:
        cell: kernel and property.
        choices: the bound on sizes, and what was chosen.

    Raises:
        ValueError: they are not those of such a case.
    """
    kernel, name = cell
    return PROPERTIES[name].draw_case(kernel, PROPERTIES[name].numbers(replay(choices)))


def judged_again(backend: Any, cell: tuple[str, str], choices: Sequence[Choice]) -> str:
    """What is said of a backend for the case that these choices make; empty if it is right."""
    kernel, name = cell
    prop = PROPERTIES[name]
    draw = prop.numbers(replay(choices))
    backend.set_threads(N_THREADS)
    return prop.judge(backend, prop.draw_case(kernel, draw), draw).sentence


def judged(backend: Any, name: str, kernel: str, *arguments: Any) -> str:
    """What is said of a backend for arguments that are written out; empty if it is right.

    Args:
        backend: to be called.
        name: of a property whose judge draws nothing.
        kernel: to be called.
        arguments: of the kernel, on the host.
    """
    prop = PROPERTIES[name]
    backend.set_threads(N_THREADS)
    return prop.judge(backend, Case(kernel, arguments), prop.numbers(replay((1, 0)))).sentence


def replay(choices: Sequence[Choice]) -> ReplayedChoices:
    """The choices once more; the first one is the bound on sizes."""
    largest, *made = choices
    assert isinstance(largest, int)
    return ReplayedChoices(made, largest)
