"""A run goes on with the data, the names and the model that it was begun with, and no others."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import planted, widened
from interrupted import CONFIGS, TRAIN, VALID, StopsAt

import slide
from slide.core.checkpoints.every import Checkpoints
from slide.core.errors import ConfigError
from slide.core.examples.texts import TextFeatures
from slide.core.interrupts import Interrupted
from slide.core.models.folder import CONFIG, WEIGHTS
from slide.core.models.origin import UNKNOWN
from slide.core.runs.digests import arrays_of, digest_of
from slide.core.runs.keeping import Keeping
from slide.core.runs.trainer import Trainer

MORE = widened(planted(150, 60, seed=3), 130, 64)
TEXTS = TextFeatures("hashing", {"n_features": TRAIN.n_features, "stop_words": None})
NAMED = replace(
    TRAIN, text=TEXTS, label_names=range(60), feature_names=[f"f{n}" for n in range(120)]
)


def fitted(folder, backend, name, train, *, at=0, begin_with=None, valid=None, **asked):
    """A model, or None if its run was interrupted after a step."""
    checkpoints = Checkpoints(folder / "c", **asked) if asked else None
    trainer = Trainer(CONFIGS[name], backend, watcher=StopsAt(at), checkpoints=checkpoints)
    try:
        return trainer.fit(train, valid, begin_with)
    except Interrupted:
        return None


def bytes_of(model, folder):
    replace(model, origin=UNKNOWN).save(folder)  # but for when it was trained
    return [(folder / name).read_bytes() for name in (CONFIG, WEIGHTS)]


@pytest.fixture(params=["layers", "direct"])
def earlier(request, backend):
    return request.param, Trainer(replace(CONFIGS[request.param], epochs=1), backend).fit(TRAIN)


def test_few_of_many_ids_are_found_again(backend, tmp_path):
    wide, more = widened(TRAIN, 1 << 20, 1 << 20), widened(MORE, 1 << 20, 1 << 20)
    model = fitted(tmp_path, backend, "direct", wide)
    whole = fitted(tmp_path, backend, "direct", more, begin_with=model)
    fitted(tmp_path, backend, "direct", more, at=3, begin_with=model, every="1")
    resumed = fitted(tmp_path, backend, "direct", more, resume=True)
    assert len(resumed.label_ids) <= 64
    np.testing.assert_array_equal(resumed.label_ids, whole.label_ids)
    np.testing.assert_array_equal(resumed.label_counts, whole.label_counts)


def test_a_run_that_began_with_a_model_goes_on_without_it(earlier, backend, tmp_path):
    name, model = earlier
    whole = bytes_of(fitted(tmp_path, backend, name, MORE, begin_with=model), tmp_path / "whole")
    begun = fitted(tmp_path, backend, name, MORE, at=3, begin_with=model, every="1")
    assert begun is None
    resumed = fitted(tmp_path, backend, name, MORE, resume=True)
    assert bytes_of(resumed, tmp_path / "resumed") == whole
    assert resumed.n_samples == TRAIN.n_samples + MORE.n_samples
    again = fitted(tmp_path, backend, name, MORE, begin_with=model, resume=True)
    assert bytes_of(again, tmp_path / "again") == whole


def test_another_model_to_begin_with_is_refused(backend, tmp_path):
    one, other = (fitted(tmp_path, backend, "direct", planted(99, 60, seed=n)) for n in (0, 1))
    fitted(tmp_path, backend, "direct", MORE, at=1, begin_with=one, every="1")
    with pytest.raises(ConfigError, match=r"begin_with is a model, but .* begun with another one"):
        fitted(tmp_path, backend, "direct", MORE, begin_with=other, resume=True)
    fitted(tmp_path, backend, "direct", MORE, at=1, every="1", fresh=True)
    with pytest.raises(ConfigError, match=r"begin_with is a model, but .* begun with none"):
        fitted(tmp_path, backend, "direct", MORE, begin_with=one, resume=True)


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """The folder of a run on data with names that was interrupted."""
    folder = tmp_path_factory.mktemp("named")
    fitted(folder, slide.load_backend("reference"), "direct", NAMED, at=2, every="1")
    return folder


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label_names": range(1, 61)}, "the names of labels are"),
        ({"label_names": [float(n) for n in range(60)]}, "the names of labels are"),
        ({"label_names": None}, "the names of labels are"),
        ({"feature_names": [f"g{n}" for n in range(120)]}, "the names of features are"),
        (
            {"text": replace(TEXTS, settings=TEXTS.settings | {"stop_words": ["the"]})},
            "the way that texts become features is",
        ),
        ({"text": None}, "the way that texts become features is"),
    ],
)
def test_other_names_are_refused(changed, said, named, backend):
    expected = f"{said} not as in the training set of the checkpoint's run: give the same, or begin"
    with pytest.raises(ConfigError, match=expected):
        fitted(named, backend, "direct", replace(NAMED, **changed), resume=True)


def test_the_same_names_may_be_given_again(named, backend):
    again = replace(
        NAMED, label_names=np.arange(60), feature_names=list(NAMED.feature_names.values)
    )
    assert fitted(named, backend, "direct", again, resume=True).label_names.values[7] == 7


def test_when_examples_were_and_what_they_weigh_is_part_of_the_data():
    ones = np.ones(TRAIN.n_samples)
    sets = [TRAIN, replace(TRAIN, times=ones), replace(TRAIN, times=2 * ones),
            replace(TRAIN, weights=ones), replace(TRAIN, weights=2 * ones)]  # fmt: skip
    assert len({digest_of(arrays_of(each)) for each in sets}) == 5


def test_other_data_is_refused(backend, tmp_path):
    fitted(tmp_path, backend, "direct", TRAIN, at=2, every="1")
    with pytest.raises(ConfigError, match="the training set is another one"):
        fitted(tmp_path, backend, "direct", planted(240, 60, seed=5), resume=True)
    with pytest.raises(ConfigError, match="not measured on this validation set, it has none"):
        fitted(tmp_path, backend, "direct", TRAIN, valid=VALID, resume=True)
    checkpoints = Checkpoints(tmp_path / "c", resume=True)
    best = Keeping("best", patience=2)
    with pytest.raises(ConfigError, match="keep, metric or patience is not as in"):
        Trainer(CONFIGS["direct"], backend, keeping=best, checkpoints=checkpoints).fit(TRAIN, VALID)
