"""The statistics page as a whole: sections, escaping, nothing loaded, recipe lines that load."""

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from tessella.data.class_weights import KINDS
from tessella.data.dataset import Dataset
from tessella.labels import LabelMap
from tessella.recipe import read_recipe
from tessella.sample import Sample
from tessella.stats.measure import measure
from tessella.stats.numbers import Statistics
from tessella.stats.page import MOST_TOGETHER, render

ListedOf = Callable[..., Dataset]
SampleOf = Callable[..., Sample]

HOSTILE = "<script>alert(1)</script>\"'&: <img src=x onerror=alert(2)>"

# HTML elements without a closing tag (HTML standard, section 13.1.2)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Tags with their attributes, and texts; fails where tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1:] != ["style"]:
            self.texts.append(" ".join(data.split()))


@pytest.fixture
def found(listed: ListedOf, sample: SampleOf) -> Statistics:
    """Two splits of two sizes; car is in neither, sky in train alone."""
    train = [sample([[0, 0, 0, 1]], image=(255, 0, 51)), sample([[0], [255]], image=(255, 0, 51))]
    return measure({"train": listed(train), "val": listed([sample([[0]])])})


def test_tags_nest_and_sections_come_in_order(found: Statistics) -> None:
    outline = Outline(render(found, title="mine"))
    assert outline.open == []
    sections = [attributes["id"] for tag, attributes in outline.tags if tag == "h2"]
    assert sections == [
        *("splits", "classes", "weights", "places", "together", "sizes", "colors"),
    ]


def test_ids_are_unique(found: Statistics) -> None:
    ids = [a["id"] for _, a in Outline(render(found, title="mine")).tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_and_nothing_runs(found: Statistics) -> None:
    page = render(found, title="mine")
    outline = Outline(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in outline.tags}
    sources = [str(a["src"]) for _, a in outline.tags if "src" in a]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"https?://|@import|url\(", page)


def test_names_are_text_and_no_markup(listed: ListedOf, sample: SampleOf) -> None:
    labels = LabelMap.from_names([HOSTILE, "sky"])
    found = measure({HOSTILE: listed([sample([[0, 1]])], labels)})
    outline = Outline(render(found, title=HOSTILE))
    assert not {"script", "b"} & {tag for tag, _ in outline.tags}
    assert not any(name.startswith("on") for _, a in outline.tags for name in a)
    assert HOSTILE in outline.texts


def test_the_splits_are_summed_up(found: Statistics) -> None:
    texts = Outline(render(found, title="mine")).texts
    start = texts.index("Classes an image") + 1
    assert texts[start : start + 7] == [
        *("train", "2", "1x1 to 2x4", "5", "83 %", "2 of 3", "1.5"),
    ]


def test_each_class_has_pixels_share_and_images_in_every_split(found: Statistics) -> None:
    texts = Outline(render(found, title="mine")).texts
    start = texts.index("road", texts.index("Pixels and images of each class"))
    assert texts[start : start + 7] == ["road", "4", "80 %", "2", "1", "100 %", "1"]


def test_mean_and_deviation_can_be_copied_for_pixels_of_0_to_1(found: Statistics) -> None:
    texts = Outline(render(found, title="mine")).texts
    assert "mean: [1.0000, 0.0000, 0.2000] std: [0.0000, 0.0000, 0.0000]" in texts


def test_sizes_are_listed_with_the_images_of_each_split(found: Statistics) -> None:
    texts = Outline(render(found, title="mine")).texts
    start = texts.index("1x1", texts.index("Image sizes"))
    assert texts[start : start + 3] == ["1x1", "0", "1"]


@pytest.mark.parametrize("number", range(len(KINDS)), ids=KINDS)
def test_the_lines_to_copy_are_lines_of_a_recipe(
    listed: ListedOf, sample: SampleOf, number: int
) -> None:
    names = ["road", "no", "a: b #", "3", "null", "été"]
    found = measure({"train": listed([sample([[0, 0, 0, 1, 2, 3]])], LabelMap.from_names(names))})
    copied = re.findall(r"<pre tabindex=\"0\">(loss:.*?)</pre>", render(found, title="t"), re.S)
    recipe = "name: a\ndata: {name: synthetic}\nmodel: {name: plain_unet}\n"
    read = read_recipe(recipe + unescape(copied[number]), where="copied")
    assert read.loss.class_weights is not None
    assert list(read.loss.class_weights) == names
    assert read.loss.class_weights["null"] == 1  # has no pixels


def test_inverse_weights_are_those_of_the_first_split(found: Statistics) -> None:
    texts = Outline(render(found, title="mine")).texts
    # of 5 pixels 4 are road: 1 / (2 * 0.8) and 1 / (2 * 0.2); car has none
    start = texts.index("road", texts.index("ENet"))
    assert texts[start : start + 2] == ["road", "0.625"]
    assert texts[texts.index("sky", start) + 1] == "2.50"
    assert texts[texts.index("car", start) + 1] == "1.00"


@pytest.mark.parametrize("mask", [None, np.full((2, 2), 255, np.uint8)], ids=["bare", "ignored"])
def test_a_data_set_without_labels_has_a_page_that_says_so(
    listed: ListedOf, mask: np.ndarray | None
) -> None:
    samples = [Sample(np.zeros((2, 2, 3), np.uint8), mask, "a")]
    texts = Outline(render(measure({"test": listed(samples)}), title="t")).texts
    assert "No pixel is labelled, so there is nothing to weigh." in texts


def test_an_empty_split_has_a_page(listed: ListedOf) -> None:
    outline = Outline(render(measure({"val": listed([])}), title="t"))
    assert "val: has no images." in outline.texts


@pytest.mark.parametrize(
    ("channels", "headings"),
    [(1, ["Grey"]), (4, ["Channel 1", "Channel 2", "Channel 3", "Channel 4"])],
)
def test_channels_that_are_not_rgb_are_not_called_so(
    listed: ListedOf, channels: int, headings: list[str]
) -> None:
    samples = [Sample(np.zeros((2, 2, channels), np.uint8), np.zeros((2, 2), np.uint8), "a")]
    texts = Outline(render(measure({"train": listed(samples)}), title="t")).texts
    assert texts[texts.index("To copy") - channels : texts.index("To copy")] == headings


def test_of_many_classes_those_with_the_most_pixels_are_mapped(
    listed: ListedOf, sample: SampleOf
) -> None:
    names = [f"class {i}" for i in range(MOST_TOGETHER + 1)]
    # class 0 has one pixel, every other class two
    mask = np.array([*range(MOST_TOGETHER + 1), *range(1, MOST_TOGETHER + 1)], np.uint8)
    found = measure({"train": listed([sample(mask[None])], LabelMap.from_names(names))})
    page = render(found, title="t")
    assert "1 of the 1 image with class 60 also have class 1<" in page
    assert "with class 0<" not in page
    assert f"Shown are the {MOST_TOGETHER} classes with the most pixels." in page


def test_the_most_classes_there_can_be_fit_in_a_page(listed: ListedOf, sample: SampleOf) -> None:
    labels = LabelMap.from_names([f"class {i}" for i in range(254)], ignore_values=[])
    found = measure({"train": listed([sample(np.arange(254)[None])], labels)})
    assert len(render(found, title="t")) < 2e6
