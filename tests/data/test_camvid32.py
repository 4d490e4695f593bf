"""CamVid in 32 colours: Cambridge's layout, the one split into folders, and the grouping to 11."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data import camvid
from tessella.data.camvid32 import COLORS, ENTRY, GROUPS, find_labels, read_camvid32
from tessella.data.splits import read_lines
from tessella.errors import UsageError
from tessella.palette import Color

# the frames at the edges of SegNet's split
SPLIT_OF = {
    "0001TP_006690": "train",
    "0001TP_008520": "train",
    "0001TP_008550": "test",
    "0001TP_010380": "test",
    "0006R0_f00930": "train",
    "0016E5_07950": "train",
    "0016E5_07959": "val",
    "0016E5_08159": "val",
    "0016E5_08190": "train",
    "Seq05VD_f00000": "test",
}


def write_frame(image: Path, mask: Path, colors: list[Color] | None = None) -> None:
    """A picture of 4x8 pixels, and a mask of the colours row by row, by default all 32."""
    for path in (image, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 8, 3), 9, np.uint8)).save(image)
    values = np.array(colors or list(COLORS.values()), np.uint8)
    Image.fromarray(np.resize(values, (4, 8, 3))).save(mask)


def write_stills(root: Path, stems: list[str]) -> Path:
    """The layout of Cambridge's two archives."""
    for stem in stems:
        image = root / "701_StillsRaw_full" / f"{stem}.png"
        write_frame(image, root / "LabeledApproved_full" / f"{stem}_L.png")
    return root


def write_split_folders(root: Path) -> Path:
    """The layout with train/, train_labels/ and so on, and class_dict.csv."""
    stems = {"train": ["0006R0_f00930", "0001TP_009000"], "val": ["Seq05VD_f00000"]}
    for split, names in {**stems, "test": ["0016E5_07959"]}.items():
        for stem in names:
            write_frame(root / split / f"{stem}.png", root / f"{split}_labels" / f"{stem}_L.png")
    rows = [f"{name},{r},{g}, {b}" for name, (r, g, b) in COLORS.items()]
    (root / "class_dict.csv").write_text("\n".join(["name,r,g,b", *rows]))
    return root


# --- classes ------------------------------------------------------------------------------------


def test_thirty_one_classes_and_void_ignored(tmp_path: Path) -> None:
    dataset = read_camvid32(write_stills(tmp_path, ["0001TP_006690"]), "train")
    assert dataset.labels.num_classes == 31
    assert dataset.labels.names[:2] == ("Animal", "Archway")
    # in the order of the table: 0..29, Void, then Wall, the 31st class
    expected = [*range(30), 255, 30]
    np.testing.assert_array_equal(dataset[0].mask, np.reshape(expected, (4, 8)))


def test_eleven_classes_are_those_of_the_data_set_camvid(tmp_path: Path) -> None:
    root = write_stills(tmp_path, ["0001TP_006690"])
    labels = read_camvid32(root, "train", class_set=11).labels
    assert labels.names == camvid.LABELS.names
    assert labels.colors == camvid.LABELS.colors


def test_the_32_colours_fall_into_11_classes(tmp_path: Path) -> None:
    root = write_stills(tmp_path, ["0001TP_006690"])
    mask = read_camvid32(root, "train", class_set=11)[0].mask
    sky, building, pole, road, pavement, tree, sign, fence, car, pedestrian, bicyclist = range(11)
    # Animal Archway Bicyclist Bridge Building Car CartLuggagePram Child
    first = [pedestrian, building, bicyclist, building, building, car, pedestrian, pedestrian]
    # Column_Pole Fence LaneMkgsDriv LaneMkgsNonDriv Misc_Text MotorcycleScooter OtherMoving Parking
    second = [pole, fence, road, road, sign, bicyclist, car, pavement]
    # Pedestrian Road RoadShoulder Sidewalk SignSymbol Sky SUVPickupTruck TrafficCone
    third = [pedestrian, road, pavement, pavement, sign, sky, car, pole]
    # TrafficLight Train Tree Truck_Bus Tunnel VegetationMisc Void Wall
    fourth = [sign, car, tree, car, building, tree, 255, building]
    np.testing.assert_array_equal(mask, [first, second, third, fourth])


def test_each_class_but_void_is_in_one_group() -> None:
    members = [name for group in GROUPS.values() for name in group]
    assert sorted([*members, "Void"]) == sorted(COLORS)
    assert tuple(GROUPS) == camvid.LABELS.names


def test_a_table_beside_the_folders_replaces_the_built_in_colours(tmp_path: Path) -> None:
    write_stills(tmp_path, ["0001TP_006690"])
    (tmp_path / "label_colors.txt").write_text("1 2 3\tRoad\n4 5 6\tVoid\n")
    mask = tmp_path / "LabeledApproved_full/0001TP_006690_L.png"
    write_frame(tmp_path / "x.png", mask, [(1, 2, 3), (4, 5, 6)])
    dataset = read_camvid32(tmp_path, "train")
    assert dataset.labels.names == ("Road",)
    np.testing.assert_array_equal(dataset[0].mask, np.resize([0, 255], (4, 8)))
    np.testing.assert_array_equal(
        read_camvid32(tmp_path, "train", class_set=11)[0].mask, np.resize([3, 255], (4, 8))
    )


def test_a_colour_outside_the_table_is_an_error_that_names_it(tmp_path: Path) -> None:
    write_stills(tmp_path, ["0001TP_006690"])
    mask = tmp_path / "LabeledApproved_full/0001TP_006690_L.png"
    write_frame(tmp_path / "x.png", mask, [(128, 128, 128), (1, 2, 3)])
    with pytest.raises(ValueError, match=r"_L\.png: 50\.00% .* \(1, 2, 3\) \(50\.00%\)"):
        read_camvid32(tmp_path, "train")[0]


def test_names_that_are_not_camvids_cannot_be_grouped(tmp_path: Path) -> None:
    (tmp_path / "label_colors.txt").write_text("1 2 3 Cow\n")
    with pytest.raises(ValueError, match=r"label_colors\.txt: Cow cannot be grouped into 11"):
        find_labels((tmp_path,), class_set=11)


def test_a_table_of_nothing_but_void_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "label_colors.txt").write_text("0 0 0 Void\n")
    with pytest.raises(ValueError, match=r"label_colors\.txt: names no class beside void"):
        find_labels((tmp_path,), class_set=32)


def test_an_unknown_class_set_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"class_set is 12; expected 32 .* or 11"):
        read_camvid32(write_stills(tmp_path, ["0001TP_006690"]), "train", class_set=12)


# --- splits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("folder", ["", "CamVid"])
def test_the_frames_name_says_the_split(tmp_path: Path, split: str, folder: str) -> None:
    write_stills(tmp_path / folder, list(SPLIT_OF))
    dataset = read_camvid32(tmp_path, split)
    assert dataset.names == tuple(name for name, part in SPLIT_OF.items() if part == split)
    assert dataset.official


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", ("0001TP_009000", "0006R0_f00930")),
        ("val", ("Seq05VD_f00000",)),
        ("test", ("0016E5_07959",)),
    ],
)
def test_folders_by_split_say_the_split(tmp_path: Path, split: str, names: tuple[str, ...]) -> None:
    dataset = read_camvid32(write_split_folders(tmp_path), split)
    assert dataset.names == names
    assert dataset.labels.num_classes == 31
    assert dataset[0].mask is not None


def test_the_group_is_the_sequence(tmp_path: Path) -> None:
    dataset = read_camvid32(write_split_folders(tmp_path), "train")
    assert dataset.groups == ("0001TP", "0006R0")


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    root = write_split_folders(tmp_path / "CamVid")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    from_zip, from_folder = (read_camvid32(p, "val") for p in (tmp_path / "archive.zip", root))
    assert from_zip.names == from_folder.names
    assert from_zip.labels == from_folder.labels
    np.testing.assert_array_equal(from_zip[0].mask, from_folder[0].mask)


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "readme.txt", "._0001TP_006690.png"])
def test_files_that_are_no_frames_are_passed_over(tmp_path: Path, name: str) -> None:
    write_stills(tmp_path, ["0001TP_006690"])
    (tmp_path / "701_StillsRaw_full" / name).write_bytes(b"x")
    (tmp_path / "LabeledApproved_full" / name).write_bytes(b"x")
    assert read_camvid32(tmp_path, "train").names == ("0001TP_006690",)


def test_an_unknown_split_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'tset'; did you mean 'test'"):
        read_camvid32(tmp_path, "tset")


def test_an_image_without_mask_is_an_error(tmp_path: Path) -> None:
    write_stills(tmp_path, ["0001TP_006690", "0001TP_006720"])
    (tmp_path / "LabeledApproved_full/0001TP_006720_L.png").unlink()
    with pytest.raises(ValueError, match=r"0001TP_006720\.png: has no mask; .*_006720_L\.png"):
        read_camvid32(tmp_path, "train")


def test_a_mask_without_image_is_an_error(tmp_path: Path) -> None:
    write_stills(tmp_path, ["0001TP_006690", "0001TP_006720"])
    (tmp_path / "701_StillsRaw_full/0001TP_006720.png").unlink()
    with pytest.raises(ValueError, match=r"_006720_L\.png: 1 masks have no image"):
        read_camvid32(tmp_path, "train")


def test_a_frame_of_no_sequence_is_an_error_and_not_a_training_frame(tmp_path: Path) -> None:
    write_stills(tmp_path, ["0001TP_006690", "dog"])
    with pytest.raises(ValueError, match=r"dog\.png: is no frame of CamVid; .* 0006R0, 0016E5"):
        read_camvid32(tmp_path, "train")


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the val split is empty"):
        read_camvid32(write_stills(tmp_path, ["0001TP_006690"]), "val")


def test_another_folder_is_refused_with_the_layouts_expected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither 701_StillsRaw_full/ and .* nor val/ and val_la"):
        read_camvid32(tmp_path, "val")


def test_both_layouts_are_recognised_and_other_data_is_not(tmp_path: Path) -> None:
    assert ENTRY.is_at is not None
    write_stills(tmp_path / "a", ["0001TP_006690"])
    write_split_folders(tmp_path / "b")
    write_frame(tmp_path / "c/train/dog.png", tmp_path / "c/train_labels/dog_L.png")
    assert [ENTRY.is_at(tmp_path / folder) for folder in "abc"] == [True, True, False]


# --- real lists ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("split", "count"), [("train", 367), ("val", 101), ("test", 233)])
def test_the_rule_is_segnets_split_of_all_701_frames(
    tmp_path: Path, real_data: Path, split: str, count: int
) -> None:
    lists = {
        part: [Path(line.split()[0]).stem for line in read_lines(file)]
        for part in ("train", "val", "test")
        for file in [real_data / f"camvid/CamVid-webp/{part}.txt"]
    }
    for folder, ending in (("701_StillsRaw_full", ""), ("LabeledApproved_full", "_L")):
        (tmp_path / folder).mkdir()
        for stem in [name for part in lists.values() for name in part]:
            (tmp_path / folder / f"{stem}{ending}.png").touch()
    names = read_camvid32(tmp_path, split).names
    assert len(names) == count
    assert sorted(names) == sorted(lists[split])


def test_the_built_in_colours_are_those_of_label_colors_txt(real_data: Path) -> None:
    lines = read_lines(real_data / "camseq/CamSeq01-rebuilt/label_colors.txt")
    words = [line.split() for line in lines]
    assert [(name, (int(r), int(g), int(b))) for r, g, b, name in words] == list(COLORS.items())
