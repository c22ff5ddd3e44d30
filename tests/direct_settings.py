"""Direct connections on the planted problem: the settings, and the backend, of their tests."""

from slide.backends import load
from slide.core.learners.config import Config

BACKEND = load("numba")
DIRECT = Config(
    hidden=(), sampler="index", scope="example", optimizer="adagrad", loss="bce", lr=2.0,
    active=10, epochs=3, batch_size=64, rebuild_every=8,
)  # fmt: skip
