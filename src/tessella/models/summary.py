"""What a model is made of, and what it costs: parameters, operations and memory."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from tessella.models.segmenter import Segmenter

_Shape = tuple[int, ...]


def _attention_flops(query: _Shape, key: _Shape, value: _Shape, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


# torch counts the attention of GPUs only
_UNCOUNTED = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}


@dataclass(frozen=True)
class Row:
    """One module of a model."""

    name: str
    """Its path from the segmenter, e.g. "network.encoder.layer1.0"; the segmenter's own is ""."""

    level: int
    """How many modules it is inside of."""

    type: str
    """Name of its class."""

    shapes: tuple[_Shape, ...]
    """Of the tensors that it returned when it was first called; empty if it never was."""

    num_parameters: int
    """Numbers that it and what is inside it hold, counted once; buffers do not count."""


@dataclass(frozen=True)
class Summary:
    """A model's size and cost for a batch of images, in float32."""

    rows: tuple[Row, ...]
    """From the outside inwards, in the order of definition."""

    batch_shape: tuple[int, int, int, int]
    """Images, channels, height, width."""

    num_parameters: int
    num_trainable: int

    flops: int
    """Multiplications and additions of one forward pass: convolutions, matrix products and
    attention. A multiply-add counts two. Norms, activations and resizing do not count."""

    training_activation_bytes: int
    """What a forward pass keeps for the backward pass, beside parameters, gradients and the
    optimiser's state; without dropout masks."""

    inference_peak_bytes: int
    """The most that lives at once during a forward pass without gradients: images and
    intermediate values, beside parameters and the workspace of single operations."""

    def text(self, *, most_levels: int = 3) -> str:
        """A table of the outer modules, then the totals.

        Args:
            most_levels: modules inside of more than so many others are left out.
        """
        shown = [row for row in self.rows if row.level <= most_levels]
        named = [("  " * row.level + (row.name.rpartition(".")[2] or "segmenter")) for row in shown]
        shapes = [" ".join("x".join(map(str, shape)) for shape in row.shapes[:4]) for row in shown]
        widths = [max(map(len, column)) for column in (named, [r.type for r in shown], shapes)]
        lines = [
            f"{name:<{widths[0]}}  {row.type:<{widths[1]}}  {shape:<{widths[2]}}  "
            f"{row.num_parameters:>12,}"
            for name, row, shape in zip(named, shown, shapes, strict=True)
        ]
        images = "x".join(map(str, self.batch_shape))
        return "\n".join(
            [
                *lines,
                "",
                f"parameters          {self.num_parameters:,} ({self.num_trainable:,} trainable)",
                f"for images          {images} in float32",
                f"forward pass        {self.flops / 1e9:,.2f} GFLOPs (a multiply-add is two)",
                f"kept for training   {self.training_activation_bytes / 2**20:,.1f} MiB",
                f"peak of inference   {self.inference_peak_bytes / 2**20:,.1f} MiB",
            ]
        )


def summarize(segmenter: Segmenter, *, size: tuple[int, int], batch_size: int = 1) -> Summary:
    """What a model costs for images of one size; nothing is computed, shapes alone pass through.

    Both passes are in evaluation mode, so that any batch size goes; training keeps an auxiliary
    head's values too. The segmenter is left as it was.

    Args:
        segmenter: on any device.
        size: height and width of the images, in pixels, at least 1.
        batch_size: images in the batch, at least 1.

    Raises:
        ValueError: a size is below 1.
    """
    if min(*size, batch_size) < 1:
        raise ValueError(
            f"summary: size {size} with batch size {batch_size}; give whole numbers from 1 up."
        )
    shape = (batch_size, segmenter.in_channels, *size)
    device = segmenter.mean.device
    shapes: dict[str, tuple[_Shape, ...]] = {}
    counter = FlopCounterMode(display=False, custom_mapping=_UNCOUNTED)
    peak, kept = _LiveBytes(), _KeptBytes()
    with _in_evaluation(segmenter), FakeTensorMode(allow_non_fake_inputs=True):
        images = torch.empty(shape, dtype=torch.uint8, device=device)
        with torch.no_grad(), _noting_shapes(segmenter, shapes), counter, peak:
            peak.add(images)
            segmenter(images)
        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(kept.pack, kept.unpack):
            segmenter.outputs(images)
    parameters = list(segmenter.parameters())
    return Summary(
        rows=_rows(segmenter, shapes),
        batch_shape=shape,
        num_parameters=sum(p.numel() for p in parameters),
        num_trainable=sum(p.numel() for p in parameters if p.requires_grad),
        flops=counter.get_total_flops(),
        training_activation_bytes=kept.total,
        inference_peak_bytes=peak.most,
    )


def _rows(segmenter: Segmenter, shapes: dict[str, tuple[_Shape, ...]]) -> tuple[Row, ...]:
    return tuple(
        Row(
            name,
            level=name.count(".") + 1 if name else 0,
            type=type(module).__name__,
            shapes=shapes.get(name, ()),
            num_parameters=sum(p.numel() for p in module.parameters()),
        )
        for name, module in segmenter.named_modules()
    )


@contextmanager
def _in_evaluation(module: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


@contextmanager
def _noting_shapes(module: nn.Module, shapes: dict[str, tuple[_Shape, ...]]) -> Iterator[None]:
    def hook_of(name: str) -> Any:
        def note(_: nn.Module, __: object, output: object) -> None:
            tensors = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
            shapes.setdefault(name, tuple(tuple(tensor.shape) for tensor in tensors))

        return note

    hooks = [part.register_forward_hook(hook_of(name)) for name, part in module.named_modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _KeptBytes:
    """Adds up what autograd keeps, each storage once; parameters and buffers do not count."""

    def __init__(self) -> None:
        self.total = 0
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def pack(self, tensor: Tensor) -> Tensor:
        """Count a tensor that the backward pass will need."""
        storage = tensor.untyped_storage()
        if isinstance(tensor, FakeTensor) and storage not in self._seen:
            self._seen.add(storage)
            self.total += storage.nbytes()
        return tensor

    def unpack(self, tensor: Tensor) -> Tensor:
        """The tensor as it was given."""
        return tensor


class _LiveBytes(TorchDispatchMode):
    """Follows how many bytes of results live at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._now = 0
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage until it is freed."""
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        self._seen.add(storage)
        size = storage.nbytes()
        self._now += size
        self.most = max(self.most, self._now)
        weakref.finalize(storage, self._free, size)

    def _free(self, size: int) -> None:
        self._now -= size

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute, and count what is new."""
        results = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, FakeTensor):
                self.add(leaf)
        return results
