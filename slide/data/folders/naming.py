"""What stands beside the arrays of a data folder: names.json, and text.json of texts."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

from slide.core.errors import DataError
from slide.core.examples.names_file import NAMES, counts_of, read_names, write_names
from slide.core.examples.texts_file import TEXT, read_text, write_text
from slide.data.called import Called
from slide.data.folders.arrays import refuse_no_file
from slide.data.folders.manifest import NAMED, Manifest
from slide.data.streams import open_error


def refusal(path: Path, fault: str) -> DataError:
    """The error to raise for one of these files."""
    return DataError(f"it {fault}: convert the data again", path)


def write_called(folder: Path, called: Called) -> Manifest:
    """Write what columns are called; what the manifest says of that."""
    names = {"features": called.feature_names, "labels": called.label_names}
    if names == dict.fromkeys(names):
        return {}
    for name in (NAMES, TEXT):
        refuse_no_file(folder / name)
    write_names(folder, names)
    written = [NAMES]
    if called.text is not None:
        write_text(folder, called.text)
        written.append(TEXT)
    beside = {name: _described(folder / name) for name in written}
    return {"version": NAMED, "names": counts_of(names), "beside": beside}


def _described(path: Path) -> dict[str, int]:
    """The length and the checksum of a file, which is brought to the disk."""
    with path.open("rb") as file:
        content = file.read()
        os.fsync(file.fileno())
    return {"length": len(content), "crc32": zlib.crc32(content)}


def read_called(folder: Path, manifest: Manifest) -> Called:
    """What columns are called; names are parsed when one is first wanted.

    Raises:
        DataError: a file is missing, a link, damaged, or not of this folder.
    """
    if manifest["version"] != NAMED:
        return Called()
    for name, entry in manifest["beside"].items():
        _refuse_damaged(folder / name, entry)
    names = read_names(folder, manifest["names"], refusal)
    called = Called(names["feature_names"], names["label_names"])
    if TEXT not in manifest["beside"]:
        return called
    text = read_text(folder, called.feature_names, refusal)
    if text is None or text.n_features != manifest["n_features"]:
        got = "nothing" if text is None else f"{text.n_features} features"
        raise refusal(folder / TEXT, f"has {got}, expected {manifest['n_features']}")
    return called._replace(text=text)


def _refuse_damaged(path: Path, entry: dict[str, Any]) -> None:
    """Raise DataError unless a file is the one that the manifest tells of."""
    refuse_no_file(path)
    try:
        n_bytes = path.stat().st_size
        content = path.read_bytes() if n_bytes == entry["length"] else b""
    except OSError as error:
        raise open_error(error, path) from None
    if n_bytes != entry["length"]:
        raise refusal(path, f"has {n_bytes} bytes, expected {entry['length']} by the manifest")
    if zlib.crc32(content) != entry["crc32"]:
        raise refusal(path, "has another checksum than when it was written, so it was damaged")
