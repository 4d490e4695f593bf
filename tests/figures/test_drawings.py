"""Charts as SVG files of their own: what they hold, and that they need nothing else."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest

from tessella.figures.drawings import curves_drawing, histogram_drawing
from tessella.labels import LabelMap
from tessella.sample import Sample
from tessella.stats.measure import measure

SVG = "{http://www.w3.org/2000/svg}"


def history(train: list[float], val: list[float]) -> list[dict[str, float]]:
    return [
        {
            "epoch": index + 1,
            "train_loss": t,
            "val_loss": v,
            "val_mean_iou": 0.5,
            "val_pixel_accuracy": 0.9,
        }
        for index, (t, v) in enumerate(zip(train, val, strict=True))
    ]


FINE = history([4, 3.6, 3.2, 2.9, 2.6, 2.3], [5, 4.5, 4, 3.6, 3.2, 2.9])
OVERFITTED = history([3, 2, 1.5, 1.2, 1, 0.75, 0.6], [3, 2, 1.0, 1.1, 1.2, 1.3, 1.4])


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawing).iter(f"{SVG}text")]


def test_curves_have_a_title_axes_and_a_legend() -> None:
    """S1-F13 and S2-F18."""
    found = texts(curves_drawing(FINE, title="Training of camvid"))
    assert found[0] == "Training of camvid"
    assert {"Loss", "Mean IoU", "Pixel accuracy", "training", "validation", "epoch"} <= set(found)


def test_over_fitting_is_remarked_below_the_curves() -> None:
    """S1-F13: the remark is computed, not written from memory."""
    remark = texts(curves_drawing(OVERFITTED, title="t"))[-1]
    assert remark == (
        "Smoothed over 3 epochs, validation loss rose by 18 % since epoch 3 while training loss "
        "fell by 50 %: over-fitting; stop earlier, augment more or add data."
    )


def test_nothing_is_remarked_on_a_training_that_goes_well() -> None:
    assert not any("loss" in text for text in texts(curves_drawing(FINE, title="t")))


def test_a_long_remark_is_broken_into_lines_inside_the_drawing() -> None:
    losses_only = [{k: v for k, v in row.items() if "loss" in k} for row in OVERFITTED]
    root = ET.fromstring(curves_drawing(losses_only, title="t"))
    remarks = [e for e in root.iter(f"{SVG}text") if e.get("class") == "remark"]
    assert len(remarks) >= 2
    assert all(len(e.text or "") * 6.2 <= 440 for e in remarks)
    assert all(float(e.get("y", "nan")) < float(root.get("height", "nan")) for e in remarks)


def test_charts_stand_side_by_side() -> None:
    root = ET.fromstring(curves_drawing(FINE, title="t"))
    charts = root.findall(f"{SVG}svg")
    lefts = [float(chart.get("x", "nan")) for chart in charts]
    assert len(charts) == 3
    # 16 to the border, each 400 wide, 24 between
    assert lefts == [16, 440, 864]
    assert float(root.get("width", "nan")) == 864 + 400 + 16


def test_what_was_not_recorded_is_not_drawn() -> None:
    rows = [{"epoch": 1.0, "val_mean_iou": 0.2}, {"epoch": 2.0, "val_mean_iou": math.nan}]
    root = ET.fromstring(curves_drawing(rows, title="t"))
    assert len(root.findall(f"{SVG}svg")) == 1


@pytest.mark.parametrize("rows", [[], [{"epoch": 1.0, "val_loss": math.nan}]])
def test_without_any_value_there_is_no_drawing(rows: list[dict[str, float]]) -> None:
    assert curves_drawing(rows, title="t") == ""


def test_a_drawing_stands_alone() -> None:
    drawing = curves_drawing(FINE, title="a <b> & c")
    assert ET.fromstring(drawing).tag == f"{SVG}svg"
    assert "var(" not in drawing  # variables of a page's style sheet
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
    assert texts(drawing)[0] == "a <b> & c"


def test_every_style_of_the_charts_is_defined() -> None:
    root = ET.fromstring(curves_drawing(OVERFITTED, title="t"))
    style = root.findtext(f"{SVG}style") or ""
    lines = [e for tag in ("line", "polyline") for e in root.iter(f"{SVG}{tag}")]
    used = {name for e in lines for name in (e.get("class") or "").split()}
    assert used >= {"grid", "axis", "curve", "train", "val", "mark"}
    assert not [name for name in used if f".{name}" not in style]


@pytest.mark.parametrize("num_classes", [2, 32])
def test_a_histogram_has_a_bar_for_each_class_in_its_color(
    num_classes: int, in_memory: Callable[..., object]
) -> None:
    """S3-F03."""
    labels = LabelMap.from_names([f"a class of a long name, {i}" for i in range(num_classes)])
    mask = np.arange(2 * num_classes, dtype=np.uint8).reshape(1, -1) % num_classes
    sample = Sample(np.zeros((*mask.shape, 3), np.uint8), mask, "x")
    statistics = measure({"val": in_memory([sample], labels)})  # type: ignore[dict-item]
    root = ET.fromstring(histogram_drawing(statistics, title="t"))
    bars = [e for e in root.iter(f"{SVG}rect") if e.get("class") == "outlined"]
    assert [e.get("fill") for e in bars] == [f"rgb({r} {g} {b})" for r, g, b in labels.colors]
    assert len({e.get("width") for e in bars}) == 1  # each class has two pixels
