"""scikit-learn's own checks of estimators."""

import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

import slide

QUICK = {
    "check_no_attributes_set_in_init", "check_dont_overwrite_parameters",
    "check_estimators_unfitted",
    "check_n_features_in_after_fitting", "check_sample_weight_equivalence_on_dense_data",
    "check_classifiers_regression_target", "check_estimators_partial_fit_n_features",
    "check_classifiers_multilabel_representation_invariance", "check_supervised_y_2d",
    "check_methods_subset_invariance", "check_fit_idempotent", "check_classifier_multioutput",
    "check_all_zero_sample_weights_error", "check_dtype_object",
}  # fmt: skip
ARRAY_API = "check_array_api_input"  # SciPy reads when it is imported whether it is to be tried


def named(check):
    return getattr(check, "func", check).__name__


CHECKS = [
    pytest.param(each, check, id=named(check))
    for each, check in estimator_checks_generator(slide.SlideClassifier(backend="reference"))
]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("estimator", "check"), [each for each in CHECKS if named(each.values[1]) in QUICK]
)
def test_quick_checks_of_an_estimator(estimator, check):
    check(estimator)


def test_quick_checks_are_all_there():
    assert {named(each.values[1]) for each in CHECKS} >= QUICK


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [each for each in CHECKS if named(each.values[1]) not in {*QUICK, ARRAY_API}],
)
def test_all_other_checks_of_an_estimator(estimator, check):
    check(estimator)


@pytest.mark.slow
def test_arrays_of_the_array_api():
    script = (
        "import slide, sklearn.utils.estimator_checks as checks\n"
        f"checks.{ARRAY_API}('SlideClassifier', slide.SlideClassifier(), array_namespace='numpy')"
    )
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
