"""What can go wrong, each with one sentence: what, got, expected, remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path

Spelling = Callable[[str, object], str]


def as_option(name: str, value: object = None) -> str:
    """A setting or argument as an option of its own."""
    word = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{word}" if value else f"--no-{word}"
    return f"--{word}" if value is None else f"--{word} {as_text(value)}"


def as_text(value: object) -> str:
    """A value as it is typed."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "0"
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_argument(name: str, value: object = None) -> str:
    """The same in Python."""
    return name if value is None else f"{name}={value!r}"


_spelling: ContextVar[Spelling] = ContextVar("spelling", default=as_argument)


@contextmanager
def by_options(spelling: Spelling = as_option) -> Iterator[None]:
    """Within it sentences speak of options, as whoever types a command knows them.

    Args:
        spelling: what a setting is called, by its name and value; None for a name alone.
    """
    token = _spelling.set(spelling)
    try:
        yield
    finally:
        _spelling.reset(token)


def by_names() -> AbstractContextManager[None]:
    """Within it they speak of settings by their names, as files have them."""
    return by_options(as_argument)


def worded(python: str, options: str) -> str:
    """What to say in Python, or on the command line."""
    return python if _spelling.get() is as_argument else options


def said(name: str, value: object = None) -> str:
    """A setting or argument as it is given: `lr=2.0`, `--lr 2.0`, or `--set probes=9`."""
    return _spelling.get()(name, value)


def said_anew() -> str:
    """How to leave the checkpoints of an interrupted run behind."""
    return worded("fresh=True", "--overwrite")


LONGEST_QUOTE = 60  # characters that are quoted of what a file says
LONGEST_REASON = 200  # characters that are quoted of what Python or a library says


def reason_of(error: Exception) -> str:
    """Why a file is damaged: one line, and not a long one, whatever of the file it quotes."""
    said = f"lacks {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(said.split())[:LONGEST_REASON]


def refused(error: OSError) -> str:
    """Why the operating system refuses, without the name of the file, which the sentence has."""
    return error.strerror or str(error).partition(":")[0]


def quoted(value: object) -> str:
    """What a file says, in a few words, however much that is."""
    return repr(value)[:LONGEST_QUOTE]


def a_type(value: object) -> str:
    """What kind of object it is: a list, an int."""
    name = type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


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
