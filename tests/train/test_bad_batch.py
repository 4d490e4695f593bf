"""A loss that is no number is found a step later and its batch is kept."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tessella.data.images import read_image, read_mask
from tessella.data.loader import Batch
from tessella.labels import LabelMap
from tessella.train.bad_batch import BadLossError, LossGuard, save_batches

LABELS = LabelMap.from_names(["ground", "plant"])


def batch(*names: str) -> Batch:
    rng = np.random.default_rng(len(names))
    images = torch.from_numpy(rng.integers(0, 256, (len(names), 3, 4, 5), dtype=np.uint8))
    masks = torch.from_numpy(rng.choice([0, 1, 255], (len(names), 4, 5)).astype(np.uint8))
    return Batch(images, masks, names)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_found_when_the_next_step_is_watched(value: float) -> None:
    guard = LossGuard()
    guard.watch(torch.tensor(1.0), [batch("a")])
    guard.watch(torch.tensor(value), [batch("b"), batch("c", "d")])
    assert guard.error is None
    guard.watch(torch.tensor(math.nan), [batch("e")])
    guard.finish()
    assert guard.error is not None
    assert guard.error.names == ("b", "c", "d")
    assert str(guard.error).endswith("at b, c, d")


def test_the_last_step_is_looked_at_when_the_epoch_ends() -> None:
    guard = LossGuard()
    guard.watch(torch.tensor(math.nan), [batch("a")])
    assert guard.error is None
    guard.finish()
    assert str(guard.error) == "the loss became nan at a"


def test_finite_losses_pass() -> None:
    guard = LossGuard()
    guard.watch(torch.tensor(3e38), [batch("a")])
    guard.watch(torch.tensor(0.0), [batch("b")])
    guard.finish()
    assert guard.error is None


def test_images_masks_and_names_are_kept_as_the_network_saw_them(tmp_path: Path) -> None:
    batches = [batch("a"), batch("b", "x/c.1")]
    save_batches(tmp_path / "bad", BadLossError(math.nan, batches), LABELS)
    assert (tmp_path / "bad" / "names.tsv").read_text() == "000\ta\n001\tb\n002\tx/c.1\n"
    for number, (where, row) in enumerate([(0, 0), (1, 0), (1, 1)]):
        image = read_image(tmp_path / "bad" / f"{number:03}_image.png")
        np.testing.assert_array_equal(image, batches[where].images[row].permute(1, 2, 0))
        mask = read_mask(tmp_path / "bad" / f"{number:03}_mask.png", LABELS.as_indices())
        np.testing.assert_array_equal(mask, batches[where].masks[row])
