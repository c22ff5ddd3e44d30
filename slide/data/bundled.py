"""The demo set that is installed with the package: which packages does a Debian package need?"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from slide.core.examples.dataset import Dataset
from slide.data.source import Source, chunks
from slide.data.xmc import read_xmc

_SOURCE = (
    "Debian 12.15 (bookworm) main, amd64 package index: words of a package's description (tf-idf) "
    "as features, the packages it depends on as labels"
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A small real data set with many labels.

    Args:
        train, test: 43,334 and 10,114 examples in the same 23,502 features and 15,314 labels.
        feature_names, label_names: the name of feature or label i at place i.
        source: where the data comes from, in one sentence.
    """

    train: Dataset
    test: Dataset
    feature_names: list[str]
    label_names: list[str]
    source: str


def load_demo() -> Demo:
    """The bundled set; `slide/data/demo/README.md` tells its origin and licence."""
    with as_file(files("slide.data") / "demo") as folder:
        return Demo(
            train=read_xmc(Source(folder / "train.txt.zst")),
            test=read_xmc(Source(folder / "test.txt.zst")),
            feature_names=_names(folder / "features.txt.zst"),
            label_names=_names(folder / "labels.txt.zst"),
            source=_SOURCE,
        )


def _names(path: Path) -> list[str]:
    return b"".join(chunks(path)).decode().splitlines()
