"""Options of commands made from settings, so that each is written down once: beside its bounds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from slide.cli.options import given
from slide.core.errors import ConfigError, said
from slide.core.learners.config import Config, a_setting, all_known, meant_by
from slide.core.settings.setting import Setting

Command = Callable[..., None]


def takes_settings(parameter: str, settings: list[list[Setting]]) -> Callable[[Command], Command]:
    """A command with an option for each setting in place of `parameter`, which gets a dict.

    Args:
        parameter: of the command; those settings that were given come to it by name.
        settings: each as all that have its name declare it.
    """

    def decorated(command: Command) -> Command:
        named = {each[0].name: each for each in settings}
        own = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for each in own.parameters.values():
            options = [option_of(same) for same in named.values()]
            parameters += options if each.name == parameter else [each]

        @wraps(command)
        def run(**arguments: Any) -> None:
            chosen = {name: arguments.pop(name) for name in named}
            values = {name: value_of(named[name], value) for name, value in given(chosen).items()}
            command(**arguments, **{parameter: values})

        keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        run.__signature__ = own.replace(parameters=keyword)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in keyword}
        return run

    return decorated


def option_of(same: list[Setting]) -> inspect.Parameter:
    """The option of a setting."""
    first = same[0]
    name = first.name.replace("_", "-")
    is_list = get_origin(first.kind) is tuple
    option = typer.Option(
        f"--{name}/--no-{name}" if first.kind is bool else f"--{name}",
        help=first.help[0].upper() + first.help[1:] + ("; 0 for none." if is_list else "."),
        metavar="N[,N..]" if is_list else None,
        rich_help_panel=first.title,
    )
    kind = str if is_list else Literal[tuple(names_of(same))] if names_of(same) else first.kind
    return inspect.Parameter(
        first.name, inspect.Parameter.KEYWORD_ONLY, default=None,
        annotation=Annotated[kind | None, option],
    )  # fmt: skip


def names_of(same: list[Setting]) -> list[str]:
    """The names that any of these settings may have for a value, if they have names."""
    return list(
        dict.fromkeys(
            name
            for each in same
            if get_origin(each.kind) is Literal
            for name in get_args(each.kind)
        )
    )


def common_settings() -> list[list[Setting]]:
    """Those that `slide train` has an option for, in the order of the parts."""
    return [same for same in all_known().values() if any(each.is_common for each in same)]


def assigned(assignments: list[str]) -> dict[str, Any]:
    """Settings from `--set NAME=VALUE`, by their types.

    Raises:
        ConfigError: there is no such setting.
    """
    known, settings = all_known(), {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or name not in known:
            meant = meant_by(name) if equals else None
            names = f"expected NAME=VALUE with the name of {a_setting(name)}"
            instead = f"did you mean {meant}={text}?" if meant else names
            raise ConfigError(f"--set got {assignment!r}: {instead}")
        if name in settings:
            raise ConfigError(f"--set got {name} twice: leave one of them out")
        settings[name] = value_of(known[name], text)
    return settings


def all_chosen(chosen: dict[str, Any], assignments: list[str] | None) -> dict[str, Any]:
    """Settings by options and by `--set`, which some learner has together.

    Raises:
        ConfigError: one is malformed or said twice, or no learner has them all.
    """
    settings = together(chosen, assigned(assignments or []))
    Config(**settings)
    return settings


def together(chosen: dict[str, Any], assignments: dict[str, Any]) -> dict[str, Any]:
    """What options and what `--set` said.

    Raises:
        ConfigError: both said the same setting.
    """
    for name in sorted(set(chosen) & set(assignments)):
        raise ConfigError(f"{name} is said by {said(name)} and by --set: leave one of them out")
    return chosen | assignments


def value_of(same: list[Setting], value: Any) -> Any:
    """What a setting is to be: a text stands for something of its type, if it is one."""
    kind = same[0].kind
    if not isinstance(value, str):
        return value
    if get_origin(kind) is tuple:
        return widths(same[0].name, value)
    for number in (float, int):  # or None, which nobody needs to say
        kind = number if number in get_args(kind) else kind
    if kind is bool:
        return {"true": True, "false": False}.get(value.lower(), value)
    try:
        return kind(value) if kind in (int, float) else value
    except ValueError:
        return value  # whoever makes the settings says what was expected


def widths(name: str, text: str) -> tuple[int, ...]:
    """The numbers of `--hidden 128,64`, one for each layer; 0 stands for no layer.

    Raises:
        ConfigError: it is no list of whole numbers.
    """
    if text == "0":
        return ()
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"{said(name)} is {text!r}: expected whole numbers with commas between them, such as "
            "128,64"
        ) from None
