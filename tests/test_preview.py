"""Previews show the samples, their masks, and the very crops of training (S0-F10)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tessella.contact import fit, fit_mask
from tessella.data.augment import Augmentation
from tessella.data.images import encode_png, write_mask
from tessella.data.loader import TrainingLoader
from tessella.data.pairs import Pair, PairDataset
from tessella.data.synthetic.scenes import LABELS, read_drawn_scenes
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.preview import NUM_CROPS, preview, striped
from tessella.source import Source

OPTIONS = {"count": 12, "height": 32, "width": 48}
DRAWN = Source("synthetic", options=OPTIONS)
SCENES = read_drawn_scenes(None, "train", **OPTIONS)
VARIED = Augmentation((32, 40), scale=(0.5, 2.0), flip=0.5, rotate_degrees=20.0)


def holds(sheet: np.ndarray, part: np.ndarray) -> bool:
    """Whether the picture lies somewhere in the sheet, pixel by pixel."""
    height, width = part.shape[:2]
    first = part[0].tobytes()
    for row in range(len(sheet) - height + 1):
        line, at = sheet[row].tobytes(), -1
        while (at := line.find(first, at + 1)) >= 0:
            if np.array_equal(sheet[row : row + height, at // 3 : at // 3 + width], part):
                return True
    return False


def shown(image: np.ndarray, *, cell_px: int) -> np.ndarray:
    return fit(image, cell_px=cell_px)


def colored(mask: np.ndarray | None, *, cell_px: int) -> np.ndarray:
    assert mask is not None
    fitted = fit_mask(mask, cell_px=cell_px)
    return striped(LABELS.colorize(fitted), fitted == LABELS.ignore_index)


@pytest.mark.parametrize("number", [0, 7])
def test_one_sample_is_shown_large_with_its_mask(number: int) -> None:
    sheet = preview(DRAWN, split="train", index=number)
    assert holds(sheet, shown(SCENES[number].image, cell_px=480))
    assert holds(sheet, colored(SCENES[number].mask, cell_px=480))


@pytest.mark.parametrize("count", [2, 12, 99])
def test_samples_have_a_column_each_in_blocks_of_eight(count: int) -> None:
    sheet = preview(DRAWN, split="train", count=count)
    assert sheet.shape[1] == min(count, 8) * (224 + 8) + 8


def test_more_samples_than_there_are_show_all_of_them() -> None:
    sheet = preview(DRAWN, split="train", count=99)
    assert all(holds(sheet, shown(SCENES[i].image, cell_px=224)) for i in range(12))


def test_the_seed_chooses_the_samples() -> None:
    sheets = [preview(DRAWN, split="train", count=2, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(sheets[0], sheets[1])
    assert sheets[0].shape != sheets[2].shape or (sheets[0] != sheets[2]).any()


def test_no_sample_is_shown_twice() -> None:
    sheet = preview(DRAWN, split="train", count=8, seed=2)
    assert sum(holds(sheet, shown(SCENES[i].image, cell_px=224)) for i in range(12)) == 8


@pytest.mark.parametrize("augmentation", [VARIED, replace(VARIED, cutmix=1.0, classmix=1.0)])
def test_crops_are_those_that_training_draws_with_the_seed(augmentation: Augmentation) -> None:
    sheet = preview(DRAWN, split="train", index=3, augmentation=augmentation, seed=5)
    loader = TrainingLoader(SCENES, augmentation, batch_size=12, seed=5, workers=0)
    for epoch in range(NUM_CROPS):
        (batch,) = loader.epoch(epoch)
        place = batch.names.index("train-00003")
        image = batch.images[place].permute(1, 2, 0).numpy()
        assert holds(sheet, shown(image, cell_px=224))
        assert holds(sheet, colored(batch.masks[place].numpy(), cell_px=224))


def test_the_sample_stands_beside_its_crops() -> None:
    sheet = preview(DRAWN, split="train", index=3, augmentation=VARIED)
    assert holds(sheet, shown(SCENES[3].image, cell_px=224))
    assert sheet.shape[1] == (1 + NUM_CROPS) * (224 + 8) + 8


def test_stripes_have_both_tones_and_leave_other_pixels_alone() -> None:
    picture = np.full((1, 10, 3), 90, np.uint8)
    where = np.arange(10)[None] < 9
    result = striped(picture, where)[0, :, 0].tolist()
    assert result == [30, 30, 235, 235, 90, 90, 90, 90, 30, 90]
    assert (picture == 90).all()


def write_folder(root: Path, mask: np.ndarray | None) -> Source:
    """Two samples of 40x40 in a folder; the second has the mask given, or none."""
    labels = LabelMap.from_names(["road", "sky"])
    for name, values in (("a", np.zeros((40, 40), np.uint8)), ("b", mask)):
        (root / "images").mkdir(parents=True, exist_ok=True)
        (root / f"images/{name}.png").write_bytes(encode_png(np.full((40, 40, 3), 90, np.uint8)))
        if values is not None:
            write_mask(root / f"masks/{name}.png", values, labels)
    (root / "train.txt").write_text("a\nb\n")
    return Source("folder", root, {"classes": ["road", "sky"]})


def legend_height(source: Source, index: int) -> int:
    """Rows below the pictures: 40x40 enlarged twelvefold, under a title, above a caption."""
    return preview(source, split="train", index=index).shape[0] - (8 + 26 + 480 + 20 + 8)


def test_the_legend_lists_the_classes_that_are_shown(tmp_path: Path) -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[:20] = 1
    source = write_folder(tmp_path, mask)
    alone, both = (preview(source, split="train", index=i) for i in (0, 1))
    sky = np.array(LabelMap.from_names(["road", "sky"]).colors[1], np.uint8)
    assert not (alone[-32:] == sky).all(axis=-1).any()
    assert (both[-32:] == sky).all(axis=-1).any()


def test_where_all_is_ignored_there_is_no_legend(tmp_path: Path) -> None:
    source = write_folder(tmp_path, np.full((40, 40), 255, np.uint8))
    assert legend_height(source, 0) > 0
    assert legend_height(source, 1) == 0


def title_width(sheet: np.ndarray) -> int:
    """Where the text above the pictures ends, in pixels."""
    return int((sheet[: 8 + 22] != 255).any(axis=(0, 2)).nonzero()[0].max())


def test_the_title_says_what_stripes_mean_where_there_are_any(tmp_path: Path) -> None:
    mask = np.full((40, 40), 255, np.uint8)
    mask[0] = 0
    source = write_folder(tmp_path, mask)
    without, with_ignored = (preview(source, split="train", index=i) for i in (0, 1))
    assert title_width(with_ignored) > title_width(without) + 50


def unannotated(root: Path | None, split: str) -> PairDataset:
    """A reader of images without masks."""
    assert root is not None
    pairs = [Pair(root / f"images/{n}.png", None, n, n) for n in ("a", "b")]
    return PairDataset(pairs, LabelMap.from_names(["road"]))


@pytest.mark.parametrize("count", [1, 2])
def test_samples_without_a_mask_are_shown_as_they_are(tmp_path: Path, count: int) -> None:
    write_folder(tmp_path, None)
    sheet = preview(Source(f"{__name__}:unannotated", tmp_path), split="train", count=count)
    assert (sheet == 90).all(axis=-1).any()


def test_a_sample_without_a_mask_cannot_be_augmented(tmp_path: Path) -> None:
    write_folder(tmp_path, None)
    source = Source(f"{__name__}:unannotated", tmp_path)
    with pytest.raises(ValueError, match="a: has no mask"):
        preview(source, split="train", index=0, augmentation=VARIED)


def test_no_such_sample_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"'train' has the samples 0\.\.11, there is no 12"):
        preview(DRAWN, split="train", index=12)


def test_an_index_below_zero_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="there is no -1"):
        preview(DRAWN, split="train", index=-1)


def test_no_samples_at_all_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="count is 0; expected 1 or more"):
        preview(DRAWN, split="train", count=0)


def test_a_negative_seed_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="seed is -1; expected a whole number from 0"):
        preview(DRAWN, split="train", seed=-1)


def test_an_unknown_split_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="'vla'; did you mean 'val'"):
        preview(DRAWN, split="vla")
