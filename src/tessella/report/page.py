"""The report as one self-contained HTML page, from plain values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from tessella.labels import LabelMap
from tessella.report import confusion, curves, histogram, panels, words
from tessella.report.panels import Panel
from tessella.report.run_card import run_card


@dataclass(frozen=True, eq=False)
class Page:
    """All that a report shows."""

    title: str
    """Usually the name of the run."""

    labels: LabelMap
    """Names and colours of the classes."""

    history: Sequence[Mapping[str, float]]
    """One row per epoch: epoch, train_loss, ...; values may be NaN or missing."""

    evaluation: Mapping[str, Any]
    """Keys protocol, scores, trivial, per_class, confusion, images: the evaluation's document."""

    panels: Sequence[Panel]
    """Pictures, in the order to show them."""

    environment: Mapping[str, Any]
    """What environment.json says: command, commits, data, seed, hardware, versions."""

    recipe_text: str
    """The recipe as YAML."""


def render(page: Page) -> str:
    """The page as HTML: no scripts, nothing loaded from elsewhere, pictures inside.

    Raises:
        ValueError: the evaluation has other classes than the label map, or a panel's image, mask
            and class map differ in size.
    """
    labels, evaluation = page.labels, page.evaluation
    counts = confusion.counts_array(evaluation["confusion"], num_classes=labels.num_classes)
    _require_same_classes(evaluation["per_class"], labels)
    values = [image["mean_iou"] for image in evaluation["images"]]
    known = [value for value in values if value is not None and math.isfinite(value)]
    return _template().render(
        page=page,
        protocol=words.protocol_sentence(evaluation["protocol"]),
        scores=_score_rows(evaluation),
        panels=[panels.shown(panel, labels) for panel in page.panels],
        legend=panels.legend(page.panels, labels),
        class_remarks=words.class_remarks(evaluation["per_class"], counts),
        heat_map=confusion.heat_map(counts, labels.names),
        confusions=confusion.largest_confusions(counts, labels.names),
        charts=_charts(page.history),
        remark=curves.overfitting_remark(page.history),
        facts=words.training_facts(page.history),
        histogram=histogram.mean_iou_histogram(known),
        num_scored=len(known),
        num_unscored=len(values) - len(known),
        details={
            "Protocol": words.protocol_details(evaluation["protocol"]),
            "Run card": run_card(page.environment),
        },
    )


def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("tessella.report", ""),
        autoescape=True,  # class and file names are other people's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": words.score,
        "percent": words.percent,
        "thousands": words.thousands,
        "css_color": words.css_color,
    }
    return environment.get_template("report.html.j2")


def _score_rows(evaluation: Mapping[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """(name, meaning, model, trivial) of each score: those we can explain first, in our order."""
    model, trivial = evaluation["scores"], evaluation["trivial"]
    keys = [key for key in words.SCORE_NAMES if key in model]
    keys += [key for key in model if key not in words.SCORE_NAMES]
    return [
        (*words.SCORE_NAMES.get(key, (key.replace("_", " "), "")), model[key], trivial.get(key))
        for key in keys
    ]


def _require_same_classes(per_class: Sequence[Mapping[str, Any]], labels: LabelMap) -> None:
    names = tuple(row["name"] for row in per_class)
    if names != labels.names:
        raise ValueError(
            f"evaluation: its classes are {', '.join(names[:6])} ({len(names)} in all); expected "
            f"{', '.join(labels.names[:6])} ({labels.num_classes} in all); evaluate again with "
            "the label map of this run."
        )


def _charts(history: curves.History) -> list[Markup]:
    charts = (
        curves.loss_chart(history),
        curves.mean_iou_chart(history),
        curves.accuracy_chart(history),
        curves.learning_rate_chart(history),
    )
    return [chart for chart in charts if chart]
