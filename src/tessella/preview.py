"""Samples of a data set to look at: with their masks, and as training will see them."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from tessella.contact import fit, fit_mask, grid
from tessella.data.augment import Augmentation
from tessella.data.dataset import Dataset
from tessella.data.mixing import draw_partner
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.pictures import legend, overlay
from tessella.sample import Sample
from tessella.source import Source

NUM_CROPS = 5
"""Random crops of each sample that a preview with augmentation shows."""

_CELL_PX, _LARGE_CELL_PX = 224, 480
_COLUMNS = 8
_STRIPES = 8  # pixels from one dark stripe to the next
_DARK, _LIGHT = (30, 30, 30), (235, 235, 235)

Picture = UInt8[np.ndarray, "h w 3"]


class _Column(NamedTuple):
    """What is shown of a sample or of a crop of it, from top to bottom."""

    caption: str
    image: Picture
    mask: Picture | None
    blend: Picture | None


def preview(
    source: Source,
    *,
    split: str,
    count: int = 8,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    index: int | None = None,
) -> Picture:
    """A contact sheet of samples: image, mask in its colours, and both blended, above a legend.

    One sample alone is shown larger, the three side by side. Ignored pixels are striped dark and
    light. With an augmentation each sample has two rows of its own: the image and its mask, then
    the crops that training with this seed draws of it in its first epochs, pixel by pixel.

    Args:
        source: the data.
        split: which split.
        count: samples to show, drawn at random; at most as many as there are.
        augmentation: how training varies samples; None shows them as they are.
        seed: which samples are drawn, and which crops.
        index: show this sample alone, counted from 0.

    Raises:
        UsageError: unknown data set, option or split, no such sample, or a count below 1.
        ValueError: a sample cannot be read, or has no mask and is to be augmented.
    """
    dataset = source.open(split)
    chosen = _chosen(dataset, split=split, count=count, seed=seed, index=index)
    is_single = len(chosen) == 1 and augmentation is None
    cell_px = _LARGE_CELL_PX if is_single else _CELL_PX
    labels = dataset.labels
    present = np.zeros(256, bool)
    columns: list[list[_Column]] = []
    for number in chosen:
        shown = [dataset[number]]
        if augmentation is not None:
            shown += _crops(shown[0], number, augmentation, dataset=dataset, seed=seed)
        for sample in shown:
            if sample.mask is not None:
                present[np.unique(sample.mask)] = True
        columns.append([_column(s, labels, nth, cell_px) for nth, s in enumerate(shown)])
    what = f"{len(chosen)} of {len(dataset)} samples" if index is None else f"sample {index}"
    cropped = "" if augmentation is None else f" with training crops, seed {seed}"
    note = "; striped: ignored" if present[labels.ignore_index] else ""
    title = f"{source.name}, {split}: {what}{cropped}{note}"
    if is_single:
        sheet = _side_by_side(columns[0][0], title)
    elif augmentation is None:
        sheet = _by_columns([column for (column,) in columns], title)
    else:
        sheet = _by_rows(columns, title)
    return _with_legend(sheet, labels, present)


def _chosen(
    dataset: Dataset, *, split: str, count: int, seed: int, index: int | None
) -> Sequence[int]:
    """Indices of the samples to show, in order."""
    if count < 1:
        raise UsageError(f"preview: count is {count}; expected 1 or more samples.")
    if seed < 0:
        raise UsageError(f"preview: seed is {seed}; expected a whole number from 0 up.")
    if not len(dataset):
        raise ValueError(f"preview: split {split!r} is empty; there is nothing to show.")
    if index is None:
        drawn = np.random.default_rng(seed).permutation(len(dataset))[:count]
        return sorted(int(number) for number in drawn)
    if not 0 <= index < len(dataset):
        raise UsageError(
            f"preview: split {split!r} has the samples 0..{len(dataset) - 1}, there is no {index}; "
            "give one of these."
        )
    return [index]


def _crops(
    sample: Sample, number: int, augmentation: Augmentation, *, dataset: Dataset, seed: int
) -> list[Sample]:
    # the same generators and partners as the training loader's: (seed, epoch, sample)
    partner = partial(draw_partner, dataset, number)
    return [
        augmentation(sample, np.random.default_rng((seed, epoch, number)), partner=partner)
        for epoch in range(NUM_CROPS)
    ]


def _column(sample: Sample, labels: LabelMap, nth: int, cell_px: int) -> _Column:
    """A sample (`nth` 0) or its crop in epoch `nth`, sized for its cell."""
    caption = f"epoch {nth}" if nth else sample.name
    image = fit(sample.image, cell_px=cell_px)
    if sample.mask is None:
        return _Column(caption, image, None, None)
    mask = fit_mask(sample.mask, cell_px=cell_px)
    ignored = mask == labels.ignore_index
    return _Column(
        caption,
        image,
        striped(labels.colorize(mask), ignored),
        striped(overlay(image, mask, labels), ignored),
    )


def striped(picture: Picture, where: np.ndarray) -> Picture:
    """The picture with dark and light stripes across the pixels of `where`, a (h, w) mask.

    Both tones, so that stripes show on any ground; between them the picture does.
    """
    height, width = where.shape
    diagonal = (np.arange(height)[:, None] + np.arange(width)) % _STRIPES
    result = picture.copy()
    result[where & (diagonal < 2)] = _DARK
    result[where & (diagonal >= 2) & (diagonal < 4)] = _LIGHT
    return result


def _side_by_side(column: _Column, title: str) -> Picture:
    """One sample: image, mask and both in a row."""
    pictures = [column.image, column.mask, column.blend]
    captions = [column.caption, "no mask" if column.mask is None else "mask", ""]
    return grid(pictures, titles=captions, columns=3, cell_px=_LARGE_CELL_PX, title=title)


def _by_columns(columns: Sequence[_Column], title: str) -> Picture:
    """A column for each sample: image, mask, both; the next block of samples below."""
    width = min(_COLUMNS, len(columns))
    pictures: list[Picture | None] = []
    captions: list[str] = []
    for first in range(0, len(columns), width):
        block = columns[first : first + width]
        num_blank = width - len(block)
        for row in (
            [column.image for column in block],
            [column.mask for column in block],
            [column.blend for column in block],
        ):
            pictures += [*row, *[None] * num_blank]
        captions += [*(column.caption for column in block), *[""] * num_blank]
        captions += ["no mask" if column.mask is None else "" for column in block]
        captions += [""] * (num_blank + width)
    return grid(pictures, titles=captions, columns=width, cell_px=_CELL_PX, title=title)


def _by_rows(columns: Sequence[Sequence[_Column]], title: str) -> Picture:
    """Two rows for each sample: images, then masks; the sample itself first, then its crops."""
    pictures: list[Picture | None] = []
    captions: list[str] = []
    for of_sample in columns:
        pictures += [column.image for column in of_sample]
        captions += [column.caption for column in of_sample]
        pictures += [column.mask for column in of_sample]
        captions += [""] * len(of_sample)
    width = len(columns[0])
    return grid(pictures, titles=captions, columns=width, cell_px=_CELL_PX, title=title)


def _with_legend(sheet: Picture, labels: LabelMap, present: np.ndarray) -> Picture:
    """The sheet with the classes that occur in it listed below."""
    classes = [int(i) for i in np.flatnonzero(present) if i != labels.ignore_index]
    if not classes:
        return sheet
    return np.concatenate([sheet, legend(labels, classes, width=sheet.shape[1])])
