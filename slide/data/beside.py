"""Files that belong together, found by their names: features, their labels, pairs to leave out.

| features             | labels beside them | left out beside them             |
|----------------------|--------------------|----------------------------------|
| `trn_X_Xf.txt .npz`  | `trn_X_Y`          | `filter_labels_train.txt`        |
| `tst_X_Xf.txt .npz`  | `tst_X_Y`          | `filter_labels_test.txt`         |
| `X_name.txt .npz`    | `Y_name`           |                                  |

The first two rows are how the XMC repository names its newer sets; text may be compressed. What
it calls `lbl_X_Xf` are features of labels, which no learner here has a use for.
"""

from __future__ import annotations

import re
from pathlib import Path

from slide.core.errors import DataError
from slide.data.compression import SUFFIXES
from slide.data.streams import shown

_FEATURES = re.compile(r"(.*_X_)Xf(\..*)?|[Xx].*", re.DOTALL)
_OF_LABELS = re.compile(r"(lbl_.*)_Xf(\..*)?", re.DOTALL)
_LABELS = re.compile(r"(.*_X_)Y(\..*)?|[Yy][._].*", re.DOTALL)
_LEFT_OUT = {"trn_X_Xf": "filter_labels_train.txt", "tst_X_Xf": "filter_labels_test.txt"}


def labels_beside(path: Path) -> Path:
    """The file of the labels that belong to a file of features.

    Raises:
        DataError: it is not there, or such a name has none.
    """
    refuse_label_features(path)
    match = _FEATURES.fullmatch(path.name)
    if not match:
        raise DataError(_no_partner(path), shown(path))
    letter = "y" if path.name[0] == "x" else "Y"
    name = f"{match[1]}Y{match[2] or ''}" if match[1] else letter + path.name[1:]
    found = _present(path.with_name(name))
    if found is None:
        sentence = f"this file holds features only, expected their labels in {name} beside it"
        raise DataError(f"{sentence}: save them there", path)
    return found


def refuse_label_features(path: Path) -> None:
    """Raise DataError for a file whose name says that its rows are labels."""
    if _OF_LABELS.fullmatch(path.name):
        sentence = "this file holds features of labels, which slide does not use"
        raise DataError(f"{sentence}: name the examples, such as trn_X_Xf.txt", path)


def left_out_beside(path: Path) -> Path | None:
    """The file of pairs of an example and a label that are to be left out, if there is one."""
    name = _LEFT_OUT.get(path.name.partition(".")[0])
    return _present(path.with_name(name)) if name else None


def _no_partner(path: Path) -> str:
    match = _LABELS.fullmatch(path.name)
    if match:
        name = f"{match[1]}Xf{match[2] or ''}" if match[1] else f"X{path.name[1:]}"
        return f"this file holds labels only, expected features: name {name} beside it"
    return (
        "this file holds one matrix, expected features in trn_X_Xf.txt or X_name.npz with labels "
        "in trn_X_Y.txt or Y_name.npz beside them: give both such names"
    )


def _present(path: Path) -> Path | None:
    """The file of this name, or of another compression of it."""
    name = path.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    names = (path.name, *(name + suffix for suffix in ("", *SUFFIXES)))
    return next((path.with_name(each) for each in names if path.with_name(each).exists()), None)
