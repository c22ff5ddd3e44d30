"""Computing on several cores what is used in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from slide.core.machine import cores

MOST_THREADS = 8  # beyond which the blocks that are held cost more than they bring

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    compute: Callable[[Item], Result], items: Iterable[Item], n_threads: int | None = None
) -> Iterator[Result]:
    """`map(compute, items)`, computed by threads a few items ahead: NumPy lets go of Python's lock.

    What is raised is what `map` would raise, at the same place: an error of an early item comes
    before one of a later item, and before one that the items themselves end in.

    Args:
        compute: of one item.
        items: are asked for by the thread that asks for results; few are held at a time.
        n_threads: all cores, but not too many, if None.
    """
    n_threads = min(cores(), MOST_THREADS) if n_threads is None else n_threads
    rest = iter(items)
    for first in rest:  # a small file is not worth a thread
        yield compute(first)
        break
    if n_threads <= 1:
        yield from map(compute, rest)
        return
    with ThreadPoolExecutor(n_threads, "slide-reader") as pool:
        held = deque[Future[Result]]()
        try:
            for future in _begun(pool, compute, rest):
                held.append(future)
                if len(held) > n_threads:
                    yield held.popleft().result()
            while held:
                yield held.popleft().result()
        finally:
            for future in held:
                future.cancel()


def _begun(
    pool: ThreadPoolExecutor, compute: Callable[[Item], Result], items: Iterator[Item]
) -> Iterator[Future[Result]]:
    """What each item will give; an error that the items end in comes as the last of these."""
    try:
        for item in items:
            yield pool.submit(compute, item)
    except Exception as error:
        failed = Future[Result]()
        failed.set_exception(error)
        yield failed
