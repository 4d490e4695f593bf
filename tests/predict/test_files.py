"""Predicting files: any size and mode in, palette PNG and pictures out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.images import read_image, read_mask
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.predict import find_images, predict
from tessella.predictor import Predictor

Picture = Callable[..., Path]
Listed = Callable[..., Path]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1", "I;16", "LA"])
def test_every_image_mode_gets_a_class_map_of_its_size(
    tmp_path: Path, predictor: Predictor, picture: Picture, mode: str
) -> None:
    source = picture(tmp_path / "in.png", mode=mode)
    predict(predictor, [str(source)], out=tmp_path / "out", save=["mask"])
    with Image.open(tmp_path / "out" / "in_mask.png") as mask:
        assert (mask.mode, mask.size) == ("P", (31, 22))


def test_a_rotated_photograph_is_predicted_upright(tmp_path: Path, predictor: Predictor) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = tmp_path / "in.jpg"
    Image.fromarray(np.zeros((20, 50, 3), np.uint8)).save(source, exif=exif)
    predict(predictor, [str(source)], out=tmp_path / "out", save=["mask"])
    with Image.open(tmp_path / "out" / "in_mask.png") as mask:
        assert mask.size == (20, 50)


def test_a_written_mask_is_read_back_to_the_same_classes(
    tmp_path: Path, predictor: Predictor, picture: Picture
) -> None:
    source = picture(tmp_path / "in.png")
    predict(predictor, [str(source)], out=tmp_path / "out", save=["mask", "color"])
    labels = LabelMap.from_dict(json.loads((tmp_path / "out" / "labels.json").read_text()))
    mask = read_mask(tmp_path / "out" / "in_mask.png", labels)
    expected = predictor.predict(read_image(source)).class_map
    assert (mask == expected).all()
    assert (read_image(tmp_path / "out" / "in_color.png") == labels.colorize(expected)).all()


def test_probabilities_sum_to_one(tmp_path: Path, predictor: Predictor, picture: Picture) -> None:
    source = picture(tmp_path / "in.png")
    predict(predictor, [str(source)], out=tmp_path / "out", save=["probabilities"])
    with np.load(tmp_path / "out" / "in_probabilities.npz") as content:
        probabilities = content["probabilities"]
    assert probabilities.shape == (8, 22, 31)
    np.testing.assert_allclose(probabilities.astype(float).sum(0), 1, atol=4e-3)  # 8 float16


def test_polygons_cover_each_class_as_the_mask_does(
    tmp_path: Path, predictor: Predictor, picture: Picture
) -> None:
    source = picture(tmp_path / "in.png")
    result = predict(predictor, [str(source)], out=tmp_path / "out", save=["polygons"])
    assert [path.name for path in result.written] == ["in_polygons.geojson"]
    collection = json.loads(result.written[0].read_text(encoding="utf-8"))
    pixels = np.zeros(predictor.labels.num_classes, int)
    for feature in collection["features"]:
        pixels[feature["properties"]["index"]] += feature["properties"]["pixels"]
    classes = predictor.predict(read_image(source)).class_map
    assert (collection["height"], collection["width"]) == classes.shape
    assert pixels.tolist() == np.bincount(classes.ravel(), minlength=len(pixels)).tolist()


def test_folders_keep_their_inner_structure(
    tmp_path: Path, predictor: Predictor, picture: Picture
) -> None:
    picture(tmp_path / "in" / "a" / "x.png")
    picture(tmp_path / "in" / "b" / "x.png")
    predict(predictor, [str(tmp_path / "in")], out=tmp_path / "out", save=["mask"])
    made = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")}
    assert made == {"a/x_mask.png", "b/x_mask.png"}


def test_an_input_without_images_is_refused(tmp_path: Path, predictor: Predictor) -> None:
    with pytest.raises(UsageError, match=r"nothing: no image found .*give files, folders"):
        predict(predictor, [str(tmp_path / "nothing")], out=tmp_path / "out")


def test_an_unknown_output_is_refused(tmp_path: Path, predictor: Predictor) -> None:
    with pytest.raises(UsageError, match="cannot save 'masks'; known: mask, color"):
        predict(predictor, ["x"], out=tmp_path / "out", save=["masks"])  # type: ignore[list-item]


def test_one_broken_image_is_named_and_the_others_are_predicted(
    tmp_path: Path, predictor: Predictor, picture: Picture
) -> None:
    good = picture(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(good.read_bytes()[:60])
    result = predict(predictor, [str(tmp_path / "in")], out=tmp_path / "out", save=["mask"])
    assert [path.name for path in result.written] == ["good_mask.png"]
    assert len(result.failed) == 1
    assert "bad.png: cannot read the image" in result.failed[0]


def test_real_photographs_of_any_size_are_predicted(
    tmp_path: Path, predictor: Predictor, real_data: Path
) -> None:
    photos = real_data / "photos"
    result = predict(predictor, [str(photos)], out=tmp_path, save=["overlay"])
    assert not result.failed
    assert len(result.written) == len(list(find_images([str(photos)])))


def test_the_images_of_a_list_are_predicted_like_any_others(
    tmp_path: Path, predictor: Predictor, listed: Listed
) -> None:
    file = listed(tmp_path, 3)
    result = predict(predictor, [str(file)], out=tmp_path / "out", save=["mask"])
    assert [path.relative_to(tmp_path / "out").as_posix() for path in result.written] == [
        f"images/{number:03d}_mask.png" for number in range(3)
    ]
    assert not (tmp_path / "out" / "manifest").exists()
