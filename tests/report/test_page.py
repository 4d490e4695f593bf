"""The page as a whole: sections, escaping, and that nothing is loaded from elsewhere."""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest

from tessella.report.page import Page, Panel, render

PageOf = Callable[..., Page]

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"

# HTML elements without a closing tag (HTML standard, section 13.1.2)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Elements, attributes and text of a page; fails where tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1:] != ["style"]:
            self.texts.append(" ".join(data.split()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_tags_nest_and_sections_come_in_order(page_of: PageOf) -> None:
    outline = Outline(render(page_of()))
    assert outline.open == []
    assert [h["id"] for h in outline.all("h2")] == [
        *("scores", "pictures", "classes", "confusion", "training", "images", "details"),
    ]


def test_the_model_stands_beside_the_trivial_predictor(page_of: PageOf) -> None:
    texts = Outline(render(page_of())).texts
    start = texts.index("mean IoU of the model")
    assert texts[start : start + 4] == [
        *("mean IoU of the model", "0.583"),
        *("mean IoU of “always the commonest class”", "0.250"),
    ]


def test_the_protocol_is_stated(page_of: PageOf) -> None:
    texts = Outline(render(page_of())).texts
    assert "Measured on the test split (2 images) at each image's own size." in texts


def test_undefined_scores_are_not_available(page_of: PageOf) -> None:
    texts = Outline(render(page_of())).texts
    start = texts.index("Cohen's kappa")
    assert texts[start + 1 : start + 3] == ["n/a", "n/a"]


def test_absent_classes_show_not_available(page_of: PageOf) -> None:
    page = page_of(("road", "fence"), rows=[[10, 0], [0, 0]])
    texts = Outline(render(page)).texts
    start = texts.index("fence", texts.index("Precision"))
    assert texts[start : start + 7] == ["fence", "n/a", "n/a", "n/a", "n/a", "0", "0 %"]
    assert "Not in this split (n/a): fence." in texts


def test_the_largest_confusion_is_said_in_words(page_of: PageOf) -> None:
    html = render(page_of(("building", "pole"), rows=[[100, 0], [31, 69]]))
    assert "<b>pole</b> taken for <b>building</b>: 31 % of pole’s pixels" in html


@pytest.mark.parametrize("num_epochs", [0, 1, 2, 200])
def test_every_drawing_is_well_formed(page_of: PageOf, num_epochs: int) -> None:
    history = [{"epoch": e, "train_loss": 1 / e, "val_loss": 1.0} for e in range(1, num_epochs + 1)]
    html = render(page_of(history=history))
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    # heat map and histogram always, the loss when there are epochs
    assert len(drawings) == (3 if num_epochs else 2)
    assert all(ET.fromstring(drawing).get("role") == "img" for drawing in drawings)


def test_without_history_the_page_says_so(page_of: PageOf) -> None:
    assert "No training history came with this model." in Outline(render(page_of(history=[]))).texts


def test_a_history_of_nan_draws_no_chart(page_of: PageOf) -> None:
    history = [
        {"epoch": 1, "train_loss": math.nan, "val_loss": math.nan, "learning_rate": math.nan}
    ]
    html = render(page_of(history=history))
    assert "Loss per epoch" not in html
    assert "nan" not in re.sub(r"base64,[^\"]*", "", html).lower()


@pytest.mark.parametrize("num_classes", [2, 40])
def test_every_class_has_a_row(page_of: PageOf, num_classes: int) -> None:
    names = [f"class {i}" for i in range(num_classes)]
    texts = Outline(render(page_of(names))).texts
    assert set(names) <= set(texts)


def test_without_panels_the_page_says_so(page_of: PageOf) -> None:
    assert "No pictures were chosen for this report." in Outline(render(page_of(panels=[]))).texts


def test_a_panel_without_a_score_is_not_available(page_of: PageOf) -> None:
    empty = np.full((4, 4), 255, np.uint8)
    image = np.zeros((4, 4, 3), np.uint8)
    panel = Panel("x", "fixed", math.nan, image, empty, np.zeros((4, 4), np.uint8))
    assert "mean IoU n/a" in Outline(render(page_of(panels=[panel]))).texts


@pytest.fixture
def hostile(page_of: PageOf, panel: Callable[..., Panel]) -> str:
    """A page whose every text tries to break out."""
    return render(
        page_of(
            (HOSTILE, "sky"),
            panels=[panel(HOSTILE)],
            title=HOSTILE,
            environment={HOSTILE: HOSTILE},
            recipe_text=f"</pre>{HOSTILE}",
        )
    )


def test_hostile_names_stay_text(hostile: str) -> None:
    outline = Outline(hostile)
    assert outline.all("script") == []
    assert outline.open == []
    assert {image["src"][:11] for image in outline.all("img") if image["src"]} == {"data:image/"}
    assert HOSTILE in "".join(outline.texts)


def test_hostile_names_add_no_event_handler(hostile: str) -> None:
    attributes = {name for _, found in Outline(hostile).elements for name in found}
    assert not {name for name in attributes if name.startswith("on")}


def test_nothing_is_loaded_from_elsewhere(page_of: PageOf) -> None:
    html = render(page_of())
    outline = Outline(html)
    assert outline.all("script") == outline.all("link") == outline.all("iframe") == []
    sources = [v for _, found in outline.elements for k, v in found.items() if k in ("src", "href")]
    assert sources
    assert all(source and source.startswith("data:image/") for source in sources)
    assert "url(" not in html
    assert "@import" not in html
    assert not re.search(r"https?://", html)


def test_browsers_are_told_to_load_nothing(page_of: PageOf) -> None:
    policies = [m["content"] for m in Outline(render(page_of())).all("meta") if "http-equiv" in m]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_pictures_have_alternative_texts_and_table_headers_a_scope(page_of: PageOf) -> None:
    outline = Outline(render(page_of()))
    assert [image["alt"] for image in outline.all("img")] == [
        *("Image of first", "Truth of first", "Prediction of first", "Errors of first"),
    ]
    assert {header.get("scope") for header in outline.all("th")} == {"col", "row"}


def test_the_page_is_the_same_every_time(page_of: PageOf) -> None:
    assert render(page_of()) == render(page_of())


def test_an_evaluation_of_other_classes_is_refused(page_of: PageOf) -> None:
    page, other = page_of(("road", "sky")), page_of(("road", "tree"))
    mixed = Page(
        title="t",
        labels=page.labels,
        history=[],
        evaluation=other.evaluation,
        panels=[],
        environment={},
        recipe_text="",
    )
    with pytest.raises(ValueError, match=r"its classes are road, tree \(2 in all\); expected road"):
        render(mixed)
