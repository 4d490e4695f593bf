"""One look at an image and its mask."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.check.observe import Failure, MaskSeen, Observer, observe_image, observe_sample
from tessella.data.pairs import Pair
from tessella.data.synthetic.scenes import ENTRY as SCENES
from tessella.labels import LabelMap

Tools = Any

LABELS = LabelMap.from_names(["none", "road"])


def test_an_image_gives_its_size_before_and_after_its_turn(tools: Tools, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    path = tools.save(tmp_path / "a.jpg", tools.photo(0), exif=exif)
    seen = observe_image(path)
    assert not isinstance(seen, Failure)
    assert (seen.stored, seen.size, seen.turn) == ((48, 64), (64, 48), 8)
    assert not seen.has_few_levels


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    seen = observe_image(tmp_path / "absent.png")
    assert isinstance(seen, Failure)
    assert seen.ailment == "missing"
    assert seen.message.startswith(f"{tmp_path / 'absent.png'}: ")


@pytest.mark.parametrize(
    ("picture", "form", "values"),
    [
        (np.uint8([[0, 3]]), "grey", [0, 3]),
        (np.uint16([[0, 3000]]), "grey", [0, 3000]),
        (np.uint8([[[0, 0, 0], [3, 3, 3]]]), "gray_as_rgb", [0, 3]),
        (np.uint8([[[0, 0, 0], [1, 2, 3]]]), "color", [0, 0x010203]),
    ],
)
def test_a_mask_gives_its_form_and_values(
    tools: Tools, tmp_path: Path, picture: np.ndarray, form: str, values: list[int]
) -> None:
    image = tools.save(tmp_path / "i.png", tools.photo(0))
    mask = tools.save(tmp_path / "m.png", picture)
    seen = Observer(None)(Pair(image, mask, "i", "i"))
    assert isinstance(seen.mask, MaskSeen)
    assert seen.mask.form == form
    assert seen.runs is not None
    assert seen.runs.values.tolist() == values
    assert seen.mask.values.count == 2


def test_a_palette_mask_gives_the_colours_it_uses(tools: Tools, tmp_path: Path) -> None:
    picture = Image.fromarray(np.uint8([[0, 2]]))
    picture.putpalette([9, 9, 9, 1, 1, 1, 200, 30, 40])
    mask = tools.save(tmp_path / "m.png", picture)
    image = tools.save(tmp_path / "i.png", tools.photo(0))
    seen = Observer(None)(Pair(image, mask, "i", "i"))
    assert seen.used_colors is not None
    assert seen.used_colors.tolist() == [0x090909, 0xC81E28]


@pytest.mark.parametrize(
    ("values", "is_counted_up"),
    [([0, 1, 2, 3], True), ([1, 2], True), ([0, 2, 3], False), ([0], False), ([0, 1, 3], False)],
)
def test_values_that_count_up_are_told(
    tools: Tools, tmp_path: Path, values: list[int], is_counted_up: bool
) -> None:
    image = tools.save(tmp_path / "i.png", tools.photo(0))
    mask = tools.save(tmp_path / "m.png", np.array([values], np.uint8))
    seen = Observer(None)(Pair(image, mask, "i", "i"))
    assert isinstance(seen.mask, MaskSeen)
    assert seen.mask.values.is_counted_up == is_counted_up


def test_what_is_kept_of_a_pair_is_under_a_kilobyte(tools: Tools, tmp_path: Path) -> None:
    image = tools.save(tmp_path / "i.png", tools.photo(0, 480, 640))
    mask = tools.save(tmp_path / "m.png", tools.areas(range(40), size=(480, 640)))
    seen = Observer(None)(Pair(image, mask, "i", "i"))
    assert len(pickle.dumps(seen._replace(runs=None, used_colors=None))) < 1000


class Stripe:
    """A drawn mask: class 1 in the left column."""

    def draw(self, height: int, width: int, labels: LabelMap) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        mask[:, 0] = labels.names.index("road")
        return mask


class Torn(Stripe):
    """A drawn mask whose outline cannot be understood."""

    def draw(self, height: int, width: int, labels: LabelMap) -> np.ndarray:
        raise ValueError(f"a.json: two points for {labels.names} on {height}x{width}; add one.")


def test_a_drawn_mask_gives_class_indices(tools: Tools, tmp_path: Path) -> None:
    image = tools.save(tmp_path / "i.png", tools.photo(0))
    seen = Observer(LABELS)(Pair(image, Stripe(), "i", "i"))
    assert isinstance(seen.mask, MaskSeen)
    assert seen.mask.form == "classes"
    assert seen.runs is not None
    assert seen.runs.pixels.tolist() == [48 * 63, 48]


def test_a_mask_that_cannot_be_drawn_is_a_failure(tools: Tools, tmp_path: Path) -> None:
    image = tools.save(tmp_path / "i.png", tools.photo(0))
    seen = Observer(LABELS)(Pair(image, Torn(), "i", "i"))
    assert isinstance(seen.mask, Failure)
    assert "a.json: two points" in seen.mask.message


def test_a_data_set_without_files_is_looked_at_too() -> None:
    dataset = SCENES.read(None, "train", count=2, height=33, width=47)
    seen = observe_sample(dataset, 1)
    assert not isinstance(seen.image, Failure)
    assert seen.image.size == (33, 47)
    assert seen.runs is not None
    assert seen.runs.pixels.sum() == 33 * 47
