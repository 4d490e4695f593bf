"""A pass over data: losses weighted by labelled pixels, no state carried over."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tessella.data.loader import Batch
from tessella.losses import LOSSES
from tessella.optim import build_schedule
from tessella.progress import silently
from tessella.train.epoch import Task, train_epoch, validate


class Pixelwise(nn.Module):
    """One weight a class and channel, so that losses can be checked by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv(images.float() / 255)


def task() -> Task:
    torch.manual_seed(0)
    module = Pixelwise()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    fabric = Fabric(accelerator="cpu", devices=1)
    wrapped, wrapped_optimizer = fabric.setup(module, optimizer)

    def loss(logits: Tensor, masks: Tensor) -> Tensor:
        return LOSSES["cross_entropy"](logits, masks, ignore_index=255)

    return Task(
        fabric=fabric,
        segmenter=wrapped,
        loss=loss,
        optimizer=wrapped_optimizer,
        schedule=build_schedule(optimizer, lambda _: 1.0),
        num_classes=2,
        ignore_index=255,
        track=silently,
    )


def batch(seed: int, count: int, *, ignored_rows: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.integers(0, 256, (count, 3, 8, 9), dtype=np.uint8))
    masks = torch.from_numpy(rng.integers(0, 2, (count, 8, 9), dtype=np.uint8))
    masks[:, :ignored_rows] = 255
    return Batch(images, masks, tuple(f"{seed}-{k}" for k in range(count)))


def test_a_validation_loss_is_the_mean_over_all_labelled_pixels() -> None:
    """S1-B09, S4-B02: unequal batches do not weigh alike, the last batch is not the whole."""
    work = task()
    batches = [batch(1, 3), batch(2, 1, ignored_rows=7)]
    result = validate(work, batches, total=4)
    images = torch.cat([b.images for b in batches])
    masks = torch.cat([b.masks for b in batches])
    with torch.no_grad():
        probabilities = work.segmenter(images).double().softmax(1)
    losses = [
        -np.log(float(probabilities[n, int(masks[n, y, x]), y, x]))
        for n in range(4)
        for y in range(8)
        for x in range(9)
        if masks[n, y, x] != 255
    ]
    assert result.loss == pytest.approx(np.mean(losses), rel=1e-6)  # float32 logits


def test_validating_twice_gives_the_same() -> None:
    """S0-B02, S4-B04: nothing is carried over from one pass to the next."""
    work = task()
    first = validate(work, [batch(1, 3)], total=3)
    train_epoch(work, [batch(5, 2)], total=2)
    work = task()
    second = validate(work, [batch(1, 3)], total=3)
    assert (first.loss, first.mean_iou) == (second.loss, second.mean_iou)


def test_validation_moves_no_weight() -> None:
    work = task()
    before = [parameter.clone() for parameter in work.segmenter.parameters()]
    validate(work, [batch(1, 3)], total=3)
    after = list(work.segmenter.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_training_step_follows_the_gradient_of_the_mean_over_labelled_pixels() -> None:
    work = task()
    twin = Pixelwise()
    twin.load_state_dict(work.segmenter.state_dict())
    one = batch(3, 2, ignored_rows=3)
    nn.functional.cross_entropy(twin(one.images), one.masks.long(), ignore_index=255).backward()
    expected = [p.detach() - 0.1 * p.grad for p in twin.parameters() if p.grad is not None]
    train_epoch(work, [one], total=2)
    got = list(work.segmenter.parameters())
    for a, b in zip(expected, got, strict=True):
        torch.testing.assert_close(b.detach(), a, rtol=1e-5, atol=1e-7)  # float32 sum order


def test_a_batch_without_labels_changes_nothing() -> None:
    work = task()
    before = [parameter.clone() for parameter in work.segmenter.parameters()]
    train_epoch(work, [batch(3, 2, ignored_rows=8)], total=2)
    after = list(work.segmenter.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_validation_image_larger_than_a_tile_is_scored_as_a_predictor_scores_it() -> None:
    work = task()
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (1, 3, 3, 2100), dtype=np.uint8))
    masks = torch.from_numpy(rng.integers(0, 2, (1, 3, 2100), dtype=np.uint8))
    result = validate(work, [Batch(images, masks, ("wide",))], total=1)
    with torch.no_grad():
        whole = work.segmenter(images)
    expected = nn.functional.cross_entropy(whole, masks.long())
    assert result.loss == pytest.approx(float(expected), rel=1e-6)  # float32 sums
    assert result.pixel_accuracy == pytest.approx(float((whole.argmax(1) == masks).double().mean()))
