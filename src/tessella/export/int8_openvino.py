"""An OpenVINO model in 8-bit numbers, by NNCF's post-training quantisation."""

import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from tessella.export.calibration import Images, checked_images
from tessella.export.int8_search import Attempt
from tessella.export.quiet import diverted
from tessella.suggestion import unknown_name

# openvino reports its import to its makers over the network, and nncf each call, unless this
# package is missing: the one way to refuse that leaves no file in the user's home
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import nncf  # noqa: E402
import openvino  # noqa: E402

logger = logging.getLogger(__name__)

Preset = Literal["mixed", "performance"]
"""How activations are stepped: from any lowest to any highest value, or symmetric around zero."""

SUBSET = 300
"""Images that statistics are taken of, at most."""

_LAYERS = {
    *("Convolution", "GroupConvolution", "ConvolutionBackpropData"),
    *("GroupConvolutionBackpropData", "MatMul"),
}

# what normalises and pads the images, and what brings logits to their size
_BEFORE = {"Add", "Subtract", "Multiply", "Divide", "Pad", "Concat"}
_AFTER = {"Interpolate"}


def quantize_openvino(
    xml: bytes,
    weights: bytes,
    images: Images,
    *,
    preset: Preset = "mixed",
    keep_float: Sequence[str] = (),
) -> tuple[bytes, bytes]:
    """The model with its convolutions and products, and what lies between them, in int8.

    The images' normalisation and the last resize stay float. Inputs, outputs and what the model
    says of itself (runtime information) are kept.

    Args:
        xml: the network.
        weights: its numbers.
        images: like those that the model will meet, of any sizes that it takes; the first `SUBSET`
            count. They are read several times; one at a time is in memory.
        preset: how activations are stepped.
        keep_float: names of operations to leave in float, see `node_names_first_last`.

    Returns:
        The network and its numbers.

    Raises:
        ValueError: the model has another number of inputs, an image does not fit it or there is
            none, a name is no operation's, or there is nothing to quantise.
    """
    model = _read(xml, weights)
    graph = _Graph(model)
    _check(model, graph, keep_float)
    ignored = nncf.IgnoredScope(names=sorted({*keep_float, *graph.around_layers()}), validate=False)
    # asking what kind of model it has, NNCF loads torch, which warns where it finds no GPU
    talkers = [logging.getLogger(name) for name in ("nncf", "torch.utils.cpp_extension")]
    with diverted(talkers, to=logger):
        quantized = nncf.quantize(
            model,
            nncf.Dataset(_Source(model, images)),
            preset=nncf.QuantizationPreset(preset),
            subset_size=SUBSET,
            model_type=nncf.ModelType.TRANSFORMER if graph.attends() else None,
            ignored_scope=ignored,
        )
    return _serialized(quantized)


def node_names_first_last(xml: bytes, weights: bytes) -> tuple[str, ...]:
    """Names of the first and the last layers with weights, which are the likeliest to need float.

    Args:
        xml: the network.
        weights: its numbers.
    """
    graph = _Graph(_read(xml, weights))
    return tuple(
        name for name in graph.layers if name not in graph.after or name not in graph.before
    )


def attempts(xml: bytes, weights: bytes, images: Images) -> list[Attempt[tuple[bytes, bytes]]]:
    """The ways to quantise a model that are worth trying, the fastest files first.

    Args:
        xml: the network.
        weights: its numbers.
        images: as for `quantize_openvino`.
    """
    ends = node_names_first_last(xml, weights)

    def attempt(name: str, preset: Preset, kept: Sequence[str]) -> Attempt[tuple[bytes, bytes]]:
        return Attempt(
            name,
            lambda: quantize_openvino(xml, weights, images, preset=preset, keep_float=kept),
        )

    return [
        attempt("mixed", "mixed", ()),
        attempt("performance", "performance", ()),
        attempt("mixed, first and last layer in float", "mixed", ends),
    ]


def _read(xml: bytes, weights: bytes) -> openvino.Model:
    """The model, each operation of a name of its own: NNCF would rename those that share one."""
    model = openvino.Core().read_model(xml, weights)
    taken: set[str] = set()
    for op in model.get_ordered_ops():
        name, number = op.get_friendly_name(), 1
        while op.get_friendly_name() in taken:
            number += 1
            op.set_friendly_name(f"{name}#{number}")
        taken.add(op.get_friendly_name())
    return model


class _Source:
    """The images as NNCF iterates over them, from the first on each time."""

    def __init__(self, model: openvino.Model, images: Images) -> None:
        _, channels, *size = (
            axis.get_length() if axis.is_static else None for axis in model.inputs[0].partial_shape
        )
        self._channels, self._size = channels, (size[0], size[1])
        self._images = images

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "1 c h w"]]:
        return checked_images(self._images, channels=self._channels, size=self._size)


class _Graph:
    """What leads to what in a model."""

    def __init__(self, model: openvino.Model) -> None:
        self.kinds = {op.get_friendly_name(): op.get_type_name() for op in model.get_ordered_ops()}
        inputs = {
            op.get_friendly_name(): [
                value.get_source_output().get_node().get_friendly_name() for value in op.inputs()
            ]
            for op in model.get_ordered_ops()
        }
        varying: set[str] = set()
        for name, given in inputs.items():
            if self.kinds[name] == "Parameter" or varying.intersection(given):
                varying.add(name)
        num_varying = {name: sum(one in varying for one in given) for name, given in inputs.items()}
        self.layers = [
            name
            for name, kind in self.kinds.items()
            if kind in _LAYERS and name in varying and num_varying[name] == 1
        ]
        self._products = [
            name for name, kind in self.kinds.items() if kind == "MatMul" and num_varying[name] > 1
        ]
        self.after: set[str] = set()
        """What a layer leads to."""
        layers = set(self.layers)
        for name, given in inputs.items():
            if any(one in layers or one in self.after for one in given):
                self.after.add(name)
        self.before: set[str] = set()
        """What leads to a layer."""
        for name, given in reversed(inputs.items()):
            if name in layers or name in self.before:
                self.before.update(given)

    def around_layers(self) -> list[str]:
        """Operations before the first layers and after the last that NNCF would quantise."""
        return [
            name
            for name, kind in self.kinds.items()
            if (kind in _BEFORE and name not in self.after)
            or (kind in _AFTER and name not in self.before)
        ]

    def attends(self) -> bool:
        """Whether there are products of two activations, as in transformers."""
        return bool(self._products) or "ScaledDotProductAttention" in self.kinds.values()


def _check(model: openvino.Model, graph: _Graph, keep_float: Sequence[str]) -> None:
    kinds = [given.element_type for given in model.inputs]
    if kinds != [openvino.Type.u8] or model.inputs[0].partial_shape.rank.get_length() != 4:
        raise ValueError(
            f"int8: the model has {len(kinds)} inputs; expected one of uint8 images (n, c, h, w). "
            "Quantise a file that export wrote."
        )
    for name in keep_float:
        if name not in graph.kinds:
            raise ValueError(f"int8: {unknown_name('operation', name, graph.kinds, most=5)}")
    if not set(graph.layers) - set(keep_float):
        raise ValueError(
            f"int8: the model has no convolution or product with constant weights outside of the "
            f"{len(keep_float)} operations to keep in float; there is nothing to quantise. Keep "
            "fewer."
        )


def _serialized(model: openvino.Model) -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "model.xml"
        # what stays float stays as it is: in half precision it would lose digits
        openvino.save_model(model, network, compress_to_fp16=False)
        return network.read_bytes(), network.with_suffix(".bin").read_bytes()
