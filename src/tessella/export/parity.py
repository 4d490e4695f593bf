"""Does the file say what the run says? Compared on real images, by pixel and by class."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8

from tessella.backends.arrays import ArrayScorer
from tessella.labels import LabelMap
from tessella.metrics.scores import iou_per_class, mean_iou
from tessella.predictor import Predictor
from tessella.progress import Track, silently
from tessella.sample import Sample

LEAST_AGREEMENT = 0.999
"""Share of the pixels whose class must be the same."""

MOST_DROP = 0.001
"""How much the mean IoU may differ."""

TIE = 0.01
"""Two classes whose probabilities differ by less are tied: rounding may decide between them."""


class _Both(NamedTuple):
    """One image as the run and as the file see it."""

    truth: UInt8[np.ndarray, "h w"] | None
    run: UInt8[np.ndarray, "h w"]
    file: UInt8[np.ndarray, "h w"]
    margin: np.ndarray
    """How much likelier the run holds its own class than the file's, where they differ."""


@dataclass(frozen=True)
class Parity:
    """What comparing an exported file with its run gave."""

    labels: LabelMap
    images: int
    pixels: int
    differing: int
    """Pixels of another class."""

    away_from_ties: int
    """Those of them where the run was not undecided."""

    run_counts: Int64[np.ndarray, "k k"]
    file_counts: Int64[np.ndarray, "k k"]

    @property
    def agreement(self) -> float:
        """Share of the pixels with the same class, 0..1."""
        return 1 - self.differing / self.pixels

    @property
    def drop(self) -> float:
        """By how much the file's mean IoU is below the run's; negative where it is above."""
        return mean_iou(self.run_counts) - mean_iou(self.file_counts)

    def problem(self) -> str:
        """Why the file does not do; empty where it does."""
        if self.agreement < LEAST_AGREEMENT:
            return (
                f"{self.differing} of {self.pixels} pixels ({1 - self.agreement:.3%}) have another "
                f"class; at most {1 - LEAST_AGREEMENT:.1%} may"
            )
        if self.away_from_ties:
            return (
                f"{self.away_from_ties} pixels have another class although the run was not "
                "undecided between two there"
            )
        if not abs(self.drop) < MOST_DROP:
            return f"the mean IoU differs by {abs(self.drop) * 100:.2f} points"
        return ""

    def document(self) -> dict[str, Any]:
        """Plain values; IoU that is undefined is null."""
        return {
            "images": self.images,
            "agreement": self.agreement,
            "differing_pixels": self.differing,
            "differing_away_from_ties": self.away_from_ties,
            "mean_iou": {"run": mean_iou(self.run_counts), "file": mean_iou(self.file_counts)},
            "per_class": rows(self.labels, self.run_counts, self.file_counts),
        }


def rows(labels: LabelMap, run_counts: np.ndarray, file_counts: np.ndarray) -> list[dict[str, Any]]:
    """IoU of each class before and after, for a table and for JSON."""
    both = zip(labels.names, iou_per_class(run_counts), iou_per_class(file_counts), strict=True)
    return [
        {"class": name, "run": _or_none(before), "file": _or_none(after)}
        for name, before, after in both
    ]


def compare(
    run: Predictor,
    file: Predictor,
    samples: Iterable[Sample],
    *,
    total: int,
    track: Track = silently,
) -> Parity:
    """Both on the same images, at their own size.

    Args:
        run: in fp32, with the same tiles as `file`.
        file: what was exported.
        samples: with masks.
        total: how many there are, for progress.
        track: shows progress.

    Raises:
        ValueError: there is no sample, or the file refuses one.
    """
    labels = run.labels
    scorers = [ArrayScorer(labels.num_classes, labels.ignore_index) for _ in (run, file)]
    images = pixels = differing = away = 0
    for sample in track(samples, about="compare", total=total, size=lambda _: 1):
        both = _both(run, file, sample)
        images += 1
        pixels += both.run.size
        differing += both.margin.size
        away += int((both.margin > TIE).sum())
        if both.truth is not None:
            for scorer, class_map in zip(scorers, (both.run, both.file), strict=True):
                scorer.add(class_map[None], both.truth[None])
    if not images:
        raise ValueError("the split is empty; there is nothing to compare the file on.")
    run_counts, file_counts = (scorer.read().counts for scorer in scorers)
    return Parity(labels, images, pixels, differing, away, run_counts, file_counts)


def sizes_that_fail(
    run: Predictor,
    file: Predictor,
    image: UInt8[np.ndarray, "h w c"],
    sizes: Sequence[tuple[int, int]],
) -> Mapping[tuple[int, int], str]:
    """Sizes (height, width) at which the file is wrong or refuses, and how.

    Args:
        run: in fp32.
        file: what was exported.
        image: a real one; cut, or mirrored at its borders, to each size.
        sizes: to try.
    """
    failures: dict[tuple[int, int], str] = {}
    for size in sizes:
        pixels = at_size(image, size)
        try:
            both = _both(run, file, Sample(pixels, None, "image"))
        except ValueError as error:
            failures[size] = str(error)
            continue
        wrong = int((both.margin > TIE).sum())
        if wrong or both.margin.size > (1 - LEAST_AGREEMENT) * both.run.size:
            failures[size] = f"{both.margin.size / both.run.size:.1%} of the pixels differ"
    return failures


def at_size(image: UInt8[np.ndarray, "h w c"], size: tuple[int, int]) -> UInt8[np.ndarray, "a b c"]:
    """The image's upper left part, or the image mirrored on where it is too small."""
    missing = [max(0, want - got) for want, got in zip(size, image.shape[:2], strict=True)]
    grown = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(grown[: size[0], : size[1]])


def _both(run: Predictor, file: Predictor, sample: Sample) -> _Both:
    ours = run.predict_probabilities(sample.image)
    theirs = file.predict(sample.image).class_map
    differs = np.nonzero(ours.class_map != theirs)
    margin = np.zeros(0)
    if ours.probabilities is not None and differs[0].size:
        chosen = ours.probabilities[ours.class_map[differs], *differs]
        margin = chosen - ours.probabilities[theirs[differs], *differs]
    return _Both(sample.mask, ours.class_map, theirs, margin)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
