"""The end of a run of direct connections: what was held out decides what is put beside them.

These are embeddings, where examples are parts of sessions, and neighbours. Both stay if they answer
what was held out better than connections alone (see `slide.core.direct.judging`); then the run is
trained on that, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slide.core.direct.embedding_steps import DIM, EPOCHS, EmbeddingRun
from slide.core.direct.judging import stacked
from slide.core.direct.neighbours import SUMMANDS
from slide.core.direct.stacking import Asked, Stacked
from slide.core.examples.dataset import batches
from slide.core.examples.scored import Scored

if TYPE_CHECKING:
    from slide.core.direct.run import DirectRun

LATE = 0.75  # share of a run after which what was held out is as if it came: earlier it disturbs
MOST_NUMBERS = 1 << 26
"""Of embeddings that nobody has asked for: 256 MiB, and twice that of moments."""


def finish(run: DirectRun) -> bool:
    """See `DirectRun.finish`."""
    is_wanted = run.settings.learner.layers == 2
    if not len(run.held) or not (is_wanted or run.seconds_left > 0):
        run.held = run.held[:0]
        return False
    if embed(run):
        return True
    asked = run.asked()
    run.found, run.held_out = judged(run, asked)
    teach(run, asked)
    return False


def teach(run: DirectRun, asked: Asked) -> None:
    """Train on what was held out, and embeddings on what is near to it; nothing is held any more.

    Args:
        run: with what has been found to count.
        asked: what was held out.
    """
    held, run.held = run.held, run.held[:0]
    for rows in batches(len(held), run.batch_size):
        run.step(run.data.take(held[rows]), run.learning_rate(LATE))
    if run.embedding is not None:
        for data in asked.parts(), asked.asked:
            run.embedding.teach(data, run.backend)
    assert run.train is not None
    run.order = run.train.canonical_order()


def judged(run: DirectRun, asked: Asked) -> tuple[Stacked | None, Scored]:
    """How much neighbours count, and embeddings, which are dropped if they do not."""
    learner, embedding = run.settings.learner, run.embedding
    found, scored = stacked(
        run.connections, asked, learner.layers == 2, run.backend,
        None if embedding is None else embedding.embeddings, bool(learner.embedding_dim),
    )  # fmt: skip
    if found is None or len(found.neighbours) == SUMMANDS:
        run.embedding = None
    return found, scored


def embed(run: DirectRun) -> bool:
    """Another pass of embeddings over the examples, if they pay; whether there was one.

    They are begun where examples are parts of sessions. After a pass they are looked at, and after
    the last one once more, with all else; if time is up there is no further one.
    """
    wanted = run.settings.learner.embedding_dim
    if wanted == 0 or run.seconds_left <= 0:
        return False
    if run.embedding is None:
        begin_embedding(run)
    elif run.embedding.n_epochs == 1 and wanted is None:
        judged(run, run.asked())
    if run.embedding is None or run.embedding.n_epochs == EPOCHS:
        return False
    run.embedding.epoch(run.backend, run.seconds_left)
    return True


def begin_embedding(run: DirectRun) -> None:
    """Begin with embeddings if they are wanted, or may pay, and nobody has begun before."""
    if run.is_embedded:
        return
    run.is_embedded, asked = True, run.asked()
    wanted, n_labels = run.settings.learner.embedding_dim, run.data.n_labels
    if wanted is not None or (n_labels * DIM <= MOST_NUMBERS and asked.has_parts):
        seed = run.settings.training.seed
        run.embedding = EmbeddingRun.begin(asked.strangers(), wanted or DIM, seed)
