"""Tables and plain lists of image and mask files."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.manifest import ENTRY, read_manifest
from tessella.errors import UsageError

CLASSES = ["ground", "plant"]
MASK = np.array([[0, 1, 255], [1, 1, 0]], np.uint8)
ROWS = [
    ("i/a.jpg", "m/a.png", "train", "p1"),
    ("i/b.jpg", "m/b.png", "train", "p1"),
    ("i/c.jpg", "m/c.png", "val", "p2"),
    ("i/d.jpg", "m/d.png", "test", "p3"),
]


def write_pairs(root: Path, rows: Sequence[tuple[str, ...]] = ROWS) -> Path:
    for image, mask, *_ in rows:
        for name in (image, mask):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((2, 3, 3), 9, np.uint8)).save(root / image)
        Image.fromarray(MASK).save(root / mask)
    return root


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n").encode())
    return path


def write_table(
    root: Path, header: str = "image,mask,split,group", *, rows: Sequence[tuple[str, ...]] = ROWS
) -> Path:
    return write(root / "manifest.csv", header, *(",".join(row) for row in rows))


def write_jsonl(path: Path) -> Path:
    keys = ("image", "mask", "split", "group")
    return write(path, *(json.dumps(dict(zip(keys, row, strict=True))) for row in ROWS))


def names_of(root: Path, split: str = "train", **options: object) -> tuple[str, ...]:
    return read_manifest(root, split, classes=CLASSES, **options).names  # type: ignore[arg-type]


# --- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "names", "groups"),
    [("train", ("a", "b"), ("p1", "p1")), ("val", ("c",), ("p2",)), ("test", ("d",), ("p3",))],
)
def test_a_row_says_image_mask_split_and_group(
    tmp_path: Path, split: str, names: tuple[str, ...], groups: tuple[str, ...]
) -> None:
    write_table(write_pairs(tmp_path))
    dataset = read_manifest(tmp_path, split, classes=CLASSES)
    assert dataset.names == names
    assert dataset.groups == groups
    assert dataset[0].image.shape == (2, 3, 3)
    np.testing.assert_array_equal(dataset[0].mask, MASK)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"], ids=["plain", "bom", "blank lines"])
def test_tables_of_any_spreadsheet_are_read(
    tmp_path: Path, separator: str, end: str, start: str
) -> None:
    write_pairs(tmp_path)
    rows = [("image", "mask", "split", "group"), *ROWS, ("", "", "", "")]
    text = start + end.join(separator.join(row) for row in rows)
    (tmp_path / "manifest.csv").write_bytes(text.encode())
    assert names_of(tmp_path) == ("a", "b")


@pytest.mark.parametrize(
    "name", ["manifest.csv", "manifest.jsonl", "data.csv", "pairs.ndjson", "x.tsv"]
)
@pytest.mark.parametrize("gives_file", [True, False])
def test_the_root_is_the_file_or_its_folder(tmp_path: Path, name: str, gives_file: bool) -> None:
    write_pairs(tmp_path)
    if "json" in name:
        write_jsonl(tmp_path / name)
    else:
        write_table(tmp_path).rename(tmp_path / name)
    assert names_of(tmp_path / name if gives_file else tmp_path) == ("a", "b")


@pytest.mark.parametrize("inside", ["", "deep"])
def test_a_zip_is_read_like_a_folder(tmp_path: Path, inside: str) -> None:
    write_table(write_pairs(tmp_path / "data"), rows=[("../data/i/a.jpg", *ROWS[0][1:])])
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (tmp_path / "data").rglob("*.*"):
            archive.write(file, Path(inside) / "data" / file.relative_to(tmp_path / "data"))
    dataset = read_manifest(path / inside / "data", "train", classes=CLASSES)
    np.testing.assert_array_equal(dataset[0].mask, MASK)


def test_manifest_csv_is_preferred_to_other_tables(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path))
    write(tmp_path / "scores.csv", "a,b", "1,2")
    assert names_of(tmp_path) == ("a", "b")


@pytest.mark.parametrize(
    "header",
    [
        "Image,Label,Subset,Patient",
        " IMG , Seg , set , scene ",
        "file_name,segmentation,fold,video",
        "Image Path,mask-path,split,patient_id",
        '"filename","target","split","sequence"',
    ],
)
def test_columns_are_found_by_their_usual_names(tmp_path: Path, header: str) -> None:
    write_table(write_pairs(tmp_path), header)
    dataset = read_manifest(tmp_path, "train", classes=CLASSES)
    assert (dataset.names, dataset.groups) == (("a", "b"), ("p1", "p1"))


def test_the_plain_name_of_a_column_comes_before_others(tmp_path: Path) -> None:
    rows = [(image, mask, split, "0", "cat") for image, mask, split, _ in ROWS]
    write_table(write_pairs(tmp_path), "image,mask,split,fold,label", rows=rows)
    assert names_of(tmp_path) == ("a", "b")


def test_columns_of_other_names_are_given_by_options(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path), "scan,drawn,used_for,Who")
    dataset = read_manifest(
        tmp_path,
        "train",
        classes=CLASSES,
        image_column="scan",
        mask_column="drawn",
        split_column="used_for",
        group_column="who",
    )
    assert (dataset.names, dataset.groups) == (("a", "b"), ("p1", "p1"))


def test_a_column_that_an_option_names_is_not_taken_for_another(tmp_path: Path) -> None:
    rows = [row[:3] for row in ROWS]
    write_table(write_pairs(tmp_path), "target,seg,split", rows=rows)
    assert names_of(tmp_path, image_column="target") == ("a", "b")


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *(("TRAIN", "train"), ("Training", "train"), ("valid", "val"), ("validation", "val")),
        *(("dev", "val"), ("testing", "test")),
    ],
)
def test_splits_go_by_several_names(tmp_path: Path, word: str, split: str) -> None:
    write_table(write_pairs(tmp_path), rows=[("i/a.jpg", "m/a.png", word, "p1")])
    assert names_of(tmp_path, split) == ("a",)


def test_without_splits_whole_groups_are_shared_out(tmp_path: Path) -> None:
    rows = [(f"i/{n}.jpg", f"m/{n}.png", f"p{n // 2}") for n in range(8)]
    write_table(write_pairs(tmp_path, rows), "image,mask,patient", rows=rows)
    parts = {
        split: read_manifest(tmp_path, split, classes=CLASSES, val_share=0.25, test_share=0.25)
        for split in ("train", "val", "test")
    }
    assert {split: len(part) for split, part in parts.items()} == {"train": 4, "val": 2, "test": 2}
    assert len({group for part in parts.values() for group in set(part.groups)}) == 4
    assert sum(len(set(part.groups)) for part in parts.values()) == 4


def test_without_groups_each_image_is_its_own(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path), "image,mask,split", rows=[row[:3] for row in ROWS])
    assert read_manifest(tmp_path, "train", classes=CLASSES).groups == ("a", "b")


def test_paths_may_be_absolute_and_the_table_elsewhere(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data")
    rows = [(f"{data}/{image}", f"../data/{mask}", *rest) for image, mask, *rest in ROWS]
    path = write_table(tmp_path / "tables", rows=rows)
    dataset = read_manifest(path, "train", classes=CLASSES)
    assert dataset.names == ("a", "b")
    np.testing.assert_array_equal(dataset[1].mask, MASK)


def test_names_keep_the_folders_that_tell_them_apart(tmp_path: Path) -> None:
    rows = [("x/one/a.jpg", "m/1.png", "train", "g"), ("x/two/a.jpg", "m/2.png", "val", "g")]
    write_table(write_pairs(tmp_path, rows), rows=rows)
    assert names_of(tmp_path, "train") == ("one/a",)
    assert names_of(tmp_path, "val") == ("two/a",)


def test_paths_of_windows_are_read_and_quoted_commas_are_no_separators(tmp_path: Path) -> None:
    rows = [("i/a, b.jpg", "m/a.png", "train", "p")]
    write_pairs(tmp_path, rows)
    write_table(tmp_path, rows=[('"i\\a, b.jpg"', "m\\a.png", "train", "p")])
    assert names_of(tmp_path) == ("a, b",)


def test_numbers_in_json_are_groups_too(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    row = {"image": "i/a.jpg", "mask": "m/a.png", "split": "train", "group": 7, "more": [1]}
    write(tmp_path / "manifest.jsonl", json.dumps(row), "")
    assert read_manifest(tmp_path, "train", classes=CLASSES).groups == ("7",)


def test_classes_are_read_from_beside_the_table(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path))
    write(tmp_path / "classes.txt", *CLASSES)
    assert read_manifest(tmp_path, "train").labels.names == ("ground", "plant")


def test_without_classes_the_values_seen_are_proposed(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path))
    with pytest.raises(UsageError, match=r"data.options.classes=\{class_0: 0, class_1: 1\}"):
        read_manifest(tmp_path, "train")


# --- plain lists ----------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [" ", "   ", "\t", ",", ", ", ";"])
@pytest.mark.parametrize("pattern", ["{}_list.txt", "{}.txt"])
def test_plain_lists_name_an_image_and_its_mask(
    tmp_path: Path, separator: str, pattern: str
) -> None:
    write_pairs(tmp_path)
    for split in ("train", "val"):
        lines = [f"{i}{separator}{m}" for i, m, part, _ in ROWS if part == split]
        write(tmp_path / pattern.format(split), "", *lines, "")
    assert names_of(tmp_path, "train") == ("a", "b")
    assert names_of(tmp_path, "val") == ("c",)


def test_an_image_of_two_lists_is_left_to_them(tmp_path: Path) -> None:
    write_pairs(tmp_path)
    for split in ("val", "test"):
        write(tmp_path / f"{split}_list.txt", "i/a.jpg m/a.png")
    assert names_of(tmp_path, "val") == names_of(tmp_path, "test") == ("a",)


def test_lists_of_names_are_not_plain_lists(tmp_path: Path) -> None:
    write(tmp_path / "train.txt", "a", "b")
    write_table(write_pairs(tmp_path)).rename(tmp_path / "data.csv")
    assert names_of(tmp_path, "val") == ("c",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("i/b.jpg", r"line 2: 'i/b\.jpg' has 1 columns; expected two"),
        ("my images/b.jpg m/b.png", "line 2: .* has 3 columns; expected two"),
        ("i/b.jpg,", r"line 2: 'i/b\.jpg,' has 2 columns"),
        ("i/a.jpg m/b.png", r"line 2: .*a\.jpg is in line 1 too"),
        ("i/b.jpg i/b.jpg", r"line 2: .*b\.jpg is both the image and its mask"),
    ],
)
def test_a_line_of_a_plain_list_that_is_wrong_is_named(
    tmp_path: Path, line: str, message: str
) -> None:
    write(write_pairs(tmp_path) / "train_list.txt", "i/a.jpg m/a.png", line)
    with pytest.raises(ValueError, match=r"train_list\.txt, " + message):
        names_of(tmp_path)


def test_a_split_without_a_list_is_an_error(tmp_path: Path) -> None:
    write(write_pairs(tmp_path) / "train_list.txt", "i/a.jpg m/a.png")
    with pytest.raises(ValueError, match=r"has train_list\.txt but no list for the split 'val'"):
        names_of(tmp_path, "val")


def test_plain_lists_have_no_columns_to_name(tmp_path: Path) -> None:
    write(write_pairs(tmp_path) / "train_list.txt", "i/a.jpg m/a.png")
    with pytest.raises(UsageError, match=r"data\.options\.mask_column: .* name no columns"):
        names_of(tmp_path, mask_column="mask")


# --- errors of tables -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROWS[0], ("i/b.jpg", "", "train", "p")], r"line 3: has no mask \(column 'mask'\)"),
        ([ROWS[0], ("i/b.jpg", "m/b.png", "", "p")], r"line 3: has no split"),
        ([ROWS[0], ("i/b.jpg", "m/b.png", "train", "")], r"line 3: has no group"),
        ([("i/b.jpg", "m/b.png", "train")], "line 2: has 3 values but the header names 4 columns"),
        ([ROWS[0], ROWS[1], ROWS[0]], r"line 4: .*a\.jpg is in line 2 too"),
        ([ROWS[0], ("i/../i/a.jpg", "m/b.png", "val", "p")], "line 3: .* is in line 2 too"),
        ([("i/a.jpg", "i/a.jpg", "train", "p")], r"line 2: .*a\.jpg is both the image and its"),
        ([('"i/a.jpg', "m/a.png", "train", "p")], r"line 2: cannot be read \(unexpected end"),
        ([], "holds no samples"),
    ],
)
def test_a_row_that_is_wrong_is_named(
    tmp_path: Path, rows: list[tuple[str, ...]], message: str
) -> None:
    write_table(write_pairs(tmp_path), rows=rows)
    with pytest.raises(ValueError, match=r"manifest\.csv(, |: )" + message):
        names_of(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "i/b.jpg"', r"line 3: is not a JSON object \(Expecting"),
        ('["i/b.jpg", "m/b.png"]', r"line 3: is not a JSON object \(a list and not an object\)"),
        ('{"image": "i/b.jpg", "image": "x", "mask": "y"}', "line 3: .*'image' is there twice"),
        ('{"image": "i/b.jpg", "mask": null}', "line 3: has no mask"),
        ('{"image": "i/b.jpg"}', "line 3: has no mask"),
        ("[" * 100_000, "line 3: is not a JSON object"),
    ],
)
def test_a_line_of_json_that_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    write_pairs(tmp_path)
    write(tmp_path / "manifest.jsonl", '{"image": "i/a.jpg", "mask": "m/a.png"}', "", line)
    with pytest.raises(ValueError, match=r"manifest\.jsonl, " + message):
        names_of(tmp_path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("image,drawn,split,group", "no column of masks among image, drawn, split, group; call it"),
        ("a,b,c,d", r"no column of images among .* data\.options\.image_column"),
        ("image,mask_path,label,split", "mask_path and label may each be the column of masks"),
        ("image,mask,mask,split", "has the column 'mask' twice"),
    ],
)
def test_columns_that_are_missing_or_unclear_are_named(
    tmp_path: Path, header: str, message: str
) -> None:
    write_table(write_pairs(tmp_path), header)
    with pytest.raises(ValueError, match=r"manifest\.csv: " + message):
        names_of(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"mask_column": "maks"},
            "no column of manifest.csv is called 'maks'; did you mean 'mask'",
        ),
        ({"mask_column": "mask", "image_column": "mask"}, "'mask' is the column of masks too"),
        ({"image_column": "group", "group_column": "group"}, "'group' is the column of groups too"),
        ({"val_share": 1.5}, "val_share is 1.5"),
    ],
)
def test_an_option_that_does_not_fit_is_wrong_usage(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    write_table(write_pairs(tmp_path))
    with pytest.raises(UsageError, match=message):
        names_of(tmp_path, **options)


def test_a_column_given_as_masks_leaves_none_for_images(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path))
    with pytest.raises(ValueError, match="no column of images among mask, split, group;"):
        names_of(tmp_path, mask_column="image")


def test_unknown_splits_are_listed(tmp_path: Path) -> None:
    rows = [("i/a.jpg", "m/a.png", word, "p") for word in ("0", "holdout", "train")]
    write_table(write_pairs(tmp_path), rows=rows)
    with pytest.raises(ValueError, match=r"column 'split' holds 0, holdout; expected train, train"):
        names_of(tmp_path)


def test_missing_files_are_counted_and_the_first_five_named(tmp_path: Path) -> None:
    rows = [(f"i/{n}.jpg", "m/a.png", "train", "p") for n in range(7)]
    write_table(write_pairs(tmp_path), rows=rows)
    with pytest.raises(ValueError, match="7 of the 14 files of the train split are not") as caught:
        names_of(tmp_path)
    assert f"{tmp_path}/i/4.jpg (line 6), ..." in str(caught.value)
    assert "5.jpg" not in str(caught.value)


def test_text_too_long_to_be_a_path_is_a_missing_file(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path), rows=[("x" * 5000, "m/a.png", "train", "p")])
    with pytest.raises(ValueError, match="1 of the 2 files of the train split are not there"):
        names_of(tmp_path)


def test_an_empty_split_is_an_error_that_counts_the_others(tmp_path: Path) -> None:
    write_table(write_pairs(tmp_path), rows=ROWS[:3])
    with pytest.raises(ValueError, match=r"test split is empty \(train has 2, val has 1\)"):
        names_of(tmp_path, "test")


def test_images_that_differ_in_their_ending_only_are_an_error(tmp_path: Path) -> None:
    rows = [("i/a.jpg", "m/a.png", "train", "p"), ("i/a.png", "m/b.png", "train", "p")]
    write_table(write_pairs(tmp_path, rows), rows=rows)
    with pytest.raises(ValueError, match="has the same name 'a'"):
        names_of(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "holds no table or lists; expected one manifest.csv"),
        (["a.csv", "b.jsonl"], r"holds a\.csv, b\.jsonl; expected one manifest\.csv"),
        (["manifest.csv", "manifest.jsonl"], r"holds manifest\.csv, manifest\.jsonl; expected one"),
    ],
)
def test_a_folder_without_one_table_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        write(tmp_path / name, "x")
    with pytest.raises(ValueError, match=message):
        names_of(tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.json: is none of \.csv, \.tsv, \.jsonl"):
        names_of(write(tmp_path / "data.json", "[]"))


def test_a_table_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes("image,mask\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"manifest\.csv: byte 0 is not UTF-8 text"):
        names_of(tmp_path)


def test_an_unknown_split_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'trian'; did you mean 'train'"):
        names_of(tmp_path, "trian")


def test_no_root_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="manifest: no folder given"):
        read_manifest(None, "train")


# --- whether a folder is one ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line", "is_at"),
    [
        ("manifest.csv", "image,mask", True),
        ("manifest.jsonl", "{}", True),
        ("train_list.txt", "a.jpg a.png", True),
        ("val_list.txt", "a.jpg", False),
        ("train.txt", "a.jpg a.png", False),
        ("data.csv", "image,mask", False),
    ],
)
def test_a_folder_is_known_by_its_manifest_or_lists(
    tmp_path: Path, name: str, line: str, is_at: bool
) -> None:
    write(tmp_path / name, line)
    assert ENTRY.is_at is not None
    assert ENTRY.is_at(tmp_path) is is_at
