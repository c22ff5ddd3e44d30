"""The page of commands, from what the command line itself is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby
from typing import Any, Literal, get_args, get_origin

PAGE = "reference/commands.md"
MARK = "<!-- commands -->"
KINDS = {"int": "INTEGER", "float": "NUMBER", "str": "TEXT", "Path": "PATH"}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Write all commands where that page says so."""
    return markdown.replace(MARK, text_of_all()) if page.file.src_uri == PAGE else markdown


def text_of_all() -> str:
    """A section for each command, Markdown."""
    import typer

    from slide.cli import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return "\n".join(line for name in commands for line in section(name, commands[name]))


def section(name: str, command: Any) -> Iterator[str]:
    """What `--help` tells of a command, as text and a table for each group of options."""
    parameters = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in parameters if each.param_type_name == "argument"]
    options = [each for each in parameters if each.param_type_name == "option"]
    words = " ".join(["slide", name, *map(shown, arguments), *(["[OPTIONS]"] if options else [])])
    yield from (f"## slide {name}", "", f"```text\n{words}\n```", "", command.help or "", "")
    yield from table("argument", arguments)
    options.sort(key=panel)  # stable: groups stand together, in the order of the help within
    for title, group in groupby(options, panel):
        yield from table(title or "option", group)


def panel(option: Any) -> str:
    """The group that an option belongs to; "" of those that come first."""
    return getattr(option, "rich_help_panel", None) or ""


def shown(argument: Any) -> str:
    """An argument as it stands in a call."""
    name = argument.metavar or argument.name.upper()
    name += "..." if argument.nargs < 0 else ""
    return name if argument.required else f"[{name.removeprefix('[').removesuffix(']')}]"


def table(title: str, parameters: Iterable[Any]) -> Iterator[str]:
    """A line for each, and nothing if there are none."""
    lines = [line(each) for each in parameters]
    if lines and title == "argument":
        yield from ("| argument | |", "|---|---|", *lines, "")
    elif lines:
        yield from (f"| {title} | values | |", "|---|---|---|", *lines, "")


def line(parameter: Any) -> str:
    """Its names, what it takes, and its help."""
    if parameter.param_type_name == "argument":
        return f"| `{shown(parameter)}` | {told(parameter)} |"
    called = " ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return f"| {called} | {values(parameter)} | {told(parameter)} |"


def values(option: Any) -> str:
    """What an option takes: nothing, one of some words, or a value of a kind."""
    descriptor = getattr(option, "type_descriptor", None)
    kind = descriptor.annotation if descriptor else option.type  # older releases of Typer: Click's
    if option.is_flag or kind is bool:
        return ""
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    is_choice = get_origin(kind) is Literal
    words = [each.value for each in kind] if is_enum else get_args(kind) if is_choice else ()
    words = words or getattr(kind, "choices", ())
    if words:
        return " ".join(f"`{word}`" for word in words)
    name = getattr(kind, "__name__", None) or kind.name
    return f"`{option.metavar or KINDS.get(name, name.upper())}`".replace("|", r"\|")


def told(parameter: Any) -> str:
    """Its help, with its default where there is one."""
    text = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", r"\|")
    default = parameter.default
    has_one = parameter.param_type_name == "option" and default not in (None, False, (), [], ...)
    if has_one and not callable(default) and parameter.show_default:
        text += f" Default: `{getattr(default, 'value', default)}`."
    return text
