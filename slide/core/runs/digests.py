"""What tells one training set from another: contents, names, and the model to begin with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from slide.core.contract.arrays import CSR, Array
from slide.core.contract.state import State
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.learners.kinds import kind_of
from slide.core.models.model import Model

NAMED = (
    "the names of features are",
    "the names of labels are",
    "the way that texts become features is",
)


def digests_of(train: Dataset, valid: Dataset | None, begin_with: Model | None) -> State:
    """Of all that a run is made of beside its settings; None for what there is not."""
    return {
        "train": digest_of(arrays_of(train)),
        "names": {what: digest_of_text(part) for what, part in names_of(train).items()},
        "valid": None if valid is None else digest_of(arrays_of(valid)),
        "begun_with": None if begin_with is None else digest_of(tensors_of(begin_with)),
    }


def digest_of(arrays: Iterable[Array]) -> str:
    """Of arrays, in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def digest_of_text(part: Any) -> str | None:
    """Of what JSON has, or can be brought to have."""
    if part is None:
        return None
    text = json.dumps(part, sort_keys=True, default=plain)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def plain(part: Any) -> Any:
    """Something as JSON has it."""
    if isinstance(part, Names):
        return part.values
    return part.tolist() if isinstance(part, np.ndarray) else sorted(part)


def names_of(data: Dataset) -> dict[str, Any]:
    """What the columns of a data set are called, and how texts became features, in words for it."""
    text = data.text and data.text.__getstate__()
    return dict(zip(NAMED, (data.feature_names, data.label_names, text), strict=True))


def arrays_of(data: Dataset) -> Iterator[Array]:
    """All arrays of a data set, and their widths."""
    for matrix in (data.x, data.y, data.left_out):
        if matrix is None:
            continue
        yield np.array([matrix.n_cols])
        yield matrix.values
        if isinstance(matrix, CSR):
            yield matrix.indptr
            yield matrix.indices
    for number, of_examples in enumerate((data.weights, data.times)):
        if of_examples is not None:
            yield np.array([number])
            yield of_examples


def tensors_of(model: Model) -> Iterable[Array]:
    """The weights of a model, and how often its labels were met."""
    yield model.label_counts
    yield from kind_of(model.config).tensors(model.network, model.backend).values()
