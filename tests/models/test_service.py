"""The example service, called without a network; once, slowly, over the loopback."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from made_texts import examples, write_lines
from small_models import N_SEEN, model, named_model, others, raw, raw_model, with_raw_ids

import slide

FOLDER = Path(slide.__file__).parents[1] / "examples" / "service"
sys.path.insert(0, str(FOLDER))

import app as service  # noqa: E402
import asking  # noqa: E402
import load_test  # noqa: E402


def rows(x, n):
    """The first rows as {id: value}."""
    return [dict(zip(*map(np.ndarray.tolist, x.row(i)), strict=True)) for i in range(n)]


class Client:
    """Somebody who asks, in the same process."""

    def __init__(self, app):
        self.transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def get(self, path):
        return asyncio.run(self.send("GET", path))

    def post(self, path, **body):
        return asyncio.run(self.send("POST", path, **body))

    async def send(self, method, path, **body):
        async with httpx.AsyncClient(transport=self.transport, base_url="http://service") as client:
            return await client.request(method, path, **body)


def test_a_frozen_model_is_served_too(tmp_path):
    named_model("hidden").freeze(tmp_path / "frozen", dtype="int8")
    client = Client(service.create_app(tmp_path / "frozen"))
    (row,) = rows(others(), 1)
    (got,) = ask(client, [{f"word {f}": value for f, value in row.items()}])
    expected, _ = slide.Predictor.load(tmp_path / "frozen").predict(others().take(np.array([0])))
    assert got["labels"] == [f"tag {i}" for i in expected[0]]


def test_a_damaged_frozen_folder_is_not_served(tmp_path):
    named_model("hidden").freeze(tmp_path / "frozen")
    client = Client(service.create_app(tmp_path / "frozen"))
    arrays = tmp_path / "frozen" / "arrays.safetensors"
    data = bytearray(arrays.read_bytes())
    data[-5] ^= 1
    arrays.rename(tmp_path / "old")  # still mapped
    arrays.write_bytes(data)
    with pytest.raises(slide.ModelError, match="its bytes are not those that were written"):
        service.create_app(tmp_path / "frozen")
    assert client.post("/reload").json()["error"].endswith("the old model goes on")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "0 arguments: expected MODEL [PORT]"),
        (["none"], "none is not a model folder"),
        (["none", "abc"], "the port is 'abc': expected a number from 1 to 65535"),
        (["none", "999999"], "the port is '999999'"),
        (["none", "0"], "the port is '0'"),
        (["none", "0000100000000"], "the port is '0000100000000'"),
        (["none", "1", "2"], "3 arguments"),
    ],
)
def test_a_command_line_that_cannot_be_served_is_a_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        service.served(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"app.py: {sentence}")


def test_a_missing_package_is_a_sentence(tmp_path):
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(name='uvicorn')")
    command = [sys.executable, str(FOLDER / "app.py"), "m"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "app.py: uvicorn is missing: pip install 'slide-engine[service]'\n"


@pytest.fixture
def client(request, tmp_path):
    """Somebody who asks the service of a model."""
    one = getattr(request, "param", lambda: model("solved"))()
    one.save(tmp_path / "m")
    return Client(service.create_app(tmp_path / "m"))


def ask(client, rows, k=5):
    """The answers to some rows."""
    answer = client.post("/predict", json={"rows": rows, "k": k})
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_it_answers_as_the_model_does(client):
    expected, scores = model("solved").predict(others(), 4)
    given = rows(others(), 3)
    as_lists = [[[f, value] for f, value in row.items()] for row in given]
    for asked in (given, as_lists):
        for i, got in enumerate(ask(client, asked, 4)):
            assert got["labels"] == expected[i].tolist()
            assert got["scores"] == pytest.approx(scores[i].tolist(), rel=1e-5)
            assert got["unknown"] == []
    assert client.get("/health").json() == {"status": "ok", "labels": 33}


def test_at_most_labels_that_have_an_example_are_named(client):
    (got,) = ask(client, rows(others(), 1), 1000)
    assert len(got["labels"]) == N_SEEN


def test_unknown_features_are_left_out_and_told(client):
    (row,) = rows(others(), 1)
    (plain,), (got,) = ask(client, [row]), ask(client, [row | {"900": 3.0, str(2**70): 1}])
    assert got == plain | {"unknown": ["900", str(2**70)]}
    assert ask(client, [{}, {"900": 1}])[0]["labels"] == ask(client, [{"900": 1}])[0]["labels"]


@pytest.mark.parametrize("client", [lambda: named_model("solved")], indirect=True)
def test_names_are_taken_and_given(client):
    expected, _ = model("solved").predict(others(), 5)
    (row,) = rows(others(), 1)
    (got,) = ask(client, [{f"word {f}": value for f, value in row.items()} | {"what": 1.0}])
    assert got["labels"] == [f"tag {i}" for i in expected[0]]
    assert got["unknown"] == ["what"]


@pytest.mark.parametrize("client", [lambda: raw_model("solved")], indirect=True)
def test_raw_ids_are_taken_and_given(client):
    expected, _ = raw_model("solved").predict(with_raw_ids(others()), 5)
    (got,) = ask(client, [{**rows(with_raw_ids(others()), 1)[0], "1": 1.0}])
    assert got["labels"] == expected[0].tolist()
    assert {*got["labels"]} <= {*raw(N_SEEN).tolist()}
    assert got["unknown"] == ["1"]


def test_texts_are_answered_with_names(tmp_path):
    path = write_lines(tmp_path / "t.jsonl", examples(60))
    config = slide.Config(epochs=1, cost=1.0, idf_power=0.0)
    tagger = slide.Trainer(config, "numba").fit(slide.read_texts(path, text="text", labels="tags"))
    tagger.freeze(tmp_path / "frozen")
    client = Client(service.create_app(tmp_path / "frozen"))
    texts = ["a rocket to the moon", "xyzzy"]
    got = client.post("/predict", json={"texts": texts, "k": 900}).json()["predictions"]
    labels, scores = tagger.predict_texts(texts, k=4)
    for one, text_labels, text_scores in zip(got, labels, scores, strict=True):
        assert one == {"labels": text_labels, "scores": text_scores, "unknown": not text_labels}
    assert (got[0]["labels"][0], got[1]["labels"]) == ("space", [])
    for bad in ({}, {"rows": []}, {"text": ["a"]}):
        sentence = client.post("/predict", json=bad).json()["error"]
        assert 'expected {"rows": [row, ...], "k": 5}, or of a model of texts {"texts"' in sentence
    as_predictor = slide.read_texts(path, like=slide.Predictor.load(tmp_path / "frozen"))
    assert as_predictor.x.shape == slide.read_texts(path, like=tagger).x.shape


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 400, "the request is no JSON"),
        (b"\xff", 400, "the request is no JSON"),
        (b"[" * 100_000, 400, "the request is no JSON"),
        (b"[]", 422, 'expected {"rows"'),
        (b"{}", 422, 'expected {"rows"'),
        (b'{"rows": []}', 422, 'expected {"rows"'),
        (b'{"rows": [{"1": "x"}]}', 422, "got 'x' for '1'"),
        (b'{"rows": [{"1": true}]}', 422, "got True for '1'"),
        (b'{"rows": [{"1": NaN}]}', 422, "got nan for '1'"),
        (b'{"rows": [{"1": 1e300}]}', 422, "got 1e+300 for '1'"),
        (b'{"rows": [{"1": -1' + b"0" * 400 + b"}]}", 422, "got -10000"),
        (b'{"rows": [{"' + b"1" * 5000 + b'": 1}]}', 422, "feature '1111"),
        (b'{"rows": [{"one": 1}]}', 422, "feature 'one': expected an id"),
        (b'{"rows": [[[-1, 1]]]}', 422, "feature -1: expected an id"),
        (b'{"rows": [[[[1], 1]]]}', 422, "feature [1]: expected an id"),
        (b'{"rows": [[1, 2]]}', 422, "a row is {feature: number, ...}"),
        (b'{"rows": [3]}', 422, "a row is {feature: number, ...}"),
        (b'{"rows": [{}], "k": 0}', 422, "k is 0: expected 1 to 1000"),
        (b'{"rows": [{}], "k": true}', 422, "k is True"),
        (b'{"rows": [' + b"{}," * 1000 + b"{}]}", 422, "1001 rows: expected 1000 at most"),
        (b'{"texts": []}', 422, 'expected {"rows"'),
        (b'{"texts": "one"}', 422, 'expected {"rows"'),
        (b'{"texts": ["one"]}', 422, "trained on numbers"),
        (b'{"texts": ["one"], "k": 0}', 422, "k is 0: expected 1 to 1000"),
        (b'{"texts": [' + b'"",' * 1000 + b'""]}', 422, "1001 texts: expected 1000 at most"),
        (b'{"rows": [{}], "threshold": 0.5}', 422, "there is no field 'threshold' beside 'rows'"),
        (b'{"texts": ["one"], "proba": true}', 422, "there is no field 'proba' beside 'texts'"),
        (b'{"texts": ["one"], "rows": [{}]}', 422, "there is no field 'rows' beside 'texts'"),
        (b'{"text": ["one"]}', 422, "there is no field 'text' beside 'rows': expected {"),
        (b" " * (asking.MOST_BYTES + 1), 413, "more than 1048576 bytes"),
    ],
)  # fmt: skip
def test_bad_requests_are_a_sentence(client, body, status, sentence):
    answer = client.post("/predict", content=body)
    assert answer.status_code == status
    assert [*answer.json()] == ["error"]
    assert sentence in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_other_addresses_are_a_sentence(client):
    for answer, status in ((client.get("/nowhere"), 404), (client.get("/predict"), 405)):
        assert (answer.status_code, [*answer.json()]) == (status, ["error"])


def test_a_reload_answers_by_what_the_folder_holds_now(client, tmp_path):
    row = rows(others(), 1)
    before = ask(client, row)
    model("steps").save(tmp_path / "m", overwrite=True)
    assert ask(client, row) == before
    assert client.post("/reload").status_code == 200
    after = ask(client, row)
    assert after != before
    assert after[0]["labels"] == model("steps").predict(others(), 5)[0][0].tolist()


def test_a_reload_that_fails_leaves_the_old_model(client, tmp_path):
    row = rows(others(), 1)
    before = ask(client, row)
    (tmp_path / "m" / "config.json").write_text("{")
    answer = client.post("/reload")
    assert answer.status_code == 500
    assert answer.json()["error"].endswith("the old model goes on")
    assert ask(client, row) == before


def test_an_answer_ends_on_the_model_that_it_began_with(client, tmp_path, monkeypatch):
    """While it is computed, the model is replaced."""
    row = rows(others(), 1)
    before = ask(client, row)
    begun, replaced, got = threading.Event(), threading.Event(), []

    def slow(one, asked):
        begun.set()
        assert replaced.wait(300)
        return asking.answer(one, asked)

    monkeypatch.setattr(service, "answer", slow)
    asking_thread = threading.Thread(target=lambda: got.append(ask(client, row)))
    asking_thread.start()
    assert begun.wait(300)
    model("steps").save(tmp_path / "m", overwrite=True)
    assert client.post("/reload").status_code == 200
    replaced.set()
    asking_thread.join()
    assert got == [before]


@pytest.mark.slow  # starts a process that listens on the loopback, and is asked for two seconds
def test_no_answer_is_lost_over_the_loopback(tmp_path, capsys):
    named_model("solved").save(tmp_path / "m")
    x = others()
    slide.write(slide.Dataset(x, x.with_values(np.ones_like(x.values))), tmp_path / "x.txt")
    load_test.main([str(tmp_path / "m"), str(tmp_path / "x.txt"), "--seconds", "2"])
    found = json.loads(capsys.readouterr().out)
    assert (found["errors"], found["reloads"]) == (0, 2)
    assert found["requests"] > 0  # how many follows from what else the machine does
