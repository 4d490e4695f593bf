"""Polygons of class maps: painted again they give the map back, and every rule of the format."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tessella.labels import LabelMap
from tessella.polygons import feature_collection

often = settings(max_examples=80, deadline=None)  # no deadline: the cores are shared

IGNORE = 255
LABELS = LabelMap.from_names(
    ["sky", "road", "<b>", "car"], colors=[(1, 2, 3), (255, 0, 16), (9, 9, 9), (0, 0, 0)]
)

shapes = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
# two classes make pinches (pixels that touch at a corner alone) common, and holes within holes
class_maps = arrays(np.uint8, shapes, elements=st.sampled_from([0, 1])) | arrays(
    np.uint8, shapes, elements=st.sampled_from([0, 1, 2, 3, IGNORE])
)

RING = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.uint8)  # a frame and its middle
PINCH = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.uint8)  # the hole touches the border


def features(class_map: np.ndarray) -> list[dict[str, Any]]:
    return feature_collection(class_map, LABELS)["features"]


def rings_of(feature: dict[str, Any]) -> list[list[list[int]]]:
    return feature["geometry"]["coordinates"]


def is_inside(rings: list[list[list[int]]], x: float, y: float) -> bool:
    """Even-odd rule over all rings: a ray to the right of the point counts what it crosses."""
    crossed = 0
    for ring in rings:
        for (x1, y1), (_, y2) in zip(ring, ring[1:], strict=False):
            crossed += min(y1, y2) < y < max(y1, y2) and x1 > x
    return crossed % 2 == 1


def painted(found: list[dict[str, Any]], shape: tuple[int, int]) -> np.ndarray:
    """The class map that the features describe, one pixel centre at a time."""
    class_map = np.full(shape, IGNORE, np.uint8)
    for feature in found:
        for row, column in np.ndindex(shape):
            if is_inside(rings_of(feature), column + 0.5, row + 0.5):
                assert class_map[row, column] == IGNORE, "two features cover one pixel"
                class_map[row, column] = feature["properties"]["index"]
    return class_map


def regions_by_flooding(class_map: np.ndarray) -> Counter[tuple[int, int]]:
    """How many regions there are of each (class, pixels): a flood fill, pixel by pixel."""
    left = {place for place in np.ndindex(class_map.shape) if class_map[place] != IGNORE}
    found: Counter[tuple[int, int]] = Counter()
    while left:
        todo, size = [left.pop()], 0
        while todo:
            row, column = todo.pop()
            size += 1
            for near in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                if near in left and class_map[near] == class_map[row, column]:
                    left.remove(near)
                    todo.append(near)
        found[int(class_map[row, column]), size] += 1
    return found


def shoelace(ring: list[list[int]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:], strict=False)) / 2


@given(class_maps)
@often
def test_painting_the_polygons_gives_the_class_map_back(class_map: np.ndarray) -> None:
    np.testing.assert_array_equal(painted(features(class_map), class_map.shape), class_map)


def test_a_larger_map_of_many_regions_comes_back_too() -> None:
    noise = np.random.default_rng(0).normal(size=(211, 307))
    smooth = sum(np.roll(noise, shift, (0, 1)) for shift in np.ndindex(5, 5))
    class_map = np.digitize(smooth, [-4, 0, 4]).astype(np.uint8)
    # entering a region from the left adds its class index + 1, leaving it takes that away
    steps = np.zeros((211, 308), int)
    for feature in features(class_map):
        for ring in rings_of(feature):
            for (x, y1), (_, y2) in zip(ring, ring[1:], strict=False):
                sign = 1 if y2 < y1 else -1
                amount = sign * (feature["properties"]["index"] + 1)
                steps[min(y1, y2) : max(y1, y2), x] += amount
    np.testing.assert_array_equal(steps.cumsum(axis=1)[:, :-1] - 1, class_map)


@given(class_maps)
@often
def test_each_region_is_one_feature_with_its_number_of_pixels(class_map: np.ndarray) -> None:
    found = [feature["properties"] for feature in features(class_map)]
    assert Counter((f["index"], f["pixels"]) for f in found) == regions_by_flooding(class_map)


@given(class_maps)
@often
def test_outer_rings_have_positive_area_holes_negative_and_both_add_up(
    class_map: np.ndarray,
) -> None:
    for feature in features(class_map):
        outer, *holes = map(shoelace, rings_of(feature))
        assert outer > 0
        assert all(hole < 0 for hole in holes)
        assert outer + sum(holes) == feature["properties"]["pixels"]


@given(class_maps)
@often
def test_rings_are_closed_turn_at_every_point_and_never_touch_themselves(
    class_map: np.ndarray,
) -> None:
    for feature in features(class_map):
        for ring in rings_of(feature):
            assert ring[0] == ring[-1]
            steps = [np.subtract(b, a) for a, b in zip(ring, ring[1:], strict=False)]
            is_level = [bool(step[0]) for step in steps]
            assert all(is_level[n] != is_level[n - 1] for n in range(len(is_level)))
            assert len(set(map(tuple, ring))) == len(ring) - 1


def test_one_pixel_is_a_square_of_four_corners() -> None:
    (only,) = features(np.array([[1]], np.uint8))
    assert only == {
        "type": "Feature",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]],
        },
        "properties": {"index": 1, "name": "road", "color": "#ff0010", "pixels": 1},
    }


def test_a_hole_is_an_inner_ring_and_its_filling_a_feature_of_its_own() -> None:
    frame, middle = features(RING)
    assert rings_of(frame) == [
        [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]],
        [[1, 2], [2, 2], [2, 1], [1, 1], [1, 2]],
    ]
    assert rings_of(middle) == [[[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]]


def test_a_hole_that_touches_the_border_at_a_corner_stays_a_ring_of_its_own() -> None:
    assert rings_of(features(PINCH)[0]) == [
        [[0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [0, 3], [0, 0]],
        [[1, 2], [2, 2], [2, 1], [1, 1], [1, 2]],
    ]


def test_pixels_that_touch_at_a_corner_alone_are_two_regions() -> None:
    found = features(np.array([[1, 0], [0, 1]], np.uint8))
    assert [feature["properties"]["index"] for feature in found] == [1, 0, 0, 1]


def test_left_out_classes_leave_gaps() -> None:
    found = feature_collection(RING, LABELS, skip=[0])["features"]
    assert painted(found, (3, 3)).tolist() == [[255] * 3, [255, 1, 255], [255] * 3]


def test_regions_below_the_least_size_are_left_out() -> None:
    class_map = np.array([[1, 1, 0, 1]], np.uint8)
    found = feature_collection(class_map, LABELS, min_pixels=2)["features"]
    assert [feature["properties"]["pixels"] for feature in found] == [2]


def test_ignored_pixels_are_in_no_feature() -> None:
    assert features(np.full((2, 3), IGNORE, np.uint8)) == []


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0)])
def test_a_map_without_pixels_has_no_features(shape: tuple[int, int]) -> None:
    assert features(np.zeros(shape, np.uint8)) == []


def test_the_collection_says_its_size_and_what_its_coordinates_are() -> None:
    collection = feature_collection(np.zeros((2, 3), np.uint8), LABELS)
    assert (collection["type"], collection["height"], collection["width"]) == (
        "FeatureCollection",
        2,
        3,
    )
    assert "x to the right, y down; 0, 0 is the outer corner" in collection["pixel_coordinates"]


def test_the_collection_holds_plain_values_alone() -> None:
    collection = feature_collection(PINCH, LABELS)
    assert json.loads(json.dumps(collection)) == collection


def test_the_given_map_stays_as_it_is() -> None:
    class_map = RING.copy()
    feature_collection(class_map, LABELS, skip=[1], min_pixels=2)
    np.testing.assert_array_equal(class_map, RING)


@pytest.mark.parametrize(
    "class_map",
    [np.zeros((2, 2), np.int64), np.zeros((2, 2, 3), np.uint8), np.zeros(4, np.uint8)],
    ids=["int64", "rgb", "flat"],
)
def test_what_is_no_class_map_is_refused(class_map: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"class map is .* expected uint8 \(height, width\)"):
        feature_collection(class_map, LABELS)


def test_a_value_that_is_no_class_is_named() -> None:
    with pytest.raises(ValueError, match=r"holds \[4, 77\]; classes are 0..3 and 255 \(ignored\)"):
        features(np.array([[77, 0, 4]], np.uint8))


def test_leaving_out_what_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"skip holds \[9\]; classes are 0..3"):
        feature_collection(RING, LABELS, skip=[0, 9])


def test_a_negative_least_size_is_refused() -> None:
    with pytest.raises(ValueError, match="min_pixels is -1; expected at least 0"):
        feature_collection(RING, LABELS, min_pixels=-1)
