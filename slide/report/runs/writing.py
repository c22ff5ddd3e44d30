"""A report on disk: the page, and its pictures in a folder beside it, whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slide.core.errors import ConfigError
from slide.report.html import refuse_other_suffix
from slide.report.runs.page import GENERATOR, Report

PICTURE = ".png"
BEGINNING = 4096  # bytes of a page in which it says by whom it was made


def folder_of(page: Path) -> Path:
    """Where the pictures of a page are."""
    return page.with_name(f"{page.stem}_files")


def refuse_taken(page: Path, overwrite: bool) -> None:
    """Raise ConfigError unless a report can be written there, and nothing else is lost by it.

    Args:
        page: of the report.
        overwrite: whether an earlier report may be replaced.
    """
    if page.name in ("", "-"):
        raise ConfigError(
            f"--out is {str(page)!r}: expected the name of a file, such as report.html, for "
            "pictures are put beside it"
        )
    pictures = folder_of(page)
    if page.is_dir():
        raise ConfigError(f"--out is {page}, which is a folder: give the name of a file in it")
    refuse_other_suffix("--out", page)
    if not page.parent.is_dir():
        raise ConfigError(
            f"--out is {page}, and there is no folder {page.parent}: make it, or choose another one"
        )
    taken = [path for path in (page, pictures) if os.path.lexists(path)]
    if taken and not overwrite:
        raise ConfigError(
            f"{taken[0]} exists: choose another --out, or replace an earlier report by --overwrite"
        )
    if page in taken and not is_report(page):
        raise ConfigError(f"{page} is no report: --overwrite only replaces what slide report wrote")
    if pictures in taken and (foreign := foreign_in(pictures)):
        raise ConfigError(
            f"{foreign} is no picture of a report, and would be lost: move it, or choose another "
            "--out"
        )
    if not os.access(page.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"--out is {page}: the folder cannot be written; choose another one")


def is_report(page: Path) -> bool:
    """Whether a file says of itself that it is one."""
    try:
        with page.open("rb") as file:
            return f'content="{GENERATOR}"'.encode() in file.read(BEGINNING)
    except OSError:
        return False


def foreign_in(folder: Path) -> Path | None:
    """Something that pictures of a report would replace, and that is none of them."""
    if folder.is_symlink() or not folder.is_dir():
        return folder
    others = (path for path in sorted(folder.iterdir()) if path.suffix != PICTURE)
    return next(others, None)


def write_report(report: Report, page: Path, overwrite: bool) -> None:
    """Write both; what is there is replaced when the new one is whole.

    Raises:
        ConfigError: something came there meanwhile, or the operating system refuses.
    """
    with refusing(page):
        aside = page.with_name(f".{page.name}.{secrets.token_hex(4)}")
        try:
            aside.mkdir()
            (aside / "files").mkdir()
            for name, picture in report.pictures.items():
                (aside / "files" / f"{name}{PICTURE}").write_bytes(picture)
            (aside / "page").write_text(report.page, encoding="utf-8")
            refuse_taken(page, overwrite)
            if folder_of(page).exists():
                folder_of(page).rename(aside / "old")
            (aside / "files").rename(folder_of(page))
            os.replace(aside / "page", page)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def refusing(page: Path) -> Iterator[None]:
    """Raise ConfigError where the operating system refuses to write a report."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot write {page}: {error.strerror}; choose another --out") from None
