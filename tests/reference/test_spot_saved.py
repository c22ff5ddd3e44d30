"""Calls that were found wrong: what is told of them, saved, and read again."""

import json

import numpy as np
import pytest
from spot_calls import REFERENCE, bits, cases_of, sampled

from slide.core.contract.arrays import Block
from slide.core.contract.backend import KERNELS
from slide.core.errors import BackendError, CheckError
from slide.reference.kernels import ReferenceBackend
from slide.reference.spot_checks import CheckedCall, SpotChecked, checked_call

pytestmark = pytest.mark.usefixtures("in_a_folder")


def test_a_call_that_raises_is_saved_even_if_it_is_not_checked():
    class Breaking(ReferenceBackend):
        def spmm(self, z, w):
            if w[0, 0] == 7:
                raise ValueError("seven")
            return super().spmm(z, w)

    checked = SpotChecked(Breaking(), share=0.0)
    z, w = Block.of(np.ones((3, 4), np.float32)), np.ones((4, 2), np.float32)
    checked.spmm(z, w)
    w[0, 0] = 7
    with pytest.raises(CheckError, match="is wrong: raised ValueError: seven; its arguments"):
        checked.spmm(z, w)
    call = checked_call("slide-check-spmm.npz")
    assert call.deviation == call.repeated(checked) == "raised ValueError: seven"


def test_what_a_backend_refuses_in_a_sentence_stays_as_it_is():
    class Refusing(ReferenceBackend):
        def spmm(self, z, w):
            raise BackendError("no room")

    with pytest.raises(BackendError, match=r"^no room$"):
        SpotChecked(Refusing()).spmm(Block.of(np.ones((3, 4), np.float32)), np.ones((4, 2)))


class Forgetful(ReferenceBackend):
    """Answers the fourth call of a kernel with the result of the third."""

    def __init__(self):
        self.results = []

    def spmm(self, z, w):
        self.results.append(super().spmm(z, w))
        return self.results[-2 if len(self.results) == 4 else -1]


def test_what_is_wrong_but_once_is_told_so(tmp_path):
    checked = SpotChecked(Forgetful(), share=1.0)
    calls = [case.arguments for case in cases_of("spmm", 3)]
    for arguments in calls:
        checked.spmm(*arguments)
    z, w = calls[-1]
    with pytest.raises(CheckError, match="the same call made again is right") as caught:
        checked.spmm(z, -w)
    call = checked_call("slide-check-spmm.npz")
    assert call.deviation
    assert call.repeated(checked) == ""
    assert caught.value.snippet in caught.value.__notes__


def test_a_call_that_cannot_be_saved_is_told(monkeypatch):
    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CheckedCall, "save", full)
    checked = SpotChecked(Forgetful(), share=1.0)
    (z, w), *_ = [case.arguments for case in cases_of("spmm", 1)]
    for _ in range(3):
        checked.spmm(z, w)
    with pytest.raises(CheckError, match=r"wrong: .*cannot be saved: No space left on device"):
        checked.spmm(z, -w)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_saved_call_is_read_as_it_was(kernel):
    for case in cases_of(kernel, 2, 20):
        _, result = sampled(kernel, case.arguments, 0)
        path = CheckedCall(kernel, case.arguments, result).save()
        call = checked_call(path)
        assert call.kernel == kernel
        assert bits(call.arguments) == bits(case.arguments)
        assert bits(call.result) == bits(result)
        assert call.deviation == call.repeated(REFERENCE) == ""


def test_a_file_with_other_types_is_refused():
    call = np.array(json.dumps(["put", {"type": "os:environ", "fields": {}}, None]))
    np.savez("strange.npz", call=call)
    with pytest.raises(ValueError, match=r"'os:environ', expected one of slide\.core"):
        checked_call("strange.npz")
