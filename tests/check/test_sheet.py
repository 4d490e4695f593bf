"""The contact sheet shows masks as a viewer would and as they are meant, the odd ones first."""

from pathlib import Path

import numpy as np
from PIL import Image

from tessella.check.findings import Findings, Problem
from tessella.check.sheet import UNKNOWN_COLOR, contact_sheet
from tessella.data.pairs import Pair
from tessella.labels import LabelMap

LABELS = LabelMap.from_values(
    {"ground": [0], "crack": [7]}, colors=((10, 20, 200), (240, 240, 0)), ignore_values=[9]
)


def pair(folder: Path, name: str, mask: np.ndarray) -> Pair:
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.full((*mask.shape[:2], 3), 90, np.uint8)).save(folder / f"{name}.png")
    Image.fromarray(mask).save(folder / f"{name}_m.png")
    return Pair(folder / f"{name}.png", folder / f"{name}_m.png", name, name)


def findings(*pairs: Pair, **changes: object) -> Findings:
    values: dict[str, object] = {
        "name": "folder",
        "reason": "made here",
        "pairs": {"all": pairs},
        "num_samples": {"all": len(pairs)},
        "problems": (),
        "labels": LABELS,
        "is_proposed": True,
        "num_images": len(pairs),
        "num_masks": len(pairs),
    }
    return Findings(**{**values, **changes})  # type: ignore[arg-type]


def colors_of(picture: np.ndarray | None) -> set[tuple[int, ...]]:
    assert picture is not None
    return {tuple(color) for color in np.unique(picture.reshape(-1, 3), axis=0).tolist()}


def mask_of(*values: int) -> np.ndarray:
    return np.repeat(np.array([values], np.uint8), 40, axis=0).repeat(10, axis=1)


def test_small_indices_look_black_before_and_coloured_after(tmp_path: Path) -> None:
    sheet = contact_sheet(findings(pair(tmp_path, "a", mask_of(0, 7))))
    blended = tuple(round(0.65 * c + 0.35 * 90) for c in LABELS.colors[1])
    assert (7, 7, 7) in colors_of(sheet)
    assert any(
        max(abs(a - b) for a, b in zip(c, blended, strict=True)) <= 1 for c in colors_of(sheet)
    )


def test_values_without_a_meaning_are_bright_pink(tmp_path: Path) -> None:
    odd = contact_sheet(findings(pair(tmp_path, "a", mask_of(0, 7, 8))))
    clean = contact_sheet(findings(pair(tmp_path, "b", mask_of(0, 7, 9))))
    assert UNKNOWN_COLOR in colors_of(odd)
    assert UNKNOWN_COLOR not in colors_of(clean)


def test_the_files_that_a_problem_names_come_first(tmp_path: Path) -> None:
    plain = [pair(tmp_path, f"p{n}", mask_of(0, 0)) for n in range(8)]
    odd = pair(tmp_path, "odd", mask_of(0, 8))
    problem = Problem("sparse", "error", "x", (str(odd.mask),), 1, "y")
    sheet = contact_sheet(findings(*plain, odd, problems=(problem,)), count=1)
    assert UNKNOWN_COLOR in colors_of(sheet)


def test_without_a_label_map_image_and_mask_file_are_shown(tmp_path: Path) -> None:
    one = pair(tmp_path, "a", mask_of(0, 200))
    wide = contact_sheet(findings(one))
    narrow = contact_sheet(findings(one, labels=None))
    assert wide is not None
    assert narrow is not None
    assert narrow.shape[1] < wide.shape[1]
    assert (200, 200, 200) in colors_of(narrow)


def test_colour_masks_are_decoded_by_colour(tmp_path: Path) -> None:
    labels = LabelMap.from_colors({"red": (200, 0, 0)}, ignore_colors=[(0, 0, 0)])
    mask = np.zeros((20, 20, 3), np.uint8)
    mask[:, :10] = (200, 0, 0)
    clean = contact_sheet(findings(pair(tmp_path, "a", mask), labels=labels))
    mask[:, 10] = (100, 0, 0)
    smoothed = contact_sheet(findings(pair(tmp_path, "b", mask), labels=labels))
    assert UNKNOWN_COLOR not in colors_of(clean)
    assert UNKNOWN_COLOR in colors_of(smoothed)


def test_pairs_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    broken = pair(tmp_path, "a", mask_of(0, 7))
    broken.image.write_bytes(b"no image")
    assert contact_sheet(findings(broken)) is None
    good = pair(tmp_path, "b", mask_of(0, 7))
    assert contact_sheet(findings(broken, good)) is not None


def test_a_mask_of_another_size_is_shown_all_the_same(tmp_path: Path) -> None:
    one = pair(tmp_path, "a", mask_of(0, 7))
    Image.fromarray(mask_of(7)).save(tmp_path / "a_m.png")
    assert LABELS.colors[1] in colors_of(contact_sheet(findings(one)))


def test_sixteen_bit_masks_are_decoded(tmp_path: Path) -> None:
    labels = LabelMap.from_values({"far": [40000]})
    one = pair(tmp_path, "a", mask_of(0))
    Image.fromarray(np.full((40, 10), 40000, np.uint16)).save(tmp_path / "a_m.png")
    assert UNKNOWN_COLOR not in colors_of(contact_sheet(findings(one, labels=labels)))
