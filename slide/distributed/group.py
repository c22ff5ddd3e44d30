"""All shards of a run: asked the same at once, and answered what they ask each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from itertools import count
from typing import Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.contract.backend import Backend
from slide.distributed.losing import ShardLostError, refuse_losses, warn
from slide.distributed.questions import Parts, answers_to
from slide.distributed.shard import Shard
from slide.distributed.slowness import Slowness
from slide.distributed.talking import AbandonedError, Reply, Talk

HANDED = "handed"


@dataclass(slots=True)
class Pending:
    """What shards are doing.

    Args:
        method: of `Shard`.
        waiting: for each shard what `ShardGroup` knows it by.
        seconds: that each has computed so far.
    """

    method: str
    waiting: list[Any]
    seconds: Array


class ShardActor:
    """A shard, and the talk that it has with whoever drives it: what an actor is.

    Args:
        backend: makes the backend that it computes by.
        rank, n_shards, loose: see `Shard`.
    """

    def __init__(
        self, backend: Callable[[], Backend], rank: int, n_shards: int, loose: bool
    ) -> None:
        self.talk = Talk()
        self.shard = Shard(backend(), self.talk.ask, rank, n_shards, loose)

    def begin(self, method: str, *args: Any) -> Reply:
        """Call a method of the shard."""
        return self.talk.begin(lambda: getattr(self.shard, method)(*args))

    def answer(self, answer: Parts) -> Reply:
        """Go on with it."""
        return self.talk.answer(answer)

    def expect(self, *things: Any) -> None:
        """Have what is needed next on its machine, while it still computes: nothing to do."""

    def leave(self) -> None:
        """End what it is in the middle of."""
        with suppress(AbandonedError):
            self.talk.abandon()


class ShardGroup:
    """All shards. This class has them in this process; `RayShardGroup` has them anywhere.

    Args:
        backend: computes what is answered to questions.
        make: makes the backend of a shard.
        n_shards: how many there are.
        loose: see `slide.distributed.kernels.Competing`.

    Attributes:
        traffic: bytes of arrays so far, as if each shard had a machine of its own, by what they
            were: HANDED out, or what was asked (`slide.distributed.questions`) with its answers.
        slowness: watches how long steps take.
    """

    def __init__(
        self, backend: Backend, make: Callable[[], Backend], n_shards: int, loose: bool = False
    ) -> None:
        self.backend, self.n_shards, self.loose = backend, n_shards, loose
        self.traffic, self.slowness = Counter[str](), Slowness(n_shards)
        self.actors = self.made(make)

    def made(self, make: Callable[[], Backend]) -> list[Any]:
        """The shards."""
        return [ShardActor(make, rank, self.n_shards, self.loose) for rank in range(self.n_shards)]

    def put(self, thing: Any) -> Any:
        """Something that all shards will be given: as an argument of `begin`."""
        self.traffic[HANDED] += self.n_shards * n_bytes_of(thing)
        return thing

    def expect(self, thing: Any) -> None:
        """Have what was `put` on its way."""

    def ask(self, method: str, *args: Any) -> list[Any]:
        """What a method of all shards returns.

        Raises:
            ShardLostError: one is gone.
        """
        return self.end(self.begin(method, *args))

    def ask_anew(self, method: str, *args: Any) -> list[Any]:
        """The same of what needs nothing that shards have, so that new ones may be asked again."""
        for n in count(1):
            try:
                return self.ask(method, *args)
            except ShardLostError as lost:
                refuse_losses(lost, n)
                warn(f"{lost}; it is asked again")
                self.revive()
        raise AssertionError

    def begin(self, method: str, *args: Any) -> Pending:
        """Have all shards begin."""
        waiting = [self.tell(rank, "begin", method, *args) for rank in range(self.n_shards)]
        return Pending(method, waiting, np.zeros(self.n_shards))

    def end(self, pending: Pending) -> list[Any]:
        """Answer what they ask each other, until they have ended; what has come of it."""
        while True:
            replies = self.replies(pending)
            questions = [reply.question for reply in replies if reply.question is not None]
            if not questions:
                break
            answers = answers_to(questions, self.backend)
            self.traffic[questions[0].name] += n_bytes_of(questions) + n_bytes_of(answers)
            pending.waiting = [
                self.tell(rank, "answer", answer) for rank, answer in enumerate(answers)
            ]
        if pending.method.startswith("step"):
            self.slowness.see(pending.seconds, self.place_of)
        return [reply.result for reply in replies]

    def replies(self, pending: Pending) -> list[Reply]:
        """Of all shards, once they are there."""
        replies = self.heard(pending.waiting)
        pending.seconds += [reply.seconds for reply in replies]
        return replies

    def tell(self, rank: int, what: str, *args: Any) -> Any:
        """Call a method of `ShardActor`, without waiting for what comes of it."""
        return getattr(self.actors[rank], what)(*args)

    def heard(self, waiting: list[Any]) -> list[Reply]:
        """What has come of it."""
        return waiting

    def revive(self) -> None:
        """Have all shards again, none of them in the middle of anything."""
        for actor in self.actors:
            actor.leave()

    def place_of(self, rank: int) -> str:
        """Where a shard is, in words."""
        return "this process"

    def close(self) -> None:
        """Leave nothing behind."""
        self.revive()


def n_bytes_of(thing: Any) -> int:
    """Of all arrays in it."""
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if is_dataclass(thing) and not isinstance(thing, type):
        return sum(n_bytes_of(getattr(thing, each.name)) for each in fields(thing))
    if isinstance(thing, list | tuple):
        return sum(map(n_bytes_of, thing))
    return 0
