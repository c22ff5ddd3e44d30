"""slide convert: the same examples in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slide.cli.options import FORMATS, OneBasedText


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help=FORMATS)],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="A file that does not exist yet; - is stdout.")
    ],
    one_based: OneBasedText = None,
) -> None:
    """Read IN and write OUT, each in the format that its name says.

    What goes to stdout is XMC-repository text. OUT counts from 0, whatever IN
    does.

    An .npz file is read about ten times faster than text.
    """
    from slide.data import read, refuse_other_than_svmlight, refuse_taken, write

    refuse_taken(target)  # before the work is done
    refuse_other_than_svmlight(source, one_based)
    write(read(source, one_based=one_based), target)
