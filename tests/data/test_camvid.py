"""CamVid in the layout of the SegNet tutorial, drawn by the test and, where it lies here, real."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.camvid import LABELS, read_camvid
from tessella.data.images import read_image, read_mask
from tessella.errors import UsageError

FRAMES = {"train": ["0001TP_006690", "0006R0_f00930"], "val": ["0016E5_07959"], "test": ["Seq05VD"]}


def write_camvid(root: Path, *, suffix: str = ".png") -> Path:
    """Frames of 4x6 pixels; masks hold 0..11, then 0..11 again."""
    for split, stems in FRAMES.items():
        (root / split).mkdir(parents=True)
        (root / f"{split}annot").mkdir()
        for stem in stems:
            Image.fromarray(np.full((4, 6, 3), 9, np.uint8)).save(root / split / f"{stem}{suffix}")
            mask = (np.arange(24) % 12).astype(np.uint8).reshape(4, 6)
            Image.fromarray(mask).save(root / f"{split}annot" / f"{stem}.png")
    return root


def write_lists(root: Path) -> None:
    for split, stems in FRAMES.items():
        lines = [
            f"/SegNet/CamVid/{split}/{stem}.png /SegNet/CamVid/{split}annot/{stem}.png"
            for stem in reversed(stems)
        ]
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n")


def test_eleven_classes_in_the_tutorials_order() -> None:
    assert LABELS.num_classes == 11
    assert LABELS.names[0] == "sky"
    assert LABELS.names[3] == "road"
    assert LABELS.names[10] == "bicyclist"


def test_void_is_ignored_and_every_class_keeps_its_index(tmp_path: Path) -> None:
    mask = read_camvid(write_camvid(tmp_path), "train")[0].mask
    expected = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255] * 2
    np.testing.assert_array_equal(mask, np.array(expected).reshape(4, 6))


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg"])
@pytest.mark.parametrize("folder", ["", "CamVid", "CamVid-webp"])
def test_frames_are_found_here_or_one_folder_below(
    tmp_path: Path, folder: str, suffix: str
) -> None:
    write_camvid(tmp_path / folder, suffix=suffix)
    assert read_camvid(tmp_path, "train").names == tuple(FRAMES["train"])


def test_lists_of_another_machine_say_the_order(tmp_path: Path) -> None:
    write_lists(write_camvid(tmp_path))
    assert read_camvid(tmp_path, "train").names == tuple(reversed(FRAMES["train"]))


def test_the_group_is_the_sequence(tmp_path: Path) -> None:
    assert read_camvid(write_camvid(tmp_path), "train").groups == ("0001TP", "0006R0")


def test_an_unknown_split_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'vla'; did you mean 'val'.*test, train, val"):
        read_camvid(tmp_path, "vla")


def test_no_folder_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="camvid: no folder given; .* --data"):
        read_camvid(None, "train")


def test_another_folder_is_refused_with_the_layout_expected(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="no folders train/ and trainannot/ here .* trainannot/ with masks"
    ) as e:
        read_camvid(tmp_path, "train")
    assert str(e.value).startswith(f"{tmp_path}: ")


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "trainannot").mkdir()
    with pytest.raises(ValueError, match="the train split is empty"):
        read_camvid(tmp_path, "train")


def test_a_listed_frame_without_image_is_an_error(tmp_path: Path) -> None:
    write_lists(write_camvid(tmp_path))
    (tmp_path / "val/0016E5_07959.png").unlink()
    with pytest.raises(ValueError, match="frame 0016E5_07959 is listed but has no image"):
        read_camvid(tmp_path, "val")


def test_a_frame_without_mask_is_an_error(tmp_path: Path) -> None:
    (write_camvid(tmp_path) / "valannot/0016E5_07959.png").unlink()
    with pytest.raises(ValueError, match=r"0016E5_07959\.png: has no mask; expected .*valannot"):
        read_camvid(tmp_path, "val")


def test_a_frame_listed_twice_is_an_error(tmp_path: Path) -> None:
    write_lists(write_camvid(tmp_path))
    with (tmp_path / "val.txt").open("a") as stream:
        stream.write("/SegNet/CamVid/val/0016E5_07959.png\n")
    with pytest.raises(ValueError, match="has the same name '0016E5_07959'"):
        read_camvid(tmp_path, "val")


# --- the real frames ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "count", "sequences"),
    [
        ("train", 20, {"0001TP", "0006R0", "0016E5"}),
        ("val", 8, {"0016E5"}),
        ("test", 8, {"0001TP", "Seq05VD"}),
    ],
)
def test_the_mini_camvid_has_its_frames(
    real_data: Path, split: str, count: int, sequences: set[str]
) -> None:
    dataset = read_camvid(real_data / "camvid/mini", split)
    assert len(dataset) == count
    assert set(dataset.groups) == sequences
    sample = dataset[0]
    assert sample.image.shape == (360, 480, 3)
    assert set(np.unique(sample.mask).tolist()) <= {*range(11), 255}


def test_the_training_frames_are_all_here_in_webp(real_data: Path) -> None:
    dataset = read_camvid(real_data / "camvid", "train")
    assert len(dataset) == 367
    sequences = {name: dataset.groups.count(name) for name in dict.fromkeys(dataset.groups)}
    # SOURCE.md there, which counted the SegNet tutorial's files
    assert sequences == {"0001TP": 62, "0006R0": 101, "0016E5": 204}


def test_validation_pixels_of_each_class_are_as_many_as_published(real_data: Path) -> None:
    dataset = read_camvid(real_data / "camvid", "val")
    counts = np.zeros(256, np.int64)
    for pair in dataset.pairs:
        assert pair.mask is not None
        counts += np.bincount(read_mask(pair.mask, LABELS).ravel(), minlength=256)
    # SOURCE.md there, which counted the SegNet tutorial's files; the last is void
    published = (
        *(1601620, 4531180, 98499, 5053176, 1521751, 2851125),
        *(155724, 537197, 304716, 113531, 387010, 297271),
    )
    assert (*counts[:11].tolist(), int(counts[255])) == published


def test_webp_and_png_hold_the_same_frame(real_data: Path) -> None:
    webp = read_camvid(real_data / "camvid", "val")
    png = read_camvid(real_data / "camvid/mini", "val")
    name = png.names[0]
    same = webp.pairs[webp.names.index(name)]
    assert (same.image.suffix, png.pairs[0].image.suffix) == (".webp", ".png")
    np.testing.assert_array_equal(read_image(same.image), read_image(png.pairs[0].image))


def test_two_copies_side_by_side_are_not_mixed(tmp_path: Path) -> None:
    for folder in ("a/train", "a/trainannot", "b/sub/test", "b/sub/testannot"):
        (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ValueError, match="no folders test/ and testannot/"):
        read_camvid(tmp_path, "test")
