"""Sparse one-versus-rest weights from features to labels, with hard negatives: no hidden layer.

`inputs` turns features into inputs, `connecting` chooses the connections, `active` and `run` train
them, `ending` puts neighbours and embeddings beside them where they pay, `searching` finds the best
labels by an inverted index; `kind` is what the engine is told. May import the learner's protocol
and what is below it, and nothing of `core.sampled`.
"""

from slide.core.direct.network import Direct

__all__ = ["Direct"]
