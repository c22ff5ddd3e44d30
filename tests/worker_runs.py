"""Small runs for worker processes, and what each of them makes of a question."""

from dataclasses import replace

import slide
from slide.core.contract.workers import Task
from slide.core.learners.config import Config

HIDDEN = Config(hidden=(16,), epochs=2, batch_size=100, active=60, K=3, L=6, rebuild_every=5)


def settings(kind, data):
    return (
        slide.recipe(data, by_steps=True, epochs=2)
        if kind == "direct"
        else replace(HIDDEN, scope=kind)
    )


def answers(pool, function):
    """What each worker makes of a function."""
    found = []
    task = Task("answering", function, pool.pack(None), done=found.append)
    for number in range(len(pool.workers)):
        pool.ask(number, task)
    while len(found) < len(pool.workers):
        pool.wait()
    return found
