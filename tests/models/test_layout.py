"""The layout of a model folder: a script of NumPy alone reads it, and predicts the same."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import csr_of
from safetensors.numpy import load_file
from small_models import (
    DIRECT,
    N_SEEN,
    model,
    others,
    raw_model,
    with_raw_ids,
)

import slide
from slide.core.examples.counting import OneBased

SCRIPT = runpy.run_path(str(Path(slide.__file__).parents[1] / "examples" / "read_model.py"))
PAGE = Path(slide.__file__).parents[1] / "docs" / "model-folder.md"


def rows_of(x):
    """Rows as {id: value}."""
    return [dict(zip(*map(np.ndarray.tolist, x.row(i)), strict=True)) for i in range(x.n_rows)]


def strange():
    """Rows with unknown features, of 17 features, and of none that is known."""
    seventeen = dict.fromkeys(range(17), 1.5)
    return csr_of([{3: 1.0, 900: 4.0, 17: -2.0}, seventeen, {1000: 1.0}], 1001)


def assert_same(got, expected, scores):
    """Equal scores, and equal ids where the next score is not as good as the same."""
    ids, own = got
    np.testing.assert_allclose(own, scores, rtol=1e-5, atol=2e-6)
    apart = np.abs(np.diff(scores.astype(np.float64))) > 1e-5
    settled = np.append(True, apart) & np.append(apart, True)
    np.testing.assert_array_equal(ids[settled], expected[settled])


@pytest.mark.filterwarnings("ignore::slide.UnseenWarning")
@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("raw_ids", [False, True])
def test_the_script_predicts_the_same(name, raw_ids, tmp_path):
    one = raw_model(name) if raw_ids else model(name)
    one.save(tmp_path / "m")
    tensors = load_file(tmp_path / "m" / "weights.safetensors")
    for x in (with_raw_ids(others()) if raw_ids else others(), strange()):
        k = one.network.n_labels
        expected, scores = one.predict(x, k)
        for i, row in enumerate(rows_of(x)):
            assert_same(SCRIPT["best"](tensors, row, k), expected[i], scores[i])
    if not raw_ids:
        assert (expected[:, N_SEEN:] >= N_SEEN).all()


@pytest.mark.parametrize("one_based", OneBased)
def test_the_script_prints_what_predict_prints(slide, one_based, in_a_folder, capsys):
    replace(model("solved"), one_based=one_based).save("m")
    x, lines = others(), []
    for row in rows_of(x)[:5]:
        lines.append(" ".join(f"{f + one_based.first_feature}:{v:g}" for f, v in row.items()))
    Path("x.svm").write_text("\n".join(lines) + "\n")
    code, out, err = slide("predict", "m", "x.svm")
    assert (code, err) == (0, "")
    SCRIPT["main"]("m", "x.svm")
    own = capsys.readouterr().out
    for line, other in zip(out.splitlines(), own.splitlines(), strict=True):
        got, expected = (dict(word.split(":") for word in each.split()) for each in (other, line))
        assert got.keys() == expected.keys()
        for label, score in expected.items():
            assert float(got[label]) == pytest.approx(float(score), rel=1e-4, abs=1e-5)


def test_the_page_tells_of_every_tensor(tmp_path):
    text = PAGE.read_text()
    for place, one in enumerate([raw_model("pairs"), raw_model("stacked"), raw_model("deep")]):
        one.save(tmp_path / str(place))
        for name, tensor in load_file(tmp_path / str(place) / "weights.safetensors").items():
            family = name.split(".")[0]
            if name.startswith("hidden_"):
                family = "_".join(name.split("_")[:2])
            line = next(line for line in text.splitlines() if line.startswith(f"| `{family}"))
            assert {"float32": "f32", "int64": "i64", "int32": "i32"}[str(tensor.dtype)] in line
