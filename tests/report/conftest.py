"""Page contents with numbers that add up, for the tests of the report."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.report.page import Page, Panel

Rows = Sequence[Sequence[int]]


def evaluation_of(names: Sequence[str], rows: Rows) -> dict[str, Any]:
    """An evaluation document for a confusion matrix; undefined scores are None."""
    counts = np.array(rows, float)
    hits, truth, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)

    def ratio(part: float, whole: float) -> float | None:
        return float(part / whole) if whole else None

    per_class = [
        {
            "name": name,
            "iou": ratio(hits[k], truth[k] + predicted[k] - hits[k]),
            "precision": ratio(hits[k], predicted[k]),
            "recall": ratio(hits[k], truth[k]),
            "f1": ratio(2 * hits[k], truth[k] + predicted[k]),
            "pixels": int(truth[k]),
            "share": ratio(truth[k], truth.sum()),
        }
        for k, name in enumerate(names)
    ]
    return {
        "protocol": {"split": "test", "num_images": 2, "resolution": "each image's own size"},
        "scores": {"pixel_accuracy": 0.75, "mean_iou": 0.5833, "kappa": None},
        "trivial": {"pixel_accuracy": 0.5, "mean_iou": 0.25, "kappa": None},
        "per_class": per_class,
        "confusion": [list(row) for row in rows],
        "images": [{"name": "a", "mean_iou": 0.6}, {"name": "b", "mean_iou": None}],
    }


def panel_of(name: str, *, size: tuple[int, int] = (6, 8)) -> Panel:
    """A grey picture whose upper half is class 0 and ignored at one corner."""
    image = np.full((*size, 3), 90, np.uint8)
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 2 :] = 1
    class_map = mask.copy()
    mask[0, 0] = 255
    return Panel(name, "worst", 0.25, image, mask, class_map)


def history_of(num_epochs: int) -> list[dict[str, float]]:
    """Losses that halve, scores that grow."""
    return [
        {
            "epoch": epoch,
            "train_loss": 2.0 * 0.5**epoch,
            "train_mean_iou": 1 - 0.5**epoch,
            "val_loss": 2.2 * 0.5**epoch,
            "val_mean_iou": 0.9 - 0.5**epoch,
            "learning_rate": 0.01 / epoch,
            "seconds": 30.0,
            "images_per_second": 20.0,
        }
        for epoch in range(1, num_epochs + 1)
    ]


@pytest.fixture
def page_of() -> Callable[..., Page]:
    """A page; every part can be replaced."""

    def build(
        names: Sequence[str] = ("road", "sky"),
        *,
        rows: Rows | None = None,
        history: Sequence[dict[str, float]] | None = None,
        panels: Sequence[Panel] | None = None,
        title: str = "a run",
        environment: dict[str, Any] | None = None,
        recipe_text: str = "name: a\n",
    ) -> Page:
        if rows is None:
            rows = (np.eye(len(names), dtype=int) * 90 + 10).tolist()
        return Page(
            title=title,
            labels=LabelMap.from_names(names),
            history=history_of(6) if history is None else history,
            evaluation=evaluation_of(names, rows),
            panels=[panel_of("first")] if panels is None else panels,
            environment={"seed": 3} if environment is None else environment,
            recipe_text=recipe_text,
        )

    return build


@pytest.fixture
def panel() -> Callable[..., Panel]:
    """`panel_of`, for tests that need panels of their own."""
    return panel_of
