"""The drawings: lengths, shades and positions by paper and pencil."""

import base64
import io
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tessella.data.dataset import Dataset
from tessella.sample import Sample
from tessella.stats.charts import RAMP, place_picture, share_bars, size_plot, together_map
from tessella.stats.measure import measure

ListedOf = Callable[..., Dataset]
SampleOf = Callable[..., Sample]


def drawn(markup: str, kind: str) -> list[ET.Element]:
    root = ET.fromstring(markup)
    return [e for e in root.iter() if kind in (e.get("class") or "").split()]


def tips(elements: list[ET.Element]) -> list[str]:
    return [str(title.text) for element in elements for title in element.iter("title")]


def test_bars_are_as_long_as_shares_in_the_colours_of_the_classes(
    listed: ListedOf, sample: SampleOf
) -> None:
    found = measure({"train": listed([sample([[0, 0, 0, 1]])])})
    bars = drawn(share_bars(found, scale="linear"), "outlined")
    lengths = [float(bar.get("width", 0)) for bar in bars]
    assert lengths[0] == pytest.approx(3 * lengths[1], rel=0.01)  # two decimals are written
    assert [bar.get("fill") for bar in bars] == ["rgb(200 0 100)", "rgb(0 255 0)"]
    assert tips(bars) == ["road, train: 3 pixels", "sky, train: 1 pixels"]


def test_every_class_of_every_split_has_its_share_written(
    listed: ListedOf, sample: SampleOf
) -> None:
    found = measure({"train": listed([sample([[0, 0, 0, 1]])]), "val": listed([])})
    notes = [e.text for e in drawn(share_bars(found, scale="linear"), "note")]
    assert notes == ["75 %", "25 %", "0 %", "n/a", "n/a", "n/a"]


def test_on_the_logarithmic_scale_a_tenth_is_one_step(listed: ListedOf, sample: SampleOf) -> None:
    mask = np.zeros((1, 1000), np.uint8)
    mask[0, :90], mask[0, 90:99] = 1, 2  # 9 % and 0.9 %
    chart = share_bars(measure({"train": listed([sample(mask)])}), scale="log")
    lengths = [float(bar.get("width", 0)) for bar in drawn(chart, "outlined")]
    ticks = drawn(chart, "tick")
    assert [tick.text for tick in ticks] == ["0.1", "1", "10", "100 %"]
    step = float(ticks[1].get("x", 0)) - float(ticks[0].get("x", 0))
    assert lengths[1] - lengths[2] == pytest.approx(step, abs=0.02)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("mask", [[[0]], [[255]], [[0] * 9999 + [1]]], ids=["all", "none", "rare"])
def test_bars_can_be_drawn_of_any_shares(
    listed: ListedOf, sample: SampleOf, scale: str, mask: object
) -> None:
    found = measure({"train": listed([sample(mask)])})
    chart = share_bars(found, scale=scale)  # type: ignore[arg-type]
    assert len(drawn(chart, "note")) == 3
    assert "nan" not in chart


def test_the_map_gives_shares_of_the_rows_images() -> None:
    # road in 4 images, sky in 2, both in 1
    chart = together_map(np.array([[4, 1, 0], [1, 2, 0], [0, 0, 0]]), ["road", "sky", "car"])
    assert [e.text for e in drawn(chart, "value")] == ["100", "25", "50", "100"]
    assert tips(drawn(chart, "right")) == [
        "4 of the 4 images with road",
        "1 of the 4 images with road also have sky",
        "1 of the 2 images with sky also have road",
        "2 of the 2 images with sky",
    ]
    assert [e.text for e in drawn(chart, "absent")] == ["in no image"]


def test_the_map_of_many_classes_has_no_numbers() -> None:
    chart = together_map(np.ones((60, 60), np.int64), [f"c{i}" for i in range(60)])
    assert len(drawn(chart, "right")) == 3600
    assert not drawn(chart, "value")


def test_names_are_text_and_no_markup() -> None:
    chart = together_map(np.ones((1, 1), np.int64), ["<b>&\x00"])
    assert [e.text for e in drawn(chart, "label")] == ["<b>& ", "<b>& "]


def test_one_size_needs_no_plot(listed: ListedOf, sample: SampleOf) -> None:
    found = measure({"train": listed([sample([[0]])] * 2), "val": listed([sample([[1]])])})
    assert size_plot(found.splits) == ""


def test_discs_have_the_area_of_the_number_of_images(listed: ListedOf, sample: SampleOf) -> None:
    samples = [sample([[0, 0]])] * 3 + [sample([[0]])]
    found = measure({"train": listed(samples), "val": listed([sample([[0, 0]])])})
    discs = drawn(size_plot(found.splits), "disc")
    assert tips(discs) == ["1x2 (height x width): 4 images", "1x1 (height x width): 1 image"]
    # radius 2.5 + 9.5 * sqrt(share of the commonest)
    assert [float(disc.get("r", 0)) for disc in discs] == [12.0, 7.25]


def decoded(uri: str) -> np.ndarray:
    start = "data:image/png;base64,"
    assert uri.startswith(start)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri[len(start) :]))))


def test_places_run_from_dark_to_the_most_frequent_and_are_grey_where_nothing_is_known() -> None:
    picture = decoded(place_picture(np.array([[0.0, 0.4], [np.nan, 0.2]])))
    assert picture[0, 0].tolist() == list(RAMP[0])
    assert picture[0, 1].tolist() == list(RAMP[-1])
    assert picture[1, 0].tolist() == [128, 128, 128]
    # half way: between the third and the fourth of six stops, (41, 128, 142) and (94, 186, 124)
    assert picture[1, 1].tolist() == pytest.approx([67.5, 157, 133], abs=0.5)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_class_that_is_nowhere_has_a_picture_of_one_tone(value: float) -> None:
    picture = decoded(place_picture(np.full((4, 4), value)))
    assert (picture == picture[0, 0]).all()
