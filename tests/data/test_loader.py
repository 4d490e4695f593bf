"""Batches: what is in them, in which order, and what happens when a file is broken."""

import inspect
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tessella.data.augment import Augmentation
from tessella.data.cache import CachedDataset
from tessella.data.loader import (
    Batch,
    EpochBatches,
    ScoringLoader,
    TrainingLoader,
    num_images,
    resolve_workers,
)
from tessella.data.pairs import Pair, PairDataset
from tessella.labels import LabelMap
from tessella.rank import Rank
from tessella.sample import Sample
from tessella.stop import ASKING

SIZES = [(6, 8), (6, 8), (5, 9), (6, 8), (6, 8), (6, 8), (7, 7), (6, 8), (6, 8), (6, 8), (5, 5)]


@dataclass(frozen=True)
class Drawn:
    """Samples in memory: image i is random, its mask holds i everywhere."""

    sizes: Sequence[tuple[int, int]]
    channels: int = 3

    @property
    def labels(self) -> LabelMap:
        return LabelMap.from_names([f"class {i}" for i in range(60)])

    @property
    def names(self) -> list[str]:
        return [f"image {i}" for i in range(len(self.sizes))]

    @property
    def groups(self) -> list[str]:
        return self.names

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        size = self.sizes[index]
        image = np.random.default_rng(index).integers(0, 256, (*size, self.channels), np.uint8)
        return Sample(image, np.full(size, index, np.uint8), f"image {index}")


VARIED = Augmentation(crop=(4, 6), scale=(0.5, 2.0), flip=0.5, rotate_degrees=9, brightness=0.2)


def training(
    dataset: Drawn | PairDataset | CachedDataset,
    *,
    batch_size: int = 4,
    seed: int = 0,
    workers: int = 0,
) -> TrainingLoader:
    return TrainingLoader(dataset, VARIED, batch_size=batch_size, seed=seed, workers=workers)


def names_of(batches: Sequence[Batch]) -> list[str]:
    return [name for batch in batches for name in batch.names]


def assert_same(first: Sequence[Batch], second: Sequence[Batch]) -> None:
    assert names_of(first) == names_of(second)
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.masks, other.masks)


# --- training -----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_is_bytes_of_one_size_with_channels_last(workers: int, channels: int) -> None:
    loader = training(Drawn(SIZES, channels), workers=workers)
    batch = next(loader.epoch(0))
    assert batch.images.shape == (4, channels, 4, 6)
    assert batch.masks.shape == (4, 4, 6)
    assert batch.images.dtype == batch.masks.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert num_images(batch) == len(batch.names) == 4


def test_channels_last_takes_no_copy() -> None:
    batch = next(training(Drawn(SIZES)).epoch(0))
    # in memory the channels of a pixel are neighbours, as in the crops that were stacked
    assert batch.images.stride() == (4 * 6 * 3, 1, 6 * 3, 3)


def test_masks_stay_with_their_images() -> None:
    for batch in training(Drawn(SIZES)).epoch(0):
        for name, mask in zip(batch.names, batch.masks, strict=True):
            assert set(mask.unique().tolist()) <= {int(name.removeprefix("image ")), 255}


@pytest.mark.parametrize("epoch", [0, 3])
def test_batches_depend_on_seed_and_epoch_and_not_on_workers(epoch: int) -> None:
    alone = list(training(Drawn(SIZES), seed=5).epoch(epoch))
    helped = list(training(Drawn(SIZES), seed=5, workers=2).epoch(epoch))
    assert_same(alone, helped)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_is_the_same_whatever_was_drawn_before(workers: int) -> None:
    loader = training(Drawn(SIZES), workers=workers)
    fresh = list(loader.epoch(2))
    list(loader.epoch(0))
    next(loader.epoch(1))  # left after its first batch
    assert_same(list(loader.epoch(2)), fresh)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_can_begin_within(workers: int) -> None:
    loader = training(Drawn(SIZES), batch_size=2, workers=workers)
    whole = list(loader.epoch(1))
    for first in (1, 2, len(loader)):
        assert_same(list(loader.epoch(1, first=first)), whole[first:])
    assert_same(list(loader.epoch(1)), whole)


@pytest.mark.parametrize("workers", [0, 2])
def test_reading_draws_nothing_from_the_networks_random_numbers(workers: int) -> None:
    """Dropout after resuming must go on where it was, however often data was read since."""
    before = torch.get_rng_state()
    list(training(Drawn(SIZES), workers=workers).epoch(0))
    list(ScoringLoader(Drawn(SIZES), batch_size=2, workers=workers))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("number", ASKING)
def test_readers_leave_signals_to_the_one_that_trains(number: signal.Signals) -> None:
    loader = training(Drawn(SIZES), batch_size=1, workers=2)
    batches = loader.epoch(0)
    names = names_of([next(batches), next(batches)])  # one of each: both have begun
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, number)  # type: ignore[arg-type]
    assert len(names + names_of(list(batches))) == len(SIZES)


def test_an_epoch_asked_for_stays_that_epoch_when_the_next_is_asked_for() -> None:
    loader = training(Drawn(SIZES))
    first = list(loader.epoch(0))
    early, begun = loader.epoch(0), loader.epoch(0)
    head = next(begun)
    loader.epoch(1)
    assert_same(list(early), first)
    assert_same([head, *begun], first)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 1), (1, 0)])
def test_another_seed_or_epoch_gives_another_order_and_other_crops(seed: int, epoch: int) -> None:
    first = list(training(Drawn(SIZES), seed=0).epoch(0))
    other = list(training(Drawn(SIZES), seed=seed).epoch(epoch))
    assert names_of(first) != names_of(other)
    by_name = {name: batch.images[i] for batch in first for i, name in enumerate(batch.names)}
    again = {name: batch.images[i] for batch in other for i, name in enumerate(batch.names)}
    assert not any(torch.equal(by_name[name], again[name]) for name in by_name.keys() & again)


@pytest.mark.parametrize("num_samples", [1, 3, 4, 11, 12])
@pytest.mark.parametrize("batch_size", [1, 4, 5])
def test_an_epoch_draws_full_batches_and_no_sample_twice(num_samples: int, batch_size: int) -> None:
    loader = training(Drawn([(6, 8)] * num_samples), batch_size=batch_size)
    batches = list(loader.epoch(0))
    size = min(batch_size, num_samples)
    assert [num_images(batch) for batch in batches] == [size] * (num_samples // size)
    assert len(loader) == len(batches)
    assert loader.images_per_epoch == len(names_of(batches)) == len(set(names_of(batches)))


def test_the_samples_left_out_change_with_the_epoch() -> None:
    everyone = {f"image {i}" for i in range(11)}
    loader = training(Drawn(SIZES))
    left_out = [everyone - set(names_of(list(loader.epoch(epoch)))) for epoch in range(40)]
    assert {len(names) for names in left_out} == {3}  # 11 = 2 * 4 + 3
    # an image is never left out of 40 epochs with a chance of (8 / 11) ** 40 = 3e-6
    assert set.union(*left_out) == everyone


def test_a_data_set_smaller_than_a_batch_gives_one_smaller_batch() -> None:
    batches = list(training(Drawn(SIZES[:3]), batch_size=8).epoch(0))
    assert [num_images(batch) for batch in batches] == [3]


def test_an_empty_data_set_gives_no_batches() -> None:
    batches = EpochBatches(0, batch_size=4, seed=0)
    assert (len(batches), batches.images, list(batches)) == (0, 0, [])


@pytest.mark.parametrize("first", [0, 1])
def test_processes_draw_together_what_one_draws_with_batches_as_large_as_theirs(first: int) -> None:
    alone = EpochBatches(26, batch_size=8, seed=5)
    together = [EpochBatches(26, batch_size=4, seed=5, rank=rank, ranks=2) for rank in range(2)]
    for batches in (alone, *together):
        batches.epoch, batches.first = 3, first
    assert [len(batches) for batches in (alone, *together)] == [3, 3, 3]
    assert [batches.images for batches in together] == [12, 12]
    joined = [left + right for left, right in zip(*together, strict=True)]
    assert joined == list(alone)
    assert len(joined) == 3 - first


def test_a_batch_shrinks_until_every_process_has_one() -> None:
    batches = [EpochBatches(5, batch_size=4, seed=0, rank=rank, ranks=2) for rank in range(2)]
    drawn = [number for one in batches for batch in one for _, number in batch]
    assert len(drawn) == len(set(drawn)) == 4
    with pytest.raises(ValueError, match="5 training images cannot be shared by 6 processes"):
        EpochBatches(5, batch_size=4, seed=0, rank=0, ranks=6)


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
def test_processes_score_every_sample_once(ranks: int) -> None:
    dataset = Drawn(SIZES)
    loaders = [
        ScoringLoader(dataset, batch_size=2, workers=0, rank=rank, ranks=ranks)
        for rank in range(ranks)
    ]
    names = [[name for batch in loader for name in batch.names] for loader in loaders]
    assert sorted(sum(names, [])) == sorted(dataset.names)
    assert [len(mine) for mine in names] == [loader.images for loader in loaders]


# --- mixing -------------------------------------------------------------------------------------

MIXED = Augmentation(crop=(4, 6), cutmix=1.0)


def mixing(dataset: Drawn | CachedDataset, *, workers: int = 0, seed: int = 0) -> TrainingLoader:
    return TrainingLoader(dataset, MIXED, batch_size=4, seed=seed, workers=workers)


def partners(batches: Iterable[Batch]) -> dict[str, set[int]]:
    """The other sample in each crop: `Drawn` writes a sample's number into its mask."""
    return {
        name: set(mask.unique().tolist()) - {int(name.removeprefix("image ")), 255}
        for batch in batches
        for name, mask in zip(batch.names, batch.masks, strict=True)
    }


def test_a_crop_is_mixed_with_one_other_training_sample_at_most() -> None:
    found = [partners(mixing(Drawn(SIZES)).epoch(epoch)) for epoch in range(20)]
    assert {len(others) for epoch in found for others in epoch.values()} <= {0, 1}
    drawn = {other for epoch in found for others in epoch.values() for other in others}
    assert drawn == set(range(len(SIZES)))


def test_partners_depend_on_seed_and_epoch_and_not_on_workers() -> None:
    alone = list(mixing(Drawn(SIZES)).epoch(3))
    assert_same(alone, list(mixing(Drawn(SIZES), workers=2).epoch(3)))
    assert partners(alone) != partners(mixing(Drawn(SIZES), seed=1).epoch(3))


def test_images_are_mixed_as_their_masks_are() -> None:
    class Flat(Drawn):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return sample._replace(image=np.full_like(sample.image, index))

    for batch in mixing(Flat([(6, 8)] * 11)).epoch(0):
        assert torch.equal(batch.images[:, 0], batch.masks)


@pytest.mark.parametrize("workers", [0, 2])
def test_one_sample_alone_cannot_be_mixed(workers: int) -> None:
    failure = failure_of(mixing(Drawn(SIZES[:1]), workers=workers).epoch(0))
    assert str(failure).startswith("image 0: is the only training sample, and cutmix and classmix")


def test_nothing_random_can_be_put_before_scoring() -> None:
    # S3-B02, S4-B01: a random crop or flip before validation; there is no place to put one
    parameters = set(inspect.signature(ScoringLoader.__init__).parameters) - {"self"}
    assert parameters == {"dataset", "batch_size", "workers", "pin_memory", "rank", "ranks"}


# --- scoring ------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 4, 50])
def test_scoring_gives_every_sample_once_in_order_at_its_own_size(
    batch_size: int, workers: int
) -> None:
    dataset = Drawn(SIZES)
    batches = list(ScoringLoader(dataset, batch_size=batch_size, workers=workers))
    assert names_of(batches) == dataset.names
    images = [image for batch in batches for image in batch.images]
    masks = [mask for batch in batches for mask in batch.masks]
    for index in range(len(SIZES)):
        sample = dataset[index]
        np.testing.assert_array_equal(images[index].permute(1, 2, 0).numpy(), sample.image)
        np.testing.assert_array_equal(masks[index].numpy(), sample.mask)


def test_neighbours_of_one_size_share_a_batch() -> None:
    batches = list(ScoringLoader(Drawn(SIZES), batch_size=4, workers=0))
    # 6x8 twice, 5x9, 6x8 | 6x8 twice, 7x7, 6x8 | 6x8 twice, 5x5
    assert [num_images(batch) for batch in batches] == [2, 1, 1, 2, 1, 1, 2, 1]
    assert all(batch.images.is_contiguous(memory_format=torch.channels_last) for batch in batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_scoring_again_gives_the_same(workers: int) -> None:
    loader = ScoringLoader(Drawn(SIZES), batch_size=4, workers=workers)
    assert_same(list(loader), list(loader))


def test_scoring_an_empty_data_set_gives_no_batches() -> None:
    assert list(ScoringLoader(Drawn([]), batch_size=4, workers=0)) == []


# --- files --------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> PairDataset:
    """Six pairs of 6x8 files."""
    pairs = []
    for name in "abcdef":
        image, mask = tmp_path / f"{name}.png", tmp_path / f"{name}_mask.png"
        noise = np.random.default_rng(ord(name)).integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(noise).save(image)
        Image.fromarray(np.zeros((6, 8), np.uint8)).save(mask)
        pairs.append(Pair(image, mask, name, name))
    return PairDataset(pairs, LabelMap.from_names(["ground"]))


def failure_of(batches: Iterable[Batch]) -> ValueError:
    """The error that drawing them ends with, without its traceback.

    A traceback would keep the loader alive until the garbage collector finds it, and then torch
    waits five seconds for each worker.
    """
    try:
        list(batches)
    except ValueError as error:
        return error.with_traceback(None)
    raise AssertionError("every sample was read")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("loader", ["training", "scoring"])
def test_a_broken_file_is_its_plain_message_from_any_process(
    files: PairDataset, capfd: pytest.CaptureFixture[str], loader: str, workers: int
) -> None:
    path = files.pairs[4].image
    path.write_bytes(path.read_bytes()[:60])
    batches = (
        training(files, batch_size=2, workers=workers).epoch(0)
        if loader == "training"
        else ScoringLoader(files, batch_size=2, workers=workers)
    )
    failure = failure_of(batches)
    assert str(failure).startswith(f"{path}: cannot read the image")
    assert "\n" not in str(failure)
    assert "Traceback" not in str(failure)
    assert failure.__cause__ is None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("workers", [0, 2])
def test_after_a_broken_file_is_mended_the_same_loader_goes_on(
    files: PairDataset, workers: int
) -> None:
    loader = ScoringLoader(files, batch_size=2, workers=workers)
    path = files.pairs[1].image
    whole = path.read_bytes()
    path.write_bytes(whole[:60])
    assert "cannot read the image" in str(failure_of(loader))
    path.write_bytes(whole)
    assert names_of(list(loader)) == list("abcdef")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_without_mask_can_be_neither_trained_on_nor_scored(
    files: PairDataset, workers: int
) -> None:
    pairs = [pair._replace(mask=None) if pair.name == "c" else pair for pair in files.pairs]
    dataset = PairDataset(pairs, files.labels)
    scored = failure_of(ScoringLoader(dataset, batch_size=2, workers=workers))
    trained = failure_of(training(dataset, batch_size=2, workers=workers).epoch(0))
    assert str(scored) == "c: has no mask, so it cannot be scored."
    assert str(trained) == "c: has no mask, so it cannot be trained on."


@pytest.mark.parametrize("workers", [0, 2])
def test_scoring_again_reads_no_cached_file_again(files: PairDataset, workers: int) -> None:
    loader = ScoringLoader(CachedDataset(files, limit_bytes=1 << 20), batch_size=2, workers=workers)
    first = list(loader)
    for pair in files.pairs:
        pair.image.unlink()
    assert_same(list(loader), first)


# --- how many processes -------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_stated_number_of_workers_is_taken(device: str) -> None:
    assert resolve_workers(3, device_type=device) == 3


def test_beside_a_cpu_that_trains_nobody_else_reads() -> None:
    assert resolve_workers("auto", device_type="cpu") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="counts cores the way Linux does")
def test_beside_a_gpu_up_to_eight_read() -> None:
    assert 1 <= resolve_workers("auto", device_type="cuda") <= 8


def test_processes_that_train_together_share_the_cores_that_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tessella.cores.usable_cores", lambda: 16)
    for processes, readers in ((1, 8), (4, 4), (32, 1)):
        rank = Rank(0, processes, 0, processes, "torchrun")
        assert resolve_workers("auto", device_type="cuda", rank=rank) == readers


def test_large_images_come_alone_so_that_memory_follows_pixels_and_not_counts() -> None:
    sizes = [(600, 1000)] * 3 + [(500, 1000)] * 4
    batches = list(ScoringLoader(Drawn(sizes), batch_size=8, workers=0))
    assert [num_images(batch) for batch in batches] == [1, 1, 1, 2, 2]  # up to 1024 x 1024 pixels
