"""Answers as a client reads them."""

import base64
import json
from collections.abc import Callable

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.serve.answers import Predicted, document, geojson, hex_color, png

PixelsOf = Callable[[bytes], np.ndarray]
CLASSES = np.array([[0, 0, 2], [0, 2, 2]], np.uint8)
IMAGE = np.full((2, 3, 3), 100, np.uint8)


@pytest.fixture
def found(labels: LabelMap) -> Predicted:
    return Predicted(
        image=IMAGE,
        class_map=CLASSES,
        labels=labels,
        model="tiny",
        confidence=np.array([[255, 128, 0], [1, 2, 3]], np.uint8),
        mean_probability=np.array([0.9, np.nan, 0.123456789]),
        truth=np.array([[0, 0, 255], [0, 2, 1]], np.uint8),
    )


def test_a_mask_holds_class_indices_with_a_palette(found: Predicted, pixels_of: PixelsOf) -> None:
    assert (pixels_of(png(found, "mask", opacity=0.6)) == CLASSES).all()


def test_colours_are_those_of_the_classes(found: Predicted, pixels_of: PixelsOf) -> None:
    assert pixels_of(png(found, "color", opacity=0.6))[0, 2].tolist() == [50, 60, 220]


def test_an_overlay_mixes_by_the_opacity(found: Predicted, pixels_of: PixelsOf) -> None:
    pixel = pixels_of(png(found, "overlay", opacity=0.25))[0, 0]
    assert pixel.tolist() == [125, 78, 80]  # (200, 10, 20) / 4 + 100 * 3/4, rounded to even


def test_a_document_lists_the_classes_that_are_there(found: Predicted) -> None:
    content = json.loads(document(found, (), opacity=0.6))
    assert (content["model"], content["height"], content["width"]) == ("tiny", 2, 3)
    assert content["classes"] == [
        {
            "index": 0,
            "name": "red",
            "color": "#c80a14",
            "pixels": 3,
            "share": 0.5,
            "mean_probability": 0.9,
        },
        {
            "index": 2,
            "name": "blue",
            "color": "#323cdc",
            "pixels": 3,
            "share": 0.5,
            "mean_probability": 0.123457,
        },
    ]
    assert not {"mask", "confidence", "overlay"} & set(content)


def test_pictures_come_along_where_they_are_asked_for(
    found: Predicted, pixels_of: PixelsOf
) -> None:
    content = json.loads(document(found, ("mask", "confidence", "overlay"), opacity=0))
    pictures = {
        name: pixels_of(base64.b64decode(content[name]))
        for name in ("mask", "confidence", "overlay", "truth")
    }
    assert (pictures["mask"] == CLASSES).all()
    assert (pictures["confidence"] == found.confidence).all()
    assert (pictures["overlay"] == IMAGE).all()
    assert (pictures["truth"] == found.truth).all()
    assert pictures["mask"].ndim == pictures["truth"].ndim == 2
    assert content["scores"]["pixel_accuracy"] == 4 / 5


def test_without_probabilities_and_truth_there_is_nothing_about_them(labels: LabelMap) -> None:
    bare = Predicted(image=IMAGE, class_map=CLASSES, labels=labels, model="tiny")
    content = json.loads(document(bare, (), opacity=0.6))
    assert {row["mean_probability"] for row in content["classes"]} == {None}
    assert not {"truth", "scores"} & set(content)


def test_regions_are_geojson(found: Predicted) -> None:
    content = json.loads(geojson(found))
    assert content["type"] == "FeatureCollection"
    assert [f["properties"]["name"] for f in content["features"]] == ["red", "blue"]


def test_a_colour_has_six_digits(labels: LabelMap) -> None:
    assert hex_color(labels, 0) == "#c80a14"
