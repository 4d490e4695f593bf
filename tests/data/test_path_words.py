"""What the names of folders and files say."""

import pytest

from tessella.data.path_words import FileStem, read_folder_name, read_stem


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("images", "image"),
        ("JPEGImages", "image"),
        ("leftImg8bit", "image"),
        ("imagesTr", "image"),
        ("train-org-img", "image"),
        ("masks_png", "mask"),
        ("trainannot", "mask"),
        ("SegmentationClass", "mask"),
        ("label_images_semantic", "mask"),
        ("1st_manual", "mask"),
        ("2nd_manual", "extra"),
        ("SegmentationObject", "extra"),
        ("instance_masks", "extra"),
        ("rightImg8bit", "extra"),
        ("depth", "extra"),
        ("objects", None),
        ("normal", None),
        ("unlabelled", None),
        ("imagination", None),
        ("aachen", None),
    ],
)
def test_a_folders_name_says_what_lies_in_it(name: str, role: str | None) -> None:
    assert read_folder_name(name).role == role


@pytest.mark.parametrize(
    ("name", "split", "form", "rest"),
    [
        ("train", "train", "{split}", ""),
        ("Validation", "val", "{split}", ""),
        ("valid", "val", "{split}", ""),
        ("train2017", "train", "{split}2017", "2017"),
        ("trainannot", "train", "{split}annot", ""),
        ("labelsTs", "test", "labels{split}", ""),
        ("uavid_test", "test", "uavid_{split}", "uavid"),
        ("Ts", None, "Ts", "ts"),
        ("trainer", None, "trainer", "trainer"),
        ("contest", None, "contest", "contest"),
    ],
)
def test_a_folders_name_says_the_split(name: str, split: str, form: str, rest: str) -> None:
    said = read_folder_name(name)
    assert (said.split, said.form, said.rest) == (split, form, rest)


def test_drawings_by_hand_come_before_usual_masks_and_these_before_others() -> None:
    names = ("1st_manual", "masks", "masks_b")
    assert [read_folder_name(name).rank for name in names] == [0, 1, 2]


@pytest.mark.parametrize(
    ("stem", "role", "cores"),
    [
        ("X_mask", "mask", ("X",)),
        ("X.y-gt", "mask", ("X.y",)),
        ("mask_X", "mask", ("X",)),
        ("0016E5_07959_L", "mask", ("0016E5_07959",)),
        ("a_ground_truth", "mask", ("a_ground", "a")),
        ("a_1_gtFine_labelIds", "mask", ("a_1_gtFine", "a_1")),
        ("mask_a_label", "mask", ("a_label", "mask_a", "a")),
        ("a_1_gtFine_instanceIds", "extra", ("a_1_gtFine", "a_1")),
        ("a_leftImg8bit", "image", ("a",)),
        ("image_0001", "image", ("0001",)),
        ("site_mask_3", "mask", ("site_3",)),
        ("21_training", None, ("21",)),
        ("case_0000", None, ("case",)),
        ("mask", "mask", ("",)),
        ("mask_label", "mask", ("mask", "")),
        ("a_l", None, ()),
        ("masked_singer", None, ()),
        ("frame_0001", None, ()),
        ("a_mask_b_mask_c", None, ()),
        ("", None, ()),
        ("___", None, ()),
    ],
)
def test_a_files_name_says_what_it_is_and_of_what(
    stem: str, role: str | None, cores: tuple[str, ...]
) -> None:
    said = read_stem(stem)
    assert (said.role, said.cores) == (role, cores)


@pytest.mark.parametrize(
    ("stem", "is_variant"),
    [("a_mask", False), ("a_labelIds", True), ("a_gtFine_color", True), ("a_color", False)],
)
def test_one_of_several_codings_is_told(stem: str, *, is_variant: bool) -> None:
    assert read_stem(stem).is_variant == is_variant


def test_a_name_without_such_words_says_nothing() -> None:
    assert read_stem("DSC 0815 (2)") == FileStem(None, (), is_variant=False)
