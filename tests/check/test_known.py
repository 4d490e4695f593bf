"""Palettes recognised by their colours or by their greys."""

import pytest

from tessella.check.known import PALETTES, VOC, grey_of, palette_of, palette_of_greys
from tessella.data import camvid, cityscapes, voc
from tessella.labels import pack

VOC_COLORS = [pack(voc.voc_color(index)) for index in range(21)]
CAMVID_COLORS = [pack(color) for color in camvid.LABELS.colors]


def test_some_colours_of_voc_are_voc() -> None:
    assert palette_of([VOC_COLORS[i] for i in (0, 2, 9, 15)]) == VOC


def test_all_colours_of_voc_and_its_border_are_voc() -> None:
    assert palette_of([*VOC_COLORS, pack((224, 224, 192))]) == VOC


@pytest.mark.parametrize("last", [3, 5, 19])
def test_the_first_colours_of_voc_are_anybodys_classes(last: int) -> None:
    assert palette_of(VOC_COLORS[: last + 1]) is None


def test_camvids_colours_are_told_from_vocs() -> None:
    found = palette_of(CAMVID_COLORS)
    assert found is not None
    assert list(found.classes) == list(camvid.LABELS.names)


def test_colours_that_voc_and_camvid_share_are_not_clear() -> None:
    shared = sorted(set(VOC_COLORS) & set(CAMVID_COLORS))
    assert len(shared) >= 3
    assert palette_of(shared) is None


def test_cityscapes_is_known() -> None:
    found = palette_of([pack(color) for color in cityscapes.labels_of(19).colors])
    assert found is not None
    assert len(found.classes) == 19


@pytest.mark.parametrize("colors", [[], [0, 0xFFFFFF], VOC_COLORS[:3], [0x123456, *VOC_COLORS]])
def test_few_or_foreign_colours_are_no_palette(colors: list[int]) -> None:
    assert palette_of(colors) is None


@pytest.mark.parametrize(
    ("color", "grey"),
    [(0xFF0000, 76), (0x00FF00, 150), (0x0000FF, 29), (0xFFFFFF, 255), (0x800000, 38)],
)
def test_greys_weigh_the_channels_as_itu_r_601_says(color: int, grey: int) -> None:
    # 0.299, 0.587 and 0.114 of 255: 76.2, 149.7, 29.1; 0.299 of 128: 38.3
    assert grey_of(color) == grey


def test_the_greys_of_stated_colours_are_recognised_first() -> None:
    # 0.299 * 200 + 0.587 * 10 + 0.114 * 20 = 67.95; 0.299 * 10 + 0.587 * 20 + 0.114 * 250 = 43.23
    stated = {"road": pack((200, 10, 20)), "car": pack((10, 20, 250))}
    found = palette_of_greys([0, 68, 43], stated)
    assert found is not None
    assert found.about == "the colours of the class list"


@pytest.mark.parametrize(
    "values",
    [[0, 1, 2, 3], [0, 128, 255], [7, 8, 11, 26, 33], [40, 75, 113]],
    ids=["counted up", "one between black and white", "ids of Cityscapes", "one off"],
)
def test_other_values_are_no_greys_of_a_palette(values: list[int]) -> None:
    assert palette_of_greys(values, {}) is None


@pytest.mark.parametrize("palette", PALETTES, ids=lambda palette: palette.about)
def test_no_palette_draws_two_classes_in_one_colour(palette: object) -> None:
    classes = palette.classes  # type: ignore[attr-defined]
    assert len(set(classes.values())) == len(classes)
