"""Examples from a log of what users were shown and what they clicked.

A user is described by the items that they clicked before, so that one whom training never met is
ranked for as any other. Source: blocks of SAROS, Burashnikova et al. (arXiv 1902.08495) section 3.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.contract.lists import distinct, indptr_of
from slide.core.errors import ConfigError, InputError
from slide.core.examples.dataset import Dataset
from slide.core.examples.naming import Called
from slide.data.rows import as_labels
from slide.data.session_rows import Events, in_order

LONGEST = 200  # clicks of a user that are features, the latest
ENTRIES_AT_A_TIME = 1 << 22  # that are sorted at once


class Shown(NamedTuple):
    """What users were shown, by user and then by time.

    Args:
        events: users are its sessions.
        clicked: bool (n,), with which success.
        when: f64 (n,), times, or places in the log if it has none.
    """

    events: Events
    clicked: Array
    when: Array

    @property
    def starts(self) -> Array:
        """The place of the first event of each user, i64 (n_users,)."""
        return self.events.ends - np.diff(self.events.ends, prepend=0)


def blocks(
    users: Any,
    items: Any,
    clicked: Any,
    times: Any = None,
    *,
    fewest: int = 1,
    most: int | None = None,
    seen_are_answers: bool = True,
    like: Called | None = None,
) -> Dataset:
    """One example for each block: items that a user skipped, then the ones clicked next.

    A block is a longest run of skips with the longest run of clicks after it, other users left
    out. Clicks without skips before them and skips without clicks after them are in no block.

    Args:
        users: (n,), who was shown something: text or whole numbers.
        items: (n,), what: text or whole numbers.
        clicked: bool (n,), and with which success.
        times: (n,), numbers or datetime64; None if the events are in the order of time. Events of a
            user that have one time stay in their order.
        fewest, most: users with fewer or more blocks are left out; None for no upper limit.
        seen_are_answers: whether an item may be shown again. If not, what a user was shown before a
            block is `left_out`, so that rankings are judged without it, and no label; blocks
            without another click are dropped.
        like: a model, or a training set, whose items come first, in its order; its own set if
            None.

    Returns:
        Examples by user, as the log meets them, and then by time. `x` is 1 for the latest 200 items
        that the user clicked before the block. `y` is 1 for clicked items and -1 for skipped ones;
        an item that is both counts as clicked. Features and labels are the same items, in the order
        of their first events; their names are `str(item)`. `times` say when each block began, or
        how many events the log has before, without times.

    Raises:
        InputError: the arrays are not of one length, ids are neither text nor whole numbers, clicks
            are no bools, a time is none, or `like` has no items.
        ConfigError: a limit is no whole number, or below 0.

    Cost: memory in proportion to the entries of `x`.
    """
    for name, limit in (("fewest", fewest), ("most", most)):
        if limit is None:
            continue
        if type(limit) is bool or not isinstance(limit, int | np.integer) or limit < 0:
            raise ConfigError(f"{name} is {limit!r:.60}: expected a whole number of blocks, from 0")
    shown = shown_of(users, items, clicked, times, like)
    first, last = _whole_blocks(shown)
    owner = shown.events.session[first]
    per_user = np.bincount(owner, minlength=len(shown.starts))[owner]
    kept = (per_user >= fewest) & (per_user <= (len(first) if most is None else most))
    return _examples(shown, first[kept], last[kept], seen_are_answers)


def held_out(
    users: Any,
    items: Any,
    clicked: Any,
    times: Any = None,
    *,
    share: float = 0.2,
    seen_are_answers: bool = True,
    like: Called | None = None,
) -> Dataset:
    """An example for each user: the latest share of what they were shown, after all before it.

    Args:
        users, items, clicked, times, seen_are_answers, like: see `blocks`; train on the rest, which
            `earlier` tells, and give the model or the training set as `like`.
        share: of a user's events, in (0, 1).

    Returns:
        Examples as those of `blocks`, but one a user; users without a click in it have none.

    Raises:
        InputError, ConfigError: see `blocks`.
    """
    shown = shown_of(users, items, clicked, times, like)
    first, last = shown.starts + _n_earlier(shown, share), shown.events.ends
    n_before = indptr_of(shown.clicked)
    has_click = n_before[first] < n_before[last]
    return _examples(shown, first[has_click], last[has_click], seen_are_answers)


def earlier(users: Any, times: Any = None, *, share: float = 0.2) -> Array:
    """Which events are not the latest share of their user's, bool (n,): those to train on.

    Args:
        users, times: see `blocks`.
        share: that `held_out` takes, in (0, 1).

    Raises:
        InputError, ConfigError: see `blocks`.
    """
    events, order = in_order(users, users, times, None, "users")
    shown = Shown(events, np.zeros(len(order), bool), order)
    place = np.arange(len(order)) - shown.starts[events.session]
    is_earlier = np.zeros(len(order), bool)
    is_earlier[order] = place < _n_earlier(shown, share)[events.session]
    return is_earlier


def last_of_users(
    users: Any,
    items: Any,
    clicked: Any,
    times: Any = None,
    *,
    seen_are_answers: bool = True,
    like: Called | None = None,
) -> tuple[list[Any], Dataset]:
    """All that each user clicked as one example without label, to predict what they click next.

    Args:
        users, items, clicked, times, seen_are_answers, like: see `blocks`; give the model as
            `like`.

    Returns:
        The users in the order in which the log meets them, and an example for each.

    Raises:
        InputError: see `blocks`.
    """
    shown = shown_of(users, items, clicked, times, like)
    ends, names = shown.events.ends, shown.events.names
    left_out = None if seen_are_answers else _items(shown.events.item, shown.starts, ends, names)
    x = _clicks_before(shown, ends, shown.starts)
    y = CSR.empty(len(ends), len(names))
    return shown.events.session_names, Dataset(x, y, left_out, names, names)


def shown_of(users: Any, items: Any, clicked: Any, times: Any, like: Called | None) -> Shown:
    """A log as it is handed over, in order; see `blocks`."""
    events, order = in_order(users, items, times, like, "users")
    flags = handed.refusing("clicked", lambda: _flags(clicked))
    if len(flags) != len(order):
        raise InputError(
            f"there are {len(order)} users and items and {len(flags)} clicks: expected as many"
        )
    when = order if events.time is None else events.time
    return Shown(events, flags[order], when.astype(np.float64))


def _flags(given: Any) -> Array:
    array = handed.as_array("values", given)
    demand(array.ndim == 1, f"there are {array.ndim} dimensions, expected 1")
    demand(array.dtype == bool or not array.size, f"they are {array.dtype}: expected bool")
    return array.astype(bool)


def _n_earlier(shown: Shown, share: float) -> Array:
    """How many events of each user are not held out, i64 (n_users,)."""
    if not isinstance(share, float | np.floating) or not 0 < share < 1:
        raise ConfigError(f"share is {share!r:.60}: expected a number between 0 and 1, such as 0.2")
    n = shown.events.ends - shown.starts
    return np.round((1 - share) * n).astype(np.int64)


def _whole_blocks(shown: Shown) -> tuple[Array, Array]:
    """Where blocks that have skips and clicks begin and end, i64.

    Candidates begin at a new user, and at a skip after a click.
    """
    user, click = shown.events.session, shown.clicked
    begins = (user[1:] != user[:-1]) | (click[:-1] & ~click[1:])
    bounds = np.flatnonzero(np.concatenate([[len(user) > 0], begins, [len(user) > 0]]))
    first, last = bounds[:-1], bounds[1:]
    n_clicks = np.diff(indptr_of(click)[bounds])
    whole = (n_clicks > 0) & (n_clicks < last - first)
    return first[whole], last[whole]


def _examples(shown: Shown, first: Array, last: Array, seen_are_answers: bool) -> Dataset:
    """An example for each stretch of a user's events: clicks before it, and what is in it.

    Args:
        shown: the log.
        first, last: where stretches begin and end, i64 (rows,).
        seen_are_answers: see `blocks`.
    """
    events = shown.events
    begin, names = shown.starts[events.session[first]], events.names
    x = _clicks_before(shown, first, begin)
    place = _places(first, last)
    values = np.where(shown.clicked[place], np.float32(1), np.float32(-1))
    y = as_labels(
        CSR(indptr_of(last - first), events.item[place].astype(np.int32), values, len(names))
    )
    times = shown.when[first]
    if seen_are_answers:
        return Dataset(x, y, None, names, names, times=times)
    seen = _items(events.item, begin, first, names)
    y = y.where(~np.isin(y.cells(), seen.cells(), assume_unique=True))
    has_click = np.flatnonzero(y.positive().row_lengths() > 0)
    return Dataset(x, y, seen, names, names, times=times).take(has_click)


def _clicks_before(shown: Shown, ends: Array, begins: Array) -> CSR:
    """The latest items that were clicked from begins to ends, places of events, i64 (rows,)."""
    n_before = indptr_of(shown.clicked)
    last = n_before[ends]
    first = np.maximum(n_before[begins], last - LONGEST)
    return _items(shown.events.item[shown.clicked], first, last, shown.events.names)


def _items(item: Array, first: Array, last: Array, names: Any) -> CSR:
    """1 for each item of each stretch of `item`: CSR (rows, items)."""
    shape, parts, begin = (len(first), len(names)), [], 0
    n_before = indptr_of(last - first)
    while begin < len(first):
        limit = n_before[begin] + ENTRIES_AT_A_TIME
        stop = max(int(np.searchsorted(n_before, limit, side="right")) - 1, begin + 1)
        rows = np.repeat(np.arange(begin, stop), (last - first)[begin:stop])
        parts.append(distinct(rows * shape[1] + item[_places(first[begin:stop], last[begin:stop])]))
        begin = stop
    cells = np.concatenate([np.zeros(0, np.int64), *parts])
    return CSR.of_cells(cells, np.ones(len(cells), np.float32), shape)


def _places(first: Array, last: Array) -> Array:
    """first[0], ..., last[0] - 1, first[1], ..., i64."""
    lengths = last - first
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places: Array = np.repeat(first, lengths) + within
    return places
