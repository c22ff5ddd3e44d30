"""What features and labels are called; the name at place i is that of id i."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, overload

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arguments import items_of
from slide.core.contract.arrays import Array
from slide.core.errors import InputError

Name = str | int | float | bool
KINDS = (str, int, float, bool)
N_COMPARED = 2000  # names that a wrong one is compared with: more take seconds
N_GUESSES = 3


class Names(Sequence[Name]):
    """Distinct names of ids 0, 1, ..., as JSON has them: text, finite numbers, true and false.

    Args:
        values: the name of each id. Numbers of NumPy are those of Python. As in a dict 1, 1.0 and
            True are one name; "1" is another.

    Raises:
        InputError: one is of another type, is met twice, or is text that cannot be encoded.

    A sequence by id: `names[3]`, `name in names`. Nothing can be changed. Looking up takes constant
    time a name; the first look makes an index.
    """

    __slots__ = ("_ids", "_n", "_read", "_values")

    def __init__(self, values: Iterable[Any]) -> None:
        listed = items_of(values, "names", "a list of names")
        names = tuple(plain(value) for value in listed)
        refuse_unwritable(names)
        self._values: tuple[Name, ...] | None = names
        self._n = len(names)
        self._read: Callable[[], Sequence[Name]] | None = None
        self._ids: dict[Name, int] | None = None
        refuse_repeated(names, self._places)

    @classmethod
    def later(cls, n: int, read: Callable[[], Sequence[Name]]) -> Names:
        """So many names, which are read when one of them is first wanted.

        Args:
            n: how many.
            read: gives them; they are distinct.
        """
        names = cls(())
        names._n, names._read, names._values, names._ids = n, read, None, None
        return names

    @property
    def values(self) -> tuple[Name, ...]:
        """All names, by id."""
        if self._values is None:
            assert self._read is not None
            self._values, self._read = tuple(self._read()), None
        return self._values

    @property
    def _places(self) -> dict[Name, int]:
        if self._ids is None:
            self._ids = {name: i for i, name in enumerate(self.values)}
        return self._ids

    def of(self, ids: Any) -> list[Any]:
        """The names of ids.

        Args:
            ids: integers of any shape; -1, where a prediction has none, is None.

        Returns:
            Lists nested as the dimensions of ids.

        Raises:
            InputError: one has no name.
        """
        array = handed.refusing("ids", lambda: handed.as_array("ids", ids))
        if array.size and (array.dtype.kind not in "iu" or not within(array, self._n)):
            raise InputError(f"ids: expected whole numbers from 0 to {self._n - 1}, or -1 for none")
        nested: list[Any] = named(array.tolist(), self.values)
        return nested

    def ids(self, names: Iterable[Any]) -> Array:
        """The ids of names, i32 (n,).

        Raises:
            InputError: there is no such name; the sentence has the nearest ones.
        """
        listed = items_of(names, "names", "a list of names")
        found = [self.find(name) for name in listed]
        return np.array(found, np.int32)

    def find(self, name: Any) -> int:
        """The id of a name, or InputError."""
        place = self.get(name)
        if place is None:
            raise InputError(f"there is no name {name!r}: {self._guess(name)}")
        return place

    def get(self, name: Any) -> int | None:
        """The id of a name; None where there is none."""
        try:
            return self._places.get(name)
        except TypeError:  # it is a list, for instance
            return None

    def _guess(self, name: Any) -> str:
        """The names that are spelled most like one that is none."""
        near = self.nearest(name)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        some = ", ".join(map(repr, self.values[:N_GUESSES]))
        return f"expected one of {self._n} names, such as {some}" if some else "there are no names"

    def nearest(self, name: Any) -> list[Name]:
        """At most three names that are spelled like another."""
        wanted = spelled(name)
        near = ((spelled(each), each) for each in self.values)
        compared = dict(islice((pair for pair in near if is_near(pair[0], wanted)), N_COMPARED))
        return [compared[word] for word in difflib.get_close_matches(wanted, compared, N_GUESSES)]

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, place: int) -> Name: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Name, ...]: ...

    def __getitem__(self, place: int | slice) -> Name | tuple[Name, ...]:
        return self.values[place]

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None

    def __iter__(self) -> Iterator[Name]:
        return iter(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Names) and self._n == other._n and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __repr__(self) -> str:
        some = ", ".join(map(repr, self.values[:N_GUESSES]))
        return f"Names([{some}{', ...' if self._n > N_GUESSES else ''}])"

    def __reduce__(self) -> tuple[Any, ...]:
        return Names.later, (self._n, partial(tuple, self.values))


def plain(value: Any) -> Name:
    """A name of Python's own types, or InputError."""
    name = value.item() if isinstance(value, np.generic) else value
    if type(name) not in KINDS:
        raise InputError(
            f"a name is {value!r}: expected text, a number, True or False, which a model folder "
            "can hold"
        )
    if type(name) is float and not math.isfinite(name):
        raise InputError(f"a name is {name}: expected a finite number")
    return name  # type: ignore[no-any-return]


def refuse_unwritable(names: Sequence[Name]) -> None:
    """Raise InputError if one is text with half a character, which no file can hold."""
    for name in names:
        if isinstance(name, str) and not name.isascii():
            try:
                name.encode()
            except UnicodeEncodeError:
                raise InputError(
                    f"a name is {name!r}, which has half of a character (a lone surrogate): "
                    "mend the text"
                ) from None


def refuse_repeated(names: Sequence[Name], places: dict[Name, int]) -> None:
    """Raise InputError if two ids have one name."""
    if len(places) == len(names):
        return
    again = next(i for i, name in enumerate(names) if places[name] != i)
    name, other = names[again], places[names[again]]
    called = f"both called {name!r}"
    if type(names[other]) is not type(name):
        called = f"called {name!r} and {names[other]!r}, which are equal in Python"
    raise InputError(f"{again} and {other} are {called}: expected distinct names")


def within(ids: Array, n: int) -> bool:
    """Whether all are from -1 to n - 1."""
    return bool(ids.min() >= -1 and ids.max() < n)


def named(ids: Any, values: Sequence[Name]) -> Any:
    """Lists of ids, nested or not, with names in their places."""
    if isinstance(ids, list):
        return [named(each, values) for each in ids]
    return None if ids < 0 else values[ids]


def spelled(name: Any) -> str:
    """A name as text."""
    return name if isinstance(name, str) else repr(name)


def is_near(word: str, wanted: str) -> bool:
    """Whether a word may be one that was meant: it begins alike, and is about as long."""
    return abs(len(word) - len(wanted)) <= 3 and word[:1].lower() == wanted[:1].lower()
