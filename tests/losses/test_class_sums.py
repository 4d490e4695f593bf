"""Soft counts against a loop over pixels, their gradient, and the memory they do without."""

from typing import Any

import numpy as np
import pytest
import torch

from tessella.losses.chunks import chunk_labels
from tessella.losses.class_sums import class_sums, sum_by_class

IGNORE = 255
FIELDS = [
    ("true_positives", "tp"),
    ("false_positives", "fp"),
    ("false_negatives", "fn"),
    ("pixels", "pixels"),
]


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize(("field", "slow_field"), FIELDS)
@pytest.mark.usefixtures("chunk_logits")
def test_sums_agree_with_the_slow_version(
    slow: Any, field: str, slow_field: str, per_image: bool
) -> None:
    sums = class_sums(slow.logits, slow.mask, ignore_index=IGNORE, per_image=per_image)
    expected = [getattr(group, slow_field) for group in slow.groups(per_image=per_image)]
    np.testing.assert_allclose(getattr(sums, field).numpy(), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("field", ["true_positives", "false_positives", "false_negatives"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.usefixtures("chunk_logits")
def test_gradients_are_those_of_finite_differences(
    slow: Any, field: str, layout: torch.memory_format
) -> None:
    logits = slow.logits[1:, :, :2, :3].contiguous(memory_format=layout).requires_grad_()

    def of(logits: torch.Tensor) -> torch.Tensor:
        sums = class_sums(logits, slow.mask[1:, :2, :3], ignore_index=IGNORE, per_image=True)
        return torch.as_tensor(getattr(sums, field))

    assert torch.autograd.gradcheck(of, (logits,))


def test_labelled_pixels_are_those_of_all_classes(slow: Any) -> None:
    sums = class_sums(slow.logits, slow.mask, ignore_index=IGNORE, per_image=True)
    expected = (slow.mask != IGNORE).sum((1, 2))
    assert sums.num_labelled.flatten().tolist() == expected.tolist()


def test_the_order_of_images_changes_nothing_image_by_image(slow: Any) -> None:
    sums = class_sums(slow.logits, slow.mask, ignore_index=IGNORE, per_image=True)
    flipped = class_sums(
        slow.logits.flip(0), slow.mask.flip(0), ignore_index=IGNORE, per_image=True
    )
    assert all(map(torch.equal, flipped, (each.flip(0) for each in sums)))


def test_many_pixels_keep_the_digits_of_rare_misses() -> None:
    # p = 1 - 2^-12 for 2^18 pixels: misses are 2^6 to the digit, where one float32 after another
    # would have got the true positives wrong by more
    mask = torch.zeros(1, 512, 512, dtype=torch.uint8)
    logits = torch.tensor([1 - 2**-12, 2**-12]).log().view(1, 2, 1, 1).expand(1, 2, 512, 512)
    sums = class_sums(logits, mask, ignore_index=IGNORE, per_image=False)
    assert sums.false_negatives[0, 0].item() == pytest.approx(64, rel=1e-3)
    assert sums.true_positives[0, 0].item() == pytest.approx(2**18 - 64, rel=2e-7)


def test_beside_the_logits_it_keeps_two_numbers_a_pixel_and_the_mask() -> None:
    logits = torch.zeros(2, 50, 8, 8, requires_grad=True)
    mask = torch.zeros(2, 8, 8, dtype=torch.uint8)
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() != logits.data_ptr():
            kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        class_sums(logits, mask, ignore_index=IGNORE, per_image=True)
    assert sum(kept) == 128 + 2 * 128


def test_values_are_summed_by_the_class_of_their_pixel() -> None:
    mask = torch.tensor([[[0, 2, 2, IGNORE]]])
    region = (slice(None), slice(None), slice(None))
    labels = chunk_labels(mask, region, ignore_index=IGNORE)
    sums = sum_by_class(torch.tensor([[[[1.0, 2.0, 4.0, 0.0]]]]), labels, num_classes=3)
    assert sums.tolist() == [[1.0, 0.0, 6.0]]
