"""A pass over data: losses weighted by labelled pixels, no state carried over."""

import signal
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tessella.build import Loss
from tessella.data.loader import Batch
from tessella.losses import LOSSES, labelled_weight
from tessella.models.segmenter import Outputs
from tessella.optim import build_schedule
from tessella.progress import silently
from tessella.stop import Stop
from tessella.train.bad_batch import BadLossError
from tessella.train.epoch import Task, train_epoch, validate
from tessella.train.part import Part, Pauses


class Pixelwise(nn.Module):
    """One weight a class and channel, so that losses can be checked by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.conv(images.float() / 255)

    def outputs(self, images: Tensor) -> Outputs:
        return Outputs(self(images), None)


class WithAuxiliary(Pixelwise):
    """With a second layer that only the auxiliary logits come from."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Conv2d(3, 2, 1)

    def outputs(self, images: Tensor) -> Outputs:
        return Outputs(self(images), self.second(images.float() / 255))


def task(module: nn.Module | None = None, **changes: object) -> Task:
    torch.manual_seed(0)
    module = module or Pixelwise()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    fabric = Fabric(accelerator="cpu", devices=1)
    wrapped, wrapped_optimizer = fabric.setup(module, optimizer)

    wrapped.mark_forward_method("outputs")
    loss = Loss(
        partial(LOSSES["cross_entropy"], ignore_index=255),
        partial(labelled_weight, ignore_index=255),
    )
    return Task(
        fabric=fabric,
        segmenter=wrapped,
        outputs=wrapped.outputs,  # type: ignore[arg-type]
        scored=wrapped,
        loss=loss,
        optimizer=wrapped_optimizer,
        schedule=build_schedule(optimizer, lambda _: 1.0),
        num_classes=2,
        ignore_index=255,
        track=silently,
    )._replace(**changes)


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


def test_a_pass_in_two_parts_gives_what_it_gives_in_one() -> None:
    batches = [batch(seed, 2, ignored_rows=seed) for seed in range(4)]
    whole, first, second = task(), task(), task()
    expected = train_epoch(whole, batches, total=8)

    class AskedError(Exception):
        pass

    parts: list[Part] = []

    def save(part: Part) -> None:
        parts.append(part)
        raise AskedError

    stop = Stop()

    def arriving() -> Iterator[Batch]:
        for number, one in enumerate(batches):
            stop.asked = signal.SIGTERM if number == 2 else None
            yield one

    with pytest.raises(AskedError):
        train_epoch(first, arriving(), total=8, pauses=Pauses(stop, minutes=9, save=save))
    assert parts[0].steps == 3
    second.segmenter.load_state_dict(first.segmenter.state_dict())
    found = train_epoch(second, batches[3:], total=2, begun=parts[0])
    assert found[:4] == expected[:4]


def test_a_pass_that_is_over_can_still_be_kept() -> None:
    pauses = Pauses(Stop(), minutes=9, save=lambda _: None)
    train_epoch(task(), [batch(1, 2), batch(2, 2)], total=4, pauses=pauses)
    assert pauses.end is not None
    assert pauses.end.steps == 2
    again = train_epoch(task(), [], total=0, begun=pauses.end)
    assert again[:4] == train_epoch(task(), [batch(1, 2), batch(2, 2)], total=4)[:4]


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


def weights_after(work: Task, batches: list[Batch]) -> list[Tensor]:
    train_epoch(work, batches, total=sum(len(one.names) for one in batches))
    return [parameter.detach().clone() for parameter in work.segmenter.parameters()]


def test_several_batches_make_the_step_of_one_large_batch() -> None:
    """However the labelled pixels are spread over them; one batch has none at all."""
    parts = [batch(1, 3, ignored_rows=1), batch(2, 1, ignored_rows=7), batch(3, 2, ignored_rows=8)]
    whole = Batch(
        torch.cat([part.images for part in parts]),
        torch.cat([part.masks for part in parts]),
        tuple(name for part in parts for name in part.names),
    )
    accumulated = weights_after(task(accumulate=3), parts)
    for a, b in zip(accumulated, weights_after(task(), [whole]), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)  # float32 sum order


def test_the_last_step_takes_what_is_left() -> None:
    steps = []
    work = task(accumulate=2, after_step=lambda: steps.append(1))
    train_epoch(work, [batch(seed, 1) for seed in range(5)], total=5)
    assert len(steps) == 3


def test_a_long_gradient_is_shortened_to_the_norm() -> None:
    before = [parameter.detach().clone() for parameter in task().segmenter.parameters()]
    after = weights_after(task(clip_norm=1e-3), [batch(3, 2)])
    moved = torch.cat([(a - b).flatten() for a, b in zip(after, before, strict=True)])
    assert float(moved.norm()) == pytest.approx(0.1 * 1e-3, rel=1e-3)  # learning rate x norm


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_the_auxiliary_head_learns_by_its_own_weight(weight: float) -> None:
    work = task(WithAuxiliary(), auxiliary_weight=weight)
    twin = Pixelwise()
    twin.conv.load_state_dict(work.segmenter.second.state_dict())
    one = batch(3, 2, ignored_rows=3)
    nn.functional.cross_entropy(twin(one.images), one.masks.long(), ignore_index=255).backward()
    expected = [p.detach() - 0.1 * weight * p.grad for p in twin.parameters() if p.grad is not None]
    train_epoch(work, [one], total=2)
    for a, b in zip(expected, work.segmenter.second.parameters(), strict=True):
        torch.testing.assert_close(b.detach(), a, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_loss_that_is_no_number_names_its_batch(place: int) -> None:
    work = task()
    losses = iter([1.0 if step != place else float("nan") for step in range(3)])

    def compute(logits: Tensor, masks: Tensor) -> Tensor:
        return logits.mean() * next(losses)

    work = work._replace(loss=work.loss._replace(compute=compute))
    with pytest.raises(BadLossError, match=f"the loss became nan at {place}-0$"):
        train_epoch(work, [batch(seed, 1) for seed in range(3)], total=3)


def test_frozen_norm_layers_keep_their_statistics() -> None:
    """S2-B05: a frozen encoder in training mode drifts all the same."""

    class Normed(Pixelwise):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3).requires_grad_(False)

        def forward(self, images: Tensor) -> Tensor:
            return self.conv(self.norm(images.float() / 255))

    work = task(Normed())
    before = work.segmenter.norm.running_mean.clone()
    weights = work.segmenter.conv.weight.detach().clone()
    train_epoch(work, [batch(3, 2)], total=2)
    assert torch.equal(work.segmenter.norm.running_mean, before)
    assert not torch.equal(work.segmenter.conv.weight, weights)
