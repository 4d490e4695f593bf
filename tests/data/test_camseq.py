"""CamSeq01: one clip, cut in time, with its masks beside its frames."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data import camvid
from tessella.data.camseq import ENTRY, read_camseq
from tessella.data.camvid32 import COLORS
from tessella.errors import UsageError
from tessella.palette import Color

ROAD, SKY, VOID = (128, 64, 128), (128, 128, 128), (0, 0, 0)
CLIP = [f"0016E5_{number:05d}" for number in range(7959, 8161, 2)]  # 101 frames


def write_clip(root: Path, stems: list[str], *colors: Color) -> Path:
    """Frames of 1x3 pixels in one folder, their masks of the colours in turn."""
    root.mkdir(parents=True, exist_ok=True)
    for stem in stems:
        Image.fromarray(np.zeros((1, 3, 3), np.uint8)).save(root / f"{stem}.png")
        values = np.resize(np.array(colors or (ROAD, SKY, VOID), np.uint8), (1, 3, 3))
        Image.fromarray(values).save(root / f"{stem}_L.png")
    return root


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All 101 frames; tests read it and never write into it."""
    return write_clip(tmp_path_factory.mktemp("clip"), CLIP)


# --- the cut in time ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "first", "end"), [("train", 0, 70), ("val", 70, 85), ("test", 85, 101)]
)
def test_without_gap_the_parts_are_70_15_and_16_frames(
    clip: Path, split: str, first: int, end: int
) -> None:
    assert read_camseq(clip, split, gap=0).names == tuple(CLIP[first:end])


# S1-B06: neighbours on both sides of a cut are near duplicates
@pytest.mark.parametrize(
    ("split", "first", "end"), [("train", 0, 65), ("val", 70, 80), ("test", 85, 101)]
)
def test_five_frames_before_each_cut_are_left_out(
    clip: Path, split: str, first: int, end: int
) -> None:
    assert read_camseq(clip, split).names == tuple(CLIP[first:end])


@pytest.mark.parametrize(
    ("split", "first", "end"), [("train", 0, 14 - 1), ("val", 14, 17 - 1), ("test", 17, 20)]
)
def test_of_a_short_clip_a_third_of_the_shortest_part_is_left_out(
    tmp_path: Path, split: str, first: int, end: int
) -> None:
    write_clip(tmp_path, CLIP[:20])
    assert read_camseq(tmp_path, split).names == tuple(CLIP[first:end])


def test_the_largest_gap_leaves_one_frame(clip: Path) -> None:
    assert read_camseq(clip, "val", gap=14).names == (CLIP[70],)


@pytest.mark.parametrize("gap", [-1, 15, 200])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_gap_that_leaves_nothing_is_wrong_usage_in_every_split(
    clip: Path, gap: int, split: str
) -> None:
    with pytest.raises(UsageError, match=rf"gap is {gap}, .* 101 frames has 15; expected 0\.\.14"):
        read_camseq(clip, split, gap=gap)


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    write_clip(tmp_path, [f"f_{number}" for number in (10, 9, 100, 1)])
    parts = [read_camseq(tmp_path, split, gap=0).names for split in ("train", "val", "test")]
    assert parts == [("f_1", "f_9"), ("f_10",), ("f_100",)]


def test_too_few_frames_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 frames are too few to cut into train, val and test"):
        read_camseq(write_clip(tmp_path, CLIP[:3]), "train")


def test_the_clip_is_one_group_and_the_cut_our_own(clip: Path) -> None:
    dataset = read_camseq(clip, "val")
    assert set(dataset.groups) == {"0016E5"}
    assert not dataset.official


def test_frames_of_two_clips_are_refused(tmp_path: Path) -> None:
    write_clip(tmp_path, [*CLIP[:4], "0006R0_f00930"])
    with pytest.raises(ValueError, match=r"frames of 2 clips \(0006R0, 0016E5\); expected one"):
        read_camseq(tmp_path, "train")


# --- classes ------------------------------------------------------------------------------------


def test_void_is_ignored_and_is_no_class(clip: Path) -> None:  # S1-B04
    dataset = read_camseq(clip, "val")
    assert dataset.labels.num_classes == 31
    assert "Void" not in dataset.labels.names
    # Road is the 18th, Sky the 22nd of the table
    np.testing.assert_array_equal(dataset[0].mask, [[17, 21, 255]])


def test_eleven_classes_are_those_of_the_data_set_camvid(clip: Path) -> None:
    dataset = read_camseq(clip, "val", class_set=11)
    assert dataset.labels.names == camvid.LABELS.names
    np.testing.assert_array_equal(dataset[0].mask, [[3, 0, 255]])


def test_a_colour_outside_the_table_is_an_error_that_names_it(tmp_path: Path) -> None:  # S1-B05
    write_clip(tmp_path, CLIP[:4], ROAD, (1, 2, 3), VOID)
    with pytest.raises(ValueError, match=r"07959_L\.png: 33\.33% .* \(1, 2, 3\)"):
        read_camseq(tmp_path, "train")[0]


def test_a_table_with_blank_lines_and_names_of_two_words_is_read(tmp_path: Path) -> None:
    write_clip(tmp_path, CLIP[:4])  # S1-B19
    table = "128 64 128\tRoad surface\r\n\r\n128 128 128\t\tSky \r\n0 0 0\tVoid\r\n"
    (tmp_path / "label_colors.txt").write_bytes(table.encode())
    dataset = read_camseq(tmp_path, "train")
    assert dataset.labels.names == ("Road surface", "Sky")
    np.testing.assert_array_equal(dataset[0].mask, [[0, 1, 255]])


# --- files --------------------------------------------------------------------------------------


# S1-B18: every file that was no .txt was taken for a frame
@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "readme.txt", "notes.md"])
def test_files_that_are_no_frames_are_passed_over(tmp_path: Path, name: str) -> None:
    (write_clip(tmp_path, CLIP[:4]) / name).write_bytes(b"x")
    assert read_camseq(tmp_path, "train").names == tuple(CLIP[:2])


@pytest.mark.parametrize("folder", ["", "CamSeq01", "a/CamSeq01"])
def test_the_frames_are_found_here_or_below(tmp_path: Path, folder: str) -> None:
    write_clip(tmp_path / folder, CLIP[:4])
    assert read_camseq(tmp_path, "test").names == (CLIP[3],)


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    root = write_clip(tmp_path / "Camseq_2007", CLIP[:4])
    with zipfile.ZipFile(tmp_path / "Camseq_2007.zip", "w") as archive:
        for path in sorted(root.iterdir()):
            archive.write(path, path.relative_to(tmp_path))
    dataset = read_camseq(tmp_path / "Camseq_2007.zip", "train")
    assert dataset.names == tuple(CLIP[:2])
    np.testing.assert_array_equal(dataset[0].mask, [[17, 21, 255]])


def test_a_frame_without_mask_is_an_error(tmp_path: Path) -> None:  # S1-B18
    (write_clip(tmp_path, CLIP[:4]) / f"{CLIP[1]}_L.png").unlink()
    with pytest.raises(ValueError, match=rf"{CLIP[1]}\.png: has no mask"):
        read_camseq(tmp_path, "train")


def test_a_mask_without_frame_is_an_error(tmp_path: Path) -> None:
    (write_clip(tmp_path, CLIP[:4]) / f"{CLIP[1]}.png").unlink()
    with pytest.raises(ValueError, match=rf"{CLIP[1]}_L\.png: 1 masks have no image"):
        read_camseq(tmp_path, "train")


def test_a_folder_without_frames_is_refused_with_the_layout_expected(tmp_path: Path) -> None:
    (tmp_path / "x.png").touch()
    with pytest.raises(ValueError, match=r"no frames X\.png with masks X_L\.png in one folder"):
        read_camseq(tmp_path, "train")


def test_an_unknown_split_is_wrong_usage(clip: Path) -> None:
    with pytest.raises(UsageError, match="no split of camseq is called 'dev'"):
        read_camseq(clip, "dev")


def test_the_clip_is_recognised_and_other_frames_are_not(clip: Path, tmp_path: Path) -> None:
    assert ENTRY.is_at is not None
    assert ENTRY.is_at(clip)
    assert not ENTRY.is_at(write_clip(tmp_path, ["dog"]))


# --- real frames --------------------------------------------------------------------------------


def test_the_rebuilt_clip_is_read_and_void_is_what_segnet_left_unlabelled(real_data: Path) -> None:
    dataset = read_camseq(real_data / "camseq", "train", gap=0)
    assert len(dataset) == 11  # of 16
    assert dataset.labels.num_classes == len(COLORS) - 1
    sample = dataset[0]
    assert sample.mask is not None
    path = real_data / "camvid/CamVid-webp/valannot/0016E5_07959.png"
    unlabelled = np.asarray(Image.open(path)) == 11
    np.testing.assert_array_equal(sample.mask == 255, unlabelled)


def test_the_rebuilt_clip_in_11_classes_is_segnets_mask(real_data: Path) -> None:
    mask = read_camseq(real_data / "camseq", "train", class_set=11)[0].mask
    assert mask is not None
    path = real_data / "camvid/CamVid-webp/valannot/0016E5_07959.png"
    segnet = np.asarray(Image.open(path))
    np.testing.assert_array_equal(mask, np.where(segnet == 11, 255, segnet))
