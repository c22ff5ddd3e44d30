"""Sessions whose next item the nearest examples know better than connections do."""

import numpy as np
from conftest import csr_of

import slide
from slide.core.direct.settings import DirectSettings
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config

BACKEND = slide.load_backend("numba")
N_TOPICS, PER_TOPIC = 40, 12
N_ITEMS = N_TOPICS * PER_TOPIC
SETTINGS = Config(
    learner=DirectSettings(pairs=False, embedding_dim=0), epochs=1, batch_size=64, active=10
)


def sessions(n, seed=0):
    """Prefixes of sessions, which go through some items of a topic in any order."""
    rng = np.random.default_rng(seed)
    x, y = [], []
    for _ in range(n):
        session = PER_TOPIC * rng.integers(N_TOPICS) + rng.permutation(PER_TOPIC)[:6]
        for end in range(1, len(session)):
            x.append({int(item): 0.8 ** (end - 1 - i) for i, item in enumerate(session[:end])})
            y.append({int(session[end]): 1.0})
    return Dataset(csr_of(x, N_ITEMS), csr_of(y, N_ITEMS))


TRAIN, TEST = sessions(600), sessions(100, seed=1)
