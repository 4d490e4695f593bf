"""Cityscapes in its own layout, drawn by the test and, where it lies here, one real frame."""

import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.cityscapes import ENTRY, labels_of, read_cityscapes, to_label_ids
from tessella.errors import UsageError

FRAMES = {
    "train": ["aachen_000000_000019", "aachen_000000_000020", "bad-honnef_000001_000019"],
    "val": ["frankfurt_000000_000294"],
    "test": ["berlin_000000_000019"],
}
IDS = np.append(np.arange(34, dtype=np.uint8), np.uint8(255)).reshape(5, 7)
"""Every label id once, and the license plate's -1 in a byte."""

VOID = (*range(7), 9, 10, 14, 15, 16, 18, 29, 30)
TRAIN_IDS = (
    *((7, 0), (8, 1), (11, 2), (12, 3), (13, 4), (17, 5), (19, 6), (20, 7), (21, 8), (22, 9)),
    *((23, 10), (24, 11), (25, 12), (26, 13), (27, 14), (28, 15), (31, 16), (32, 17), (33, 18)),
)
"""(label id, train id), from the table in the data set's paper and scripts."""


def write_frame(root: Path, split: str, frame: str, *, annotation: str = "gtFine") -> None:
    city = frame.split("_")[0]
    write_image(root, split, city, frame)
    write_mask(root / f"{annotation}/{split}/{city}/{frame}_{annotation}_labelIds.png", IDS)


def write_image(root: Path, split: str, city: str, frame: str) -> None:
    place = root / "leftImg8bit" / split / city
    place.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((5, 7, 3), 9, np.uint8)).save(place / f"{frame}_leftImg8bit.png")


def write_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def write_cityscapes(root: Path, *, annotation: str = "gtFine") -> Path:
    for split, frames in FRAMES.items():
        for frame in frames:
            write_frame(root, split, frame, annotation=annotation)
    return root


def zipped(root: Path, path: Path, folders: list[str]) -> None:
    """An archive as the data set's site gives it: whole folders, and a licence beside them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "x")
        archive.writestr("license.txt", "x")
        for file in sorted(p for folder in folders for p in (root / folder).rglob("*.png")):
            archive.write(file, file.relative_to(root))


# --- classes --------------------------------------------------------------------------------------


def test_void_ids_are_ignored_and_the_others_are_the_train_ids_s4_b05(tmp_path: Path) -> None:
    mask = read_cityscapes(write_cityscapes(tmp_path), "train")[0].mask
    expected = np.full(35, 255, np.uint8)
    for label_id, train_id in TRAIN_IDS:
        expected[label_id] = train_id
    np.testing.assert_array_equal(mask, expected.reshape(5, 7))
    assert set(np.flatnonzero(expected == 255).tolist()) == {*VOID, 34}


def test_nineteen_classes_in_the_benchmarks_order_and_colours() -> None:
    labels = labels_of(19)
    assert labels.names == (
        *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light"),
        *("traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
        *("bus", "train", "motorcycle", "bicycle"),
    )
    assert labels.colors[0] == (128, 64, 128)
    assert labels.colors[18] == (119, 11, 32)


def test_the_sky_has_its_official_colour_s4_b12() -> None:
    labels = labels_of(19)
    assert labels.colors[labels.names.index("sky")] == (70, 130, 180)


def test_void_may_be_a_class_of_its_own_after_the_others(tmp_path: Path) -> None:
    dataset = read_cityscapes(write_cityscapes(tmp_path), "train", class_set=20)
    assert dataset.labels.names == (*labels_of(19).names, "void")
    mask = dataset[0].mask
    assert mask is not None
    nineteen = labels_of(19).decode(IDS, where="here")
    np.testing.assert_array_equal(mask, np.where(nineteen == 255, 19, nineteen))


def test_all_label_ids_may_be_classes(tmp_path: Path) -> None:
    dataset = read_cityscapes(write_cityscapes(tmp_path), "train", class_set=34)
    assert dataset.labels.names[0] == "unlabeled"
    assert dataset.labels.names[29:31] == ("caravan", "trailer")
    np.testing.assert_array_equal(dataset[0].mask, IDS)


def test_an_id_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    path = tmp_path / "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png"
    write_mask(path, np.full((5, 7), 34, np.uint8))
    with pytest.raises(ValueError, match=r"neither a class nor ignored: 34 \(100\.00%\)"):
        read_cityscapes(tmp_path, "val")[0]


@pytest.mark.parametrize("class_set", [19, 20, 34])
def test_label_ids_decode_to_the_mask_that_they_were_made_of_s4_f07(class_set: int) -> None:
    labels = labels_of(class_set)
    mask = np.arange(labels.num_classes, dtype=np.uint8)[None]
    np.testing.assert_array_equal(
        labels.decode(to_label_ids(mask, class_set=class_set), where="here"), mask
    )


def test_train_ids_become_the_label_ids_that_the_server_expects_s4_f07() -> None:
    mask = np.array([[train_id for _, train_id in TRAIN_IDS]], np.int64)
    ids = to_label_ids(mask)
    assert ids.dtype == np.uint8
    assert ids.tolist() == [[label_id for label_id, _ in TRAIN_IDS]]


@pytest.mark.parametrize(("class_set", "void"), [(19, 255), (20, 19), (20, 255), (34, 255)])
def test_void_and_ignored_pixels_become_unlabeled(class_set: int, void: int) -> None:
    assert to_label_ids(np.array([[void]], np.uint8), class_set=class_set).tolist() == [[0]]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            np.array([[0, 19]], np.uint8),
            r"holds 19; expected class indices 0\.\.18 of class_set 19",
        ),
        (np.array([[-1, 3]], np.int64), "holds -1; expected"),
        (np.array([[3, 300]], np.int64), "holds 300; expected"),
        (np.array([[0.0, 1.0]]), "holds float64; expected class indices"),
    ],
)
def test_what_is_no_class_has_no_label_id(mask: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        to_label_ids(mask)


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("above", ["", "cityscapes", "data/cityscapes"])
def test_the_root_may_be_a_folder_above(tmp_path: Path, above: str) -> None:
    write_cityscapes(tmp_path / above)
    dataset = read_cityscapes(tmp_path, "train")
    assert dataset.names == tuple(FRAMES["train"])
    assert dataset.official


def test_the_group_is_city_and_sequence(tmp_path: Path) -> None:
    assert read_cityscapes(write_cityscapes(tmp_path), "train").groups == (
        *("aachen_000000", "aachen_000000", "bad-honnef_000001"),
    )


def test_the_two_original_zips_are_read_side_by_side(tmp_path: Path) -> None:
    write_cityscapes(tmp_path / "made")
    root = tmp_path / "root"
    zipped(tmp_path / "made", root / "leftImg8bit_trainvaltest.zip", ["leftImg8bit"])
    zipped(tmp_path / "made", root / "gtFine_trainvaltest.zip", ["gtFine"])
    dataset = read_cityscapes(root, "train")
    assert dataset.names == tuple(FRAMES["train"])
    np.testing.assert_array_equal(
        dataset[2].mask, read_cityscapes(tmp_path / "made", "train")[2].mask
    )
    assert ENTRY.is_at is not None
    assert ENTRY.is_at(root)


def test_one_zip_of_both_folders_is_read(tmp_path: Path) -> None:
    write_cityscapes(tmp_path / "made")
    zipped(tmp_path / "made", tmp_path / "all.zip", ["leftImg8bit", "gtFine"])
    assert read_cityscapes(tmp_path / "all.zip", "val")[0].image.shape == (5, 7, 3)


def test_files_may_lie_in_the_split_without_a_folder_of_the_city(tmp_path: Path) -> None:
    for package in ("leftImg8bit", "gtFine"):
        (tmp_path / package / "val").mkdir(parents=True)
    made = write_cityscapes(tmp_path / "made")
    for path in made.rglob("*/val/frankfurt/*.png"):
        path.rename(tmp_path / path.relative_to(made).parents[1] / path.name)
    assert read_cityscapes(tmp_path, "val").names == ("frankfurt_000000_000294",)


def test_coarse_masks_have_a_split_of_their_own(tmp_path: Path) -> None:
    write_frame(tmp_path, "train_extra", "augsburg_000000_000000", annotation="gtCoarse")
    dataset = read_cityscapes(tmp_path, "train_extra", annotation="coarse")
    assert dataset.names == ("augsburg_000000_000000",)
    assert dataset[0].mask is not None


@pytest.mark.parametrize(
    ("split", "annotation", "known"),
    [("test", "coarse", "train, val, train_extra"), ("train_extra", "fine", "train, val, test")],
)
def test_a_split_that_an_annotation_lacks_is_an_error(
    tmp_path: Path, split: str, annotation: str, known: str
) -> None:
    with pytest.raises(ValueError, match=f"no {annotation} masks of .*, only of {known};") as e:
        read_cityscapes(write_cityscapes(tmp_path), split, annotation=annotation)  # type: ignore[arg-type]
    assert not isinstance(e.value, UsageError)  # the other splits can still be opened


def test_masks_of_train_ids_are_read_where_there_are_no_others(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    place = tmp_path / "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png"
    place.unlink()
    train_ids = np.array([[*range(19), 255]], np.uint8).repeat(5, 0)[:, -7:]
    write_mask(place.with_name(place.name.replace("labelIds", "labelTrainIds")), train_ids)
    np.testing.assert_array_equal(read_cityscapes(tmp_path, "val")[0].mask, train_ids)
    with pytest.raises(ValueError, match="has _labelTrainIds.png only, which hold 19 classes"):
        read_cityscapes(tmp_path, "val", class_set=34)


def test_label_ids_are_preferred_to_train_ids(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    place = tmp_path / "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelTrainIds.png"
    write_mask(place, np.zeros((5, 7), np.uint8))
    pair = read_cityscapes(tmp_path, "val").pairs[0]
    assert str(pair.mask).endswith("_gtFine_labelIds.png")


def test_the_test_split_warns_that_its_masks_are_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        dataset = read_cityscapes(write_cityscapes(tmp_path), "test")
    assert len(dataset) == 1
    assert "masks of the Cityscapes test split are empty" in caplog.text


def test_other_splits_warn_of_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read_cityscapes(write_cityscapes(tmp_path), "train")
    assert not caplog.records


def test_masks_without_images_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_cityscapes(tmp_path)
    (tmp_path / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png").unlink()
    with caplog.at_level(logging.WARNING):
        assert len(read_cityscapes(tmp_path, "train")) == 2
    assert (
        "masks without an image: 1, first aachen_000000_000019_gtFine_labelIds.png" in caplog.text
    )


# --- errors ---------------------------------------------------------------------------------------


def test_a_missing_mask_is_named_with_its_zip(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    lost = tmp_path / "gtFine/train/aachen/aachen_000000_000020_gtFine_labelIds.png"
    lost.unlink()
    message = r"is missing, .* of 1 of 3 images in all; .* gtFine_trainvaltest\.zip"
    with pytest.raises(ValueError, match=message) as caught:
        read_cityscapes(tmp_path, "train")
    assert str(caught.value).startswith(str(lost))


def test_a_missing_city_is_named(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    for path in (tmp_path / "gtFine/train/aachen").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"of 2 of 3 images in all \(all of aachen\); they are in"):
        read_cityscapes(tmp_path, "train")


@pytest.mark.parametrize(
    ("package", "annotation", "split", "archive"),
    [
        ("leftImg8bit", "fine", "val", "leftImg8bit_trainvaltest.zip"),
        ("gtFine", "fine", "val", "gtFine_trainvaltest.zip"),
        ("gtCoarse", "coarse", "val", "gtCoarse.zip"),
        ("leftImg8bit", "coarse", "train_extra", "leftImg8bit_trainextra.zip"),
    ],
)
def test_a_missing_part_is_named_with_its_zip(
    tmp_path: Path, package: str, annotation: str, split: str, archive: str
) -> None:
    for other in {"leftImg8bit", "gtFine", "gtCoarse"} - {package}:
        (tmp_path / other / split).mkdir(parents=True)
    if package != "leftImg8bit":
        write_image(tmp_path, split, "ulm", "ulm_000000_000019")
    with pytest.raises(ValueError, match=rf"no {package}/{split}/CITY/ here .* in {archive}"):
        read_cityscapes(tmp_path, split, annotation=annotation)  # type: ignore[arg-type]


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "leftImg8bit/val").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"val: holds no images CITY/\.\.\._leftImg8bit\.png"):
        read_cityscapes(tmp_path, "val")


def test_another_folder_is_told_how_to_get_the_data_set(tmp_path: Path) -> None:
    message = (
        r"neither leftImg8bit/ nor gtFine/ is here; log in at www\.cityscapes-dataset\.com, "
        r"download leftImg8bit_trainvaltest\.zip \(11 GB\) and gtFine_trainvaltest\.zip "
        r"\(241 MB\), and put them in "
    )
    with pytest.raises(ValueError, match=message + str(tmp_path)):
        read_cityscapes(tmp_path, "train")
    assert ENTRY.is_at is not None
    assert not ENTRY.is_at(tmp_path)


def test_a_frame_in_two_formats_is_an_error(tmp_path: Path) -> None:
    write_cityscapes(tmp_path)
    place = tmp_path / "leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit"
    place.with_suffix(".jpg").write_bytes(place.with_suffix(".png").read_bytes())
    with pytest.raises(ValueError, match=r"_leftImg8bit\.jpg is the same frame; remove one"):
        read_cityscapes(tmp_path, "val")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_set": 21}, r"no class_set of cityscapes is called '21'.* Known: 19, 20, 34"),
        ({"annotation": "course"}, "'course'; did you mean 'coarse'.* Known: coarse, fine"),
    ],
)
def test_an_unknown_option_lists_the_known_ones(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_cityscapes(tmp_path, "train", **options)  # type: ignore[arg-type]


def test_no_folder_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="cityscapes: no folder given"):
        read_cityscapes(None, "train")


# --- the real frame -------------------------------------------------------------------------------


def test_the_real_frame_has_the_classes_that_its_ids_say(real_data: Path) -> None:
    dataset = read_cityscapes(real_data / "cityscapes", "val")
    sample = dataset[0]
    assert dataset.names == ("frankfurt_000000_000294",)
    assert dataset.groups == ("frankfurt_000000",)
    assert sample.image.shape == (128, 256, 3)
    with Image.open(dataset.pairs[0].mask) as opened:  # type: ignore[arg-type]
        ids = np.asarray(opened)
    for label_id, train_id in TRAIN_IDS:
        np.testing.assert_array_equal(sample.mask == train_id, ids == label_id)
    np.testing.assert_array_equal(sample.mask == 255, np.isin(ids, VOID))


def test_the_real_train_ids_differ_at_77_resized_edge_pixels_only(real_data: Path) -> None:
    dataset = read_cityscapes(real_data / "cityscapes", "val")
    path = str(dataset.pairs[0].mask).replace("labelIds", "labelTrainIds")
    with Image.open(path) as opened:
        train_ids = np.asarray(opened)
    assert (dataset[0].mask != train_ids).sum() == 77  # SOURCE.md there, which counted them
