"""Tables of what can be extended, and the sentence where one of them lacks an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from slide.core.errors import BackendError

Key = TypeVar("Key")
Entry = TypeVar("Entry")


def entry(table: Mapping[Key, Entry], key: Key, what: str, module: str) -> Entry:
    """table[key].

    Args:
        table: by the names of losses, say, or by the classes of optimizers.
        key: which one is wanted.
        what: what the keys are, for the sentence.
        module: `__name__` of the module that has the table.

    Raises:
        BackendError: there is no such entry.
    """
    if key not in table:
        name = key.__name__ if isinstance(key, type) else key
        raise lacking(what, str(name), module)
    return table[key]


def lacking(what: str, name: str, module: str) -> BackendError:
    """The sentence that a module does not know what others do."""
    path = module.replace(".", "/") + ".py"
    return BackendError(f"{what} {name!r} is unknown to {path}: add it there (docs/extending)")
