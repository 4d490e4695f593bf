"""Logits from a torch module, on a CPU or a GPU."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from tessella.backends.backend import SplitCounts
from tessella.metrics.class_map import class_map
from tessella.metrics.counter import PixelCounter
from tessella.model_card import ModelCard
from tessella.model_folder import read_model

Precision = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchBackend:
    """A segmenter ready to compute: evaluation mode, channels-last, one device, one precision."""

    engine = "torch"
    has_probabilities = True
    size: tuple[int, int] | None = None

    def __init__(self, segmenter: nn.Module, *, device: torch.device, precision: Precision) -> None:
        # mypy and pyrefly know no memory_format in Module.to beside a device
        self._segmenter = segmenter.to(device).to(memory_format=torch.channels_last).eval()
        self._take_device(device)
        self.precision: str = precision
        self.in_channels = int(getattr(segmenter, "in_channels", 3))

    def _take_device(self, device: torch.device) -> None:
        self.device = device
        self.where = describe(device)
        self.is_on_cpu = device.type == "cpu"

    def logits(self, images: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Scores before softmax at the images' own size, on the device."""
        with (
            torch.inference_mode(),
            torch.autocast(
                self.device.type,
                dtype=_DTYPES.get(self.precision),
                enabled=self.precision in _DTYPES,
            ),
        ):
            return self._segmenter(images.to(self.device, non_blocking=True))  # type: ignore[no-any-return]

    def place(self, images: UInt8[np.ndarray, "n h w c"]) -> UInt8[Tensor, "n c h w"]:
        """The images on the device, channels-last, without a copy where memory order allows."""
        as_tensor = torch.from_numpy(np.ascontiguousarray(images))
        return as_tensor.permute(0, 3, 1, 2).to(self.device, non_blocking=True)

    def class_maps(self, images: UInt8[Tensor, "n c h w"]) -> UInt8[Tensor, "n h w"]:
        """The class index of each pixel, on the device."""
        return class_map(self.logits(images))

    def probabilities(
        self, images: UInt8[Tensor, "n c h w"]
    ) -> tuple[UInt8[Tensor, "n h w"], Float[Tensor, "n k h w"]]:
        """Class maps and the softmax of the logits, float32, on the device."""
        logits = self.logits(images)
        return class_map(logits), logits.float().softmax(1)

    def empty(self, shape: Sequence[int]) -> UInt8[Tensor, "..."]:
        """Room for class maps on the device."""
        return torch.empty(tuple(shape), dtype=torch.uint8, device=self.device)

    def fetch(self, array: Tensor) -> np.ndarray:
        """An array of the device in main memory."""
        return array.cpu().numpy()

    def scorer(self, num_classes: int, ignore_index: int) -> "TorchScorer":
        """Nothing counted yet."""
        return TorchScorer(PixelCounter(num_classes, ignore_index, self.device))


class TorchScorer:
    """Counts class maps on the device; nothing is read back before `read`."""

    def __init__(self, counter: PixelCounter) -> None:
        self._counter = counter
        self._per_image: list[Tensor] = []

    def add(self, class_maps: UInt8[Tensor, "n h w"], masks: UInt8[np.ndarray, "n h w"]) -> None:
        """Count a batch."""
        self._per_image.append(self._counter.add(class_maps, torch.from_numpy(masks)))

    def read(self) -> SplitCounts:
        """All that was counted; waits for the device.

        Raises:
            ValueError: a mask or a class map held a value that is no class.
        """
        counts = self._counter.read()
        return SplitCounts(counts, torch.cat(self._per_image).cpu().tolist())


def open_folder(
    path: Path, *, device: str, precision: str | None
) -> tuple[TorchBackend, ModelCard]:
    """The model in a run folder or a model folder.

    Args:
        path: the folder.
        device: auto, cpu, cuda or mps.
        precision: None takes the one that the model was trained in, or fp32 where the device is
            slow at it.

    Raises:
        UsageError: there is no model at `path`.
        ValueError: its files are damaged, or the device is not there.
    """
    model = read_model(path)
    where = resolve_device(device)
    wanted = precision or ("fp32" if model.card.precision == "fp32" else "auto")
    chosen = resolve_precision(wanted, where)
    return TorchBackend(model.segmenter, device=where, precision=chosen), model.card


def as_batch(image: UInt8[np.ndarray, "h w c"]) -> UInt8[Tensor, "1 c h w"]:
    """One image as a batch of one, channels-last, without a copy where memory order allows."""
    return torch.from_numpy(np.ascontiguousarray(image)).unsqueeze(0).permute(0, 3, 1, 2)


def resolve_device(name: str) -> torch.device:
    """The device that `auto` stands for, or the named one.

    Raises:
        ValueError: the named device is not there.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available[name]:
        raise ValueError(f"device {name!r} is not available here; use train.device=auto.")
    return torch.device(name)


def describe(device: torch.device) -> str:
    """The device as a person would call it: "cpu, 2 threads", or "cuda, NVIDIA H200"."""
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    return f"{device.type}, {torch.get_num_threads()} threads"


def resolve_precision(name: str, device: torch.device) -> Precision:
    """The precision that `auto` stands for: bf16 where the hardware computes it fast, else fp32.

    Raises:
        ValueError: fp16 was asked for on a CPU, whose convolutions do not support it.
    """
    if name == "auto":
        if device.type == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        return "bf16" if device.type == "cpu" and _cpu_computes_bf16() else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise ValueError("precision fp16 needs a GPU; use train.precision=bf16 or fp32 on a CPU.")
    return {"fp32": "fp32", "bf16": "bf16", "fp16": "fp16"}[name]  # type: ignore[return-value]


def _cpu_computes_bf16() -> bool:
    # the flag has moved between torch versions; without it fp32 is the safe choice
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported()) if supported is not None else False
