"""Which nodes become int8, on graphs small enough to see why."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tessella.export.int8_nodes import first_and_last, float_tensors, name_nodes, nodes_for_int8

WEIGHT = np.zeros((4, 4, 1, 1), np.float32)
SCALES = np.array([1, 1, 2, 2], np.float32)


def graph(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    """Nodes that make `y` of `x` (n, 4, h, w), with constants `w`, `scales`, `gain` and `flat`."""
    constants = {
        "w": WEIGHT,
        "m": WEIGHT.reshape(4, 4),
        "scales": SCALES,
        "gain": np.ones((1, 4, 1, 1), np.float32),
        "flat": np.array([0, 4, -1], np.int64),
    }
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, "h", "w"])]
    gives = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    values = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_graph(list(nodes), "graph", given, gives, values)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


def node(kind: str, given: str, gives: str, **attributes: object) -> onnx.NodeProto:
    """A node that is called by its kind and what it gives."""
    return helper.make_node(kind, given.split(), [gives], f"{kind}_{gives}", **attributes)


def conv(given: str, gives: str) -> onnx.NodeProto:
    return node("Conv", f"{given} w", gives)


def chosen(*nodes: onnx.NodeProto, keep_float: tuple[str, ...] = ()) -> list[str]:
    return nodes_for_int8(graph(*nodes), keep_float=keep_float)


def test_what_lies_between_two_convolutions_is_int8() -> None:
    found = chosen(
        conv("x", "a"),
        node("Relu", "a", "b"),
        node("MaxPool", "b", "c", kernel_shape=[2, 2]),
        conv("c", "d"),
        node("Add", "d c", "e"),
        conv("e", "y"),
    )
    assert found == ["Conv_a", "Relu_b", "MaxPool_c", "Conv_d", "Add_e", "Conv_y"]


def test_what_lies_before_the_first_convolution_stays_float() -> None:
    before = (node("Add", "x x", "a"), node("MaxPool", "a", "b", kernel_shape=[2, 2]))
    assert chosen(*before, conv("b", "y")) == ["Conv_y"]


def test_arithmetic_after_the_last_convolution_stays_float() -> None:
    assert chosen(conv("x", "a"), node("Add", "a a", "y")) == ["Conv_a"]


def test_moving_bytes_after_the_last_convolution_is_int8() -> None:
    found = chosen(
        conv("x", "a"), node("Transpose", "a", "b", perm=[0, 2, 3, 1]), node("Softmax", "b", "y")
    )
    assert found == ["Conv_a", "Transpose_b"]


@pytest.mark.parametrize(("mode", "is_int8"), [("nearest", True), ("linear", False)])
def test_resize_is_int8_only_where_it_repeats_values(mode: str, *, is_int8: bool) -> None:
    resize = helper.make_node("Resize", ["a", "", "scales"], ["b"], "resize", mode=mode)
    assert ("resize" in chosen(conv("x", "a"), resize, conv("b", "y"))) is is_int8


def test_a_residual_beside_a_float_activation_is_int8() -> None:
    found = chosen(
        conv("x", "a"), node("HardSwish", "a", "b"), conv("b", "c"), node("Add", "b c", "d"),
        conv("d", "y"),
    )  # fmt: skip
    assert found == ["Conv_a", "Conv_c", "Add_d", "Conv_y"]


def test_the_sum_that_only_a_norm_reads_stays_float() -> None:
    # the residual stream of a transformer: its outliers are too wide for 256 steps
    found = chosen(
        node("MatMul", "x m", "a"),
        node("Add", "a x", "b"),
        node("LayerNormalization", "b gain", "c"),
        node("MatMul", "c m", "y"),
    )
    assert found == ["MatMul_a", "MatMul_y"]


def test_a_constant_factor_per_channel_stays_float() -> None:
    assert "Mul_b" not in chosen(conv("x", "a"), node("Mul", "a gain", "b"), conv("b", "y"))


def test_a_product_of_two_activations_stays_float() -> None:
    assert chosen(conv("x", "a"), node("MatMul", "a a", "b"), conv("b", "y")) == [
        "Conv_a",
        "Conv_y",
    ]


def test_a_transposed_convolution_stays_float() -> None:
    found = chosen(conv("x", "a"), node("ConvTranspose", "a w", "b"), conv("b", "y"))
    assert found == ["Conv_a", "Conv_y"]


def test_kept_nodes_stay_float_and_so_does_what_no_int8_node_precedes() -> None:
    found = chosen(
        conv("x", "a"), node("Relu", "a", "b"), conv("b", "c"), conv("c", "y"),
        keep_float=("Conv_a", "Conv_y"),
    )  # fmt: skip
    assert found == ["Conv_c"]


def test_a_kept_product_that_the_optimiser_renamed_stays_float() -> None:
    fused = node("MatMul", "x m", "a")
    fused.name = "head/MatMulAddFusion"
    assert chosen(fused, node("MatMul", "a m", "y"), keep_float=("head",)) == ["MatMul_y"]


def test_a_name_that_is_no_node_is_refused_with_the_closest() -> None:
    with pytest.raises(ValueError, match=r"no node is called 'Conv_z'; did you mean 'Conv_y'"):
        chosen(conv("x", "y"), keep_float=("Conv_z",))


def test_a_graph_with_nothing_to_quantise_is_refused() -> None:
    with pytest.raises(ValueError, match="no convolution or product with constant weights"):
        chosen(node("Relu", "x", "y"))
    with pytest.raises(ValueError, match="outside of the 1 nodes to keep in float"):
        chosen(conv("x", "y"), keep_float=("Conv_y",))


def test_tensors_of_nodes_are_activations_only() -> None:
    model = graph(conv("x", "a"), node("Reshape", "a flat", "b"), node("Softmax", "b", "y"))
    assert float_tensors(model, ["Conv_a", "Reshape_b"]) == ["x", "a", "b"]


def test_first_and_last_are_those_without_a_layer_before_or_after() -> None:
    # two paths from the image, joined, and one head
    model = graph(
        conv("x", "a"), conv("a", "b"), conv("x", "c"), node("Add", "b c", "d"), conv("d", "e"),
        node("ConvTranspose", "e w", "y"),
    )  # fmt: skip
    assert first_and_last(model) == ("Conv_a", "Conv_c", "ConvTranspose_y")


def test_first_and_last_see_weights_that_are_computed_from_constants() -> None:
    model = graph(
        node("Transpose", "w", "turned", perm=[1, 0, 2, 3]), conv("x", "a"), conv("a", "b"),
        node("Conv", "b turned", "y"),
    )  # fmt: skip
    assert first_and_last(model) == ("Conv_a", "Conv_y")


def test_nodes_without_a_name_or_with_anothers_get_their_own() -> None:
    model = graph(conv("x", "a"), node("Relu", "a", "b"), conv("b", "y"))
    for one in model.graph.node:
        one.name = "" if one.op_type == "Relu" else "same"
    name_nodes(model)
    assert [one.name for one in model.graph.node] == ["same", "Relu:b", "Conv:y"]
