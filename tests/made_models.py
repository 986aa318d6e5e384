"""Models that cannot be served, each made of one that can: what may lie in a run folder."""

from __future__ import annotations

from collections.abc import Callable

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Breaker = Callable[[schema.ModelT], None]


def break_model(content: bytes, breaker: Breaker) -> bytes:
    """A LiteRT model with something changed in it; it is still a whole file."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    breaker(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def take_outputs(model: schema.ModelT) -> None:
    model.subgraphs[0].outputs = np.array([], np.int32)


def take_inputs(model: schema.ModelT) -> None:
    model.subgraphs[0].inputs = np.array([], np.int32)


def take_softmax(model: schema.ModelT) -> None:
    """Its outputs no longer sum to 1."""
    graph = model.subgraphs[0]
    graph.outputs = graph.operators[-1].inputs[:1]
    graph.operators = graph.operators[:-1]


def fill_with_nan(model: schema.ModelT) -> None:
    """Its weights are no numbers, nor are its probabilities."""
    for tensor in model.subgraphs[0].tensors:
        buffer = model.buffers[tensor.buffer]
        if tensor.type == schema.TensorType.FLOAT32 and buffer.data is not None:
            buffer.data = np.full(len(buffer.data) // 4, np.nan, np.float32).view(np.uint8)


BREAKERS: dict[str, Breaker] = {
    "no outputs": take_outputs,
    "no inputs": take_inputs,
    "no probabilities": take_softmax,
    "NaN": fill_with_nan,
}
