"""Blocks from a log of what users were shown and what they clicked.

Source: SAROS, Burashnikova et al. (arXiv 1902.08495) section 3.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract import handed
from slide.core.contract.arrays import CSR, Array
from slide.core.contract.invariants import demand
from slide.core.examples.dataset import Dataset
from slide.data.block import MAX_COLUMNS
from slide.data.rows import as_labels


def blocks(
    users: Array, items: Array, clicked: Array, fewest: int = 1, most: int | None = None
) -> Dataset:
    """One example for each block: items that a user skipped, then the ones clicked next.

    A block is a longest run of skips with the longest run of clicks after it, other users left
    out. Clicks without skips before them and skips without clicks after them are in no block.

    Args:
        users: integers (n,), who was shown something, in the order of time; ids count from 0.
        items: integers (n,), what; ids count from 0.
        clicked: bool (n,), and with which success.
        fewest, most: users with fewer or more blocks are left out; None for no upper limit.

    Returns:
        Examples by user and then by time. `x` is 1 in the user's column; `y` is 1 for clicked
        items and -1 for skipped ones; an item that is both counts as clicked. There are as many
        features and labels as 1 + the highest user and item, left out or not.

    Raises:
        InputError: the three are not lists of one length, of ids and of bools.
    """
    users, items, clicked = handed.refusing("blocks", lambda: _checked(users, items, clicked))
    order = np.argsort(users, kind="stable")  # by user, then time
    user, item, click = users[order], items[order], clicked[order]
    number = _block_numbers(user, click)
    n_blocks = int(number.max(initial=-1)) + 1
    n_clicks = np.bincount(number, click, minlength=n_blocks)
    whole = (n_clicks > 0) & (n_clicks < np.bincount(number, minlength=n_blocks))
    owner = np.zeros(n_blocks, np.int64)
    owner[number] = user
    n_users, n_items = (int(ids.max(initial=-1)) + 1 for ids in (users, items))
    _, who = np.unique(owner, return_inverse=True)  # ids may be few of many
    per_user = np.bincount(who[whole], minlength=len(who))[who]
    kept = whole & (per_user >= fewest) & (per_user <= (n_blocks if most is None else most))

    inside, owner = kept[number], owner[kept]
    x = CSR(
        np.arange(len(owner) + 1), owner.astype(np.int32), np.ones(len(owner), np.float32), n_users
    )
    ends = np.cumsum(np.bincount(number, minlength=n_blocks)[kept])
    values = np.where(click[inside], np.float32(1), np.float32(-1))
    y = CSR(np.concatenate([[0], ends]), item[inside].astype(np.int32), values, n_items)
    return Dataset(x, as_labels(y))


def _block_numbers(user: Array, click: Array) -> Array:
    """The block of each entry, complete or not: a new one at a new user or a skip after a click."""
    begins = (user[1:] != user[:-1]) | (click[:-1] & ~click[1:])
    return np.concatenate([np.zeros(min(len(user), 1), np.int64), np.cumsum(begins)])


def _checked(users: Array, items: Array, clicked: Array) -> tuple[Array, Array, Array]:
    given = {"users": users, "items": items, "clicked": clicked}
    users, items, clicked = (handed.as_array(name, array) for name, array in given.items())
    for name, ids in (("users", users), ("items", items)):
        demand(
            ids.dtype.kind in "iu" and ids.ndim == 1,
            f"{name} are {ids.dtype} with {ids.ndim} dimensions, expected integers with 1",
        )
        low, high = int(ids.min(initial=0)), int(ids.max(initial=0))
        demand(low >= 0, f"{name} go down to {low}, expected ids from 0")
        demand(high < MAX_COLUMNS, f"{name} go up to {high}, expected below {MAX_COLUMNS}")
    demand(clicked.dtype == bool, f"clicked is {clicked.dtype}, expected bool")
    demand(
        users.shape == items.shape == clicked.shape,
        f"{len(users)} users, {len(items)} items and {clicked.size} clicks, expected as many",
    )
    return users, items, clicked
