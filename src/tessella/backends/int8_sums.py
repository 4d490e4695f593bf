"""Whether ONNX Runtime's 8-bit sums overflow on this processor, found out by doing one."""

from functools import cache

import numpy as np
import onnxruntime

EXACT_SUMS = "session.x64quantprecision"
"""The session option that computes them in more bits, nearly three times as slowly.

Processors of x86 without VNNI add pairs of products in 16 bits. With this option ONNX Runtime does
not ask whether the processor has VNNI, or asks in vain: a U-Net with ResNet-34 took 206 ms with it
and 74 ms without on an AMD of 2022, which has.
"""

_EIGHT = 8
_LARGEST = (255, 127)  # of the unsigned activations and the signed weights
# MatMulInteger of a (uint8, 1 x 8) and eight weights of 127, as ONNX; the test builds it anew
_EIGHT_PRODUCTS = (
    b'\x08\x08:\\\n\x18\n\x01a\n\x01b\x12\x01c"\rMatMulInteger\x12\x01p*\x13\x08\x08\x08\x01\x10'
    b"\x03B\x01bJ\x08\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7fZ\x13\n\x01a\x12\x0e\n\x0c\x08\x02\x12\x08\n"
    b"\x02\x08\x01\n\x02\x08\x08b\x13\n\x01c\x12\x0e\n\x0c\x08\x06\x12\x08\n\x02\x08\x01\n\x02\x08"
    b"\x01B\x04\n\x00\x10\x12"
)


@cache
def sums_overflow() -> bool:
    """Whether 255 * 127, eight times, comes out wrong."""
    return sum_of_eight(exact=False) != _EIGHT * _LARGEST[0] * _LARGEST[1]


def sum_of_eight(*, exact: bool) -> int:
    """What this processor makes of 255 * 127, eight times; with `EXACT_SUMS` if `exact`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if exact:
        options.add_session_config_entry(EXACT_SUMS, "1")
    session = onnxruntime.InferenceSession(
        _EIGHT_PRODUCTS, options, providers=["CPUExecutionProvider"]
    )
    images = np.full((1, _EIGHT), _LARGEST[0], np.uint8)
    (found,) = session.run(None, {"a": images})
    return int(np.asarray(found).item())
