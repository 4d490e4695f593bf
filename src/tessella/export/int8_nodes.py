"""Which nodes of an ONNX graph are worth 8-bit numbers.

Convolutions and products with constant weights are; so is what lies between two of them where
ONNX Runtime's CPU has a kernel for bytes. The rest stays float: normalising and padding the
images, whatever has no such kernel (transposed convolutions, HardSwish, layer norms, attention),
and the way from the last convolution to the class map, except for moving bytes about.
"""

from collections.abc import Collection, Sequence

import onnx
from onnx import TensorProto, helper

from tessella.suggestion import unknown_name

_WEIGHTED = {"Conv", "Gemm", "MatMul"}
_LAYERS = _WEIGHTED | {"ConvTranspose"}

# cut off at the ends of the range of what they follow: no work at all
_FREE = {"Relu", "Clip"}

# give values that they were given: exact in any type, and a quarter of the memory in bytes
_MOVERS = {
    *("MaxPool", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice"),
    "Resize",
}

# compute in bytes what they must, with a rounding of their own
_CARRIERS = {
    *("Add", "Mul", "Concat", "LeakyRelu", "Sigmoid", "AveragePool", "GlobalAveragePool"),
    *("Pad", "Split"),
    *_FREE,
    *_MOVERS,
}


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node without a name, or with another's, one that says what it gives."""
    taken: set[str] = set()
    for node in model.graph.node:
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}:{next(filter(None, node.output), '')}"
        taken.add(node.name)


def first_and_last(model: onnx.ModelProto) -> tuple[str, ...]:
    """Names of the layers with weights that follow no other, and of those that none follows.

    They are where 8 bits tend to cost most: the first sees few channels, the last decides.

    Args:
        model: every node named.
    """
    nodes = list(model.graph.node)
    constants = _initializers(model)
    for node in nodes:  # in the order of the graph: makers before readers
        if constants.issuperset(filter(None, node.input)):
            constants.update(node.output)
    layers = {id(node) for node in nodes if _has_weights(node, constants, kinds=_LAYERS)}
    after = _reached(nodes, [node for node in nodes if id(node) in layers])
    before = _reaching(nodes, layers)
    return tuple(
        node.name
        for node in nodes
        if id(node) in layers and (id(node) not in after or id(node) not in before)
    )


def nodes_for_int8(model: onnx.ModelProto, *, keep_float: Collection[str]) -> list[str]:
    """Names of the nodes that are worth quantising, in the order of the graph.

    Args:
        model: optimised, with inferred types and every node named.
        keep_float: names of nodes to leave as they are. A node that the optimiser renamed still
            counts as itself.

    Raises:
        ValueError: a name in `keep_float` is no node's, or nothing is left to quantise.
    """
    nodes = list(model.graph.node)
    kept = _kept(nodes, keep_float)
    constants, floats = _initializers(model), _floats(model)
    able = [n for n in nodes if n.name not in kept and n.output[0] in floats]
    weighted = [n for n in able if _has_weights(n, constants, kinds=_WEIGHTED)]
    if not weighted:
        raise ValueError(
            f"int8: the graph has no convolution or product with constant weights outside of the "
            f"{len(keep_float)} nodes to keep in float; there is nothing to quantise. Keep fewer."
        )
    chosen = {id(node) for node in weighted}
    below = _reached(nodes, weighted)
    readers = _readers(nodes)
    for node in reversed(able):
        if (
            node.op_type in _CARRIERS
            and id(node) in below
            and _carries(node, constants)
            and any(id(reader) in chosen for out in node.output for reader in readers.get(out, ()))
        ):
            chosen.add(id(node))
    maker = {out: node for node in nodes for out in node.output}
    for node in able:
        source = maker.get(node.input[0]) if node.input else None
        follows = source is not None and id(source) in chosen
        if follows and node.op_type in _FREE | _MOVERS and _carries(node, constants):
            chosen.add(id(node))
    return [node.name for node in nodes if id(node) in chosen]


def float_tensors(model: onnx.ModelProto, names: Collection[str]) -> list[str]:
    """The activations in float32 that these nodes take or give, each once."""
    constants, floats = _initializers(model), _floats(model)
    found = {
        name: None
        for node in model.graph.node
        if node.name in names
        for name in (*node.input, *node.output)
        if name in floats and name not in constants
    }
    return list(found)


def _kept(nodes: Sequence[onnx.NodeProto], keep_float: Collection[str]) -> set[str]:
    """Names of the nodes to keep, as they are called after optimising."""
    names = {node.name for node in nodes}
    kept: set[str] = set()
    for name in keep_float:
        # a product fused with what follows it is called product/kind of fusion
        found = {known for known in names if known == name or known.startswith(f"{name}/")}
        if not found:
            raise ValueError(
                f"int8: {unknown_name('node', name, names, most=5)} A node that was merged into a "
                "layer cannot be kept in float by its own name; keep the layer."
            )
        kept |= found
    return kept


def _initializers(model: onnx.ModelProto) -> set[str]:
    return {constant.name for constant in model.graph.initializer}


def _floats(model: onnx.ModelProto) -> set[str]:
    """The activations known to be float32."""
    graph = model.graph
    known = (*graph.input, *graph.value_info, *graph.output)
    return {v.name for v in known if v.type.tensor_type.elem_type == TensorProto.FLOAT}


def _has_weights(node: onnx.NodeProto, constants: set[str], *, kinds: set[str]) -> bool:
    return (
        node.op_type in kinds
        and node.input[0] not in constants
        and all(name in constants for name in node.input[1:] if name)
    )


def _carries(node: onnx.NodeProto, constants: set[str]) -> bool:
    """Whether bytes are as good as floats for this node of a kind that can carry them."""
    if node.op_type == "Resize":
        # interpolating bytes cuts off their fractions
        modes = [helper.get_attribute_value(a) for a in node.attribute if a.name == "mode"]
        return (modes or [b"nearest"])[0] == b"nearest"
    # a constant has 256 steps for all of its channels: too few for one factor or bias per channel
    return node.op_type not in ("Add", "Mul") or not constants.intersection(node.input)


def _readers(nodes: Sequence[onnx.NodeProto]) -> dict[str, list[onnx.NodeProto]]:
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        for name in filter(None, node.input):
            readers.setdefault(name, []).append(node)
    return readers


def _reached(nodes: Sequence[onnx.NodeProto], sources: Sequence[onnx.NodeProto]) -> set[int]:
    """Identities of the nodes that something flows to from the sources, by any way."""
    tensors = {name for source in sources for name in source.output}
    reached: set[int] = set()
    for node in nodes:  # in the order of the graph: makers before readers
        if tensors.intersection(filter(None, node.input)):
            reached.add(id(node))
            tensors.update(node.output)
    return reached


def _reaching(nodes: Sequence[onnx.NodeProto], targets: Collection[int]) -> set[int]:
    """Identities of the nodes from which something flows to a target, by any way."""
    wanted: set[str] = set()
    reaching: set[int] = set()
    for node in reversed(nodes):
        leads = bool(wanted.intersection(filter(None, node.output)))
        if leads:
            reaching.add(id(node))
        if leads or id(node) in targets:
            wanted.update(filter(None, node.input))
    return reaching
