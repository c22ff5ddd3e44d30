"""What is asked and what is answered, as JSON; what cannot be answered is told in a sentence."""

import json

import numpy as np
from scipy.sparse import csr_array
from starlette.exceptions import HTTPException

MOST_BYTES, MOST, MOST_K = 1 << 20, 1000, 1000  # of one request
EXPECTED = 'expected {"rows": [row, ...], "k": 5}, or of a model of texts {"texts": ["...", ...]}'
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
    """Labels and scores for each row or text, and what is unknown of it."""
    demand(isinstance(asked, dict), EXPECTED)
    kind = "texts" if "texts" in asked else "rows"
    for name in asked:  # one that is not known may ask for what is not done
        demand(name in (kind, "k"), f"there is no field {name!r:.40} beside {kind!r}: {EXPECTED}")
    given, k = asked.get(kind), asked.get("k", 5)
    demand(isinstance(given, list) and given, EXPECTED)
    demand(len(given) <= MOST, f"{len(given)} {kind}: expected {MOST} at most")
    demand(type(k) is int and 1 <= k <= MOST_K, f"k is {k!r}: expected 1 to {MOST_K}")
    answers = of_texts if kind == "texts" else of_rows
    found = answers(predictor, given, min(k, max(predictor.n_seen_labels, 1)))
    fields = "labels", "scores", "unknown"
    return {
        "predictions": [dict(zip(fields, one, strict=True)) for one in zip(*found, strict=True)]
    }


def of_texts(predictor, texts, k):
    """Names, scores, and whether no word is known, so that there are none."""
    labels, scores = predictor.predict_texts(texts, k)
    return labels, scores, [not each for each in labels]


def of_rows(predictor, rows, k):
    """Labels, scores, and the features that training never saw."""
    given = [[(id_of(predictor.model, f), f, v) for f, v in pairs_of(row)] for row in rows]
    ids, scores = predictor.predict(matrix_of(given), k)
    labels = ids.tolist() if predictor.label_names is None else predictor.label_names.of(ids)
    unknown = [[feature for place, feature, _ in row if place is None] for row in given]
    return labels, scores.tolist(), unknown


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
    text = str(feature)
    demand(text.isdecimal() and len(text) < 100, f"feature {feature!r:.40}: expected an id, from 0")
    place = min(int(text), 2**31 - 1)  # which is none
    return place if model.features.columns_of(np.array([place]))[0] >= 0 else None


def matrix_of(given):
    """Rows of (column or None, feature, value) as a sparse matrix; repeated ones are summed."""
    entries = [(i, c, value) for i, row in enumerate(given) for c, _, value in row if c is not None]
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    shape = len(given), max(columns, default=0) + 1
    return csr_array((np.array(values, float), (rows, columns)), shape=shape)
