"""The numbers of a data set: plain records of exact counts, and what follows from them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from tessella.labels import LabelMap


@dataclass(frozen=True)
class Sizes:
    """How large the images of a split are."""

    counts: Mapping[tuple[int, int], int]
    """(height, width) in pixels -> number of images of that size."""

    def commonest(self) -> list[tuple[tuple[int, int], int]]:
        """(size, number of images), commonest first, then by size."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))

    def heights(self) -> tuple[int, float, int] | None:
        """Smallest, median and largest height in pixels; None without images."""
        return self._spread(0)

    def widths(self) -> tuple[int, float, int] | None:
        """Smallest, median and largest width in pixels; None without images."""
        return self._spread(1)

    def _spread(self, axis: int) -> tuple[int, float, int] | None:
        if not self.counts:
            return None
        values = np.repeat([size[axis] for size in self.counts], list(self.counts.values()))
        return int(values.min()), float(np.median(values)), int(values.max())

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "height": _named(self.heights()),
            "width": _named(self.widths()),
            "counts": [
                {"height": height, "width": width, "images": images}
                for (height, width), images in self.commonest()
            ],
        }


def _named(spread: tuple[int, float, int] | None) -> dict[str, float] | None:
    return None if spread is None else dict(zip(("min", "median", "max"), spread, strict=True))


@dataclass(frozen=True, eq=False)
class Colors:
    """The brightness of the pixels of a split, channel by channel."""

    levels: Int64[np.ndarray, "c 256"]
    """Pixels of each value 0..255, in each channel."""

    def mean(self) -> list[float]:
        """Mean of each channel, 0..255; empty without images."""
        return [total / num for num, total, _ in self._sums()]

    def std(self) -> list[float]:
        """Standard deviation of all pixels of each channel around its mean, 0..255."""
        return [
            math.sqrt(num * squares - total * total) / num for num, total, squares in self._sums()
        ]

    def _sums(self) -> list[tuple[int, int, int]]:
        """Pixels, sum and sum of squares of each channel as Python integers, which never round."""
        return [
            (
                sum(counts),
                sum(value * count for value, count in enumerate(counts)),
                sum(value * value * count for value, count in enumerate(counts)),
            )
            for counts in self.levels.tolist()
        ]

    def document(self) -> dict[str, Any]:
        """Plain values for JSON, in file units and in units of 0..1."""
        mean, std = self.mean(), self.std()
        return {
            "mean": mean,
            "std": std,
            "mean_of_1": [value / 255 for value in mean],
            "std_of_1": [value / 255 for value in std],
        }


@dataclass(frozen=True, eq=False)
class SplitStatistics:
    """One split in numbers; all counts are exact."""

    num_images: int
    num_unannotated: int
    """Images without a mask; they count in sizes and colours only."""

    pixels: Int64[np.ndarray, " k"]
    """Labelled pixels of each class."""

    ignored_pixels: int
    images_with_class: Int64[np.ndarray, " k"]
    """Images that hold each class, be it in one pixel."""

    pixels_where_present: Int64[np.ndarray, " k"]
    """Labelled pixels, of whatever class, of the images that hold each class."""

    together: Int64[np.ndarray, "k k"]
    """Images that hold both classes; on the diagonal, those that hold the class."""

    places: Int64[np.ndarray, "k 32 32"]
    """Pixels of each class by their relative place: cell (r, c) is a 32nd of height and width.

    Images with fewer than 32 rows or columns are enlarged by a whole factor before.
    """

    sizes: Sizes
    colors: Colors

    @property
    def labelled_pixels(self) -> int:
        """Pixels of any class."""
        return int(self.pixels.sum())

    @property
    def labelled_share(self) -> float | None:
        """Share of the annotated images' pixels that have a class, 0..1; None without any."""
        return _ratio(self.labelled_pixels, self.labelled_pixels + self.ignored_pixels)

    @property
    def shares(self) -> list[float | None]:
        """Each class's share of the labelled pixels, 0..1; None where nothing is labelled."""
        return [_ratio(int(pixels), self.labelled_pixels) for pixels in self.pixels]

    @property
    def num_annotated(self) -> int:
        """Images with a mask."""
        return self.num_images - self.num_unannotated

    @property
    def mean_classes_per_image(self) -> float | None:
        """How many classes an annotated image holds, on average; None without any."""
        return _ratio(int(self.images_with_class.sum()), self.num_annotated)

    def spatial_prior(self) -> Float64[np.ndarray, "k 32 32"]:
        """Share of each class among the labelled pixels of a place; NaN where none ever is."""
        around = self.places.sum(axis=0)
        return np.divide(
            self.places, around, out=np.full(self.places.shape, np.nan), where=around > 0
        )

    def document(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null.

        Args:
            names: of the classes.
        """
        prior, shares = self.spatial_prior().round(5), self.shares
        return {
            "num_images": self.num_images,
            "num_unannotated": self.num_unannotated,
            "labelled_pixels": self.labelled_pixels,
            "ignored_pixels": self.ignored_pixels,
            "labelled_share": self.labelled_share,
            "mean_classes_per_image": self.mean_classes_per_image,
            "classes": [
                {
                    "name": name,
                    "pixels": int(self.pixels[index]),
                    "share": shares[index],
                    "images": int(self.images_with_class[index]),
                    "pixels_where_present": int(self.pixels_where_present[index]),
                }
                for index, name in enumerate(names)
            ],
            "sizes": self.sizes.document(),
            "channels": self.colors.document(),
            "images_with_both": self.together.tolist(),
            "spatial_prior": _without_nan(prior),
        }


@dataclass(frozen=True, eq=False)
class Statistics:
    """A data set in numbers, split by split."""

    labels: LabelMap
    splits: Mapping[str, SplitStatistics]

    def document(self) -> dict[str, Any]:
        """Plain values for JSON; what is undefined is null."""
        names = self.labels.names
        return {
            "labels": self.labels.to_dict(),
            "splits": {name: split.document(names) for name, split in self.splits.items()},
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row for each class and, last, one for ignored pixels, in every split: for a table.

        Keys: split, class, pixels, share (of the labelled pixels; for ignored ones of all pixels;
        None where undefined), images (that hold the class; None for ignored).
        """
        return [row for name, split in self.splits.items() for row in self._rows_of(name, split)]

    def _rows_of(self, name: str, split: SplitStatistics) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [
            {"split": name, "class": label, "pixels": int(pixels), "share": share, "images": images}
            for label, pixels, share, images in zip(
                self.labels.names,
                split.pixels,
                split.shares,
                split.images_with_class.tolist(),
                strict=True,
            )
        ]
        ignored = _ratio(split.ignored_pixels, split.ignored_pixels + split.labelled_pixels)
        last = {"class": "ignored", "pixels": split.ignored_pixels, "share": ignored}
        return [*rows, {"split": name, **last, "images": None}]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _without_nan(values: np.ndarray) -> Any:
    """Nested lists with None for NaN, which JSON cannot hold."""
    plain = values.astype(object)
    plain[np.isnan(values)] = None
    return plain.tolist()
