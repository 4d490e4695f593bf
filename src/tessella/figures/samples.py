"""Figures of single images: side by side with truth and prediction, and class by class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from tessella.contact import ascii_text, fit, fit_mask, grid
from tessella.labels import LabelMap
from tessella.metrics.counts import count_pixels
from tessella.metrics.scores import mean_iou, pixel_accuracy
from tessella.pictures import IGNORED_COLOR, RIGHT_COLOR, WRONG_COLOR, error_map, legend
from tessella.preview import striped
from tessella.sample import Sample
from tessella.stats.charts import RAMP

Picture = UInt8[np.ndarray, "h w 3"]

_CELL_PX, _SMALL_CELL_PX, _LARGE_CELL_PX = 320, 200, 480
_MOST_COLUMNS = 8
_COMPARED_IN_A_ROW = 6
_KEY_SIZE = (16, 256)  # of the colour key of probabilities: height and width in pixels
_ERRORS = LabelMap.from_names(
    ("right", "wrong", "no label"), colors=(RIGHT_COLOR, WRONG_COLOR, IGNORED_COLOR)
)


@dataclass(frozen=True, eq=False)
class Compared:
    """A sample and its prediction, sized for a cell of the comparison."""

    name: str
    image: Picture
    truth: Picture | None
    """None where the sample has no mask."""

    prediction: Picture
    present: Bool[np.ndarray, " 256"]
    """Which values occur in the mask or in the prediction."""


def compared(sample: Sample, class_map: UInt8[np.ndarray, "h w"], labels: LabelMap) -> Compared:
    """What the comparison shows of a sample; the image's pixels as they are in the file.

    Args:
        sample: with its mask, where it has one.
        class_map: the prediction at the image's size.
        labels: gives the colours.
    """
    mask = sample.mask
    return Compared(
        name=sample.name,
        image=fit(sample.image, cell_px=_CELL_PX),
        truth=None if mask is None else _colored(fit_mask(mask, cell_px=_CELL_PX), labels),
        prediction=_colored(fit_mask(class_map, cell_px=_CELL_PX), labels),
        present=_present(class_map) if mask is None else _present(class_map) | _present(mask),
    )


def image_grid(samples: Sequence[Compared], *, title: str) -> Picture:
    """The images alone, up to eight in a row, each with its name.

    Args:
        samples: at least one.
        title: written above all.
    """
    return grid(
        [sample.image for sample in samples],
        titles=[sample.name for sample in samples],
        columns=_MOST_COLUMNS,
        cell_px=_CELL_PX,
        title=title,
    )


def comparison(samples: Sequence[Compared], labels: LabelMap) -> Picture:
    """Three rows, "Images", "Predictions" and "Ground truths", above the legend of their classes.

    A column for each sample; more than six samples continue below. Ignored pixels are striped.

    Args:
        samples: at least one.
        labels: names and colours of the classes.
    """
    num_blocks = math.ceil(len(samples) / _COMPARED_IN_A_ROW)
    columns = math.ceil(len(samples) / num_blocks)
    present = np.any([sample.present for sample in samples], axis=0)
    note = " (striped: no label)" if present[labels.ignore_index] else ""
    rows: list[Picture] = []
    for first in range(0, len(samples), columns):
        block = samples[first : first + columns]
        blank: list[Picture | None] = [None] * (columns - len(block))
        names = [*(sample.name for sample in block), *("" for _ in blank)]
        missing = ["no mask" if s.truth is None else "" for s in block] + ["" for _ in blank]
        for title, pictures, captions in (
            ("Images", [s.image for s in block], names),
            ("Predictions", [s.prediction for s in block], None),
            (f"Ground truths{note}", [s.truth for s in block], missing if any(missing) else None),
        ):
            cells = [*pictures, *blank]
            rows.append(
                grid(cells, titles=captions, columns=columns, cell_px=_CELL_PX, title=title)
            )
    return np.concatenate([*rows, _legend_of(present, labels, width=rows[0].shape[1])])


def panel(sample: Sample, class_map: UInt8[np.ndarray, "h w"], labels: LabelMap) -> Picture:
    """Input, truth, prediction and errors in a row, with this image's scores and a legend.

    Without a mask only input and prediction. Ignored pixels of the truth are striped.

    Args:
        sample: with its mask, where it has one.
        class_map: the prediction at the image's size.
        labels: names and colours of the classes.
    """
    image = fit(sample.image, cell_px=_LARGE_CELL_PX)
    shown = fit_mask(class_map, cell_px=_LARGE_CELL_PX)
    prediction = _colored(shown, labels)
    if sample.mask is None:
        sheet = grid(
            [image, prediction],
            titles=["input", "prediction"],
            columns=2,
            cell_px=_LARGE_CELL_PX,
            title=f"{sample.name} (no mask)",
        )
        strip = _legend_of(_present(class_map), labels, width=sheet.shape[1])
        return np.concatenate([sheet, strip])
    mask = fit_mask(sample.mask, cell_px=_LARGE_CELL_PX)
    errors = error_map(mask, shown, ignore_index=labels.ignore_index)
    present = _present(class_map) | _present(sample.mask)
    has_ignored = bool(present[labels.ignore_index])
    sheet = grid(
        [image, _colored(mask, labels), prediction, errors],
        titles=[
            "input",
            "ground truth (striped: no label)" if has_ignored else "ground truth",
            "prediction",
            "errors",
        ],
        columns=4,
        cell_px=_LARGE_CELL_PX,
        title=f"{sample.name}: {_scores(sample.mask, class_map, labels)}",
    )
    width = sheet.shape[1]
    tones = legend(_ERRORS, range(3 if has_ignored else 2), width=width)
    return np.concatenate([sheet, _legend_of(present, labels, width=width), tones])


def probability_grid(
    sample: Sample,
    class_map: UInt8[np.ndarray, "h w"],
    probabilities: Float[np.ndarray, "k h w"],
    labels: LabelMap,
) -> Picture:
    """A map of each class's probability (softmax, 0..1), titled with its name.

    Input and prediction stand before them, a key of the colours below: dark is 0, pale is 1.

    Args:
        sample: the image.
        class_map: the prediction at the image's size.
        probabilities: of every class at every pixel.
        labels: names of the classes, in the order of the probabilities.
    """
    num_cells = labels.num_classes + 2
    # a row for few classes, else half as wide again as high
    columns = num_cells if num_cells <= 5 else math.ceil(1.3 * math.sqrt(num_cells))
    columns = min(columns, _MOST_COLUMNS)
    cell_px = _SMALL_CELL_PX if columns == _MOST_COLUMNS else _CELL_PX
    table = _ramp()
    maps = [table[_level(probability, cell_px=cell_px)] for probability in probabilities]
    prediction = _colored(fit_mask(class_map, cell_px=cell_px), labels)
    sheet = grid(
        [sample.image, prediction, *maps],
        titles=["input", "prediction", *map(_caption, labels.names, range(num_cells))],
        columns=columns,
        cell_px=cell_px,
        title=f"{sample.name}: probability of each class",
    )
    key = grid([_key(table)], titles=["probability, 0 to 1"], cell_px=_KEY_SIZE[1])
    footer = np.full((key.shape[0], sheet.shape[1], 3), 255, np.uint8)
    footer[:, : key.shape[1]] = key
    return np.concatenate([sheet, footer])


def _key(table: UInt8[np.ndarray, "256 3"]) -> Picture:
    height, width = _KEY_SIZE
    return np.repeat(table[None, np.linspace(0, 255, width).astype(np.uint8)], height, axis=0)


def _level(probability: Float[np.ndarray, "h w"], *, cell_px: int) -> UInt8[np.ndarray, "h2 w2"]:
    """Probabilities 0..1 as 0..255, at the size that their image has in a cell."""
    level = np.rint(255 * probability).astype(np.uint8)
    return fit(level[..., None], cell_px=cell_px)[..., 0]


def _ramp() -> UInt8[np.ndarray, "256 3"]:
    """Colours from dark (0) to pale (255)."""
    places = np.linspace(0, len(RAMP) - 1, 256)
    stops = np.array(RAMP, np.float64)
    columns = [np.interp(places, np.arange(len(RAMP)), stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(columns, axis=1)).astype(np.uint8)


def _caption(name: str, index: int) -> str:
    """The class's name, or its index where the font lacks the letters, as in the legend."""
    return f"class {index}" if ascii_text(name).count("?") > name.count("?") else name


def _scores(mask: np.ndarray, class_map: np.ndarray, labels: LabelMap) -> str:
    """Mean IoU and pixel accuracy of one image, at its own size."""
    counts = count_pixels(
        mask, class_map, num_classes=labels.num_classes, ignore_index=labels.ignore_index
    )
    if not counts.any():
        return "no labelled pixel"
    accuracy = f"{100 * pixel_accuracy(counts):.1f} %"
    return f"mean IoU {mean_iou(counts):.3f}, pixel accuracy {accuracy}"


def _colored(mask: UInt8[np.ndarray, "h w"], labels: LabelMap) -> Picture:
    return striped(labels.colorize(mask), mask == labels.ignore_index)


def _present(mask: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, " 256"]:
    return np.bincount(mask.ravel(), minlength=256) > 0


def _legend_of(present: np.ndarray, labels: LabelMap, *, width: int) -> Picture:
    classes = [int(i) for i in np.flatnonzero(present) if i != labels.ignore_index]
    return legend(labels, classes, width=width)
