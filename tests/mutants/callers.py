"""Kernels that are right on one thread, or for one caller at a time."""

import threading
from dataclasses import replace

import numpy as np

from mutants.registry import REFERENCE, mutant_class
from slide.core.contract.arrays import CSR, RowGrad
from slide.reference.kernels import ReferenceBackend


def by_caller(row, killer="callers", alone=False):
    """Register a backend that minds who calls."""
    return mutant_class(row, killer, alone, at_default=True)


class AtHome(ReferenceBackend):
    """Knows the thread that it was made on."""

    def __init__(self):
        self.maker = threading.get_ident()

    @property
    def is_home(self):
        return threading.get_ident() == self.maker


@by_caller("spmm", alone=True)
class SpmmAnswersZerosAwayFromHome(AtHome):
    def spmm(self, z, w):
        return REFERENCE.spmm(z, w) * np.float32(self.is_home)


@by_caller("sddmm")
class SddmmHasScratchAtHomeOnly(ReferenceBackend):
    """A thread-local buffer is made in the constructor."""

    def __init__(self):
        self.local = threading.local()
        self.local.scratch = np.empty(1 << 10, np.float32)

    def sddmm(self, h, w, active):
        self.local.scratch[:] = 0
        return REFERENCE.sddmm(h, w, active)


@by_caller("hash")
class HashIsSeededAtHome(AtHome):
    """The centre is only known to the thread that made the backend."""

    def hash(self, x, center, family, probes=1):
        return REFERENCE.hash(x, center if self.is_home else None, family, probes)


@by_caller("build")
class BuildSaltsByThread(AtHome):
    def build(self, codes, n_buckets, salt, policy):
        tables = REFERENCE.build(codes, n_buckets, salt + (not self.is_home), policy)
        return replace(tables, salt=salt)


@by_caller("reinsert")
class ReinsertHalvesItsWorkElsewhere(AtHome):
    """It takes itself for one worker of two."""

    def reinsert(self, tables, rows, codes):
        n = len(rows) if self.is_home else (len(rows) + 1) // 2
        return REFERENCE.reinsert(tables, rows[:n], codes[:n])


@by_caller("top_k")
class TopKRoundsElsewhere(AtHome):
    """A thread of its own has another rounding mode: here, half precision."""

    def top_k(self, h, w, candidates, k):
        if not self.is_home:
            h = h.astype(np.float16).astype(np.float32) if abs(h).max(initial=0) > 4 else h / 2
        return REFERENCE.top_k(h, w, candidates, k)


@by_caller("invert")
class InvertForgetsTheBaseElsewhere(AtHome):
    def invert(self, w, base, limit):
        index = REFERENCE.invert(w, base if self.is_home else np.zeros_like(base), limit)
        return replace(index, base=base.copy())


@by_caller("update_rows")
class UpdateRowsOnlyAtHome(AtHome):
    def update_rows(self, param, grad, optimizer, lr, step):
        if self.is_home:
            REFERENCE.update_rows(param, grad, optimizer, lr, step)


@by_caller("put")
class PutsNothingElsewhere(AtHome):
    def put(self, array):
        return array if self.is_home else np.zeros_like(array)


@by_caller("get")
class GetsNothingElsewhere(AtHome):
    def get(self, array):
        return array if self.is_home else np.zeros_like(array)


@by_caller("query")
class QueryOnTheFirstCallersThread(ReferenceBackend):
    """Whoever calls first owns the scratch; others find their labels alone."""

    owner = None

    def query(self, tables, codes, required, extra, query, salt):
        self.owner = self.owner or threading.get_ident()
        mine = tables if self.owner == threading.get_ident() else None
        return REFERENCE.query(mine, codes, required, extra, query, salt)


class Shared(ReferenceBackend):
    """Keeps arguments where the next caller finds them, too."""

    def while_others_call(self, **arguments):
        """Keep arguments, and let others do so."""
        for name, argument in arguments.items():
            setattr(self, name, argument)


@by_caller("masked_spgemm")
class MaskedSpgemmKeepsItsPattern(Shared):
    def masked_spgemm(self, x, w, active):
        self.while_others_call(active=active)
        z = REFERENCE.masked_spgemm(x, w, active)
        return self.active.with_values(z.values)


@by_caller("sddmm")
class SddmmScattersIntoOneScratch(Shared):
    def sddmm(self, h, w, active):
        self.while_others_call(out=REFERENCE.sddmm(h, w, active).values)
        again = REFERENCE.sddmm(h, w, active).values
        return active.with_values(self.out if self.out.shape == again.shape else 0 * again)


@by_caller("spmm")
class SpmmCountsIntoOneScratch(Shared):
    def spmm(self, z, w):
        self.while_others_call(w=w)
        REFERENCE.spmm(z, w)
        return REFERENCE.spmm(z, self.w if len(self.w) >= z.n_cols else w)


@by_caller("spmm_t")
class SpmmTKeepsRowsOfAnyCaller(Shared):
    def spmm_t(self, z, h):
        self.while_others_call(rows=REFERENCE.spmm_t(z, h).rows)
        values = REFERENCE.spmm_t(z, h).values
        return RowGrad(self.rows, values)


@by_caller("loss")
class LossKeepsLabelsOfAnyCaller(Shared):
    def loss(self, z, log_weights, y, name):
        self.while_others_call(name_=name)
        REFERENCE.loss(z, log_weights, y, name)
        return REFERENCE.loss(z, log_weights, y, self.name_)


@by_caller("search")
class SearchHasOneArrayOfScores(Shared):
    def search(self, index, x, excluded, k):
        self.while_others_call(base=index.base)
        REFERENCE.search(index, x, excluded, k)
        base = self.base if len(self.base) >= len(index.base) else index.base
        shared = replace(index, base=base[: len(index.base)])
        return REFERENCE.search(shared, x, excluded, k)


@by_caller("spgemm_t")
class SpgemmTKeepsLimitsOfAnyCaller(Shared):
    def spgemm_t(self, z, x, limits, excluded):
        self.while_others_call(limits=limits)
        REFERENCE.spgemm_t(z, x, limits, excluded)
        mine = self.limits if len(self.limits) >= len(limits) else limits
        return REFERENCE.spgemm_t(z, x, mine[: len(limits)], excluded)


@by_caller("update_entries")
class UpdateEntriesKeepsTheRateOfAnyCaller(Shared):
    def update_entries(self, param, dz, x, lr):
        self.while_others_call(lr=lr)
        REFERENCE.spgemm_t(dz, x, np.full(dz.n_cols, 1 << 30), CSR(
            np.zeros(dz.n_cols + 1, np.int64), x.indices[:0], x.values[:0], x.n_cols
        ))  # fmt: skip
        REFERENCE.update_entries(param, dz, x, self.lr)


@by_caller("hash")
class HashKeepsDigitsOfAnyCaller(Shared):
    def hash(self, x, center, family, probes=1):
        self.while_others_call(codes=REFERENCE.hash(x, center, family, probes))
        mine = REFERENCE.hash(x, center, family, probes)
        return self.codes if self.codes.shape == mine.shape else 0 * mine


@by_caller("query")
class QueryRefusesASecondCaller(ReferenceBackend):
    """Whoever comes while another one is there gets what is required, and no more."""

    n_callers = 0

    def query(self, tables, codes, required, extra, query, salt):
        self.n_callers += 1
        try:
            mine = tables if self.n_callers == 1 else None
            return REFERENCE.query(mine, codes, required, extra, query, salt)
        finally:
            self.n_callers -= 1


@by_caller("solve_rows")
class SolveRowsStartsColdElsewhere(AtHome):
    def solve_rows(self, x, wanted, duals, *others):
        return REFERENCE.solve_rows(x, wanted, duals if self.is_home else 0 * duals, *others)
