"""The sheet of leaks: every pair is on it, in its place, with its colours."""

import numpy as np
import pytest

from tessella.check.leak_pictures import CELL, worst_pairs
from tessella.data.leaks import Leak, Leaks, Place
from tessella.labels import LabelMap
from tessella.palette import distinct_colors
from tessella.pictures import WRONG_COLOR
from tessella.sample import Sample


class Plain:
    """Images of one colour, named by it."""

    labels = LabelMap.from_names(["thing"])

    def __init__(self, *shades: int, name: str = "{}", size: tuple[int, int] = (60, 80)) -> None:
        self.shades, self.size = shades, size
        self.names = self.groups = tuple(name.format(shade) for shade in shades)

    def __len__(self) -> int:
        return len(self.shades)

    def __getitem__(self, index: int) -> Sample:
        image = np.full((*self.size, 3), self.shades[index], np.uint8)
        return Sample(image, None, self.names[index])


def leak(first: str, second: str, *, refused: bool = True, about: str = "") -> Leak:
    places = Place("train", first), Place("val", second)
    return Leak("near", *places, likeness=0.98, refused=refused, about=about)


def contains(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((picture == np.array(color, np.uint8)).all(axis=-1).any())


def test_the_two_images_of_a_leak_stand_side_by_side() -> None:
    sheet = worst_pairs(Leaks((leak("7", "9"),)), {"train": Plain(5, 7), "val": Plain(9)})
    left, right = sheet[:, :CELL], sheet[:, CELL:]
    assert contains(left, (7, 7, 7))
    assert contains(right, (9, 9, 9))
    assert not contains(left, (9, 9, 9))
    assert not contains(sheet, (5, 5, 5))


def test_each_split_has_its_colour_below_its_image() -> None:
    sheet = worst_pairs(Leaks((leak("7", "9"),)), {"train": Plain(7), "val": Plain(9)})
    train, val = distinct_colors(2)
    assert contains(sheet[60:, :CELL], train)
    assert contains(sheet[60:, CELL:], val)


@pytest.mark.parametrize("refused", [True, False])
def test_a_refused_leak_is_marked(refused: bool) -> None:
    leaks = Leaks((leak("7", "9", refused=refused),))
    sheet = worst_pairs(leaks, {"train": Plain(7), "val": Plain(9)})
    assert contains(sheet, WRONG_COLOR) == refused


def test_only_the_first_pairs_are_shown() -> None:
    leaks = Leaks(tuple(leak(f"{i}", f"{i + 100}") for i in range(1, 6)))
    datasets = {"train": Plain(*range(1, 6)), "val": Plain(*range(101, 106))}
    sheet = worst_pairs(leaks, datasets, count=3)
    shown = [i for i in range(1, 6) if contains(sheet, (i, i, i))]
    assert shown == [1, 2, 3]


def test_three_pairs_take_two_rows() -> None:
    datasets = {"train": Plain(*range(1, 4)), "val": Plain(*range(101, 104))}
    one, three = (
        worst_pairs(Leaks(tuple(leak(f"{i}", f"{i + 100}") for i in range(1, n + 1))), datasets)
        for n in (1, 3)
    )
    assert three.shape == (2 * one.shape[0], 2 * one.shape[1], 3)


def test_images_of_other_sizes_stand_on_one_line() -> None:
    datasets = {"train": Plain(7, size=(900, 50)), "val": Plain(9, size=(4, 300))}
    sheet = worst_pairs(Leaks((leak("7", "9"),)), datasets)
    ends = [int(np.flatnonzero((sheet == shade).all(-1).any(1)).max()) for shade in (7, 9)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", ["道路_{}", "Straße {}", "x" * 300 + "{}", "a\nb{}"])
def test_no_name_breaks_the_caption(name: str) -> None:
    datasets = {"train": Plain(7, name=name), "val": Plain(9, name=name)}
    sheet = worst_pairs(Leaks((leak(name.format(7), name.format(9), about=name),)), datasets)
    assert sheet[60:].min() < 64  # something is written


def test_the_end_of_a_long_name_is_shown() -> None:
    sheets = [
        worst_pairs(
            Leaks((leak(name.format(7), "9"),)), {"train": Plain(7, name=name), "val": Plain(9)}
        )
        for name in ("x" * 60 + "_{}1", "x" * 60 + "_{}2")
    ]
    assert not np.array_equal(*sheets)


@pytest.mark.parametrize(("found", "count"), [((), 6), ((leak("7", "9"),), 0)])
def test_a_sheet_of_nothing_is_refused(found: tuple[Leak, ...], count: int) -> None:
    with pytest.raises(ValueError, match=f"worst_pairs: {count} of {len(found)} leaks asked for"):
        worst_pairs(Leaks(found), {"train": Plain(7), "val": Plain(9)}, count=count)
