"""Workers that are asked together: in this process one after the other, or wherever Ray puts them.

What a worker does depends on what it was made of and what it is asked alone, never on what it was
asked before; so one that died, and was made anew, gives the same answer when it is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class WorkerGroup(Protocol):
    """Several workers of one class, in an order.

    Attributes:
        n: how many.
    """

    n: int

    def share(self, value: Any) -> Any:
        """A large argument for several questions, which is sent to a machine once."""

    def ask(self, what: str, *arguments: Sequence[Any]) -> list[Any]:
        """The answers of all workers, in their order.

        Args:
            what: method of the workers.
            arguments: of each worker, one sequence for each argument.
        """


class InProcess:
    """Workers that live here, and take turns: a `WorkerGroup`.

    Args:
        kind: their class.
        arguments: of each worker when it is made.
    """

    def __init__(self, kind: type[Any], arguments: Sequence[tuple[Any, ...]]) -> None:
        self.n, self.workers = len(arguments), [kind(*each) for each in arguments]

    def share(self, value: Any) -> Any:
        """Itself."""
        return value

    def ask(self, what: str, *arguments: Sequence[Any]) -> list[Any]:
        """See `WorkerGroup`."""
        each = zip(*arguments, strict=True) if arguments else ((),) * len(self.workers)
        return [
            getattr(worker, what)(*given) for worker, given in zip(self.workers, each, strict=True)
        ]


Hire = Callable[[type[Any], Sequence[tuple[Any, ...]]], WorkerGroup]
"""Makes a group of workers of a class, of the arguments of each."""
