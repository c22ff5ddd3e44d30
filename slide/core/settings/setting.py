"""How settings are declared: type, default, bounds and help beside each other, once.

A *part* is a frozen dataclass of settings that are read together, or of other parts. Each field is
made by `whole`, `number`, `choice`, `flag`, `widths` or `fixed`; the command line, the page
docs/settings.md and all refusals are made from what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache, partial
from typing import Any, ClassVar, Self, cast, get_args, get_origin, get_type_hints

import numpy as np

from slide.core.errors import ConfigError, said
from slide.core.settings.demands import (
    close_to,
    demand_bool,
    demand_float,
    demand_int,
    demand_ints,
    demand_one_of,
    demand_power_of_two,
    did_you_mean,
)

KEY = "setting"  # in the metadata of a field
MOST_LAYERS = 16


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Args:
        name: on the command line, in Python and in config.json.
        kind: its type: int, float, bool, a Literal of strings, or a tuple of ints.
        default: its value if nobody says another.
        bounds: the values that may be, in words.
        help: what it does, in a clause.
        demand: raises ConfigError, given name and value, unless a value may be.
        is_common: whether `slide train` has an option of its own for it; `--set` reaches all.
        is_fixed: whether there is one value alone, by the nature of the learner.
        before: its value in models that are older than the setting.
        title: of its part.
    """

    name: str
    kind: Any
    default: Any
    bounds: str
    help: str
    demand: Callable[[str, object], None]
    is_common: bool
    is_fixed: bool
    before: Any
    title: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What a field says of its setting beside type and default: see `Setting`."""

    bounds: str
    help: str
    demand: Callable[[str, object], None] | None
    is_common: bool = False
    is_fixed: bool = False
    before: Any = None

    def of_type(self, kind: Any) -> tuple[str, Callable[[str, object], None]]:
        """Bounds and the check of them, which the type has where they are its names."""
        if self.demand is None:
            return ", ".join(get_args(kind)), partial(demand_one_of, known=get_args(kind))
        return self.bounds, self.demand


class Part:
    """What all parts have: each setting is checked when the object is made."""

    __slots__ = ()
    title: ClassVar[str]

    def __new__(cls, *given: Any, **said: Any) -> Self:
        """Refuse what is no setting by a sentence; what is one comes to `__init__`."""
        refuse_unknown(cls.__name__, said, [each.name for each in fields(cast(Any, cls))])
        return super().__new__(cls)

    def __post_init__(self) -> None:
        demand_all(self)


def refuse_unknown(what: str, said: Iterable[str], known: Iterable[str]) -> None:
    """Raise ConfigError if a name that is said is not known."""
    names = sorted(known)
    for name in said:
        if name not in names:
            meant = did_you_mean(name, names) if close_to(name, names) else ""
            raise ConfigError(
                f"{what} has no setting {name!r}: {meant or 'expected ' + ', '.join(names)}"
            )


def whole(default: int, low: int, high: int, help: str, common: bool = False) -> Any:
    """A whole number in [low, high]."""
    demand = partial(demand_int, low=low, high=high)
    bounds = f"{spelled(low)} to {spelled(high)}"
    return field(default=default, metadata={KEY: Declared(bounds, help, demand, common)})


def maybe_whole(low: int, high: int, help: str, common: bool = False) -> Any:
    """A whole number in [low, high], or None for one that whoever reads it decides."""

    def demand(name: str, got: object) -> None:
        if got is not None:
            demand_int(name, got, low, high)

    bounds = f"{spelled(low)} to {spelled(high)}"
    return field(default=None, metadata={KEY: Declared(bounds, help, demand, common)})


def number(default: float, low: float, high: float, help: str, common: bool = False) -> Any:
    """A number in [low, high]."""
    demand = partial(demand_float, low=low, high=high)
    return field(
        default=default, metadata={KEY: Declared(f"{low:g} to {high:g}", help, demand, common)}
    )


def maybe_number(low: float, high: float, help: str, common: bool = False) -> Any:
    """A number in [low, high], or None for one that training chooses."""

    def demand(name: str, got: object) -> None:
        if got is not None:
            demand_float(name, got, low, high)

    return field(
        default=None, metadata={KEY: Declared(f"{low:g} to {high:g}", help, demand, common)}
    )


def choice(default: str, help: str, common: bool = False) -> Any:
    """One of the names of the field's type, a Literal."""
    return field(default=default, metadata={KEY: Declared("", help, None, common)})


def flag(default: bool, help: str, common: bool = False) -> Any:
    """True or False."""
    return field(
        default=default, metadata={KEY: Declared("true, false", help, demand_bool, common)}
    )


def power_of_two(default: int, low: int, high: int, help: str) -> Any:
    """A power of two in [low, high]."""
    demand = partial(demand_power_of_two, low=low, high=high)
    bounds = f"a power of two from {spelled(low)} to {spelled(high)}"
    return field(default=default, metadata={KEY: Declared(bounds, help, demand)})


def widths(
    default: tuple[int, ...], low: int, high: int, help: str, least: int = 0, common: bool = False
) -> Any:
    """A whole number in [low, high] for each layer, of which there are at least `least`."""
    demand = partial(demand_ints, low=low, high=high, least=least, most=MOST_LAYERS)
    bounds = f"{spelled(low)} to {spelled(high)} each, {MOST_LAYERS} layers at most"
    return field(default=default, metadata={KEY: Declared(bounds, help, demand, common)})


def newer(before: Any, made: Any) -> Any:
    """A setting, as `whole` and its like make it, that was `before` in models which lack it."""
    declared = replace(made.metadata[KEY], before=before)
    return field(default=made.default, metadata={KEY: declared})


def fixed(value: Any, help: str) -> Any:
    """What is so for every network of its kind, and may be said all the same."""
    demand = partial(demand_one_of, known=(value,))
    return field(default=value, metadata={KEY: Declared("", help, demand, is_fixed=True)})


def spelled(n: int) -> str:
    """A bound as people read it."""
    return f"2**{n.bit_length() - 1}" if n > 4096 and not n & (n - 1) else f"{n:,}"


def settings_of(part: type[Part]) -> dict[str, Setting]:
    """All settings of a part and of the parts in it, by name, in the order they are written."""
    return all_declared(cast(Any, part))


@cache
def all_declared(part: Any) -> dict[str, Setting]:
    """The same, read once for each class."""
    return {setting.name: setting for setting in declared(part)}


def declared(part: type[Part]) -> Iterator[Setting]:
    """Of each field, or of each field of the part that it is."""
    for name, kind in get_type_hints(part).items():
        if get_origin(kind) is ClassVar:
            continue
        if is_part(kind):
            yield from declared(kind)
            continue
        own = next(each for each in fields(part) if each.name == name)  # type: ignore[arg-type]
        said: Declared = own.metadata[KEY]
        bounds, demand = said.of_type(kind)
        before = own.default if said.before is None else said.before
        yield Setting(
            name, kind, own.default, bounds, said.help, demand, said.is_common, said.is_fixed,
            before, part.title,
        )  # fmt: skip


def is_part(kind: Any) -> bool:
    """Whether the type of a field is that of a part."""
    return isinstance(kind, type) and issubclass(kind, Part)


def made(part: type[Part], values: dict[str, Any]) -> Any:
    """A part from flat values, of which those of other parts are left alone.

    Raises:
        ConfigError: a value is out of its range, or does not go with another.
    """
    given = {}
    for name, kind in get_type_hints(part).items():
        if is_part(kind):
            given[name] = made(kind, values)
        elif name in values:
            given[name] = values[name]
    return part(**given)


def flat(part: Any) -> dict[str, Any]:
    """All settings of a part and of the parts in it, by name."""
    found: dict[str, Any] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        found |= flat(value) if is_dataclass(value) else {each.name: value}
    return found


def demand_all(part: Part) -> None:
    """Raise ConfigError unless every setting of this part may have its value, made `plain`."""
    for name, setting in settings_of(type(part)).items():
        value = plain(setting.kind, getattr(part, name))
        object.__setattr__(part, name, value)
        setting.demand(said(name), value)


def plain(kind: Any, value: Any) -> Any:
    """A value as a setting of this type has it: NumPy's numbers as Python's, widths as a tuple.

    One width stands for one layer, and 0 for none, as on the command line.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if get_origin(kind) is not tuple:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,) if value else ()
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return tuple(plain(int, each) for each in value)
    return value
