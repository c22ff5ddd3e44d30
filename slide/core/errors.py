"""What can go wrong, each with one sentence: what, got, expected, remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_by_options: ContextVar[bool] = ContextVar("by_options", default=False)


@contextmanager
def by_options() -> Iterator[None]:
    """Within it sentences speak of options, as whoever types a command knows them."""
    token = _by_options.set(True)
    try:
        yield
    finally:
        _by_options.reset(token)


def worded(python: str, options: str) -> str:
    """What to say in Python, or on the command line."""
    return options if _by_options.get() else python


def said(name: str, value: object = None) -> str:
    """A setting or argument as it is given: `batch_size=64`, or `--batch-size 64`."""
    option = f"--{name.replace('_', '-')}"
    if value is None:
        return worded(name, option)
    return worded(f"{name}={value!r}", f"{option} {value}")


def said_anew() -> str:
    """How to leave the checkpoints of an interrupted run behind."""
    return worded("fresh=True", "--overwrite")


LONGEST_QUOTE = 60  # characters that are quoted of what a file says
LONGEST_REASON = 200  # characters that are quoted of what Python or a library says


def reason_of(error: Exception) -> str:
    """Why a file is damaged: one line, and not a long one, whatever of the file it quotes."""
    said = f"lacks {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(said.split())[:LONGEST_REASON]


def quoted(value: object) -> str:
    """What a file says, in a few words, however much that is."""
    return repr(value)[:LONGEST_QUOTE]


class SlideError(Exception):
    """Bad usage or bad input. The command line prints the sentence and exits with code 2."""


class SlideWarning(UserWarning):
    """What is not as wished, but goes on. The command line prints the sentence on stderr."""


class ConfigError(SlideError):
    """A setting that is out of range, or settings that contradict each other."""


class MismatchError(ConfigError):
    """A run that goes on is asked for otherwise than it was begun."""


class BackendError(SlideError):
    """A backend that is unknown, unavailable, broken or registered twice."""


class ModelError(SlideError):
    """A model folder that is missing, in the way, damaged, or does not fit the data."""


class InputError(SlideError, ValueError):
    """An array, or a matrix of arrays, that was handed over in Python and is none of its kind."""


class CheckError(SlideError):
    """A kernel whose result is wrong, found in a run with SLIDE_CHECK=1; exit code 1.

    Args:
        message: which call, and where it is wrong.
        snippet: Python that shows it again, which a traceback ends with.
    """

    def __init__(self, message: str, snippet: str) -> None:
        self.snippet = snippet
        super().__init__(message)
        self.add_note(snippet)


FAULTS = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
    ConfigError,
)  # fmt: skip
"""What is raised where something in a file is not what it is taken for: see `reason_of`."""


class DataError(SlideError):
    """A data file that cannot be read as what it says it is.

    Args:
        message: what was got, what was expected, and the remedy.
        path: the file.
        line: 1-based line number, where the fault has one.
    """

    def __init__(self, message: str, path: str | Path, line: int | None = None) -> None:
        self.message = message
        self.path = str(path)
        self.line = line
        where = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{where}: {message}")
