"""Hidden layers as an ONNX graph: dense features in, all logits and the best labels out."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slide.core.contract.arrays import Array
from slide.core.errors import ConfigError, ModelError, refused, said
from slide.core.learner import LAST
from slide.core.learners.kinds import kind_of
from slide.core.models.origin import version

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

    from slide.core.models.model import Model

MOST_BYTES = (1 << 31) - (1 << 20)  # of weights: a file of Protocol Buffers ends at 2 GiB
OPSET, IR_VERSION = 17, 8  # of 2022, which every onnxruntime from 1.13 on reads


def write_onnx(model: Model, path: Path) -> None:
    """See `Model.to_onnx`."""
    if os.path.lexists(path):
        raise ModelError(f"{path} exists and is not overwritten: remove it or name another")
    content = graph_of(model).SerializeToString()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {refused(error)}; name another file") from None
    finally:
        with suppress(OSError):  # it has its name by now, or was never there
            draft.unlink()


def graph_of(model: Model) -> ModelProto:
    """The whole file, of what `Model.to_onnx` says.

    Raises:
        ConfigError: the model has no hidden layers, is too large, or onnx is not installed.
    """
    layers = layers_of(model)
    onnx = imported()
    make = onnx.helper
    n_features, n_labels = model.network.n_features, model.network.n_labels
    floats, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    graph = make.make_graph(
        [*unit_length(onnx), *forward(onnx, len(layers)), *best(onnx, model.label_ids)],
        "slide",
        [
            make.make_tensor_value_info("features", floats, ["batch", n_features]),
            make.make_tensor_value_info("k", whole, [1]),
        ],
        [
            make.make_tensor_value_info("ids", whole, ["batch", "k"]),
            make.make_tensor_value_info("scores", floats, ["batch", "k"]),
            make.make_tensor_value_info("logits", floats, ["batch", n_labels]),
        ],
        initializer=constants(onnx, model, layers),
    )
    opsets = [make.make_opsetid("", OPSET)]
    whole_file = make.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    whole_file.producer_name, whole_file.producer_version = "slide", version()
    make.set_model_props(whole_file, properties(model))
    return whole_file  # type: ignore[no-any-return]


def layers_of(model: Model) -> list[tuple[Array, Array]]:
    """Weight and bias of each layer; biases of labels without training example name them last."""
    layers = kind_of(model.config).dense_layers(model.network, model.backend)
    weight, bias = layers[-1]
    layers[-1] = weight, np.where(model.label_counts > 0, bias, np.float32(LAST))
    n_bytes = sum(weight.nbytes + bias.nbytes for weight, bias in layers)
    if n_bytes > MOST_BYTES:
        raise ConfigError(
            f"the weights take {n_bytes / 1e9:.1f} GB, and an ONNX file has {MOST_BYTES / 1e9:.1f} "
            f"at most: train with a smaller {said('hidden')}, or read weights.safetensors "
            "(docs/model-folder.md)"
        )
    return layers


def imported() -> Any:
    """The package onnx, or ConfigError."""
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise ConfigError(
            "ONNX is written by a package that is not installed: pip install 'slide-engine[onnx]'"
        ) from None
    return onnx


def unit_length(onnx: Any) -> list[NodeProto]:
    """`features`, in rows, to `a0` of unit length; rows of zeros stay as they are."""
    node, double = onnx.helper.make_node, onnx.TensorProto.DOUBLE
    return [
        node("Cast", ["features"], ["x"], to=double),  # squares of large values fit
        node("ReduceSumSquare", ["x"], ["square"], axes=[1], keepdims=1),
        node("Sqrt", ["square"], ["length"]),
        node("Equal", ["length", "zero"], ["is_empty"]),
        node("Where", ["is_empty", "one", "length"], ["divisor"]),
        node("Div", ["x", "divisor"], ["unit"]),
        node("Cast", ["unit"], ["a0"], to=onnx.TensorProto.FLOAT),
    ]


def forward(onnx: Any, n_layers: int) -> list[NodeProto]:
    """`a0` to `logits`, a ReLU behind each layer but the last."""
    node, nodes = onnx.helper.make_node, []
    for layer in range(n_layers):
        z = "logits" if layer == n_layers - 1 else f"z{layer}"
        named = [f"a{layer}", f"weight.{layer}", f"bias.{layer}"]
        nodes.append(node("Gemm", named, [z], transB=1))
        if z != "logits":
            nodes.append(node("Relu", [z], [f"a{layer + 1}"]))
    return nodes


def best(onnx: Any, label_ids: Array | None) -> list[NodeProto]:
    """`logits` to the `scores` and `ids` of the k best, or of all; ties to the smaller id."""
    node = onnx.helper.make_node
    rows = "ids" if label_ids is None else "rows"
    nodes = [
        node("Min", ["k", "n_labels"], ["depth"]),
        node("TopK", ["logits", "depth"], ["scores", rows], axis=1),
    ]
    if label_ids is not None:
        nodes.append(node("Gather", ["label_ids", rows], ["ids"]))
    return nodes


def constants(onnx: Any, model: Model, layers: list[tuple[Array, Array]]) -> list[TensorProto]:
    """Weights, biases, the number of labels, and ids of labels that are not their rows.

    None is an input: onnxruntime warns of each load of a graph where one is, as k had a default.
    """
    n_labels = np.array([model.network.n_labels], np.int64)
    arrays = {"zero": np.zeros(1), "one": np.ones(1), "n_labels": n_labels}
    for layer, (weight, bias) in enumerate(layers):
        arrays |= {f"weight.{layer}": weight, f"bias.{layer}": bias}
    if model.label_ids is not None:
        arrays["label_ids"] = model.label_ids.astype(np.int64)
    make = onnx.numpy_helper.from_array
    return [make(np.ascontiguousarray(array), name) for name, array in arrays.items()]


def properties(model: Model) -> dict[str, str]:
    """What the graph does not tell, as text; lists as JSON."""
    ids = None if model.feature_ids is None else model.feature_ids.tolist()
    features, labels = model.feature_names, model.label_names
    lists = {
        "feature_ids": ids,
        "feature_names": None if features is None else list(features.values),
        "label_names": None if labels is None else list(labels.values),
    }
    said = {
        "slide_version": version(),
        "learner": kind_of(model.config).name,
        "trained_on": model.trained_on,
        "one_based": str(model.one_based),
    }
    return said | {name: json.dumps(each) for name, each in lists.items() if each is not None}
