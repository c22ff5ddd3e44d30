import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from conftest import planted

import slide
from slide.core.errors import ConfigError, InputError

DATA = planted(300, n_labels=20)
QUICK = {"backend": "reference", "lr": 2.0, "epochs": 1}


def test_a_model_in_one_call_is_that_of_a_trainer():
    model = slide.fit(DATA.x.to_scipy(), DATA.y.to_scipy(), **QUICK)
    other = slide.Trainer(slide.Config(lr=2.0, epochs=1), "reference").fit(DATA)
    for mine, theirs in zip(model.predict(DATA.x), other.predict(DATA.x), strict=True):
        assert np.array_equal(mine, theirs)


def test_names_of_labels_and_of_columns_travel():
    x = pd.DataFrame(DATA.x.dense(), columns=[f"f{i}" for i in range(DATA.n_features)])
    names = [[f"l{label}" for label in DATA.y.row(i)[0]] for i in range(300)]
    model = slide.fit(x, names, validation=(x[:30], names[:30]), hidden=4, epochs=1,
                      backend="reference")  # fmt: skip
    assert model.feature_names.values[:2] == ("f0", "f1")
    assert model.label_names.of([[0]]) == [["l0"]]
    assert model.calibration is not None


def test_labels_of_a_validation_set_have_the_ids_of_the_training_set():
    from slide.estimator.fitting import validation_of

    other = validation_of((np.eye(2), [["b", "z"], ["a"]]), slide.Names(["a", "b"]))
    assert other.y.dense().tolist() == [[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.eye(2), [[3], [4], [5]]), InputError, "2 rows of features and 3 rows of labels"),
        ((np.eye(2), ["a", "b"], {"lrr": 2}), ConfigError, "did you mean 'lr'"),
        ((sp.eye_array(2), ["a", "b"], {"validation": 3}), InputError, "expected a pair"),
        ((sp.eye_array(2), ["a", "b"], {"sample_weight": [1]}), InputError, "expected 2"),
        ((sp.eye_array(2), ["a", "b"], {"sample_weight": [1, -1]}), InputError, "one is -1"),
        ((sp.eye_array(2), ["a", "b"], {"sample_weight": [0, 0]}), InputError, "all are 0"),
    ],
)
def test_what_is_wrong_is_told_of_arguments(arguments, error, words):
    x, y, *named = arguments
    with pytest.raises(error, match=words) as caught:
        slide.fit(x, y, backend="reference", **(named[0] if named else {}))
    assert "--" not in str(caught.value)
