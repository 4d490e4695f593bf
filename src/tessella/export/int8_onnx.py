"""An ONNX file in 8-bit numbers for ONNX Runtime on a CPU: 256 steps per tensor, 255 per channel.

Activations are unsigned and weights signed: with both signed, the kernels of x86 take twice as
long. Processors without VNNI (before about 2019) add pairs of such products in 16 bits, which can
overflow; `backends.int8_sums` finds that out and has ONNX Runtime compute them exactly there.
"""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxruntime
from onnx import TensorProto
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType
from onnxruntime.quantization.calibrate import TensorsData

from tessella.export.calibration import Calibration, Images
from tessella.export.int8_nodes import first_and_last, float_tensors, name_nodes, nodes_for_int8
from tessella.export.int8_ranges import tensor_ranges
from tessella.export.int8_search import Attempt
from tessella.export.quiet import diverted

logger = logging.getLogger(__name__)

LEAST_OPSET = 13
"""The first that knows a step per channel."""


def quantize_onnx(
    model: bytes, images: Images, *, calibration: Calibration, keep_float: Sequence[str] = ()
) -> bytes:
    """The model with its convolutions, and what lies between them, in int8.

    Inputs, outputs, their types, names and free axes, and the metadata stay as they are. Logits
    and probabilities take at most 256 values unless the last layer is kept in float.

    Args:
        model: takes uint8 images (n, c, h, w) as its only input; its weights are inside of it.
        images: like those that the model will meet; some tens, of any sizes that it takes. One at
            a time is in memory.
        calibration: how ranges follow from them.
        keep_float: names of nodes to leave in float, see `node_names_first_last`.

    Raises:
        ValueError: the model is of another form, an image does not fit it or there is none, a name
            is no node's, or there is nothing to quantise.
    """
    original = onnx.load_model_from_string(model)
    _check_form(original)
    name_nodes(original)
    simple = _simplified(original)
    nodes = nodes_for_int8(simple, keep_float=keep_float)
    ranges = tensor_ranges(simple, float_tensors(simple, nodes), images, calibration=calibration)
    logger.debug("int8: %d of %d nodes, %s", len(nodes), len(simple.graph.node), calibration)
    quantizer_options = {
        # what follows a product reads its sums as they are, which costs nothing
        "OpTypesToExcludeOutputQuantization": ["MatMul"],
    }
    with diverted([logging.getLogger()], to=logger):
        quantizer = QDQQuantizer(
            simple,
            True,  # one step size per channel of a weight
            False,  # all 8 bits of it
            QuantType.QInt8,
            QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, {k: tuple(v) for k, v in ranges.items()}),
            nodes,
            [],
            sorted({node.op_type for node in simple.graph.node}),
            quantizer_options,
        )
        quantizer.quantize_model()
        _measure_bytes(quantizer.model.graph())
        quantizer.model.topological_sort()
    quantized = quantizer.model.model
    return _with_face_of(original, quantized).SerializeToString()


def node_names_first_last(model: bytes) -> tuple[str, ...]:
    """Names of the first and the last layers with weights, which are the likeliest to need float.

    Args:
        model: with constant weights.
    """
    graph = onnx.load_model_from_string(model)
    name_nodes(graph)
    return first_and_last(graph)


def attempts(model: bytes, images: Images) -> list[Attempt[bytes]]:
    """The ways to quantise a model that are worth trying, the fastest files first.

    Args:
        model: as for `quantize_onnx`.
        images: as for `quantize_onnx`.
    """
    ends = node_names_first_last(model)
    ways: list[tuple[str, Sequence[str]]] = [("", ()), (", first and last layer in float", ends)]

    def attempt(calibration: Calibration, suffix: str, kept: Sequence[str]) -> Attempt[bytes]:
        return Attempt(
            f"{calibration}{suffix}",
            lambda: quantize_onnx(model, images, calibration=calibration, keep_float=kept),
        )

    calibrations: tuple[Calibration, ...] = ("minmax", "percentile", "entropy")
    return [attempt(name, suffix, kept) for suffix, kept in ways for name in calibrations]


def _check_form(model: onnx.ModelProto) -> None:
    inputs = model.graph.input
    kinds = [given.type.tensor_type for given in inputs]
    if len(kinds) != 1 or kinds[0].elem_type != TensorProto.UINT8 or len(kinds[0].shape.dim) != 4:
        listed = ", ".join(given.name for given in inputs)
        raise ValueError(
            f"int8: the model takes {listed or 'nothing'}; expected one input of uint8 images "
            "(n, c, h, w). Quantise a file that export wrote."
        )
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if opset < LEAST_OPSET:
        raise ValueError(
            f"int8: the model is of ONNX opset {opset}, int8 weights need {LEAST_OPSET}; export it "
            "again."
        )


def _simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with constants folded and batch norms merged into convolutions, types inferred.

    What onnxruntime's own `quant_pre_process` does, which hides errors and prints warnings.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; they come as exceptions
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "simplified.onnx"
        options.optimized_model_filepath = str(file)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        simple = onnx.shape_inference.infer_shapes(onnx.load_model(file))
    name_nodes(simple)
    return simple


def _measure_bytes(graph: onnx.GraphProto) -> None:
    """Let nodes that ask for a tensor's shape only ask its bytes: the floats need not be made."""
    bytes_of = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    for node in graph.node:
        if node.op_type == "Shape" and node.input[0] in bytes_of:
            node.input[0] = bytes_of[node.input[0]]


def _with_face_of(original: onnx.ModelProto, quantized: onnx.ModelProto) -> onnx.ModelProto:
    """All that a user sees of the original, around the quantised graph."""
    shown = onnx.ModelProto()
    shown.CopyFrom(quantized)
    for field in ("producer_name", "producer_version", "doc_string", "domain", "model_version"):
        setattr(shown, field, getattr(original, field))
    shown.graph.name = original.graph.name
    shown.graph.ClearField("value_info")  # of the float graph; who opens the file infers its own
    for field in ("input", "output"):
        shown.graph.ClearField(field)
        getattr(shown.graph, field).extend(getattr(original.graph, field))
    shown.ClearField("metadata_props")
    shown.metadata_props.extend(original.metadata_props)
    # the optimiser lists all domains that it knows, which other engines do not
    used = {node.domain for node in shown.graph.node} | {""}
    domains = [domain for domain in shown.opset_import if domain.domain in used]
    shown.ClearField("opset_import")
    shown.opset_import.extend(domains)
    return shown
