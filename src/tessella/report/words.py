"""The report's numbers and remarks as text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tessella.palette import Color
from tessella.report import curves

SCORE_NAMES: Mapping[str, tuple[str, str]] = {
    "mean_iou": ("Mean IoU", "intersection over union, averaged over classes"),
    "pixel_accuracy": ("Pixel accuracy", "share of labelled pixels that are right"),
    "mean_accuracy": ("Mean accuracy", "recall, averaged over classes"),
    "frequency_weighted_iou": ("Frequency-weighted IoU", "IoU weighted by each class's pixels"),
    "macro_precision": ("Macro precision", "precision, averaged over classes"),
    "macro_recall": ("Macro recall", "recall, averaged over classes"),
    "macro_f1": ("Macro F1", "F1 (Dice), averaged over classes"),
    "kappa": ("Cohen's kappa", "agreement beyond chance, at most 1"),
    "mcc": ("Matthews correlation", "multi-class, −1 to 1"),
}
"""Scores by their key: what a reader calls them, and what they mean."""


_IN_SENTENCE = ("split", "num_images", "resolution", "averaging", "ignored")


def score(value: float | None) -> str:
    """Three decimals, or n/a where a score is undefined."""
    return "n/a" if value is None or not math.isfinite(value) else f"{value:.3f}"


def percent(value: float | None) -> str:
    """A share 0..1 in per cent: 31 %, 3.1 %, 0.05 %, or n/a where it is undefined."""
    if value is None or not math.isfinite(value):
        return "n/a"
    digits = 0 if value >= 0.1 or value == 0 else 1 if value >= 0.01 else 2
    return f"{100 * value:.{digits}f} %"


def thousands(value: int) -> str:
    """A whole number with its thousands set apart by thin spaces."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def protocol_sentence(protocol: Mapping[str, str | int | float]) -> str:
    """How the scores were measured: split, images, resolution, averaging and ignored pixels.

    Other keys of the protocol belong among the details, see `protocol_details`.
    """
    known = {key: str(value) for key, value in protocol.items() if key in _IN_SENTENCE}
    start = "Measured"
    if "split" in known:
        start += f" on the {known['split']} split"
    if "num_images" in known:
        start += f" ({known['num_images']} {'image' if known['num_images'] == '1' else 'images'})"
    if "resolution" in known:
        start += f" at {known['resolution']}"
    rest = [f"{key}: {known[key]}" for key in ("averaging", "ignored") if key in known]
    return "; ".join([start, *rest]) + "."


def protocol_details(protocol: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What `protocol_sentence` leaves out, as (name, text) pairs."""
    return flattened({key: value for key, value in protocol.items() if key not in _IN_SENTENCE})


def class_remarks(per_class: Sequence[Mapping[str, Any]], counts: np.ndarray) -> list[str]:
    """What a reader of the per-class table should not miss: classes never met or never found.

    Args:
        per_class: rows in the order of the classes.
        counts: (c, c) pixels; rows ground truth, columns prediction.
    """
    names = [row["name"] for row in per_class]
    in_split, predicted = counts.sum(axis=1) > 0, counts.sum(axis=0) > 0
    hit = counts.diagonal() > 0
    kinds = {
        "Never predicted, though present": in_split & ~predicted,
        "Predicted, but never where they are (IoU 0)": in_split & predicted & ~hit,
        "Not in this split, yet predicted": ~in_split & predicted,
        "Not in this split (n/a)": ~in_split & ~predicted,
    }
    return [
        f"{kind}: {', '.join(names[i] for i in np.flatnonzero(chosen))}."
        for kind, chosen in kinds.items()
        if chosen.any()
    ]


def flattened(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested mappings as (dotted key, text) pairs; sequences are joined by spaces."""
    pairs: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            pairs += flattened(value, f"{prefix}{key}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            pairs.append((f"{prefix}{key}", " ".join(str(item) for item in value)))
        else:
            pairs.append((f"{prefix}{key}", "none" if value is None else str(value)))
    return pairs


def training_facts(history: curves.History) -> list[tuple[str, str]]:
    """(name, value) of what a training took; only what the history holds."""
    facts = [("epochs", str(len(history)))]
    if best := curves.best_epoch(history):
        facts.append(("best epoch", f"{best[0]:g} (mean IoU {best[1]:.3f} in validation)"))
    seconds = [v for _, v in curves.column(history, "seconds") if math.isfinite(v)]
    if seconds:
        facts.append(("time", _duration(sum(seconds))))
    speeds = [v for _, v in curves.column(history, "images_per_second") if math.isfinite(v)]
    if speeds:
        facts.append(("speed", f"{np.median(speeds):.3g} images/s (median epoch)"))
    return facts


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.3g} s"


def css_color(color: Color) -> str:
    """A colour for a style attribute; numbers only, so nothing can be smuggled in."""
    return f"rgb({color[0]} {color[1]} {color[2]})"
