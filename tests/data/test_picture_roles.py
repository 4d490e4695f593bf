"""Images, masks, or neither: by the names of folders and files, else by a look at a few."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tessella.data.pairing import match
from tessella.data.picture_roles import sort_pictures


def sort(root: Path, *files: str) -> tuple[list[str], list[str]]:
    pictures = sort_pictures(root, [root / file for file in files])
    images = [file.path.relative_to(root).as_posix() for file in pictures.images]
    masks = [file.path.relative_to(root).as_posix() for file in pictures.masks]
    return images, masks


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
FEW = (np.arange(600) % 7).astype(np.uint8).reshape(20, 30)


def test_only_pictures_count() -> None:
    files = ("images/a.jpg", "images/a.json", "images/a", "images/.png", "masks/a.PNG")
    assert sort(Path("root"), *files) == (["images/a.jpg"], ["masks/a.PNG"])


def test_the_working_folder_is_a_root_like_any_other() -> None:
    pictures = sort_pictures(Path(), [Path("images/a.jpg")])
    assert [file.place for file in pictures.images] == ["images/"]


@pytest.mark.parametrize("extra", ["depth", "instances", "edges", "SegmentationObject"])
def test_pictures_that_are_neither_are_left_out(extra: str) -> None:
    files = ("images/a.png", "masks/a.png", f"{extra}/a.png")
    assert sort(Path("root"), *files) == (["images/a.png"], ["masks/a.png"])


def test_of_folders_in_folders_the_innermost_word_counts() -> None:
    files = ("labels/rgb/a.png", "images/masks/a.png")
    assert sort(Path("root"), *files) == (["labels/rgb/a.png"], ["images/masks/a.png"])


def test_words_below_both_images_and_masks_are_mere_names() -> None:
    files = ("images/seg/a.png", "masks/seg/a.png", "images/depth/a.png", "masks/depth/a.png")
    images, masks = sort(Path("root"), *files)
    assert images == ["images/seg/a.png", "images/depth/a.png"]
    assert masks == ["masks/seg/a.png", "masks/depth/a.png"]


def test_the_only_folder_that_holds_everything_is_the_home() -> None:
    files = [Path("root/zip/data set/images/a.png"), Path("root/zip/data set/masks/a.png")]
    assert sort_pictures(Path("root"), files).home == Path("root/zip/data set")


@pytest.mark.parametrize(
    ("folders", "split"),
    [
        (["train"], "train"),
        (["my train pictures"], None),
        (["my train pictures", "my val pictures"], "train"),
        (["train2017"], "train"),
    ],
    ids=["alone", "among other words", "beside another split", "with a year"],
)
def test_a_word_for_a_split_counts_alone_or_beside_another(
    folders: list[str], split: str | None
) -> None:
    files = [Path("root") / folder / "images" / "a.png" for folder in folders]
    assert sort_pictures(Path("root"), files).images[0].split == split


@pytest.mark.parametrize("extra", ["a_depth.png", "a_instances.png", "a_overlay.png"])
def test_beside_its_image_a_picture_of_another_kind_is_left_out(extra: str) -> None:
    assert sort(Path("root"), "a.png", "a_mask.png", extra) == (["a.png"], ["a_mask.png"])


def test_a_word_in_a_name_counts_only_beside_its_image() -> None:
    files = ("cup_depth.jpg", "kid_mask.jpg", "b.jpg", "b_mask.png")
    assert sort(Path("root"), *files) == (
        ["cup_depth.jpg", "kid_mask.jpg", "b.jpg"],
        ["b_mask.png"],
    )


@pytest.mark.parametrize(
    ("values", "is_mask"),
    [
        (FEW, True),
        (np.stack([FEW * 30] * 2 + [FEW], axis=-1), True),
        (NOISE, False),
        (NOISE[..., 0], False),
        (np.zeros((4, 4), np.uint8), True),
        (FEW.astype(np.uint16) * 999, True),
    ],
    ids=["indices", "colours", "photograph", "grey photograph", "all one class", "16-bit"],
)
def test_masks_look_like_few_distinct_values(
    tmp_path: Path, values: np.ndarray, *, is_mask: bool
) -> None:
    write(tmp_path / "one/a.png", NOISE)
    write(tmp_path / "two/a.png", values)
    _, masks = sort(tmp_path, "one/a.png", "two/a.png")
    assert masks == (["two/a.png"] if is_mask else [])


def test_jpeg_is_never_taken_for_masks_by_its_look(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", np.zeros((4, 4), np.uint8))
    write(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    assert sort(tmp_path, "a.jpg", "a.png") == (["a.jpg"], ["a.png"])


def test_a_picture_that_cannot_be_read_is_no_mask(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", NOISE)
    (tmp_path / "a.png").write_bytes(b"nothing")
    assert sort(tmp_path, "a.jpg", "a.png") == (["a.jpg", "a.png"], [])


FOLDERS = [
    "images",
    "masks",
    "train",
    "val",
    "labels",
    "gtFine",
    "depth",
    "a",
    "images_a",
    "x",
    "y",
]
STEMS = ["1", "01", "a", "a_mask", "mask_a", "image", "mask", "a_img", "a_labelIds", "_", "a.jpg"]
PATHS = st.builds(
    lambda folders, stem, suffix: Path("root", *folders, stem + suffix),
    st.lists(st.sampled_from(FOLDERS), max_size=3),
    st.sampled_from(STEMS),
    st.sampled_from([".jpg", ".png", ".PNG", ".txt"]),
)


@given(st.sets(PATHS, max_size=12))
def test_whatever_there_is_no_file_has_two_roles_or_two_partners(paths: set[Path]) -> None:
    pictures = sort_pictures(Path("root"), sorted(paths))
    images = [file.path for file in pictures.images]
    masks = [file.path for file in pictures.masks]
    assert len({*images, *masks}) == len(images) + len(masks)
    pairs, told = [], ""
    try:
        pairs, _ = match(pictures.images, pictures.masks)
    except ValueError as error:
        told = str(error)
    assert not told or "fit it" in told or "has the same name" in told
    assert len({pair.image.path for pair in pairs} | {p.mask.path for p in pairs}) == 2 * len(pairs)


def test_masks_of_instances_are_masks_where_there_are_no_others(tmp_path: Path) -> None:
    # the layout of iSAID
    image, mask = "img_dir/P1_0_896.png", "ann_dir/P1_0_896_instance_color_RGB.png"
    assert sort(tmp_path, mask, image) == ([image], [mask])
