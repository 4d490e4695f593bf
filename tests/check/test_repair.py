"""A fixed copy holds what can be put right, says what it left out, and harms nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tessella.check.findings import Findings, Problem
from tessella.check.repair import write_fixed
from tessella.data.folder import read_folder
from tessella.data.pairs import Pair
from tessella.errors import UsageError
from tessella.labels import LabelMap

BINARY = LabelMap.from_values({"ground": [0], "crack": [255]})


def pair(folder: Path, name: str, mask: np.ndarray, *, size: tuple[int, int] = (4, 6)) -> Pair:
    seed = int.from_bytes(f"{folder.name}{name}".encode(), "big")
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    folder.mkdir(exist_ok=True)
    Image.fromarray(noise).save(folder / f"{name}.png")
    Image.fromarray(mask).save(folder / f"{name}_m.png")
    return Pair(folder / f"{name}.png", folder / f"{name}_m.png", name, name)


def findings(pairs: dict[str, tuple[Pair, ...]], **changes: object) -> Findings:
    values: dict[str, object] = {
        "name": "folder",
        "reason": "made here",
        "pairs": pairs,
        "num_samples": {split: len(listed) for split, listed in pairs.items()},
        "problems": (),
        "labels": BINARY,
        "is_proposed": True,
        "num_images": 1,
        "num_masks": 1,
    }
    return Findings(**{**values, **changes})  # type: ignore[arg-type]


def half(low: int = 0, high: int = 255) -> np.ndarray:
    mask = np.full((4, 6), low, np.uint8)
    mask[:, 3:] = high
    return mask


def test_masks_become_class_indices_that_the_folder_reader_reads(tmp_path: Path) -> None:
    train = tuple(pair(tmp_path / "in", name, half()) for name in ("a", "b"))
    val = (pair(tmp_path / "in", "c", half()),)
    copy = write_fixed(findings({"train": train, "val": val}), tmp_path / "out")
    assert copy.num_written == 3
    read = read_folder(tmp_path / "out", "train")
    assert read.names == ("a", "b")
    assert read.labels.names == ("ground", "crack")
    np.testing.assert_array_equal(read[0].mask, half(0, 1))
    assert read_folder(tmp_path / "out", "val").names == ("c",)


def test_images_are_copied_byte_for_byte(tmp_path: Path) -> None:
    one = pair(tmp_path / "in", "a", half())
    write_fixed(findings({"all": (one,)}), tmp_path / "out")
    assert (tmp_path / "out/images/a.png").read_bytes() == one.image.read_bytes()


def test_smoothed_values_take_the_nearest_class_and_are_counted(tmp_path: Path) -> None:
    mask = half()
    mask[:, 2], mask[:, 3] = 60, 200
    one = pair(tmp_path / "in", "a", mask)
    copy = write_fixed(findings({"all": (one,)}, repairs={60: 0, 200: 255}), tmp_path / "out")
    assert copy.num_repaired_pixels == 8
    written = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    np.testing.assert_array_equal(written, half(0, 1))


def test_smoothed_colours_take_the_nearest_class(tmp_path: Path) -> None:
    labels = LabelMap.from_colors({"red": (200, 0, 0), "blue": (0, 0, 200)})
    mask = np.zeros((4, 6, 3), np.uint8)
    mask[:, :3], mask[:, 3:] = (200, 0, 0), (0, 0, 200)
    mask[:, 3] = (90, 0, 110)
    one = pair(tmp_path / "in", "a", mask)
    repairs = {0x5A006E: 0x0000C8}
    copy = write_fixed(findings({"all": (one,)}, labels=labels, repairs=repairs), tmp_path / "out")
    assert copy.num_repaired_pixels == 4
    written = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    np.testing.assert_array_equal(written, half(0, 1))


def test_what_cannot_be_kept_is_listed_with_its_reason(tmp_path: Path) -> None:
    good = pair(tmp_path / "in", "good", half())
    small = pair(tmp_path / "in", "small", half()[:2])
    odd = pair(tmp_path / "in", "odd", half(0, 7))
    bare = Pair(good.image, None, "bare", "bare")
    copy = write_fixed(findings({"all": (good, small, odd, bare)}), tmp_path / "out")
    assert copy.num_written == 1
    reasons = {one.name: one.reason for one in copy.left_out}
    assert "mask is 2x6 (height x width) but its image is 4x6" in reasons["small"]
    assert "7 (50.00%)" in reasons["odd"]
    assert reasons["bare"] == "has no mask"
    account = json.loads((tmp_path / "out/fixed.json").read_text())
    assert [one["name"] for one in account["left_out"]] == ["small", "odd", "bare"]


def test_an_image_that_exif_turns_is_written_upright(tmp_path: Path) -> None:
    one = pair(tmp_path / "in", "a", half())
    turned = Image.open(one.image)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned clockwise: 4x6 becomes 6x4
    turned.save(tmp_path / "in/a.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(half(), -1).copy()).save(one.mask)
    jpeg = one._replace(image=tmp_path / "in/a.jpg")
    write_fixed(findings({"all": (jpeg,)}), tmp_path / "out")
    written = Image.open(tmp_path / "out/images/a.png")
    assert written.size == (4, 6)
    assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("turn", range(1, 9))
def test_an_image_that_fits_its_mask_only_as_stored_is_written_so(
    tmp_path: Path, turn: int
) -> None:
    stored = np.random.default_rng(turn).integers(0, 256, (4, 6, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turn
    (tmp_path / "in").mkdir()
    Image.fromarray(stored).save(tmp_path / "in/a.png", exif=exif)
    Image.fromarray(half()).save(tmp_path / "in/a_m.png")
    one = Pair(tmp_path / "in/a.png", tmp_path / "in/a_m.png", "a", "a")
    write_fixed(findings({"all": (one,)}), tmp_path / "out")
    written = np.asarray(Image.open(tmp_path / "out/images/a.png"))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(one.image)))
    np.testing.assert_array_equal(written, upright if upright.shape == stored.shape else stored)


def test_of_images_with_the_same_content_the_first_stays(tmp_path: Path) -> None:
    first = pair(tmp_path / "in", "a", half())
    second = Pair(tmp_path / "in/b.png", first.mask, "b", "b")
    second.image.write_bytes(first.image.read_bytes())
    copy = write_fixed(findings({"train": (first,), "val": (second,)}), tmp_path / "out")
    assert copy.num_written == 1
    assert [(one.name, one.reason) for one in copy.left_out] == [
        ("b", f"{second.image}: is the same picture as a")
    ]


def test_equal_names_in_two_splits_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first, second = pair(tmp_path / "one", "a", half()), pair(tmp_path / "two", "a", half(255, 0))
    write_fixed(findings({"train": (first,), "val": (second,)}), tmp_path / "out")
    assert read_folder(tmp_path / "out", "val").names == ("val_a",)


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    one = pair(tmp_path, "a", half())
    with pytest.raises(UsageError, match="is not empty; name a new folder"):
        write_fixed(findings({"all": (one,)}), tmp_path)


def test_without_a_label_map_there_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="what the masks mean is unknown"):
        write_fixed(findings({"all": ()}, labels=None), tmp_path / "out")


def test_where_no_pair_can_be_kept_the_first_reason_is_told(tmp_path: Path) -> None:
    odd = pair(tmp_path / "in", "odd", half(0, 7))
    with pytest.raises(ValueError, match=r"no pair can be kept; the first: .*odd_m\.png"):
        write_fixed(findings({"all": (odd,)}), tmp_path / "out")


# --- copies that would hold the wrong thing -----------------------------------------------------


@pytest.mark.parametrize("kind", ["binary_0_255", "binary_mixed", "off_by_one"])
@pytest.mark.parametrize("labels", [BINARY, None])
def test_no_copy_is_made_of_masks_that_are_misread(
    tmp_path: Path, kind: str, labels: LabelMap | None
) -> None:
    wrong = Problem(kind, "error", "It is lost.", (), 1, "Say more.")
    one = pair(tmp_path / "in", "a", half())
    with pytest.raises(ValueError, match=r"^folder: no copy is made\. It is lost\. Say more\.$"):
        write_fixed(findings({"all": (one,)}, problems=(wrong,), labels=labels), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_proposal_that_solves_it_makes_a_copy(tmp_path: Path) -> None:
    solved = Problem("binary_0_255", "remark", "0 and 255.", (), 1, "Take them.")
    one = pair(tmp_path / "in", "a", half())
    copy = write_fixed(findings({"all": (one,)}, problems=(solved,)), tmp_path / "out")
    assert copy.num_written == 1


# --- masks of floating-point numbers ------------------------------------------------------------


def with_float_mask(folder: Path, name: str, mask: np.ndarray) -> Pair:
    one = pair(folder, name, half())
    path = folder / f"{name}_m.tif"
    Image.fromarray(mask.astype(np.float32)).save(path)
    return one._replace(mask=path)


def test_whole_floats_become_class_indices(tmp_path: Path) -> None:
    one = with_float_mask(tmp_path / "in", "a", half())
    write_fixed(findings({"all": (one,)}), tmp_path / "out")
    written = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    np.testing.assert_array_equal(written, half(0, 1))


@pytest.mark.parametrize("value", [0.5, -1.0, 70_000.0, np.nan, np.inf])
def test_floats_that_are_no_class_numbers_are_left_out(tmp_path: Path, value: float) -> None:
    mask = half().astype(np.float32)
    mask[0, 0] = value
    odd = with_float_mask(tmp_path / "in", "odd", mask)
    good = pair(tmp_path / "in", "good", half())
    copy = write_fixed(findings({"all": (odd, good)}), tmp_path / "out")
    assert copy.num_written == 1
    assert "odd_m.tif" in copy.left_out[0].reason
    assert "mode F" in copy.left_out[0].reason


def test_a_tiff_of_whole_numbers_is_read_as_ever(tmp_path: Path) -> None:
    one = pair(tmp_path / "in", "a", half())
    path = tmp_path / "in/a_m.tif"
    Image.fromarray(half().astype(np.int32)).save(path)
    write_fixed(findings({"all": (one._replace(mask=path),)}), tmp_path / "out")
    written = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    np.testing.assert_array_equal(written, half(0, 1))


# --- names that a list cannot hold --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "in_copy"),
    [
        ("new\nline", "new%0Aline"),
        (" blanks ", "%20blanks%20"),
        ("\u2003", "%E2%80%83"),
        ("tab\tin", "tab%09in"),
        ("gr\udcfcn", "gr%FCn"),  # a byte of latin-1
        ("it's {fine} #1 %", "it's {fine} #1 %"),
        ("日本", "日本"),
    ],
)
def test_names_are_written_so_that_the_lists_hold_them(
    tmp_path: Path, name: str, in_copy: str
) -> None:
    train = pair(tmp_path / "in", "a", half())._replace(name=name)
    val = pair(tmp_path / "in", "b", half())
    write_fixed(findings({"train": (train,), "val": (val,)}), tmp_path / "out")
    assert read_folder(tmp_path / "out", "train").names == (in_copy,)


def test_what_is_left_out_is_listed_under_a_name_that_prints(tmp_path: Path) -> None:
    good = pair(tmp_path / "in", "good", half())
    odd = Pair(tmp_path / "in/gr\udcfcn.png", good.mask, "gr\udcfcn", "a")
    write_fixed(findings({"all": (good, odd)}), tmp_path / "out")
    account = json.loads((tmp_path / "out/fixed.json").read_text())
    assert account["left_out"][0]["name"] == "gr%FCn"
    assert "gr\\udcfcn.png: cannot be read" in account["left_out"][0]["reason"]
