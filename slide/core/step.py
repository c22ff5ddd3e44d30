"""One training step and one inference, as a straight line through the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slide.core.arrays import CSR, Array, Dataset
from slide.core.backend import FROM_LABELS, FROM_TABLES, Backend
from slide.core.network import Network, input_of, with_constant_unit
from slide.core.optim import Adam
from slide.core.retrieval import Retrieval
from slide.core.sampling import Sampler, log_weights, query_codes


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one training step did.

    Args:
        loss: mean over the batch, over the active set (so not comparable between samplers).
        n_active: active neurons of an example, mean over the batch.
        from_labels: share of the active set that are labels.
        from_tables: share that the hash tables found; the rest was drawn uniformly.
        touched_rows: rows of the output layer that were updated.
    """

    loss: float
    n_active: float
    from_labels: float
    from_tables: float
    touched_rows: int


def train_step(
    backend: Backend,
    network: Network,
    batch: Dataset,
    sampler: Sampler,
    optimizer: Adam,
    lr: float,
    step: int,
    dropout: float,
    rng: np.random.Generator,
) -> StepReport:
    """Sample, forward, loss, backward, update: all of one mini-batch.

    Args:
        backend: whose kernels compute.
        network: updated in place, touched rows only.
        batch: B examples, on the host.
        sampler: chooses the active set.
        optimizer: constants of the update.
        lr: learning rate of this step.
        step: number of this step, from 1.
        dropout: share of hidden units to zero.
        rng: draws the dropout mask, the uniform share and the salt of the query.

    Source: SLIDE (arXiv 1903.03129) algorithm 1.
    """
    x, y = input_of(batch.x, backend), batch.y.map(backend.put)
    hidden, output = network.hidden, network.output

    pre = backend.spmm(x, hidden.weight)  # (B, d)
    slope = (pre > 0) * backend.put(dropout_mask(pre.shape, dropout, rng))  # of h by pre
    h = with_constant_unit(pre * slope)  # (B, d + 1)
    active = sampler.sample(backend, h, y, rng)  # B or 1 sets among n
    z = backend.sddmm(h, output.weight, active)
    loss, dz = backend.loss(z, log_weights(active), y)

    dh = backend.spmm(dz, output.weight)[:, :-1]  # (B, d)
    output_grad = backend.spmm_t(dz, h)
    hidden_grad = backend.spmm_t(x, dh * slope)
    backend.update_rows(output, output_grad, optimizer, lr, step)
    backend.update_rows(hidden, hidden_grad, optimizer, lr, step)

    n_entries = max(active.values.size, 1)
    return StepReport(
        loss=float(loss.mean()),
        n_active=active.values.size / max(active.n_rows, 1),
        from_labels=float((active.values == FROM_LABELS).sum()) / n_entries,
        from_tables=float((active.values == FROM_TABLES).sum()) / n_entries,
        touched_rows=len(output_grad.rows),
    )


def dropout_mask(shape: tuple[int, ...], dropout: float, rng: np.random.Generator) -> Array:
    """0 with probability `dropout`, else 1 / (1 - dropout), so that the mean stays; f32."""
    kept = rng.random(shape, dtype=np.float32) >= dropout
    return kept * np.float32(1 / (1 - dropout))


def infer(backend: Backend, network: Network, x: CSR, k: int) -> tuple[Array, Array]:
    """Exact top k: every neuron is computed. The yardstick for `infer_sampled`.

    Returns:
        ids i32 (B, k) and logits f32 (B, k), best first; see `Backend.top_k`.
    """
    ids, scores = backend.top_k(hidden_units(backend, network, x), network.output.weight, None, k)
    return backend.get(ids), backend.get(scores)


def infer_sampled(
    backend: Backend,
    network: Network,
    x: CSR,
    k: int,
    retrieval: Retrieval,
) -> tuple[Array, Array]:
    """Top k among the neurons that hash tables retrieve; see `infer`."""
    h = hidden_units(backend, network, x)
    nothing = CSR(
        np.zeros(x.n_rows + 1, np.int64),
        np.zeros(0, np.int32),
        np.zeros(0, np.float32),
        network.n_labels,
    ).map(backend.put)
    codes = query_codes(backend, h, retrieval.family)
    found = backend.query(retrieval.tables, codes, nothing, nothing, retrieval.query, salt=0)
    assert isinstance(found, CSR)  # each example looks for its own
    ids, scores = backend.top_k(h, network.output.weight, found, k)
    return backend.get(ids), backend.get(scores)


def hidden_units(backend: Backend, network: Network, x: CSR) -> Array:
    """Inputs of the output layer, without dropout: f32 (B, n_hidden + 1)."""
    pre = backend.spmm(input_of(x, backend), network.hidden.weight)
    return with_constant_unit(np.maximum(pre, 0))
