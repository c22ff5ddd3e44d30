"""Branches that a backend does not take are told; ours take all of theirs."""

import subprocess
import sys
from textwrap import dedent

import pytest

from slide.backends import branches
from slide.backends.branches import find_untaken

BEGIN = """
    import numba
    import numpy as np
    from slide.core.contract.arrays import Block, CSR, RowGrad

    class Mine:
        name = "mine"
        def put(self, array): return array
        def get(self, array): return array
"""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What is untaken, and what is unseen, of a module with a class `Mine`; its number of lines."""

    def told(source, begin=BEGIN):
        (tmp_path / "my_backend.py").write_text(dedent(begin) + dedent(source))
        monkeypatch.syspath_prepend(tmp_path)
        return find_untaken("my_backend:Mine", 1, 0)

    return told


def test_a_threshold_of_a_python_kernel_is_told_with_the_largest_size(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            if isinstance(z, CSR):
                return z.to_scipy() @ w
            if len(z.ids) > MOST_IDS:
                return z.values @ w[z.ids - 1]
            return z.values @ w[z.ids]

    MOST_IDS = 40_000
    """
    (one,), unseen = told(source)
    assert unseen == []
    assert (one.file, one.source) == ("my_backend.py", "len(z.ids) > MOST_IDS")
    assert one.way == "never true"
    begin, _, largest = one.threshold.partition(": the largest drawn was ")
    assert begin == "len(z.ids) > MOST_IDS (MOST_IDS is 40000)"
    assert 15_000 < int(largest) <= 20_000


@pytest.mark.slow
def test_a_threshold_is_seen_wherever_it_stands(told):
    source = """
    # the methods of Mine go on
        LIMIT = 1 << 22
        def spmm(self, z, w):
            few = z.n_rows < 50_000
            shift = 0 if not w.size or z.n_cols <= self.LIMIT else 1
            return np.where(w.shape[0] >= 2_000_000, 0, self.sum(z, w + shift, few))
        def sum(self, z, w, few):
            return z.to_scipy() @ w if isinstance(z, CSR) else z.values @ w[z.ids]
    """
    found, _ = told(source)
    assert [(one.source, one.way) for one in found if one.threshold] == [
        ("z.n_rows < 50_000", "never false"),
        ("not w.size or z.n_cols <= self.LIMIT", "never false"),
        ("w.shape[0] >= 2_000_000", "never true"),
    ]


def test_a_branch_of_a_compiled_kernel_is_told(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            out = np.zeros((z.n_rows, w.shape[1]), np.float32)
            if isinstance(z, Block):
                return z.values @ w[z.ids]
            sums(z.indptr, z.indices, z.values, w, out)
            return out

    @numba.njit(nogil=True)
    def sums(indptr, indices, values, w, out):
        for i in range(len(out)):
            if out.shape[1] == 777_777:
                continue
            for e in range(indptr[i], indptr[i + 1]):
                out[i] += values[e] * w[indices[e]]
    """
    (one,), unseen = told(source)
    assert (one.source, one.way, unseen) == ("out.shape[1] == 777_777", "never true", [])
    assert one.threshold.startswith("out.shape[1] == 777_777: the largest drawn was 10")


def test_loops_cases_handlers_and_functions_are_told(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            for _ in range(z.n_cols - z.n_cols):
                pass
            match type(w).__name__:
                case "ndarray":
                    pass
                case "matrix":
                    w = np.asarray(w)
            try:
                values = z.values
            except AttributeError:
                values = z
            return KINDS["never" if len(w) < 0 else type(z)](z, w)

    def by_csr(z, w): return z.to_scipy() @ w
    def by_block(z, w): return z.values @ w[z.ids]
    def by_nobody(z, w): return w
    def not_mentioned(z, w): return w
    KINDS = {CSR: by_csr, Block: by_block, "never": by_nobody}
    """
    found, _ = told(source)
    assert [(one.source, one.way) for one in found] == [
        ("range(z.n_cols - z.n_cols)", "loop never entered"),
        ('"matrix"', "case never taken"),
        ("AttributeError", "handler never run"),
        ("len(w) < 0", "never true"),
        ("by_nobody", "function never called"),
    ]


@pytest.mark.slow
def test_what_only_refuses_or_is_up_to_the_machine_is_not_told(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            if w.ndim != 2:
                raise ValueError("w")
            if w.dtype == "float16":
                refuse(w)
            try:
                open("/nowhere/at/all").close()
            except OSError:
                pass
            if numba.__version__ == "0":
                return None
            return z.to_scipy() @ w if isinstance(z, CSR) else z.values @ w[z.ids]

    def refuse(w):
        raise ValueError("w")
    """
    assert told(source) == ([], [])


@pytest.mark.slow
def test_a_refusal_beyond_a_threshold_is_told(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            if z.n_rows > 1_000_000:
                raise ValueError("so many")
            return z.to_scipy() @ w if isinstance(z, CSR) else z.values @ w[z.ids]
    """
    ((one,), _) = told(source)
    assert one.threshold.startswith("z.n_rows > 1_000_000: the largest drawn was ")


def test_a_kernel_that_cannot_be_run_uncompiled_is_told(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            return raw.overloads[raw.signatures[0]](w)

    @numba.vectorize
    def raw(x):
        return x
    """
    found, unseen = told(source)
    assert found == []
    assert unseen[0].startswith("spmm could not be run uncompiled: AttributeError: ")
    assert unseen[1] == "raw in my_backend.py is compiled whatever one asks for"


def test_taken_kernels_are_not_run_and_nothing_is_compiled(told, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cold"))
    begin = """
    from slide.backends.delegating import Delegating
    from slide.backends.numba_threads import NumbaBackend
    from slide.core.contract.arrays import CSR

    class Mine(Delegating):
        taken = {"numba": ("put", "get", "hash", "query")}
        numba = NumbaBackend()

        def __init__(self):
            super().__init__()
            self.hash = self.query = self.never

        def never(self, *arguments):
            raise RuntimeError("a kernel that is taken was run")
    """
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            return self.numba.spmm(z, w)

        @property
        def loss(self):
            raise RuntimeError("no such luck")
    """
    found, unseen = told(source, begin)
    assert found == []
    assert unseen == ["loss could not be run uncompiled: RuntimeError: no such luck"]
    assert not (tmp_path / "cold").exists()


def test_a_backend_that_cannot_be_made_is_told_in_one_sentence(told):
    found, unseen = told("", begin="raise RuntimeError('no such luck')")
    assert found == []
    (sentence,) = unseen
    assert "is broken: my_backend:Mine raised RuntimeError: no such luck" in sentence


def test_a_process_that_dies_is_told(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            import os
            os._exit(7)
    """
    assert told(source) == ([], ["the kernels could not be run uncompiled: it ended with code 7"])


@pytest.mark.slow
def test_what_a_backend_prints_harms_nothing(told):
    source = """
    # the methods of Mine go on
        def spmm(self, z, w):
            print("here I am")
            return z.to_scipy() @ w if isinstance(z, CSR) else z.values @ w[z.ids]
    """
    assert told(source) == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reference", "processes", "numba"])
def test_our_own_backends_leave_no_branch_untaken(name):
    assert find_untaken(name, 1, 0) == ([], [])


def test_a_process_that_takes_too_long_is_told(told, monkeypatch):
    monkeypatch.setattr(branches, "PATIENCE", 0.1)
    assert told("") == ([], ["uncompiled it is so slow that after 0.1 seconds nothing was known"])


@pytest.mark.slow
def test_our_kernels_are_right_without_a_compiler():
    source = """
        import os
        import warnings
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        warnings.simplefilter("ignore")
        from slide.backends.numba_threads import NumbaBackend
        from slide.core.contract.backend import KERNELS
        from slide.reference.checks import check
        for kernel in KERNELS:
            name = "exact" if kernel in ("put", "get", "build", "reinsert", "query") else "bound"
            one = check(NumbaBackend(), kernel, name, 5)
            assert one.outcome == "pass", one
    """
    subprocess.run([sys.executable, "-c", dedent(source)], check=True)
