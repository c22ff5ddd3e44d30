"""Labels as people have them: what they are called, and the form in which they come."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.lists import distinct
from slide.core.errors import InputError, SlideWarning, a_type
from slide.core.examples.names import Names

Form = Literal["classes", "marks", "matrix", "names"]
ROWS = (list, tuple, set, frozenset, np.ndarray)  # that labels of one example come in


@dataclass(frozen=True, slots=True)
class Targets:
    """The labels that there are.

    Args:
        form: `classes`, one for each example; `marks`, an array with a column for each label;
            `matrix`, the same sparse; `names`, a list of labels for each example.
        n: how many; they have the ids 0, 1, ...
        names: what each is called (n,); None where that is its id.
        dtype: of marks.
    """

    form: Form
    n: int
    names: Array | None = None
    dtype: Any = None

    @property
    def classes(self) -> Array:
        """What each label is called (n,)."""
        return np.arange(self.n) if self.names is None else self.names

    def named(self, ids: Array) -> Array:
        """What labels are called, in the shape of ids; None in place of -1 where they have names.

        Args:
            ids: of any shape, -1 where there is none.
        """
        if self.names is None:
            return ids
        if (ids >= 0).all():
            return self.names[ids]
        found = np.full(ids.shape, None, object)
        found[ids >= 0] = self.names[ids[ids >= 0]]
        return found

    def ids(self, names: Iterable[Any]) -> Array:
        """The ids of labels, i32.

        Raises:
            InputError: there is no such label.
        """
        if self.names is not None:
            places = self._places()
            return np.array([found(places, name, self.n) for name in names], np.int32)
        ids = np.asarray(list(names))
        if ids.size and (ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= self.n):
            raise InputError(f"labels: expected whole numbers from 0 to {self.n - 1}")
        return ids.astype(np.int32)

    def _places(self) -> dict[Hashable, int]:
        """The id of each name."""
        assert self.names is not None
        return {name: place for place, name in enumerate(self.names.tolist())}

    def with_more(self, names: Sequence[Any]) -> tuple[Targets, dict[Hashable, int]]:
        """The same, and after them those of some names that are new; and the id of each."""
        places = self._places()
        new = [name for name in names if name not in places]
        places |= {name: self.n + i for i, name in enumerate(new)}
        assert self.names is not None
        joined = self.names if not new else concatenated(self.names, array_of(new))
        return replace(self, n=len(joined), names=joined), places

    def as_names(self) -> Names | None:
        """Names that a model folder can hold; None where one is none of JSON's, or all are ids.

        Warns:
            SlideWarning: one is none of JSON's.
        """
        try:
            return None if self.names is None else Names(self.names.tolist())
        except InputError as error:
            sentence = f"model_ and its folder have no names of labels: {error}"
            warnings.warn(sentence, SlideWarning, stacklevel=4)  # at the call of fit
            return None


def read_targets(y: Any, known: Targets | None = None) -> tuple[Targets, CSR]:
    """Labels of examples, and what there is to know of them.

    Args:
        y: a matrix of `scipy.sparse` or a slide.CSR, (n_samples, n_labels), above 0 where an
            example has a label; an array or frame of the same shape of 0 and 1; a list of the
            labels of each example, each a list, tuple, set or array of hashable names; or one
            name for each example.
        known: labels that there were before, which keep their ids; others come after them.

    Returns:
        All labels, and CSR (n_samples, n_labels) by their ids. Those of classes and names are in
        order if they can be sorted, otherwise as they are met first.

    Raises:
        InputError: it is none of these, or of another form than those before.

    Cost: linear in the labels that examples have; nothing grows with n_labels but names.
    """
    handed.refusing("y", lambda: handed.refuse_masked("values", y))
    targets, matrix = read_any(y, known)
    if known is not None and (targets.names is None) != (known.names is None):
        raise InputError(
            f"y is of the form {targets.form!r}: expected {known.form!r} again, as labels were "
            "given before"
        )
    return targets, matrix


def read_any(y: Any, known: Targets | None) -> tuple[Targets, CSR]:
    """The same; the form is not compared with that of labels before."""
    if isinstance(y, CSR) or handed.is_scipy(y):
        return of_matrix(handed.labels(y, "y"), "matrix", known)
    if getattr(y, "ndim", 0) == 2 or (hasattr(y, "columns") and hasattr(y, "shape")):
        return of_marks(y, known)
    y = listed(y)
    if isinstance(y, list) and any(isinstance(row, ROWS) for row in y):
        refuse_other_rows(y)
        return of_rows(y, known)
    return of_classes(y if isinstance(y, np.ndarray) else array_of(y), known)


def refuse_other_rows(y: list[Any]) -> None:
    """Raise InputError where some examples have a list of names, and one has something else."""
    for i, row in enumerate(y):
        if not isinstance(row, ROWS):
            raise InputError(
                f"y has lists of labels, but row {i} is {row!r:.60}: expected a list for each "
                "example, [] where it has none"
            )


def is_listed(y: Any) -> bool:
    """Whether labels are a list, or one for each example, rather than a matrix."""
    if isinstance(y, CSR) or handed.is_scipy(y):
        return False
    return isinstance(y, list | tuple) or len(getattr(y, "shape", ())) == 1


def labels_listed(y: Any) -> tuple[CSR, Names | None]:
    """Labels of each example, or one for each, as a matrix, and what they are called.

    Whole numbers from 0 are the ids of labels, as columns are; anything else names them.

    Raises:
        InputError: see `read_targets`; or no model folder can hold a name.
    """
    targets, matrix = read_targets(y)
    classes = targets.classes
    is_named = classes.dtype.kind not in "iu" or (len(classes) and classes.min() < 0)
    if is_named and targets.names is not None:
        return matrix, Names(classes.tolist())
    n = int(classes.max(initial=-1)) + 1
    if n > handed.MAX_COLUMNS:
        raise InputError(f"y has the label {n - 1}: expected numbers below {handed.MAX_COLUMNS}")
    return replace(matrix, indices=classes[matrix.indices].astype(np.int32), n_cols=n), None


def listed(y: Any) -> Any:
    """A list where there are objects, so that it may be one of lists; otherwise an array."""
    if isinstance(y, list | tuple):
        return plain(y)
    array = np.asarray(y)
    if array.ndim != 1:
        raise InputError(
            f"y is {a_type(y)} of {array.ndim} dimensions: expected labels of examples"
        )
    if array.dtype != object:
        return array
    return plain(y if isinstance(y, np.ndarray) or not hasattr(y, "to_list") else y.to_list())


def of_matrix(matrix: CSR, form: Form, known: Targets | None) -> tuple[Targets, CSR]:
    """Labels that are columns."""
    n = max(matrix.n_cols, known.n if known else 0)
    return Targets(form, n), replace(matrix, n_cols=n)


def of_marks(y: Any, known: Targets | None) -> tuple[Targets, CSR]:
    """An array of 0 and 1, or a frame of such columns, which tell what labels are called."""
    array = np.asarray(y)
    if array.dtype.kind not in "biuf" or not ((array == 0) | (array == 1)).all():
        raise InputError("y has two dimensions: expected 0 and 1, whether examples have labels")
    if not hasattr(y, "columns"):
        targets, matrix = of_matrix(handed.labels(array, "y"), "marks", known)
        return replace(targets, dtype=array.dtype), matrix
    empty = Targets("marks", 0, array_of([]), array.dtype)
    columns = list(y.columns)
    targets, places = (known if known and known.names is not None else empty).with_more(columns)
    rows, which = np.nonzero(array)
    ids = np.array([places[name] for name in columns], np.int64)
    return targets, matrix_of(rows, ids[which], (len(array), targets.n))


def of_rows(rows: list[Any], known: Targets | None) -> tuple[Targets, CSR]:
    """A list of names for each example; or of marks, which nobody would take for names."""
    if mark_all(rows):
        if not any(len(set(map(int, row))) < len(row) for row in rows):
            raise InputError(
                "y is a list of rows of 0 and 1: expected numpy.asarray(y) where they mark labels, "
                "or sets where they name them"
            )
        return of_marks(np.asarray(rows), known)
    flat = [name for row in rows for name in plain(row)]
    lengths = [len(row) for row in rows]
    empty = Targets("names", 0, array_of([]))
    try:
        refuse_equal(flat)
        distinct = in_order(dict.fromkeys(flat))
    except TypeError as error:
        raise InputError(f"y has a label that is no name: {error}") from None
    refuse_not_finite(distinct)
    targets, places = (known if known and known.names is not None else empty).with_more(distinct)
    ids = np.array([places[name] for name in flat], np.int64)
    shape = len(rows), targets.n
    return targets, matrix_of(np.repeat(np.arange(len(rows)), lengths), ids, shape)


def mark_all(rows: list[Any]) -> bool:
    """Whether all rows have one length, of two at least, and nothing but 0 and 1."""
    n = len(rows[0])
    if n < 2 or any(len(row) != n or isinstance(row, set | frozenset) for row in rows):
        return False
    return all(isinstance(each, int | np.integer | np.bool_ | float) and each in (0, 1)
               for row in rows for each in row)  # fmt: skip


def plain(row: Collection[Any]) -> list[Any]:
    """Names of NumPy as those of Python: an array of several types of them would make all text."""
    names = row.tolist() if isinstance(row, np.ndarray) else row
    return [name.item() if isinstance(name, np.generic) else name for name in names]


def of_classes(y: Array, known: Targets | None) -> tuple[Targets, CSR]:
    """One class for each example."""
    if y.dtype == object:
        refuse_unhashable(y.tolist())
        refuse_equal(y.tolist())
    refuse_not_finite(y.tolist() if y.dtype.kind in "fO" else [])
    try:
        distinct, which = np.unique(y, return_inverse=True)
    except TypeError:  # they cannot be compared, and are told apart by their hashes
        met = {name: place for place, name in enumerate(dict.fromkeys(y.tolist()))}
        distinct, which = array_of(list(met)), np.array([met[name] for name in y.tolist()])
    if known is None or known.names is None:
        targets, ids = Targets("classes", len(distinct), distinct), np.arange(len(distinct))
    else:
        targets, places = known.with_more(distinct.tolist())
        ids = np.array([places[name] for name in distinct.tolist()], np.int64)
    return targets, matrix_of(np.arange(len(y)), ids[which], (len(y), targets.n))


def refuse_unhashable(classes: list[Any]) -> None:
    """Raise InputError where the class of an example can be no name, such as a dict."""
    for i, name in enumerate(classes):
        try:
            hash(name)
        except TypeError:
            raise InputError(
                f"y, row {i}, is {name!r:.60}: expected the name of its label, or a list of names"
            ) from None


def refuse_equal(names: Collection[Hashable]) -> None:
    """Raise InputError where two names are equal and of different types, as 1, 1.0 and True are."""
    if len({type(name) for name in names} & {bool, int, float}) < 2:
        return
    met: dict[Hashable, Hashable] = {}
    for name in names:
        other = met.setdefault(name, name)
        if type(other) is not type(name):
            raise InputError(
                f"y has the labels {other!r} and {name!r}, which are equal in Python: expected "
                "numbers of one type, or text"
            )


def refuse_not_finite(names: Iterable[Any]) -> None:
    """Raise InputError where a name is NaN, which equals no other, or infinite."""
    for name in names:
        if isinstance(name, float) and not math.isfinite(name):
            raise InputError(f"y has the label {name}: expected finite numbers, or other names")


def in_order(names: Iterable[Any]) -> list[Any]:
    """Sorted, or as they are where they cannot be."""
    names = list(names)
    try:
        return sorted(names)
    except TypeError:
        return names


def array_of(names: Sequence[Any]) -> Array:
    """An array of names, of their own type where they have one, otherwise of objects."""
    kinds = {type(name) for name in names}
    if len(kinds) == 1 and all(k in (int, bool, float) or issubclass(k, np.generic) for k in kinds):
        return np.array(names)
    array = np.empty(len(names), object)
    array[:] = names
    return array


def concatenated(first: Array, second: Array) -> Array:
    """One array after another; of objects unless both are of one kind."""
    if not len(first):
        return second
    if first.dtype.kind != second.dtype.kind:
        first, second = first.astype(object), second.astype(object)
    return np.concatenate([first, second])


def matrix_of(rows: Array, ids: Array, shape: tuple[int, int]) -> CSR:
    """Ones at these rows and ids; repeated ones count once."""
    cells = distinct(rows.astype(np.int64) * shape[1] + ids) if len(rows) else rows[:0]
    return CSR.of_cells(cells.astype(np.int64), np.ones(len(cells), np.float32), shape)


def found(places: dict[Hashable, int], name: Any, n: int) -> int:
    """The id of a name, or InputError."""
    place = places.get(name.item() if isinstance(name, np.generic) else name)
    if place is None:
        raise InputError(f"there is no label {name!r}: expected one of the {n} in classes_")
    return place
