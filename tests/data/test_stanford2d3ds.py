"""Stanford 2D-3D-S: areas, rooms, and masks of 24-bit codes into a table of instances."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.stanford2d3ds import AREAS, CLASSES, ENTRY, read_stanford2d3ds
from tessella.errors import UsageError

FEW = [
    *("<UNK>_0_<UNK>_0_0", "wall_1_office_1_1", "chair_12_hallway_7_5", "<UNK>_1_office_1_1"),
    "beam_1_WC_2_3",
]
# so long that codes need two bytes: entry 300 is 0x00012C
TABLE = [*FEW, *(f"clutter_{n}_office_1_2" for n in range(len(FEW), 300)), "sofa_1_lounge_1_3"]

CODES = (0, 1, 2, 3, 4, 300, 0x0D0D0D)
MASK = [255, 11, 4, 255, 0, 9, 255]  # by the order of CLASSES


def write_frames(root: Path, area: str, stems: Sequence[str], codes: Sequence[int] = CODES) -> None:
    """Frames camera_STEM_domain_rgb of 1x7 pixels with masks of the codes."""
    for kind in ("rgb", "semantic"):
        (root / f"area_{area}/data/{kind}").mkdir(parents=True, exist_ok=True)
    mask = np.array([[(c >> 16, c >> 8 & 255, c & 255) for c in codes]], np.uint8)
    for stem in stems:
        path = root / f"area_{area}/data/KIND/camera_{stem}_domain_KIND.png"
        image = Image.fromarray(np.full(mask.shape, 9, np.uint8))
        image.save(str(path).replace("KIND", "rgb"))
        Image.fromarray(mask).save(str(path).replace("KIND", "semantic"))


def write_table(root: Path, table: object = TABLE) -> None:
    (root / "assets").mkdir(parents=True, exist_ok=True)
    (root / "assets/semantic_labels.json").write_text(json.dumps(table))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Every area, with two frames each of one room, the later one written first."""
    home = tmp_path / "2D-3D-S"
    write_table(home)
    for number, area in enumerate(AREAS):
        write_frames(home, area, [f"{number}b_office_1_frame_1", f"{number}a_office_1_frame_0"])
    return home


# --- classes ------------------------------------------------------------------------------------


def test_codes_are_places_in_the_table_and_unknown_is_ignored(root: Path) -> None:
    # S3-B05: UNK counted; S3-B09: 256 and up overflowed; S3-B10: 0x0D0D0D was looked up
    np.testing.assert_array_equal(read_stanford2d3ds(root, "val")[0].mask, [MASK])


def test_thirteen_classes_in_alphabetical_order(root: Path) -> None:
    labels = read_stanford2d3ds(root, "val").labels
    assert labels.names == CLASSES
    assert list(CLASSES) == sorted(CLASSES)
    assert labels.num_classes == 13


def test_a_code_past_the_end_of_the_table_is_an_error(root: Path) -> None:
    write_frames(root, "5a", ["4a_office_1_frame_0"], [301])
    with pytest.raises(ValueError, match=r"_semantic\.png: 100\.00% .* neither a class .*: 301 "):
        read_stanford2d3ds(root, "val")[0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "is no list of instances"),
        ([], "is no list of instances"),
        (["<UNK>_0_<UNK>_0_0", "lamp_1_office_1_1"], "entry 1 is 'lamp_1_office_1_1'; expected"),
        (["wall_1_office_1_1", 7], "entry 1 is '7'"),
    ],
)
def test_a_table_that_is_none_is_an_error(root: Path, table: object, message: str) -> None:
    write_table(root, table)
    with pytest.raises(ValueError, match=rf"semantic_labels\.json: {message}"):
        read_stanford2d3ds(root, "val")


def test_a_damaged_table_is_one_clear_error(root: Path) -> None:
    (root / "assets/semantic_labels.json").write_text('["wall_1')
    with pytest.raises(ValueError, match=r"semantic_labels\.json: cannot read the class table"):
        read_stanford2d3ds(root, "val")


def test_a_missing_table_is_an_error_that_says_where_to_get_it(root: Path) -> None:
    (root / "assets/semantic_labels.json").unlink()
    with pytest.raises(ValueError, match=r"has no assets/semantic_labels\.json.*alexsax/2D-3D"):
        read_stanford2d3ds(root, "val")


def test_the_table_may_lie_in_the_folder_given_above_the_areas(root: Path) -> None:
    (root / "assets").rename(root.parent / "assets")
    assert len(read_stanford2d3ds(root.parent, "val")) == 2


# --- areas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "numbers"), [("train", [0, 1, 2, 3, 6]), ("val", [4]), ("test", [5])]
)
def test_train_is_1_2_3_4_6_val_5a_and_test_5b_in_the_order_of_names(
    root: Path, split: str, numbers: list[int]
) -> None:  # S3-B01: train was val's area; S3-B20: the order was the disk's
    dataset = read_stanford2d3ds(root, split)
    assert dataset.official
    assert dataset.names == tuple(
        f"camera_{number}{room}_domain_rgb"
        for number in numbers
        for room in ("a_office_1_frame_0", "b_office_1_frame_1")
    )


def test_numbers_of_a_recipe_name_areas_too(root: Path) -> None:
    dataset = read_stanford2d3ds(root, "train", train_areas=[3, 1])  # type: ignore[list-item]
    assert [pair.image.parts[-4] for pair in dataset.pairs] == ["area_1"] * 2 + ["area_3"] * 2
    assert not dataset.official


def test_a_frame_is_found_by_its_file_name(root: Path) -> None:  # S3-F08
    dataset = read_stanford2d3ds(root, "val")
    assert dataset.names.index("camera_4b_office_1_frame_1_domain_rgb") == 1


def test_the_group_is_the_room(tmp_path: Path) -> None:
    write_table(tmp_path)
    stems = ["0a_conferenceRoom_1_frame_0", "0b_WC_2_frame_10", "0c_WC_12_frame_0"]
    write_frames(tmp_path, "1", stems)
    groups = read_stanford2d3ds(tmp_path, "train", train_areas=["1"]).groups
    assert groups == ("area_1_conferenceRoom_1", "area_1_WC_2", "area_1_WC_12")


def test_a_room_in_both_halves_of_area_5_is_one_group(root: Path) -> None:
    val, test = (read_stanford2d3ds(root, split) for split in ("val", "test"))
    assert set(val.groups) == set(test.groups) == {"area_5_office_1"}


@pytest.mark.parametrize(("every", "kept"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (9, [0])])
def test_every_nth_frame_is_kept(tmp_path: Path, every: int, kept: list[int]) -> None:
    write_table(tmp_path)
    write_frames(tmp_path, "5a", [f"0{n}_office_1_frame_0" for n in range(5)])
    names = read_stanford2d3ds(tmp_path, "val", every=every).names
    assert names == tuple(f"camera_0{n}_office_1_frame_0_domain_rgb" for n in kept)


@pytest.mark.parametrize("every", [0, -1])
def test_every_zeroth_frame_is_wrong_usage(root: Path, every: int) -> None:
    with pytest.raises(UsageError, match=rf"every is {every}; expected 1"):
        read_stanford2d3ds(root, "val", every=every)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_area_in_two_splits_is_wrong_usage_in_every_split(root: Path, split: str) -> None:
    with pytest.raises(UsageError, match="area 5a is in data.options.train_areas and in val_area"):
        read_stanford2d3ds(root, split, train_areas=["1", "5a"])


@pytest.mark.parametrize(
    ("areas", "message"),
    [
        (
            ["5"],
            "no area is called '5'.* Known: 1, 2, 3, 4, 5a, 5b, 6",
        ),  # S3-B21: no image, no error
        (["area_3"], "no area is called 'area_3'"),
        ("5a", r"val_areas is '5a'; expected a list, for example \[1, 5a\]"),
        (["5a", "5a"], "val_areas lists area 5a more than once"),
        ([], "val_areas is empty"),
    ],
)
def test_areas_that_are_none_are_wrong_usage(
    root: Path, areas: Sequence[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_stanford2d3ds(root, "val", val_areas=areas)


def test_areas_of_other_splits_need_not_be_there(tmp_path: Path) -> None:
    write_table(tmp_path)
    write_frames(tmp_path, "3", ["0_office_1_frame_0"])
    assert len(read_stanford2d3ds(tmp_path, "train", train_areas=["3"])) == 1


def test_a_missing_area_is_an_error_that_says_which_are_here(tmp_path: Path) -> None:
    write_table(tmp_path)
    for area in ("3", "6"):
        write_frames(tmp_path, area, [f"{area}_office_1_frame_0"])
    with pytest.raises(ValueError, match="area 5a is not here, only 3, 6; .*buildingparser"):
        read_stanford2d3ds(tmp_path, "val")


def test_another_folder_is_refused_and_says_where_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folder area_1/data .*buildingparser.stanford.edu"):
        read_stanford2d3ds(tmp_path, "val")


# --- files --------------------------------------------------------------------------------------


def test_a_frame_without_mask_is_an_error(root: Path) -> None:
    (root / "area_5a/data/semantic/camera_4b_office_1_frame_1_domain_semantic.png").unlink()
    with pytest.raises(ValueError, match=r"frame_1_domain_rgb\.png: has no mask; expected .*seman"):
        read_stanford2d3ds(root, "val")


@pytest.mark.parametrize("kind", ["rgb", "semantic"])
def test_an_area_without_frames_is_an_error(root: Path, kind: str) -> None:
    (root / f"area_5a/data/{kind}").rename(root / "area_5a/data/depth")
    with pytest.raises(ValueError, match=rf"area_5a/data/{kind}: has no files \*_{kind}\.png"):
        read_stanford2d3ds(root, "val")


def test_a_frame_whose_name_tells_no_room_is_an_error(tmp_path: Path) -> None:
    write_table(tmp_path)
    write_frames(tmp_path, "5a", ["zero"])
    with pytest.raises(ValueError, match=r"camera_zero_domain_rgb\.png: its name tells no room"):
        read_stanford2d3ds(tmp_path, "val")


def test_a_zip_is_read_like_its_folder(root: Path) -> None:
    path = root.parent / "stanford.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.*")):
            archive.write(file, file.relative_to(root.parent))
    from_zip, from_folder = (read_stanford2d3ds(place, "val") for place in (path, root))
    assert from_zip.names == from_folder.names
    np.testing.assert_array_equal(from_zip[0].mask, [MASK])


def test_the_data_set_is_recognised(root: Path, tmp_path: Path) -> None:
    assert ENTRY.is_at is not None
    assert ENTRY.is_at(tmp_path)
    assert not ENTRY.is_at(root / "assets")


def test_an_unknown_split_is_wrong_usage(root: Path) -> None:
    with pytest.raises(UsageError, match="no split of stanford2d3ds is called '5a'"):
        read_stanford2d3ds(root, "5a")


# --- the real table -----------------------------------------------------------------------------


def test_the_real_table_has_its_instances_of_each_class(real_data: Path) -> None:
    labels = read_stanford2d3ds(real_data / "stanford2d3ds", "train", train_areas=["3"]).labels
    counts = np.bincount([index for _, index in labels.file_values], minlength=256)
    # SOURCE.md there, which counted the file's 9816 entries; ignored are <UNK> and 0x0D0D0D
    # beam board bookcase ceiling chair clutter column, door floor sofa table wall window
    published = [159, 137, 584, 385, 1363, 3882, 254, 543, 284, 55, 455, 1546, 168]
    assert counts[:13].tolist() == published
    assert counts[255] == 2


def test_the_rebuilt_frame_is_decoded_like_one_code_at_a_time(real_data: Path) -> None:
    home = real_data / "stanford2d3ds"
    dataset = read_stanford2d3ds(home, "train", train_areas=["3"])
    table = json.loads((home / "assets/semantic_labels.json").read_text())
    path = next((home / "area_3/data/semantic").iterdir())
    pixels = np.asarray(Image.open(path)).astype(int) @ [65536, 256, 1]
    index_of = {name: index for index, name in enumerate(CLASSES)}
    slow = [
        index_of[table[code].split("_")[0]] if code < len(table) else 255
        for code in pixels.ravel().tolist()
    ]
    np.testing.assert_array_equal(dataset[0].mask, np.reshape(slow, pixels.shape))
