"""Helpers of the data tests: a second, dumber parser, and small data sets to write."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from slide.core.contract.arrays import CSR
from slide.core.examples.dataset import Dataset

Row = tuple[set[int], dict[int, np.float32]]


def dataset(rows: list[Row], n_features: int, n_labels: int) -> Dataset:
    """Examples from (labels, {feature: value}) pairs."""
    x = _csr([dict(sorted(features.items())) for _, features in rows], n_features)
    y = _csr([dict.fromkeys(sorted(labels), 1.0) for labels, _ in rows], n_labels)
    return Dataset(x, y)


def _csr(rows: list[dict[int, float]], n_cols: int) -> CSR:
    return CSR(
        np.array([0, *np.cumsum([len(row) for row in rows], dtype=np.int64)], np.int64),
        np.array([i for row in rows for i in row], np.int32),
        np.array([v for row in rows for v in row.values()], np.float32),
        n_cols,
    )


def dumb_line(line: str) -> Row:
    """One example by `str.split`."""
    tokens = line.split()
    labels: set[int] = set()
    if tokens and line[0] not in " \t" and ":" not in tokens[0]:
        labels = {int(label) for label in tokens.pop(0).split(",")}
    features: dict[int, np.float32] = {}
    for token in tokens:
        index, value = token.split(":")
        number = np.float32(float(value))
        known = features.get(int(index))
        features[int(index)] = number if known is None else np.float32(known + number)
    return labels, features


def dumb_xmc(text: str) -> Dataset:
    header, *lines = text.split("\n")
    n_samples, n_features, n_labels = map(int, header.split())
    return dataset([dumb_line(line) for line in lines[:n_samples]], n_features, n_labels)


def dumb_svmlight(text: str) -> Dataset:
    *whole, last = text.split("\n")
    lines = [line.split("#")[0] for line in (*whole, *([last] if last else [])) if line[:1] != "#"]
    rows = [dumb_line(line) for line in lines]
    n_features = 1 + max((i for _, features in rows for i in features), default=-1)
    n_labels = 1 + max((i for labels, _ in rows for i in labels), default=-1)
    return dataset(rows, n_features, n_labels)


def assert_same(a: Dataset, b: Dataset) -> None:
    """Equal bit for bit, dtypes and signs of zero included."""
    for side in ("x", "y"):
        for name in ("indptr", "indices", "values"):
            one, two = getattr(getattr(a, side), name), getattr(getattr(b, side), name)
            assert one.dtype == two.dtype, f"{side}.{name}"
            assert one.shape == two.shape, f"{side}.{name}"
            assert one.tobytes() == two.tobytes(), f"{side}.{name}: {one} and {two}"
    assert (a.n_features, a.n_labels) == (b.n_features, b.n_labels)


_DIGITS = st.text("0123456789", min_size=1, max_size=20)
_UNSIGNED = st.one_of(
    _DIGITS,
    st.builds("{}.{}".format, _DIGITS, _DIGITS),
    st.builds(".{}".format, _DIGITS),
    st.builds("{}.".format, _DIGITS),
    st.builds("0.{:04d}".format, st.integers(0, 9999)),
)
NUMBERS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "-", "+"]),
    _UNSIGNED,
    st.sampled_from(["", "", "", "e-3", "E+4", "e0", "e-300"]),
)
_BLANKS = st.sampled_from([" ", " ", " ", "\t", "  ", " \t "])
N_FEATURES, N_LABELS = 30, 12


@st.composite
def example_texts(draw: st.DrawFn) -> str:
    """A valid line without its newline: any order, repeats, odd blanks, odd spellings."""
    labels = draw(st.lists(st.integers(0, N_LABELS - 1), max_size=4))
    features = draw(st.lists(st.tuples(st.integers(0, N_FEATURES - 1), NUMBERS), max_size=5))
    line = ",".join(map(str, labels))
    for i, value in features:
        line += draw(_BLANKS) + f"{i}:{value}"
    return line + draw(st.sampled_from(["", "", " ", "\t "]))


@st.composite
def datasets(draw: st.DrawFn, at_least: int = 0) -> Dataset:
    """Any small valid data set of at least so many examples."""
    values = st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32)
    features = st.dictionaries(st.integers(0, N_FEATURES - 1), values, max_size=5)
    rows = st.tuples(st.sets(st.integers(0, N_LABELS - 1), max_size=4), features)
    return dataset(draw(st.lists(rows, min_size=at_least, max_size=8)), N_FEATURES, N_LABELS)
