"""Processors differ; what a sum must be does not."""

import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tessella.backends import int8_sums
from tessella.backends.int8_sums import sum_of_eight, sums_overflow

_RIGHT = 259080  # 8 * 255 * 127


def test_the_stored_graph_is_what_its_comment_says() -> None:
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "p",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [1, 8])],
        [helper.make_tensor_value_info("c", TensorProto.INT32, [1, 1])],
        [numpy_helper.from_array(np.full((8, 1), 127, np.int8), "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    assert model.SerializeToString() == int8_sums._EIGHT_PRODUCTS


def test_a_sum_is_right_with_the_option_wherever_it_is_wrong_without() -> None:
    assert sum_of_eight(exact=True) == _RIGHT
    assert sums_overflow() == (sum_of_eight(exact=False) != _RIGHT)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="about processors of x86")
@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="needs qemu-user")
def test_a_processor_without_vnni_is_found_out() -> None:
    code = (
        "from tessella.backends.int8_sums import sum_of_eight, sums_overflow; "
        "print(sums_overflow(), sum_of_eight(exact=True))"
    )
    words = ["qemu-x86_64", "-cpu", "Haswell", sys.executable, "-c", code]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["True", str(_RIGHT)]
