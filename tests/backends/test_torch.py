"""The torch back end: one precision, evaluation mode, and clear words about devices."""

import numpy as np
import pytest
import torch
from torch import nn

from tessella.backends.torch import (
    TorchBackend,
    as_batch,
    describe,
    resolve_device,
    resolve_precision,
)

CPU = torch.device("cpu")


class Spy(nn.Module):
    """Notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.seen: dict[str, object] = {}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.conv(images.float())
        self.seen = {
            "training": self.training,
            "dtype": logits.dtype,
            "inference": torch.is_inference_mode_enabled(),
        }
        return logits


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_logits_are_computed_in_the_asked_precision(precision: str, dtype: torch.dtype) -> None:
    spy = Spy()
    backend = TorchBackend(spy, device=CPU, precision=precision)  # type: ignore[arg-type]
    backend.logits(torch.zeros(1, 3, 4, 4, dtype=torch.uint8))
    assert spy.seen == {"training": False, "dtype": dtype, "inference": True}


def test_one_image_becomes_a_channels_last_batch_without_a_copy() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    batch = as_batch(image)
    assert batch.shape == (1, 3, 2, 4)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    image[0, 0, 0] = 99
    assert batch[0, 0, 0, 0] == 99


def test_a_device_that_is_not_there_is_refused() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(ValueError, match=f"device '{missing}' is not available here; use"):
        resolve_device(missing)


def test_auto_takes_a_device_that_is_there() -> None:
    torch.zeros(1, device=resolve_device("auto"))


def test_auto_precision_on_a_cpu_follows_what_it_computes_fast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for supported, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda answer=supported: answer, raising=False
        )
        assert resolve_precision("auto", CPU) == expected


def test_fp16_on_a_cpu_is_refused() -> None:
    with pytest.raises(ValueError, match="precision fp16 needs a GPU"):
        resolve_precision("fp16", CPU)


def test_a_cpu_is_described_by_its_threads() -> None:
    assert describe(CPU) == f"cpu, {torch.get_num_threads()} threads"
