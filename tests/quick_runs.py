"""A run that takes little, and somebody who watches it."""

from slide.core.learners.config import Config

QUICK = Config(hidden=(32,), epochs=1, batch_size=64, active=60, K=4, L=8)


class Watcher:
    def __init__(self):
        self.steps, self.records = [], []

    def on_step(self, step, n_steps):
        self.steps.append((step, n_steps))

    def on_evaluation(self, record):
        self.records.append(record)
