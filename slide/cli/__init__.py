"""The `slide` command: each subcommand is one short file here, without logic of its own.

`options`, `texts`, `logs`, `unseen`, `plans`, `keeping`, `resuming` and `distributed` are options
that several share, with what they stand for, and `training_files` reads what they name; `settings`
makes options of the fields of settings; `screen`, `watching`, `grid`, `findings`, `evidence`,
`speeds`, `counts`, `portrait`, `health` and `planned` are what is shown. On top of everything: no
other room may import it, and what only one command needs is imported when that command runs.
"""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, get_args

import typer
from rich.console import Console
from typer.models import OptionInfo

from slide.cli.backends import backends
from slide.cli.bench import bench
from slide.cli.convert import convert
from slide.cli.demo import demo
from slide.cli.doctor import doctor
from slide.cli.evaluate import evaluate
from slide.cli.explain import explain
from slide.cli.export import export
from slide.cli.freeze import freeze
from slide.cli.inspect import inspect
from slide.cli.plan import plan
from slide.cli.predict import predict
from slide.cli.report import report
from slide.cli.stats import stats
from slide.cli.train import train
from slide.cli.verify import verify
from slide.core.errors import (
    CheckError,
    ConfigError,
    SlideError,
    SlideWarning,
    Spelling,
    as_option,
    as_text,
    by_options,
)
from slide.core.interrupts import INTERRUPTS, Interrupted, resend_dropped_signal, unwrapping

app = typer.Typer(
    name="slide",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
INTERRUPTED = 130
PLAINLY = (
    (r"^Invalid value for '(--[\w-]+)(?: / [^']*)?': ", r"\1: "),
    (r"Value error, ", ""),
    (r"Input should be (?:a )?(?:valid )?", "expected a "),
    (r"expected a (?=[aeiou])", "expected an "),
    (r"expected a ((?:greater|less) than)", r"expected a number \1"),
    (r", unable to parse string as \w+ \w+", ""),
)
"""What usage errors say, by a pattern, and what is said instead."""
READER_LEFT = 141  # as of a program that SIGPIPE has ended: 1 would be a failed check


class Carried(Exception):  # noqa: N818, it is no error of its own
    """Takes what a command raised past Click, which has words of its own for some of it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def carrying(command: Callable[..., None]) -> Callable[..., None]:
    """The command; Click tells an EOFError as any interruption, and a broken pipe not at all."""
    spelling, own = spelling_of(command), signature(command, eval_str=True)
    for each in own.parameters.values():
        refuse_no_path(each)

    @wraps(command)
    def run(**arguments: Any) -> None:
        try:
            with by_options(spelling):
                command(**arguments)
        except (EOFError, OSError, Interrupted) as error:
            raise Carried(error) from None

    run.__signature__ = own  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in own.parameters.values()}
    return run


def refuse_no_path(parameter: Parameter) -> None:
    """Have an option or argument that is a path refuse "", which Python takes for this folder."""
    kind, *more = get_args(parameter.annotation)
    if not more or Path not in (kind, *get_args(kind), *chain(*map(get_args, get_args(kind)))):
        return

    def path(text: str | Path) -> Path:
        if not str(text):
            is_option = isinstance(more[0], OptionInfo)
            name = as_option(parameter.name) if is_option else more[0].metavar
            raise ConfigError(f"{name} is '', which is no name for a file or folder: expected one")
        return Path(text)

    more[0].parser = path


def spelling_of(command: Callable[..., None]) -> Spelling:
    """How a command takes a setting: by an option of its own, or by `--set`."""
    own = signature(command).parameters

    def spelled(name: str, value: object) -> str:
        if name in own or "assignments" not in own:
            return as_option(name, value)
        return f"--set {name}" if value is None else f"--set {name}={as_text(value)}"

    return spelled


def tell_version(is_wanted: bool) -> None:
    """Print which release it is, and leave."""
    if is_wanted:
        from slide import __version__

        print(f"slide {__version__}")
        raise typer.Exit


@app.callback()
def whole(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=tell_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Train and serve neural networks with very many labels on ordinary CPUs."""


COMMANDS = (
    train, evaluate, predict, freeze, inspect, explain, export, verify, bench, backends,
    convert, stats, report, plan, doctor, demo,
)  # fmt: skip
for command in COMMANDS:
    app.command()(carrying(command))


def main() -> NoReturn:
    """Run the command line; exit 0 done, 1 failed check, 2 bad usage or input, 130 interrupted.

    Where nobody reads the output any more, as `head` leaves, it ends without a word, with 141.
    """
    for name in INTERRUPTS:
        if signal.getsignal(name) is not signal.SIG_IGN:  # as nohup wants SIGHUP to be
            signal.signal(name, interrupt)
    resend_dropped_signal(KeyboardInterrupt, signal.SIGINT, interrupt)
    prepare_streams()
    Console.on_broken_pipe = tell_broken_pipe  # type: ignore[assignment]  # of help, tables
    warnings.showwarning = warning_sentence(warnings.showwarning)
    try:
        with unwrapping():
            code = run_app()
        sys.stdout.flush()
    except CheckError as error:
        leave(str(error), 1, error.snippet)
    except SlideError as error:
        leave(str(error))
    except Interrupted as error:
        leave(str(error), INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):  # newer releases of Typer return 130 instead
        code = INTERRUPTED
    except MemoryError:
        leave(
            "out of memory: train with a smaller --hidden, --active or --set connections=N, have "
            "the data in a folder (slide convert IN DIR), or check its header"
        )
    except OSError as error:
        if isinstance(error, BrokenPipeError) and reader_has_left():  # as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(READER_LEFT)
        leave(f"{error.filename or 'the operating system'}: {error.strerror or error}")
    except Exception as error:
        # Usage errors of the parser are known by their method: Typer's own class for them moved
        # between its releases.
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():  # no arguments at all: the help was printed
            sys.exit(2)
        leave(usage_sentence(error))
    if code == INTERRUPTED:
        leave("interrupted, nothing is left half written", code)
    sys.exit(code)


def usage_sentence(error: Any) -> str:
    """What the parser does not take: in our words, and not in those of whoever checks types."""
    said = error.format_message().rstrip(".")
    for pattern, plain in PLAINLY:
        said = re.sub(pattern, plain, said)
    command = getattr(error.ctx, "command_path", "slide")
    return f"{said} (see {command} --help)"


def run_app() -> int:
    """Exit code of the command; raises what it raised."""
    try:
        return app(prog_name="slide", standalone_mode=False) or 0  # also as `python -m slide`
    except Carried as carried:
        raise carried.error from None


def tell_broken_pipe(console: Console) -> NoReturn:
    """What Rich does about a broken pipe: it would end with status 1, as Click does."""
    raise Carried(BrokenPipeError()) from None


def reader_has_left() -> bool:
    """Whether nobody reads our output any more; assumed where the system cannot tell."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def warning_sentence(otherwise: Callable[..., None]) -> Callable[..., None]:
    """What shows a warning: one of ours in its sentence alone, any other as before."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if issubclass(category, SlideWarning):
            print(f"slide: {' '.join(str(message).split())}", file=sys.stderr)
        else:
            otherwise(message, category, *where)

    return show


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Leave as by Ctrl-C, cleaning up; a second one would come in between, and is ignored."""
    for name in INTERRUPTS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


def prepare_streams() -> None:
    """Have both streams, even if the shell closed them, and lose no run to a missing letter."""
    if sys.stdout is None or sys.stderr is None:
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, open until the end
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def leave(sentence: str, code: int = 2, snippet: str = "") -> NoReturn:
    """Print one sentence, on one line whatever it quotes, and Python to paste to stderr; exit."""
    print(f"slide: {' '.join(sentence.split())}", file=sys.stderr)
    if snippet:
        print(snippet, file=sys.stderr)
    sys.exit(code)
