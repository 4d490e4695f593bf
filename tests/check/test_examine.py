"""The whole check: real data passes, damage done to it is found, hostile files do no harm."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tessella.check import Findings, check, check_path
from tessella.errors import UsageError
from tessella.source import Source

Tools = Any
Written = Any


def serious(findings: Findings) -> set[str]:
    return {problem.kind for problem in findings.problems if problem.severity != "remark"}


# --- right data ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("camvid/mini", "camvid"),
        ("camseq", "camseq"),
        ("cityscapes", "cityscapes"),
        ("voc/extra/pascal_person_part", "folder"),
        ("voc/extra/nyud40", "folder"),
        ("voc/extra/coral", "folder"),
    ],
)
def test_real_data_is_recognised_and_has_no_problem(real_data: Path, place: str, name: str) -> None:
    findings = check_path(real_data / place)
    assert findings.name == name
    assert serious(findings) == set()
    assert findings.ok


def test_voc_lacks_classes_in_train_and_nothing_else(real_data: Path) -> None:
    findings = check_path(real_data / "voc")
    assert findings.name == "voc2012"
    assert serious(findings) == {"class_absent"}
    assert findings.num_samples == {"train": 10, "val": 4}
    # the sizes and values that the folder's own notes give
    assert {v.value for v in findings.values} == {
        *(0, 1, 2, 5, 6, 7, 9, 11, 12, 13, 15, 17, 18, 255)
    }


def test_flowers_that_are_in_the_set_twice_are_found(real_data: Path) -> None:
    findings = check_path(real_data / "flowers17")
    assert serious(findings) == {"near_duplicate"}


def test_a_data_set_without_files_is_checked_too() -> None:
    options = {"count": 6, "height": 33, "width": 47}
    findings = check(Source("synthetic", None, options))
    assert findings.num_samples == {"train": 6, "val": 6, "test": 6}
    assert findings.num_masks == 18
    assert findings.pairs == {}
    assert sum(value.pixels for value in findings.values) == 18 * 33 * 47


# --- real data, damaged -------------------------------------------------------------------------


def voc_as(real_data: Path, root: Path, change: Any, *, suffix: str = ".png") -> Path:
    source = real_data / "voc" / "VOCdevkit" / "VOC2012"
    for mask in sorted((source / "SegmentationClass").glob("*.png"))[:6]:
        image = source / "JPEGImages" / f"{mask.stem}.jpg"
        (root / "images").mkdir(parents=True, exist_ok=True)
        (root / "masks").mkdir(exist_ok=True)
        (root / "images" / image.name).write_bytes(image.read_bytes())
        with Image.open(mask) as opened:
            opened.load()
        change(opened).save(root / "masks" / f"{mask.stem}{suffix}")
    return root


def halved_smoothly(mask: Image.Image) -> Image.Image:
    grey = Image.fromarray(np.asarray(mask))
    size = (mask.width // 2, mask.height // 2)
    small = grey.resize(size, Image.Resampling.BILINEAR)
    return small.resize(mask.size, Image.Resampling.BILINEAR)


DAMAGE: dict[str, tuple[Any, str, str]] = {
    "opened as grey": (lambda mask: mask.convert("L"), ".png", "color_as_gray"),
    "resized smoothly": (halved_smoothly, ".png", "blended_mask"),
    "saved as JPEG": (lambda mask: mask.convert("RGB"), ".jpg", "jpeg_mask"),
    "saved as RGB": (lambda mask: mask.convert("RGB"), ".png", "rgb_coded"),
    "half the size": (
        lambda mask: mask.resize((mask.width // 2, mask.height // 2), Image.Resampling.NEAREST),
        ".png",
        "size_mismatch",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_to_real_masks_is_told_by_its_name(
    real_data: Path, tmp_path: Path, kind: str
) -> None:
    change, suffix, problem = DAMAGE[kind]
    findings = check_path(voc_as(real_data, tmp_path, change, suffix=suffix))
    assert problem in {found.kind for found in findings.problems}


def test_real_masks_in_colour_get_the_names_of_their_palette(
    real_data: Path, tmp_path: Path
) -> None:
    findings = check_path(voc_as(real_data, tmp_path, lambda mask: mask.convert("RGB")))
    assert findings.labels is not None
    assert findings.labels.names[15] == "person"
    assert findings.labels.encoding == "color"


# --- ways to ask --------------------------------------------------------------------------------


def test_a_zip_is_checked_like_a_folder(tools: Tools, written: Written, tmp_path: Path) -> None:
    root = written([tools.areas([0, 255], seed) for seed in range(3)])
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(root.rglob("*.png")):
            file.write(path, path.relative_to(root).as_posix())
    in_zip, in_folder = check_path(archive), check_path(root)
    assert in_zip.values == in_folder.values
    assert [p.kind for p in in_zip.problems] == [p.kind for p in in_folder.problems]


def test_the_proposal_can_be_stated_and_then_nothing_is_proposed(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 255], seed) for seed in range(3)])
    first = check_path(root)
    second = check_path(root, classes=first.options["classes"])
    assert first.is_proposed
    assert not second.is_proposed
    assert second.labels is not None
    assert first.labels is not None
    assert second.labels.file_values == first.labels.file_values
    assert second.ok


def test_progress_is_shown_for_every_pair(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1]) for _ in range(5)])
    told: list[tuple[str, int]] = []

    def track(items: Any, *, about: str, total: int, size: Any) -> Any:
        for item in items:
            told.append((about, total))
            assert size(item) == 1
            yield item

    check_path(root, track=track)
    assert told == [("check", 5)] * 5


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such folder"):
        check_path(tmp_path / "absent")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no images and masks here or below"):
        check_path(tmp_path, classes=["none", "road"])


def test_an_unknown_data_set_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'camvid'"):
        check(Source("camvdi", tmp_path))


# --- hostile files ------------------------------------------------------------------------------


def encoded(picture: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind)
    return stream.getvalue()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_bytes_makes_the_check_fail_or_passes_unseen(
    tools: Tools, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("hostile")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"]))
    place = data.draw(st.sampled_from(["images", "masks"]))
    good = {"images": encoded(tools.photo(0), "PNG"), "masks": encoded(tools.areas([0, 1]), "PNG")}
    whole = encoded(tools.photo(1) if place == "images" else tools.areas([0, 1]), kind)
    cut = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.binary(max_size=30))
    for folder, content in good.items():
        (root / folder / "0.png").write_bytes(content)
        hostile = whole[:cut] + junk + whole[cut + len(junk) :]
        (root / folder / "1.png").write_bytes(hostile if folder == place else content)
    findings = check_path(root, classes=["none", "road"])
    seen = sum(size.count for size in findings.image_sizes)
    broken = {"empty", "truncated", "bomb", "unreadable"}
    told = sum(problem.count for problem in findings.problems if problem.kind in broken)
    assert told <= 1
    assert seen == (2 - told if place == "images" else 2)


@pytest.mark.parametrize("name", ["1.png", "1.jpg", "1.tif"])
def test_a_file_of_another_kind_than_its_name_says_is_read_for_what_it_is(
    tools: Tools, written: Written, name: str
) -> None:
    root = written([tools.areas([0, 1]) for _ in range(2)], split="train")
    (root / "images/train/1.png").unlink()
    (root / "images/train" / name).write_bytes(encoded(tools.photo(1), "WEBP"))
    assert tools.kinds(check_path(root, classes=["none", "road"])) == set()
