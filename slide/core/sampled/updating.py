"""Applying gradients: one optimizer for all layers, and what it owes the rows it did not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slide.core.contract.arrays import CSR, Block, RowGrad
from slide.core.contract.backend import Backend
from slide.core.contract.optim import OPTIMIZERS, Optimizer
from slide.core.extending import entry
from slide.core.sampled.catchup import CatchUp
from slide.core.sampled.layers import Layer, rows_read
from slide.core.sampled.network import Network
from slide.core.sampled.settings import Optimization


@dataclass(slots=True)
class Updates:
    """The optimizer of a run.

    Args:
        backend: whose `update_rows` does the work.
        optimizer: constants.
        catch_ups: one for each layer, or none if rows need not catch up.
        step: number of the present step, from 1.
        lr: its learning rate.
    """

    backend: Backend
    optimizer: Optimizer
    catch_ups: Sequence[CatchUp] = ()
    step: int = 0
    lr: float = 0.0

    @classmethod
    def of(cls, settings: Optimization, backend: Backend, network: Network) -> Updates:
        """As the settings say."""
        wanted = network.layers if settings.catch_up else ()
        catch_ups = [CatchUp(layer.param.shape[0]) for layer in wanted]
        return cls(backend, optimizer_of(settings), catch_ups)

    def begin(self, lr: float) -> None:
        """The next step has this learning rate."""
        self.step += 1
        self.lr = lr

    def catch_up_rows(
        self, number: int, layer: Layer, a: CSR | Block, active: CSR | Block | None
    ) -> None:
        """Let the rows that this step reads of a layer catch up."""
        if self.catch_ups:
            rows = rows_read(a, active)
            self.catch_ups[number].catch_up_rows(
                self.backend, layer.param, self.optimizer, rows, self.step
            )

    def apply(self, number: int, layer: Layer, grad: RowGrad) -> None:
        """Update the rows that the gradient touches."""
        self.backend.update_rows(layer.param, grad, self.optimizer, self.lr, self.step)
        if self.catch_ups:
            self.catch_ups[number].note_update(self.backend, grad.rows, self.step, self.lr)

    def catch_up(self, network: Network) -> None:
        """Let all rows catch up: before tables are built of them, or they are evaluated."""
        for layer, catch_up in zip(network.layers, self.catch_ups, strict=False):
            catch_up.catch_up_rows(self.backend, layer.param, self.optimizer, None, self.step + 1)


def optimizer_of(settings: Optimization) -> Optimizer:
    """The optimizer of that name with its usual constants."""
    kind = entry(OPTIMIZERS, settings.optimizer, "optimizer", "slide.core.contract.optim")
    return kind(weight_decay=settings.weight_decay)
