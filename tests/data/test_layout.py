"""Every way in which people arrange images and masks, found without being told."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.layout import find_layout
from tessella.errors import UsageError

Expected = list[tuple[str | None, str, str, str]]
"""(split, name, image, mask)."""


def touch(root: Path, *files: str) -> Path:
    """Empty files: where names tell, no file is opened."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root: Path, **patterns: str) -> Expected:
    return [
        (split, pair.name, at(root, pair.image), at(root, pair.mask))
        for split, pair in find_layout(root, **patterns).pairs
    ]


def at(root: Path, path: object) -> str:
    assert isinstance(path, Path)
    return path.relative_to(root).as_posix()


def photograph(path: Path, *, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(noise).save(path)


def class_mask(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.arange(600) % 5).astype(np.uint8).reshape(20, 30)).save(path)


# --- folders of images and folders of masks -----------------------------------------------------

IMAGE_FOLDERS = (
    *("images", "image", "Images", "IMAGES", "imgs", "img", "JPEGImages", "photos", "input"),
    *("inputs", "rgb", "frames", "data", "x", "original_images", "image_files", "leftImg8bit"),
)
MASK_FOLDERS = (
    *("masks", "mask", "Masks", "labels", "label", "annotations", "annotation", "ann_dir", "gts"),
    *("gt", "groundtruth", "ground_truth", "GroundTruth", "SegmentationClass", "seg"),
    *("segmentation", "segmentations", "trimaps", "mask_png", "masks_png", "labels_png"),
    *("targets", "manual", "1st_manual", "label_images_semantic", "gtFine", "trainannot"),
)


@pytest.mark.parametrize("folder", IMAGE_FOLDERS)
def test_images_are_found_in_folders_of_any_usual_name(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, f"{folder}/a.jpg", f"{folder}/b.JPG", "masks/a.png", "masks/b.PNG")
    assert found(tmp_path) == [
        (None, "a", f"{folder}/a.jpg", "masks/a.png"),
        (None, "b", f"{folder}/b.JPG", "masks/b.PNG"),
    ]


@pytest.mark.parametrize("folder", MASK_FOLDERS)
def test_masks_are_found_in_folders_of_any_usual_name(tmp_path: Path, folder: str) -> None:
    touch(tmp_path, "images/a.jpg", "images/b.jpg", f"{folder}/a.png", f"{folder}/b.bmp")
    split = "train" if folder == "trainannot" else None
    assert found(tmp_path) == [
        (split, "a", "images/a.jpg", f"{folder}/a.png"),
        (split, "b", "images/b.jpg", f"{folder}/b.bmp"),
    ]


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("training", "validation", "testing"),
        ("Train", "Val", "Test"),
        ("TRAIN", "valid", "eval"),
        ("train2017", "val2017", "test2017"),
        ("train_set", "dev_set", "test_set"),
    ],
)
@pytest.mark.parametrize("order", ["img_dir/{}", "{}/images"])
def test_split_folders_may_be_spelt_in_many_ways(
    tmp_path: Path, order: str, train: str, val: str, test: str
) -> None:
    masks = order.replace("img_dir", "ann_dir").replace("images", "masks")
    for word, name in ((train, "a"), (val, "b"), (test, "c")):
        touch(tmp_path, f"{order}/{name}.jpg".format(word), f"{masks}/{name}.png".format(word))
    assert {(split, name) for split, name, _, _ in found(tmp_path)} == {
        ("train", "a"),
        ("val", "b"),
        ("test", "c"),
    }


def test_split_words_are_as_the_folders_spell_them(tmp_path: Path) -> None:
    touch(tmp_path, "Training_set/images/a.jpg", "Training_set/masks/a.png")
    touch(tmp_path, "valid_set/images/b.jpg", "valid_set/masks/b.png")
    assert find_layout(tmp_path).split_words == {"train": "Training", "val": "valid"}


LAYOUTS: dict[str, tuple[list[str], Expected]] = {
    "mmsegmentation": (
        ["img_dir/train/a.jpg", "ann_dir/train/a.png", "img_dir/val/b.jpg", "ann_dir/val/b.png"],
        [
            ("train", "a", "img_dir/train/a.jpg", "ann_dir/train/a.png"),
            ("val", "b", "img_dir/val/b.jpg", "ann_dir/val/b.png"),
        ],
    ),
    "ADE20K": (
        [
            *("images/training/ADE_1.jpg", "annotations/training/ADE_1.png"),
            *("images/validation/ADE_1.jpg", "annotations/validation/ADE_1.png", "objectInfo.txt"),
        ],
        [
            ("train", "ADE_1", "images/training/ADE_1.jpg", "annotations/training/ADE_1.png"),
            ("val", "ADE_1", "images/validation/ADE_1.jpg", "annotations/validation/ADE_1.png"),
        ],
    ),
    "Carvana": (
        ["train/fff9_01.jpg", "train_masks/fff9_01_mask.gif", "train_hq/fff9_01.jpg"],
        [("train", "fff9_01", "train/fff9_01.jpg", "train_masks/fff9_01_mask.gif")],
    ),
    "SegNet's CamVid": (
        ["train/1.png", "trainannot/1.png", "val/2.png", "valannot/2.png", "train.txt"],
        [
            ("train", "1", "train/1.png", "trainannot/1.png"),
            ("val", "2", "val/2.png", "valannot/2.png"),
        ],
    ),
    "Kaggle's CamVid": (
        ["train/1.png", "train_labels/1_L.png", "class_dict.csv"],
        [("train", "1", "train/1.png", "train_labels/1_L.png")],
    ),
    "nnU-Net": (
        ["imagesTr/X_1_0000.png", "labelsTr/X_1.png", "imagesTs/X_2_0000.png", "dataset.json"],
        [("train", "X_1", "imagesTr/X_1_0000.png", "labelsTr/X_1.png")],
    ),
    "image and mask affixes": (
        ["imgs/00000_img.jpg", "gts/00000_gt.png"],
        [(None, "00000", "imgs/00000_img.jpg", "gts/00000_gt.png")],
    ),
    "heads": (
        ["images/image_7.jpg", "masks/mask_7.png"],
        [(None, "7", "images/image_7.jpg", "masks/mask_7.png")],
    ),
    "affixes that nobody knows": (
        ["images/a1_early.jpg", "images/a2_early.jpg", "masks/a1_zz.png", "masks/a2_zz.png"],
        [
            (None, "a1", "images/a1_early.jpg", "masks/a1_zz.png"),
            (None, "a2", "images/a2_early.jpg", "masks/a2_zz.png"),
        ],
    ),
    "a word inside the name": (
        ["images/site_image_3.jpg", "masks/site_mask_3.png"],
        [(None, "site_3", "images/site_image_3.jpg", "masks/site_mask_3.png")],
    ),
    "DRIVE": (
        [
            *("training/images/21_training.tif", "training/1st_manual/21_manual1.gif"),
            *("training/mask/21_training_mask.gif", "test/images/01_test.tif"),
            *("test/1st_manual/01_manual1.gif", "test/2nd_manual/01_manual2.gif"),
            "test/mask/01_test_mask.gif",
        ],
        [
            ("test", "01", "test/images/01_test.tif", "test/1st_manual/01_manual1.gif"),
            (
                "train",
                "21",
                "training/images/21_training.tif",
                "training/1st_manual/21_manual1.gif",
            ),
        ],
    ),
    "cities": (
        [
            "leftImg8bit/train/aachen/aachen_0_leftImg8bit.png",
            "gtFine/train/aachen/aachen_0_gtFine_labelIds.png",
            "gtFine/train/aachen/aachen_0_gtFine_instanceIds.png",
            "gtFine/train/aachen/aachen_0_gtFine_polygons.json",
        ],
        [
            (
                "train",
                "aachen/aachen_0",
                "leftImg8bit/train/aachen/aachen_0_leftImg8bit.png",
                "gtFine/train/aachen/aachen_0_gtFine_labelIds.png",
            ),
        ],
    ),
    "Roboflow": (
        [
            *("train/a_jpg.rf.1.jpg", "train/a_jpg.rf.1_mask.png", "train/_classes.csv"),
            *("valid/b_jpg.rf.2.jpg", "valid/b_jpg.rf.2_mask.png", "valid/_classes.csv"),
        ],
        [
            ("train", "a_jpg.rf.1", "train/a_jpg.rf.1.jpg", "train/a_jpg.rf.1_mask.png"),
            ("val", "b_jpg.rf.2", "valid/b_jpg.rf.2.jpg", "valid/b_jpg.rf.2_mask.png"),
        ],
    ),
    "LoveDA": (
        [
            *("Train/Urban/images_png/0.png", "Train/Urban/masks_png/0.png"),
            *("Train/Rural/images_png/0.png", "Train/Rural/masks_png/0.png"),
        ],
        [
            ("train", "Rural/0", "Train/Rural/images_png/0.png", "Train/Rural/masks_png/0.png"),
            ("train", "Urban/0", "Train/Urban/images_png/0.png", "Train/Urban/masks_png/0.png"),
        ],
    ),
    "ISIC": (
        [
            *("ISIC_Training_Input/ISIC_1.jpg", "ISIC_Validation_Input/ISIC_2.jpg"),
            "ISIC_Training_GroundTruth/ISIC_1_segmentation.png",
            "ISIC_Validation_GroundTruth/ISIC_2_segmentation.png",
        ],
        [
            (
                "train",
                "ISIC_1",
                "ISIC_Training_Input/ISIC_1.jpg",
                "ISIC_Training_GroundTruth/ISIC_1_segmentation.png",
            ),
            (
                "val",
                "ISIC_2",
                "ISIC_Validation_Input/ISIC_2.jpg",
                "ISIC_Validation_GroundTruth/ISIC_2_segmentation.png",
            ),
        ],
    ),
    "Oxford pets": (
        ["images/cat_1.jpg", "annotations/trimaps/cat_1.png", "annotations/trimaps/._cat_1.png"],
        [(None, "cat_1", "images/cat_1.jpg", "annotations/trimaps/cat_1.png")],
    ),
    "BDD100K": (
        ["images/10k/train/a.jpg", "labels/sem_seg/masks/train/a.png"],
        [("train", "10k/a", "images/10k/train/a.jpg", "labels/sem_seg/masks/train/a.png")],
    ),
    "2D-3D-S": (
        [
            *("area_3/data/rgb/c_domain_rgb.png", "area_3/data/semantic/c_domain_semantic.png"),
            *("area_3/data/depth/c_domain_depth.png", "area_3/data/normal/c_domain_normals.png"),
        ],
        [
            (
                None,
                "c_domain",
                "area_3/data/rgb/c_domain_rgb.png",
                "area_3/data/semantic/c_domain_semantic.png",
            ),
        ],
    ),
    "DeepGlobe": (
        ["train/104_sat.jpg", "train/104_mask.png", "valid/9_sat.jpg"],
        [("train", "104", "train/104_sat.jpg", "train/104_mask.png")],
    ),
    "UAVid": (
        [
            "uavid_train/seq1/Images/0.png",
            "uavid_train/seq1/Labels/0.png",
            "uavid_val/seq1/Images/0.png",
            "uavid_val/seq1/Labels/0.png",
        ],
        [
            (
                "train",
                "seq1/0",
                "uavid_train/seq1/Images/0.png",
                "uavid_train/seq1/Labels/0.png",
            ),
            ("val", "seq1/0", "uavid_val/seq1/Images/0.png", "uavid_val/seq1/Labels/0.png"),
        ],
    ),
    "a folder for each sample": (
        ["s1/image.png", "s1/mask.png", "s2/image.png", "s2/mask.png"],
        [(None, "s1", "s1/image.png", "s1/mask.png"), (None, "s2", "s2/image.png", "s2/mask.png")],
    ),
    "labelme's JSON exports": (
        ["a_json/img.png", "a_json/label.png", "a_json/label_viz.png"],
        [(None, "a_json/img", "a_json/img.png", "a_json/label.png")],
    ),
    "parts": (
        ["images_a/1.jpg", "images_b/1.jpg", "masks_a/1.png", "masks_b/1.png"],
        [
            (None, "images_a/1", "images_a/1.jpg", "masks_a/1.png"),
            (None, "images_b/1", "images_b/1.jpg", "masks_b/1.png"),
        ],
    ),
    "classes": (
        ["images/cats/1.jpg", "images/dogs/1.jpg", "masks/cats/1.png", "masks/dogs/1.png"],
        [
            (None, "cats/1", "images/cats/1.jpg", "masks/cats/1.png"),
            (None, "dogs/1", "images/dogs/1.jpg", "masks/dogs/1.png"),
        ],
    ),
    "one folder with it all": (
        ["my data/images/1.jpg", "my data/masks/1.png"],
        [(None, "1", "my data/images/1.jpg", "my data/masks/1.png")],
    ),
    "the image's ending in the mask's name": (
        ["images/a.jpg", "masks/a.jpg.png"],
        [(None, "a", "images/a.jpg", "masks/a.jpg.png")],
    ),
    "zeros before numbers": (
        ["images/1.jpg", "images/10.jpg", "masks/001.png", "masks/010.png"],
        [
            (None, "1", "images/1.jpg", "masks/001.png"),
            (None, "10", "images/10.jpg", "masks/010.png"),
        ],
    ),
    "upper and lower case": (
        ["images/IMG_a.JPG", "masks/img_A.png"],
        [(None, "IMG_a", "images/IMG_a.JPG", "masks/img_A.png")],
    ),
    "splits on one side only": (
        ["images/train/a.jpg", "images/val/b.jpg", "masks/a.png", "masks/b.png"],
        [
            ("train", "a", "images/train/a.jpg", "masks/a.png"),
            ("val", "b", "images/val/b.jpg", "masks/b.png"),
        ],
    ),
    "an instance folder beside": (
        ["JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationObject/a.png"],
        [(None, "a", "JPEGImages/a.jpg", "SegmentationClass/a.png")],
    ),
    "a folder of pictures beside": (
        ["images/a.jpg", "masks/a.png", "results/a.png", "plots/b.png"],
        [(None, "a", "images/a.jpg", "masks/a.png")],
    ),
    "x and y": (
        ["x/1.png", "y/1.png"],
        [(None, "1", "x/1.png", "y/1.png")],
    ),
    "classes that are called like folders of masks": (
        [
            *("images/photo/1.jpg", "images/edge/1.jpg", "masks/photo/1.png", "masks/edge/1.png"),
        ],
        [
            (None, "edge/1", "images/edge/1.jpg", "masks/edge/1.png"),
            (None, "photo/1", "images/photo/1.jpg", "masks/photo/1.png"),
        ],
    ),
    "people with masks": (
        ["images/kid.jpg", "images/kid_mask.jpg", "masks/kid.png", "masks/kid_mask.png"],
        [
            (None, "kid", "images/kid.jpg", "masks/kid.png"),
            (None, "kid_mask", "images/kid_mask.jpg", "masks/kid_mask.png"),
        ],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_found_by_its_names(tmp_path: Path, name: str) -> None:
    files, expected = LAYOUTS[name]
    assert found(touch(tmp_path, *files)) == expected


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_zip_is_read_like_its_folder(tmp_path: Path, name: str) -> None:
    files, expected = LAYOUTS[name]
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for file in files:
            archive.writestr(file, b"")
    assert found(tmp_path / "data.zip") == expected


@pytest.mark.parametrize(
    "mask",
    [
        *("{}_mask.png", "{}_L.png", "{}_segmentation.png", "{}_GT.png", "{}_label.png"),
        *("mask_{}.png", "{}-mask.png", "{}.mask.png", "{}_ground_truth.png", "{}_seg_mask.png"),
        "{}_1stHO.png",
    ],
)
@pytest.mark.parametrize("folder", ["", "data/", "images/", "train/"])
@pytest.mark.parametrize("name", ["a", "Image_01L", "v 1.2 (b)", "bird_segmentation", "2020_01"])
def test_masks_beside_their_images_are_told_by_their_names(
    tmp_path: Path, folder: str, mask: str, name: str
) -> None:
    image, mask = f"{folder}{name}.jpg", folder + mask.format(name)
    touch(tmp_path, image, mask)
    assert [(pair[2], pair[3]) for pair in found(tmp_path)] == [(image, mask)]


# --- where names do not tell --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}.jpg", "{}.png"),
        ("data/{}.jpg", "data/{}.png"),
        ("a/{}.png", "b/{}.png"),
        ("b/{}.png", "a/{}.png"),
        ("site/first/{}.png", "site/second/{}.png"),
        ("images/{}.png", "second/{}.png"),
    ],
)
def test_a_few_files_are_looked_at_where_names_do_not_tell(
    tmp_path: Path, image: str, mask: str
) -> None:
    for number in range(3):
        photograph(tmp_path / image.format(number), seed=number)
        class_mask(tmp_path / mask.format(number))
    assert [(pair[2], pair[3]) for pair in found(tmp_path)] == [
        (image.format(number), mask.format(number)) for number in range(3)
    ]


def test_photographs_of_two_folders_are_not_paired(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        photograph(tmp_path / folder / "1.png")
    layout = find_layout(tmp_path)
    assert layout.pairs == []
    assert [pair.image.name for _, pair in layout.lonely_images] == ["1.png", "1.png"]


# --- what is left over --------------------------------------------------------------------------


def test_images_without_mask_and_masks_without_image_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "images/train/a.jpg", "images/train/b.jpg", "masks/train/a.png")
    touch(tmp_path, "masks/train/c.png", "images/test/d.jpg", "notes.txt", "images/.DS_Store")
    layout = find_layout(tmp_path)
    assert [(split, pair.name) for split, pair in layout.pairs] == [("train", "a")]
    assert [(split, pair.name, pair.mask) for split, pair in layout.lonely_images] == [
        ("test", "d", None),
        ("train", "b", None),
    ]
    assert layout.lonely_masks == [tmp_path / "masks/train/c.png"]
    assert layout.other_files == 1


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["images/1.jpg", "images/01.jpg"], ["masks/001.png"]),
        (["images/a/1.jpg", "images/b/1.jpg"], ["masks/1.png"]),
        (["images/a/1.jpg"], ["masks/b/1.png"]),
        (["images/train/1.jpg"], ["masks/test/1.png"]),
        (["images/2020_01.jpg", "images/2020_02.jpg"], ["masks/2021_01.png", "masks/2021_02.png"]),
        (["images/a.jpg"], ["masks/b.png"]),
        (["images/1.jpg"], ["masks/10.png"]),
    ],
    ids=["two readings", "two folders", "other folder", "other split", "years", "names", "numbers"],
)
def test_names_that_may_or_do_differ_are_not_paired(
    tmp_path: Path, images: list[str], masks: list[str]
) -> None:
    layout = find_layout(touch(tmp_path, *images, *masks))
    assert layout.pairs == []
    assert [at(tmp_path, pair.image) for _, pair in layout.lonely_images] == sorted(images)
    assert [at(tmp_path, mask) for mask in layout.lonely_masks] == sorted(masks)


def test_an_empty_folder_is_an_empty_layout(tmp_path: Path) -> None:
    layout = find_layout(tmp_path)
    assert (layout.pairs, layout.lonely_images, layout.lonely_masks) == ([], [], [])
    assert (layout.images, layout.masks, layout.other_files) == ("", "", 0)


# --- patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "images", "masks"),
    [
        ("Carvana", "{split}/{name}.jpg", "{split}_masks/{name}_mask.gif"),
        ("ADE20K", "images/{split}/{name}.jpg", "annotations/{split}/{name}.png"),
        (
            "cities",
            "leftImg8bit/{split}/{name}_leftImg8bit.png",
            "gtFine/{split}/{name}_gtFine_labelIds.png",
        ),
        ("LoveDA", "{split}/*/images_png/{name}.png", "{split}/*/masks_png/{name}.png"),
        ("a folder for each sample", "{name}/image.png", "{name}/mask.png"),
        ("one folder with it all", "my data/images/{name}.jpg", "my data/masks/{name}.png"),
    ],
)
def test_patterns_say_what_was_found(tmp_path: Path, name: str, images: str, masks: str) -> None:
    layout = find_layout(touch(tmp_path, *LAYOUTS[name][0]))
    assert (layout.images, layout.masks) == (images, masks)


@pytest.mark.parametrize(
    "name", ["Carvana", "ADE20K", "Roboflow", "nnU-Net", "DeepGlobe", "mmsegmentation"]
)
def test_the_patterns_that_were_found_find_the_same_again(tmp_path: Path, name: str) -> None:
    files, expected = LAYOUTS[name]
    layout = find_layout(touch(tmp_path, *files))
    again = found(tmp_path, images=layout.images, masks=layout.masks)
    assert [pair for pair in again if pair[0] != "test"] == expected


@pytest.mark.parametrize("patterns", [{"images": "jpg/{name}"}, {"masks": "marks/{name}.png"}])
def test_one_pattern_is_enough_where_the_other_is_found(
    tmp_path: Path, patterns: dict[str, str]
) -> None:
    other = "marks" if "masks" in patterns else "masks"
    images = "images" if "masks" in patterns else "jpg"
    touch(tmp_path, f"{images}/a.jpg", f"{other}/a.png")
    assert found(tmp_path, **patterns) == [(None, "a", f"{images}/a.jpg", f"{other}/a.png")]


def test_a_pattern_of_the_images_that_fits_masks_too_leaves_them_masks(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a_L.png")
    assert found(tmp_path, images="{name}.png") == [(None, "a", "a.png", "a_L.png")]


def test_a_pattern_says_that_a_folder_called_masks_holds_images(tmp_path: Path) -> None:
    touch(tmp_path, "face_masks/a.jpg", "labels/a.png")
    expected = [(None, "a", "face_masks/a.jpg", "labels/a.png")]
    assert found(tmp_path, images="face_masks/{name}.jpg") == expected


def test_a_pattern_without_name_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pattern 'photos' has no \{name\}"):
        find_layout(tmp_path, images="photos")


# --- several that fit ---------------------------------------------------------------------------


def test_several_masks_of_one_image_are_listed_with_the_patterns_to_write(tmp_path: Path) -> None:
    kinds = ("labelIds", "instanceIds", "color")
    touch(tmp_path, "leftImg8bit/val/a/a_1_leftImg8bit.png")
    touch(tmp_path, *(f"gtFine/val/a/a_1_gtFine_{kind}.png" for kind in kinds))
    with pytest.raises(ValueError, match="2 masks fit it: a_1_gtFine_color.png, a_1_") as caught:
        find_layout(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/leftImg8bit/val/a/a_1_leftImg8bit.png: ")
    for kind in ("labelIds", "color"):
        pattern = f"gtFine/{{split}}/{{name}}_gtFine_{kind}.png"
        assert f"data.options.masks={pattern}" in str(caught.value)
        mask = f"gtFine/val/a/a_1_gtFine_{kind}.png"
        assert [pair[3] for pair in found(tmp_path, masks=pattern)] == [mask]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["images/a.jpg", "masks/a.png", "labels/a.png"], r"2 masks fit it.*labels/\{name\}\.png"),
        (["images_hr/a.jpg", "images_lr/a.jpg", "masks/a.png"], r"2 images fit it.*images_lr/"),
        (["images/a.jpg", "masks/a.png", "masks/a.bmp"], r"a\.bmp has the same name"),
        (["images/a.jpg", "images/a.png", "masks/a.png"], r"a\.jpg has the same name"),
        (["a.jpg", "a_mask.png", "a_label.png"], r"2 masks fit it: a_label\.png, a_mask\.png"),
    ],
)
def test_what_may_be_meant_in_two_ways_is_an_error(
    tmp_path: Path, files: list[str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        find_layout(touch(tmp_path, *files))


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "splits/", "ImageSets/Segmentation/"])
@pytest.mark.parametrize(
    "line", ["a", "a.jpg", "images/a.jpg", "images/a.jpg masks/a.png", "/x/a.jpg /x/a.png"]
)
def test_lists_give_the_splits(tmp_path: Path, folder: str, line: str) -> None:
    touch(tmp_path, "images/a.jpg", "images/b.jpg", "masks/a.png", "masks/b.png", "images/c.jpg")
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / "train.txt").write_text("b\n")
    (tmp_path / folder / "valid.txt").write_text(f"{line}\nc\n")
    layout = find_layout(tmp_path)
    assert [(split, pair.name) for split, pair in layout.pairs] == [("val", "a"), ("train", "b")]
    assert [(split, pair.name) for split, pair in layout.lonely_images] == [("val", "c")]


# --- real data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "images", "masks", "count"),
    [
        ("camseq/CamSeq01-rebuilt", "{name}.png", "{name}_L.png", 16),
        ("camvid/mini", "CamVid/{split}/{name}.png", "CamVid/{split}annot/{name}.png", 36),
        ("flowers17", "jpg/{name}.jpg", "trimaps/{name}.png", 71),
        (
            "voc/VOCdevkit",
            "VOC2012/JPEGImages/{name}.jpg",
            "VOC2012/SegmentationClass/{name}.png",
            14,
        ),
        ("voc/extra/pascal_person_part", "{name}.jpg", "{name}.png", 4),
        ("voc/extra/nyud40", "{name}.png", "{name}_mask.png", 5),
        ("voc/extra/coral", "{name}.png", "{name}_mask.png", 1),
        (
            "stanford2d3ds",
            "area_3/data/rgb/{name}_rgb.png",
            "area_3/data/semantic/{name}_semantic.png",
            1,
        ),
        ("cityscapes/coral_513", "image.png", "trainids.png", 1),
    ],
)
def test_real_folders_are_found(
    real_data: Path, folder: str, images: str, masks: str, count: int
) -> None:
    layout = find_layout(real_data / folder)
    assert (layout.images, layout.masks, len(layout.pairs)) == (images, masks, count)
    assert layout.lonely_masks == []
    assert layout.lonely_images == []


def test_the_lists_of_real_voc_give_its_splits(real_data: Path) -> None:
    splits = [split for split, _ in find_layout(real_data / "voc/VOCdevkit").pairs]
    assert (splits.count("train"), splits.count("val")) == (10, 4)  # SOURCE.md there


def test_the_codings_of_real_cityscapes_are_a_choice(real_data: Path) -> None:
    with pytest.raises(ValueError, match="2 masks fit it.*labelIds.*labelTrainIds"):
        find_layout(real_data / "cityscapes")


def test_real_photographs_are_all_images(real_data: Path) -> None:
    layout = find_layout(real_data / "photos")
    assert (len(layout.lonely_images), layout.pairs, layout.lonely_masks) == (9, [], [])


@pytest.mark.parametrize(
    ("image", "mask"), [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9")]
)
def test_an_accent_written_as_one_character_or_two_is_the_same_letter(
    tmp_path: Path, image: str, mask: str
) -> None:
    root = touch(tmp_path, f"images/{image}.jpg", f"masks/{mask}.png")
    assert found(root) == [(None, "caf\u00e9", f"images/{image}.jpg", f"masks/{mask}.png")]
