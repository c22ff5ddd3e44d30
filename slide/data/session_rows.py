"""Examples from a log of sessions: a row for each prefix of a session, its label the next item.

Values of features decay with the distance from the prefix's end, as similarities of sessions do in
Ludewig and Jannach, Evaluation of session-based recommendation algorithms (UMUAI 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.contract.lists import indptr_of
from slide.core.errors import InputError
from slide.core.examples.dataset import Dataset
from slide.core.examples.names import Names
from slide.core.examples.naming import Called

DECAY = 0.8  # of a feature, with each step away from the end of the prefix
LONGEST = 50  # events of a prefix that are kept, the latest
ENTRIES_AT_A_TIME = 1 << 22  # that are sorted at once
NEVER = np.iinfo(np.int64).max


class Events(NamedTuple):
    """A log, by session and then by time; all arrays are (n,).

    Args:
        session: i64, ascending from 0, each number in use; sessions as the log met them.
        item: i64, columns.
        time: i64 or f64; None where the log has none.
        names: of the columns.
        session_names: what the log calls the sessions.
    """

    session: Array
    item: Array
    time: Array | None
    names: Names
    session_names: list[Any]

    @property
    def ends(self) -> Array:
        """The place behind the last event of each session, i64."""
        return np.cumsum(np.bincount(self.session, minlength=len(self.session_names)))


def sessions(
    sessions: Any,
    items: Any,
    times: Any = None,
    *,
    seen_are_answers: bool = True,
    like: Called | None = None,
) -> Dataset:
    """An example for each prefix of a session, whose label is the item that comes next.

    Args:
        sessions: (n,), the session or user of each event: text or whole numbers.
        items: (n,), its item: text or whole numbers.
        times: (n,), numbers or datetime64; None if the events are in the order of time. Events of a
            session that have one time stay in their order.
        seen_are_answers: whether an item may come again. If not, items of the prefix are
            `left_out`, so that rankings are judged without them, and rows whose next item is one
            of the session's before are dropped.
        like: a model, or a training set, whose items come first, in its order; its own set if
            None.

    Returns:
        Examples by session, as the log meets them, from short prefixes to long ones; n - 1 of a
        session of n events. `x` has 0.8 ** d in the column of each of the latest 50 events' items,
        d the distance of the item's latest event from the end of the prefix: 1 for the last item.
        Features and labels are the same items, in the order of their first events; their names are
        `str(item)`. `times` say when the session of each ended, or how many events the log has
        before that, without times.

    Raises:
        InputError: the arrays are not of one length, ids are neither text nor whole numbers, a time
            is none, or `like` has no items.

    Cost: memory in proportion to the entries of `x`.
    """
    events = events_of(sessions, items, times, like)
    x, last = prefixes(events)
    y = CSR(np.arange(len(last) + 1), events.item[last].astype(np.int32),
            np.ones(len(last), np.float32), len(events.names))  # fmt: skip
    data = Dataset(x, y, None, events.names, events.names, times=ends_of(events, last))
    if seen_are_answers:
        return data
    fresh = ~repeated(events)[last]
    return with_seen_left_out(data.take(np.flatnonzero(fresh)))


def last_of_sessions(
    sessions: Any,
    items: Any,
    times: Any = None,
    *,
    seen_are_answers: bool = True,
    like: Called | None = None,
) -> tuple[list[Any], Dataset]:
    """The whole of each session as one example without label, to predict what comes next.

    Args:
        sessions, items, times, seen_are_answers, like: see `sessions`; give the model as `like`.

    Returns:
        The sessions in the order in which the log meets them, and an example for each.

    Raises:
        InputError: see `sessions`.
    """
    events = events_of(sessions, items, times, like)
    x, _ = prefixes(events, whole=True)
    y = CSR.empty(x.n_rows, x.n_cols)
    data = Dataset(x, y, None, events.names, events.names)
    return events.session_names, data if seen_are_answers else with_seen_left_out(data)


def with_seen_left_out(data: Dataset) -> Dataset:
    """Examples whose features are no answers."""
    seen = data.features.with_values(np.ones(data.features.nnz, np.float32))
    return Dataset(data.x, data.y, seen, data.feature_names, data.label_names, times=data.times)


def prefixes(events: Events, whole: bool = False) -> tuple[CSR, Array]:
    """Features of prefixes.

    Args:
        events: the log.
        whole: a row for each session, all of it; else one for each event that has others before.

    Returns:
        CSR (rows, items), and the events that follow, i64 (rows,): in the log's order.
    """
    n, ends = len(events.session), events.ends
    starts = ends - np.diff(ends, prepend=0)
    place = np.arange(n)
    end = ends[events.session]
    # An event is in the prefixes before the events first, ..., last.
    first = end if whole else place + 1
    last = np.minimum(end if whole else end - 1, np.minimum(place + LONGEST, next_same(events)))
    n_rows_of = np.maximum(last - first + 1, 0)
    n_before = indptr_of(n_rows_of)
    follows = np.setdiff1d(place, starts, assume_unique=True)
    parts, n_cols = [], len(events.names)
    for begin, stop in stretches(starts, n, n_before):
        entries = n_rows_of[begin:stop]
        event = np.repeat(place[begin:stop], entries)
        within = np.arange(len(event)) - np.repeat(n_before[begin:stop] - n_before[begin], entries)
        at = first[event] + within
        session = events.session[event]
        row = session if whole else at - session - 1
        row_0, row_n = row_span(events, begin, stop, whole)
        cells = (row - row_0) * n_cols + events.item[event]
        order = np.argsort(cells)
        values = POWERS[(at - 1 - event)[order]]
        parts.append(CSR.of_cells(cells[order], values, (row_n - row_0, n_cols)))
    x = CSR.stack(parts, n_cols) if parts else CSR.empty(0, n_cols)
    return x, follows


POWERS = np.power(DECAY, np.arange(LONGEST), dtype=np.float64).astype(np.float32)


def row_span(events: Events, begin: int, stop: int, whole: bool) -> tuple[int, int]:
    """The rows of whole sessions, whose events are begin, ..., stop - 1."""
    first, last = int(events.session[begin]), int(events.session[stop - 1]) + 1
    return (first, last) if whole else (begin - first, stop - last)


def stretches(starts: Array, n: int, n_before: Array) -> Iterator[tuple[int, int]]:
    """Events of whole sessions that have some millions of entries together, or are one session."""
    bounds = np.append(starts, n)
    begin = 0
    while begin < len(starts):
        limit = n_before[bounds[begin]] + ENTRIES_AT_A_TIME
        stop = int(np.searchsorted(n_before[bounds], limit, side="right")) - 1
        stop = max(stop, begin + 1)
        yield int(bounds[begin]), int(bounds[stop])
        begin = stop


def by_item(events: Events) -> tuple[Array, Array]:
    """Events by session, item and time, i64 (n,), and which are followed by one of both."""
    order = np.lexsort((events.item, events.session))  # stable
    session, item = events.session[order], events.item[order]
    return order, (session[1:] == session[:-1]) & (item[1:] == item[:-1])


def next_same(events: Events) -> Array:
    """The place of the next event of the same session and item; NEVER if there is none."""
    order, same = by_item(events)
    found = np.full(len(order), NEVER)
    found[order[:-1][same]] = order[1:][same]
    return found


def repeated(events: Events) -> Array:
    """Which events have an item that the session had before, bool (n,)."""
    order, same = by_item(events)
    found = np.zeros(len(order), bool)
    found[order[1:][same]] = True
    return found


def ends_of(events: Events, last: Array) -> Array:
    """When the session of each example ended, f64: its time, or its place in a log without."""
    time = np.arange(len(events.session)) if events.time is None else events.time
    ends: Array = time[events.ends - 1][events.session[last]].astype(np.float64)
    return ends


def events_of(sessions: Any, items: Any, times: Any, like: Called | None) -> Events:
    """A log as it is handed over, in order; see `sessions`."""
    return in_order(sessions, items, times, like)[0]


def in_order(
    sessions: Any, items: Any, times: Any, like: Called | None, what: str = "sessions"
) -> tuple[Events, Array]:
    """The same, and which event of the log each one is, i64 (n,).

    Args:
        sessions, items, times, like: see `sessions`.
        what: the first of them are called in a sentence.
    """
    known = None if like is None else names_like(like)
    session, session_names = handed.refusing(what, lambda: numbered(sessions))
    item, found = handed.refusing("items", lambda: numbered(items))
    time = None if times is None else handed.refusing("times", lambda: numeric_times(times))
    lengths = [len(session), len(item)] + ([] if time is None else [len(time)])
    if len(set(lengths)) > 1:
        told = " and ".join(map(str, lengths))
        raise InputError(f"{what}, items and times have {told} entries: expected as many of each")
    keys = (session,) if time is None else (time, session)
    order = np.lexsort(keys)  # stable
    met = np.arange(len(item)) if time is None else np.argsort(time, kind="stable")
    column, names = columns_by(item, [str(name) for name in found], met, known)
    time = None if time is None else time[order]
    return Events(session[order], column[order], time, names, session_names), order


def columns_by(
    item: Array, found: list[str], met: Array, known: Names | None
) -> tuple[Array, Names]:
    """The column of each event's item: that of a name that is known, or one after all of them.

    Args:
        item: i64 (n,), numbers of items.
        found: what they are called.
        met: i64 (n,), the events in the order of time.
        known: names that have columns.
    """
    ids, first = np.unique(item[met], return_index=True)
    in_time = ids[np.argsort(first)]
    given = () if known is None else known.values
    places = {name: place for place, name in enumerate(given)}
    column = np.zeros(len(found), np.int64)
    for number in in_time.tolist():
        column[number] = places.setdefault(found[number], len(places))
    names = known if known is not None and len(places) == len(known) else Names(list(places))
    return column[item], names


def numbered(given: Any) -> tuple[Array, list[Any]]:
    """Numbers from 0 of what is there, in the order in which it is met, i64 (n,); or ValueError."""
    array = handed.as_array("values", given)
    demand(array.ndim == 1, f"there are {array.ndim} dimensions, expected 1")
    demand(
        array.dtype.kind in "iuUO" or not array.size,
        f"they are {array.dtype}: expected text or whole numbers",
    )
    if array.dtype.kind in "iu":
        distinct, first, which = np.unique(array, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank[which], distinct[order].tolist()
    places: dict[Any, int] = {}
    numbers = [places.setdefault(each, len(places)) for each in array.tolist()]
    others = [each for each in places if type(each) not in (str, int)]
    demand(not others, f"there is {others[:1]}: expected text or whole numbers")
    return np.array(numbers, np.int64), list(places)


def numeric_times(given: Any) -> Array:
    """Times as numbers, i64 or f64 (n,); or ValueError."""
    array = handed.as_array("values", given)
    demand(array.ndim == 1, f"there are {array.ndim} dimensions, expected 1")
    if array.dtype.kind == "M":
        demand(not np.isnat(array).any(), "one is no time (NaT): remove the event")
        return array.astype("datetime64[us]").astype(np.int64)
    demand(
        array.dtype.kind in "iuf" or not array.size,
        f"they are {array.dtype}: expected numbers or datetime64",
    )
    demand(array.dtype.kind != "f" or bool(np.isfinite(array).all()), "one is not finite")
    return array.astype(np.float64) if array.dtype.kind in "uf" else array.astype(np.int64)


def names_like(like: Called) -> Names:
    """The items of a model or a training set, or InputError."""
    features = getattr(like, "feature_names", None)
    labels = getattr(like, "label_names", None)
    if labels is None or features != labels:
        raise InputError(
            "like was not trained on sessions, so that it knows no items: expected a model, or a "
            "training set, of slide.data.sessions"
        )
    names: Names = labels
    return names
