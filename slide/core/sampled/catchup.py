"""Exact catch-up: what a lazy optimizer owes the rows that its steps did not touch.

Dense Adam also moves a row whose gradient is zero, because its moments decay and not at once;
weight decay shrinks it under any optimizer. The missed steps of a row can be made up for when the
row is next needed. They are replayed with the very kernel that the steps use, so the result is
dense Adam bit for bit.
"""

from __future__ import annotations

import numpy as np

from slide.core.contract.arrays import Array, Param, RowGrad
from slide.core.contract.backend import Backend
from slide.core.contract.optim import Optimizer
from slide.core.contract.state import State

ROWS_AT_A_TIME = 4096  # whose gradient of zeros is held in memory


class CatchUp:
    """Which step each row of one Param has been brought to.

    Cost: one row's update for every step and row missed, as in dense training; only when
    differs. Learning rates are kept since the last time that all rows were brought up.
    """

    def __init__(self, n_rows: int) -> None:
        self.last = np.zeros(n_rows, np.int64)  # number of the step, 0 before the first
        self.rates: dict[int, float] = {}  # learning rate of a step

    def catch_up_rows(
        self,
        backend: Backend,
        param: Param,
        optimizer: Optimizer,
        rows: Array | None,
        step: int,
    ) -> None:
        """Bring rows to where dense training has them when step `step` begins.

        Args:
            backend: whose `update_rows` replays the missed steps.
            param: written in place.
            optimizer: that of the missed steps.
            rows: i32 (R,), strictly increasing, of the backend: all that the step reads or
                touches. None for all rows: before tables are built of them or they are
                evaluated or saved.
            step: number of the step to come, from 1.
        """
        ids = np.arange(len(self.last), dtype=np.int32) if rows is None else backend.get(rows)
        for start in range(0, len(ids), ROWS_AT_A_TIME):
            self._replay(backend, param, optimizer, ids[start : start + ROWS_AT_A_TIME], step)
        self.last[ids] = step - 1
        if rows is None:
            self.rates.clear()

    def note_update(self, backend: Backend, rows: Array, step: int, lr: float) -> None:
        """Note that step `step` updated `rows` (as in `catch_up_rows`) with learning rate lr."""
        ids = backend.get(rows)
        assert (self.last[ids] == step - 1).all()  # otherwise what they missed is lost for good
        self.last[ids] = step
        self.rates[step] = lr

    def state(self) -> State:
        """Where each row is, and the learning rates since the last time that all were there."""
        return {
            "last": self.last,
            "steps": np.array(list(self.rates), np.int64),
            "rates": np.array(list(self.rates.values()), np.float64),
        }

    def restore(self, state: State) -> None:
        """Go on from such a state."""
        self.last = state["last"]
        self.rates = dict(zip(state["steps"].tolist(), state["rates"].tolist(), strict=True))

    def _replay(
        self, backend: Backend, param: Param, optimizer: Optimizer, ids: Array, step: int
    ) -> None:
        last = self.last[ids]
        for missed in range(int(last.min()) + 1, step):
            late = ids[last < missed]
            zeros = np.zeros((len(late), param.shape[1]), param.weight.dtype)
            grad = RowGrad(backend.put(late), backend.put(zeros))
            backend.update_rows(param, grad, optimizer, self.rates[missed], missed)
