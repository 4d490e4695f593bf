"""Shapes drawn as masks, against paper and pencil, a slow drawing, and pycocotools' decoder."""

import base64
import io
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco_mask

from tessella.data.shapes import (
    Disc,
    Drawing,
    Figure,
    Patch,
    Shape,
    labels_with_ground,
    outline,
    runs,
)
from tessella.labels import LabelMap

LABELS = LabelMap.from_names(["ground", "one", "two"])
SQUARE = [1, 1, 4, 1, 4, 3, 1, 3]


def draw(figures: Any, *, height: int = 5, width: int = 6) -> np.ndarray:
    """1 inside of the figures, 0 outside."""
    listed: tuple[Figure, ...] = figures if isinstance(figures, tuple) else (figures,)
    drawing = Drawing((Shape(1, listed, "shape 0"),), 0, None, "a.json")
    return drawing.draw(height, width, LABELS)


def polygon(*points: float) -> Figure:
    return outline(list(points), where="x")


def slow_polygon(xy: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Per pixel centre: whether a ray to the right crosses oddly often; distance to the edge."""
    y, x = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), bool)
    distance = np.full((height, width), np.inf)
    for (x1, y1), (x2, y2) in zip(xy, np.roll(xy, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 > y) != (y2 > y)
            inside ^= crosses & (x < x1 + (x2 - x1) * (y - y1) / (y2 - y1))
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length**2
        along = along.clip(0, 1)
        edge = np.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))
        distance = np.minimum(distance, edge)
    return inside, distance


sides = st.integers(1, 40)
masks = arrays(np.uint8, st.tuples(sides, sides), elements=st.integers(0, 1))
coordinates = st.floats(-30, 60).map(lambda value: round(value, 2))
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8).filter(
    lambda points: min(p[0] for p in points) < 40 and max(p[0] for p in points) > 0
    and min(p[1] for p in points) < 30 and max(p[1] for p in points) > 0
)  # fmt: skip


# --- outlines -----------------------------------------------------------------------------------


def test_a_pixel_is_inside_when_its_centre_is() -> None:
    expected = np.zeros((5, 6), np.uint8)
    expected[1:3, 1:4] = 1
    np.testing.assert_array_equal(draw(polygon(*SQUARE)), expected)


@pytest.mark.parametrize(
    ("left", "right", "inside"),
    [(0.6, 2.4, [1]), (0.4, 2.6, [0, 1, 2]), (0.6, 2.6, [1, 2]), (0.6, 1.4, [])],
)
def test_sub_pixel_edges_decide_by_the_centre(left: float, right: float, inside: list[int]) -> None:
    mask = draw(polygon(left, 0, right, 0, right, 2, left, 2))
    assert np.flatnonzero(mask[1]).tolist() == inside


def test_outlines_that_share_an_edge_share_no_pixel_and_leave_none_out() -> None:
    left = draw(polygon(0, 0, 3.3, 0, 1.7, 5, 0, 5))
    right = draw(polygon(3.3, 0, 6, 0, 6, 5, 1.7, 5))
    np.testing.assert_array_equal(left + right, np.ones((5, 6)))


def test_what_lies_beyond_the_image_is_cut_off() -> None:
    mask = draw(polygon(-7.5, -3, 2, -3, 2, 900, -7.5, 900))
    expected = np.zeros((5, 6), np.uint8)
    expected[:, :2] = 1
    np.testing.assert_array_equal(mask, expected)


def test_where_an_outline_crosses_itself_even_is_outside() -> None:
    twice_around = polygon(0, 0, 6, 0, 6, 5, 0, 5, 0, 0, 2, 1, 4, 1, 4, 4, 2, 4, 2, 1)
    expected = np.ones((5, 6), np.uint8)
    expected[1:4, 2:4] = 0
    np.testing.assert_array_equal(draw(twice_around), expected)


@settings(max_examples=200)
@given(points=polygons)
def test_outlines_agree_with_a_slow_drawing_but_at_their_edges(
    points: list[tuple[float, float]],
) -> None:
    xy = np.array(points)
    inside, distance = slow_polygon(xy, 30, 40)
    mask = draw(polygon(*xy.ravel().tolist()), height=30, width=40)
    # the rasteriser rounds corners to fifths of a pixel, and again where an edge is walked along
    certain = distance > 0.4
    np.testing.assert_array_equal(mask[certain], inside[certain])


@settings(max_examples=100)
@given(first=polygons, second=polygons)
def test_several_outlines_are_pycocotools_union(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    both = [np.ravel(points).tolist() for points in (first, second)]
    mask = draw(tuple(polygon(*points) for points in both), height=30, width=40)
    merged = coco_mask.merge(coco_mask.frPyObjects(both, 30, 40))
    np.testing.assert_array_equal(mask, coco_mask.decode(merged))


def test_an_outline_of_pairs_is_the_same() -> None:
    assert outline([[1, 1], [4, 1], [4, 3], [1, 3]], where="x") == polygon(*SQUARE)


@pytest.mark.parametrize(
    ("points", "expected"),
    [(SQUARE, 6), ([0, 0, 10, 0, 0, 10], 50), ([0, 0, 0, 10, 10, 0], 50), ([1, 1, 2, 2, 3, 3], 0)],
)
def test_the_area_of_an_outline(points: list[int], expected: float) -> None:
    assert outline(points, where="x").area == expected


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "its outline has 0 points; an area takes three"),
        ([1, 1, 2, 2], "its outline has 2 points"),
        ([[1, 1], [2, 2]], "its outline has 2 points"),
        ([1, 1, 2, 2, 3], "is not a list of x and y in turn"),
        ([[1, 1, 1], [2, 2, 2]], "is not a list of x and y in turn"),
        ([1, 1, 2, 2, 3, "3"], "expected a list of numbers"),
        ([1, 1, 2, 2, 3, float("nan")], "not finite"),
    ],
)
def test_what_is_no_outline_is_an_error(points: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^a.json, shape 3: .*{message}"):
        outline(points, where="a.json, shape 3")


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (polygon(7, 1, 9, 1, 9, 3), r"lies outside of its image: x 7\.\.9, y 1\.\.3 .* 5x6"),
        (polygon(1, -3, 2, -3, 2, -1), "lies outside of its image"),
        (polygon(1, 1, 1e9, 1, 1, 3), r"reaches far beyond its image: x 1\.\.1e\+09"),
        (polygon(-1e9, 1, 2, 1, 1, 3), "reaches far beyond its image"),
        (polygon(*[900.0, 1, -900, 2] * 600), "1200 points .*px long; up to 2000000 px are drawn"),
        (Disc(-8, -8, 2), "lies outside of its image"),
        (Disc(3, 3, 1e12), "reaches far beyond its image"),
        (Disc(3, 3, 1e308), "reaches far beyond its image"),
    ],
)
def test_what_cannot_belong_to_the_image_is_an_error(figure: Figure, message: str) -> None:
    with pytest.raises(ValueError, match=f"^a.json, shape 0: .*{message}"):
        draw(figure)


@settings(max_examples=200)
@given(points=st.lists(st.floats(), max_size=12), height=st.integers(1, 50))
def test_any_numbers_are_drawn_or_a_value_error(points: list[float], height: int) -> None:
    try:
        mask = draw(polygon(*points), height=height)
    except ValueError as error:
        assert str(error).startswith(("x: ", "a.json, shape 0: "))  # noqa: PT017
    else:
        assert set(np.unique(mask)) <= {0, 1}


# --- run lengths --------------------------------------------------------------------------------


def coco_runs(counts: Any, *, height: int, width: int) -> Figure:
    return runs({"size": [height, width], "counts": counts}, where="x")


@pytest.mark.parametrize("counts", [[4, 2, 3], [4.0, 2, 3], "423"])
def test_run_lengths_go_down_the_columns(counts: object) -> None:
    # column 0 is 0-2, column 1 is 3-5: pixels 4 and 5 are its lower two
    expected = [[0, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert draw(coco_runs(counts, height=3, width=3), height=3, width=3).tolist() == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([0, 6], 1), ([6], 0), ([6, 0], 0), ([0, 2, 0, 4], 1), ([0, 6, 0], 1)],
)
def test_run_lengths_may_be_nothing(counts: list[int], expected: int) -> None:
    mask = draw(coco_runs(counts, height=2, width=3), height=2, width=3)
    np.testing.assert_array_equal(mask, np.full((2, 3), expected))


@settings(max_examples=100)
@given(mask=masks)
def test_packed_run_lengths_are_decoded_as_pycocotools_packs_them(mask: np.ndarray) -> None:
    height, width = mask.shape
    packed = coco_mask.encode(np.asfortranarray(mask))["counts"]
    figure = coco_runs(packed.decode(), height=height, width=width)
    np.testing.assert_array_equal(draw(figure, height=height, width=width), mask)
    assert figure.area == mask.sum()


def test_long_and_shrinking_packed_run_lengths_are_decoded() -> None:
    mask = np.zeros((40, 3000), np.uint8)
    mask[3:20, 100:2900] = 1
    mask[25, 5] = 1
    packed = coco_mask.encode(np.asfortranarray(mask))["counts"].decode()
    figure = coco_runs(packed, height=40, width=3000)
    np.testing.assert_array_equal(draw(figure, height=40, width=3000), mask)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"counts": [4, 2, 3]}, "have the size None"),
        ({"size": [3], "counts": [9]}, r"have the size \[3\]"),
        ({"size": [3, 0], "counts": [0]}, "has the size 3x0"),
        ({"size": [3, "3"], "counts": [9]}, "has the size 3x'3'"),
        ({"size": [3, 3], "counts": [4, 2]}, r"add up to 6 pixels .* expected 9 pixels \(3x3\)"),
        ({"size": [3, 3], "counts": [-1, 10]}, "run from -1 to 10"),
        ({"size": [3, 3], "counts": []}, "add up to 0 pixels"),
        ({"size": [3, 3], "counts": [4.5, 4.5]}, "are not whole numbers from 0 up"),
        ({"size": [3, 3], "counts": [1e30]}, "are not whole numbers from 0 up"),
        ({"size": [3, 3], "counts": [[9]]}, "are not whole numbers from 0 up"),
        ({"size": [3, 3], "counts": None}, "expected a list of numbers"),
        ({"size": [3, 3], "counts": ""}, "not in COCO's packed form"),
        ({"size": [3, 3], "counts": "42 3"}, "not in COCO's packed form"),
        ({"size": [3, 3], "counts": "42é"}, "not in COCO's packed form"),
        ({"size": [3, 3], "counts": "42S"}, "not in COCO's packed form"),  # S says: more follows
        ({"size": [3, 3], "counts": "o" * 20 + "0"}, "a run length of 21 characters"),
        ({"size": [3, 3], "counts": "424"}, "add up to 10 pixels"),
        ({"size": [70000, 70000], "counts": [1]}, r"size \[70000, 70000\]; .* under 4294967296"),
    ],
)
def test_what_are_no_run_lengths_is_an_error(segmentation: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^x[:,] .*{message}"):
        runs(segmentation, where="x")


@settings(max_examples=300)
@given(text=st.text(st.characters(min_codepoint=40, max_codepoint=120), max_size=30))
def test_any_packed_text_is_decoded_or_a_value_error(text: str) -> None:
    try:
        figure = coco_runs(text, height=3, width=4)
    except ValueError as error:
        assert str(error).startswith("x: ")  # noqa: PT017
    else:
        assert draw(figure, height=3, width=4).sum() == figure.area


def test_run_lengths_of_another_size_are_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"shape 0: its run lengths are for 3x3 .* but the image is 5x6; export"
    ):
        draw(coco_runs([9], height=3, width=3))


# --- discs and patches --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "disc", [Disc(3, 2.5, 2), Disc(0.2, 4.9, 3.3), Disc(7, 7, 4), Disc(1, 1, 0)]
)
def test_a_disc_holds_the_centres_within_its_radius(disc: Disc) -> None:
    expected = [
        [int(math.hypot(x + 0.5 - disc.x, y + 0.5 - disc.y) <= disc.radius) for x in range(6)]
        for y in range(5)
    ]
    assert draw(disc).tolist() == expected


def test_the_area_of_a_disc() -> None:
    assert Disc(0, 0, 2).area == pytest.approx(12.566370614)  # 4 pi


def png(mask: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("white", [True, 1, 255])
@pytest.mark.parametrize(
    ("left", "top"), [(0, 0), (2, 1), (4, 3), (-1, -1), (-2, 0), (5, 4), (0, -2), (6, 5)]
)
def test_a_patch_covers_what_is_not_black_in_it(left: int, top: int, white: int) -> None:
    small = np.array([[0, 1, 1], [1, 0, 1]])
    content = png(small.astype(bool) if white is True else (small * white).astype(np.uint8))
    expected = np.zeros((25, 26), np.uint8)  # the image, with ten pixels around it
    expected[10 + top : 12 + top, 10 + left : 13 + left] = small
    mask = draw(Patch(left, top, 2, 3, content))
    np.testing.assert_array_equal(mask, expected[10:15, 10:16])


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (Patch(0, 0, 3, 3, png(np.ones((2, 3), np.uint8))), "mask is 2x3 .* points span 3x3"),
        (Patch(9, 0, 2, 3, png(np.ones((2, 3), np.uint8))), "lies outside of its image"),
        (Patch(0, 0, 2, 3, b"no picture"), "cannot read the image"),
        (Patch(0, 0, 2, 3, base64.b64decode("iVBORw0KGgo=")), "cannot read the image"),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error(patch: Patch, message: str) -> None:
    with pytest.raises(ValueError, match=f"^a.json, shape 0: .*{message}"):
        draw(patch)


# --- the drawing --------------------------------------------------------------------------------


def row(*spans: tuple[float, float, int | None], ground: int | None = 0) -> list[int]:
    """One row of six pixels: spans (left, right, value) in order."""
    shapes = tuple(
        Shape(value, (polygon(left, 0, right, 0, right, 1, left, 1),), "shape")
        for left, right, value in spans
    )
    return Drawing(shapes, ground, (1, 6), "x").draw(1, 6, LABELS)[0].tolist()


def test_later_shapes_lie_over_earlier_ones() -> None:
    assert row((0, 4, 1), (2, 6, 2)) == [1, 1, 2, 2, 2, 2]
    assert row((2, 6, 2), (0, 4, 1)) == [1, 1, 1, 1, 2, 2]


def test_a_shape_of_the_ground_cuts_a_hole() -> None:
    assert row((0, 6, 1), (2, 4, 0)) == [1, 1, 0, 0, 1, 1]


def test_none_is_ignored() -> None:
    assert row((0, 6, 1), (2, 4, None)) == [1, 1, 255, 255, 1, 1]
    assert row((0, 2, 1), ground=None) == [1, 1, 255, 255, 255, 255]


def test_no_shapes_are_all_ground() -> None:
    assert row() == [0] * 6


def test_a_mask_is_its_own_and_in_rows() -> None:
    drawing = Drawing((), 0, None, "x")
    first, second = drawing.draw(3, 4, LABELS), drawing.draw(3, 4, LABELS)
    first[:] = 9
    assert second.max() == 0
    assert first.flags.c_contiguous
    assert first.dtype == np.uint8


def test_another_size_than_the_annotated_one_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"^a\.json: image b\.jpg: was annotated at 3x4 .* image file is 4x3; use"
    ):
        Drawing((), 0, (3, 4), "a.json: image b.jpg").draw(4, 3, LABELS)


def test_a_drawing_travels_to_another_process_and_compares() -> None:
    figures = (polygon(*SQUARE), Disc(1, 2, 3), coco_runs([30], height=5, width=6))
    drawing = Drawing((Shape(1, figures, "shape 0"),), 0, (5, 6), "x")
    copy = pickle.loads(pickle.dumps(drawing))
    assert copy == drawing
    np.testing.assert_array_equal(copy.draw(5, 6, LABELS), drawing.draw(5, 6, LABELS))


@pytest.mark.parametrize(
    ("names", "ground", "expected", "index"),
    [
        (["a", "b"], "background", ("background", "a", "b"), 0),
        (["a", "rest"], "rest", ("a", "rest"), 1),
        (["a", "b"], None, ("a", "b"), None),
    ],
)
def test_the_ground_comes_first_unless_it_is_listed(
    names: list[str], ground: str | None, expected: tuple[str, ...], index: int | None
) -> None:
    labels, found = labels_with_ground(names, ground)
    assert labels.names == expected
    assert found == index
    assert len(set(labels.colors)) == len(expected)


def test_a_class_listed_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="^b listed more than once; once is enough"):
        labels_with_ground(["b", "a", "b"], "background")


@pytest.mark.filterwarnings("error")
def test_an_outline_too_far_away_to_have_an_area_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a: its outline reaches as far as 1e\+308 px; no image"):
        outline([0, 0, 1e308, 0, 1e308, 1e308], where="a")
