"""Logits from a torch module, on a CPU or a GPU."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

Precision = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchBackend:
    """A segmenter ready to compute: evaluation mode, channels-last, one device, one precision."""

    def __init__(self, segmenter: nn.Module, *, device: torch.device, precision: Precision) -> None:
        # mypy and pyrefly know no memory_format in Module.to beside a device
        self._segmenter = segmenter.to(device).to(memory_format=torch.channels_last)
        self.device = device
        self.precision = precision

    def logits(self, images: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Scores before softmax at the images' own size, on the device."""
        self._segmenter.eval()
        with (
            torch.inference_mode(),
            torch.autocast(
                self.device.type,
                dtype=_DTYPES.get(self.precision),
                enabled=self.precision in _DTYPES,
            ),
        ):
            return self._segmenter(images.to(self.device, non_blocking=True))  # type: ignore[no-any-return]


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
