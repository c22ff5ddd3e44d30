"""What is asked and what is answered, as JSON; what cannot be answered is told in a sentence."""

import json

import numpy as np
from scipy.sparse import csr_array
from starlette.exceptions import HTTPException

MOST_BYTES, MOST_ROWS, MOST_K = 1 << 20, 1000, 1000  # of one request
ROW = "a row is {feature: number, ...} or [[feature, number], ...]"


def demand(ok, sentence, status=422):
    """Refuse the request unless `ok`."""
    if not ok:
        raise HTTPException(status, sentence)


async def json_of(request):
    """The JSON of a request."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        demand(len(body) <= MOST_BYTES, f"more than {MOST_BYTES} bytes: ask for fewer rows", 413)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the request is no JSON ({error})") from None


def answer(predictor, asked):
    """Labels and scores for each row, and its features that training never saw."""
    model = predictor.model  # knows ids and names
    expected = 'expected {"rows": [row, ...], "k": 5} with a row'
    if model.text is not None:
        expected = f'expected {{"texts": ["...", ...], "k": 5}} with a text, or {expected[9:]}'
    demand(isinstance(asked, dict) and asked, expected)
    kind = "texts" if "texts" in asked else "rows"
    for name in asked:  # one that is not known may ask for what is not done
        demand(name in (kind, "k"), f"there is no field {name!r:.40} beside {kind!r}: {expected}")
    if kind == "texts":
        return answer_texts(predictor, asked)
    rows = asked.get("rows")
    demand(isinstance(rows, list) and rows, expected)
    demand(len(rows) <= MOST_ROWS, f"{len(rows)} rows: expected {MOST_ROWS} at most")
    k = depth_of(asked, predictor)
    given = [[(id_of(model, f), f, value) for f, value in pairs_of(row)] for row in rows]
    ids, scores = predictor.predict(matrix_of(given), k)
    labels = ids.tolist() if model.label_names is None else model.label_names.of(ids)
    unknown = [[feature for place, feature, _ in row if place is None] for row in given]
    found = zip(labels, scores.tolist(), unknown, strict=True)
    return {"predictions": [{"labels": a, "scores": b, "unknown": c} for a, b, c in found]}


def answer_texts(predictor, asked):
    """Names and scores for each text of {"texts": [...], "k": 5}; none if no word is known."""
    texts = asked["texts"]
    demand(isinstance(texts, list) and texts, 'expected {"texts": ["...", ...], "k": 5}')
    demand(len(texts) <= MOST_ROWS, f"{len(texts)} texts: expected {MOST_ROWS} at most")
    labels, scores = predictor.predict_texts(texts, depth_of(asked, predictor))
    found = zip(labels, scores, strict=True)
    return {"predictions": [{"labels": a, "scores": b} for a, b in found]}


def depth_of(asked, predictor):
    """How many labels are wanted, or as many as can be named."""
    k = asked.get("k", 5)
    demand(type(k) is int and 1 <= k <= MOST_K, f"k is {k!r}: expected 1 to {MOST_K}")
    return min(k, max(predictor.n_seen_labels, 1))


def pairs_of(row):
    """Features and their values."""
    pairs = list(row.items()) if isinstance(row, dict) else row
    demand(isinstance(pairs, list), ROW)
    for pair in pairs:
        demand(isinstance(pair, list | tuple) and len(pair) == 2, ROW)
        is_number = type(pair[1]) in (int, float) and abs(pair[1]) < 1e38  # which NaN is not
        demand(is_number, f"{ROW}: got {pair[1]!r:.40} for {pair[0]!r:.40}")
    return pairs


def id_of(model, feature):
    """The id of a feature, by name where there are names; None if training never saw it."""
    if model.feature_names is not None:
        return model.feature_names.get(feature)
    is_text = isinstance(feature, str) and feature.isdecimal() and len(feature) < 100
    is_id = is_text or (type(feature) is int and feature >= 0)
    demand(is_id, f"feature {feature!r:.40}: expected an id, from 0")
    place = int(feature)
    return (
        place
        if place < 2**31 - 1 and model.features.columns_of(np.array([place]))[0] >= 0
        else None
    )


def matrix_of(given):
    """Rows of (column or None, feature, value) as a sparse matrix; repeated ones are summed."""
    entries = [(i, c, value) for i, row in enumerate(given) for c, _, value in row if c is not None]
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    shape = len(given), max(columns, default=0) + 1
    return csr_array((np.array(values, float), (rows, columns)), shape=shape)
