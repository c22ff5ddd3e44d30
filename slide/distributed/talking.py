"""A computation that asks in the middle of it, and waits for an answer.

Kernels know nothing of shards, and are called from deep within a learner. So the computation has a
thread of its own: where it asks, whoever drives it gets the question, and the thread waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from slide.distributed.questions import Parts, Question

Ask = Callable[[Question], Parts]


class Reply(NamedTuple):
    """What a shard says: what it asks, or what has come of it all.

    Args:
        question: that is to be answered before it goes on; None when it has ended.
        result: of all.
        seconds: that it has computed since it was asked, or answered.
    """

    question: Question | None
    result: Any
    seconds: float


class AbandonedError(Exception):
    """Ends a computation whose question nobody will answer."""


class Talk:
    """One computation at a time: `begin` it, `answer` what it asks until it has ended."""

    def __init__(self) -> None:
        self.said: SimpleQueue[Reply | BaseException] = SimpleQueue()
        self.heard: SimpleQueue[Parts | None] = SimpleQueue()
        self.thread: Thread | None = None
        self.since = 0.0

    def ask(self, question: Question) -> Parts:
        """What the computation calls: the answer, once it is there."""
        self.said.put(Reply(question, None, time.perf_counter() - self.since))
        answer = self.heard.get()
        if answer is None:
            raise AbandonedError
        return answer

    def begin(self, work: Callable[[], Any]) -> Reply:
        """Begin a computation, instead of one that has not ended."""
        self.abandon()
        self.since = time.perf_counter()
        self.thread = Thread(target=self.run, args=(work,), daemon=True)
        self.thread.start()
        return self.next()

    def answer(self, answer: Parts) -> Reply:
        """Go on with this answer."""
        self.since = time.perf_counter()
        self.heard.put(answer)
        return self.next()

    def abandon(self) -> None:
        """Let a computation end that waits for an answer."""
        if self.thread is not None:
            self.heard.put(None)
            self.thread.join()
            self.said.get()
            self.thread = None

    def next(self) -> Reply:
        """What it asks, or what has come of it; raises what it has raised."""
        reply = self.said.get()
        if isinstance(reply, Reply) and reply.question is not None:
            return reply
        assert self.thread is not None
        self.thread.join()
        self.thread = None
        if isinstance(reply, BaseException):
            raise reply
        return reply

    def run(self, work: Callable[[], Any]) -> None:
        """In the thread."""
        try:
            result = work()
        except BaseException as error:
            self.said.put(error)
        else:
            self.said.put(Reply(None, result, time.perf_counter() - self.since))
