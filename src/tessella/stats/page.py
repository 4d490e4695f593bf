"""The statistics of a data set as one self-contained HTML page."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from tessella.data.class_weights import KINDS, class_weights
from tessella.labels import LabelMap
from tessella.palette import Color
from tessella.report.words import css_color, thousands
from tessella.stats import charts, words
from tessella.stats.numbers import SplitStatistics, Statistics
from tessella.yaml_text import dump_yaml

MOST_TOGETHER = 60
"""Classes in the map of classes seen together, whose size grows with their square."""

_MOST_ROWS = 12  # of the table of image sizes

_KINDS_IN_WORDS = {
    "inverse": ("Inverse", "1 / share"),
    "sqrt_inverse": ("Inverse root", "1 / √share"),
    "median_frequency": ("Median frequency", "median frequency / frequency (Eigen & Fergus 2015)"),
    "effective_number": ("Effective number", "1 / (1 − βⁿ), β = 1 − 1/N (Cui et al. 2019)"),
    "enet": ("ENet", "1 / ln(1.02 + share) (Paszke et al. 2016)"),
}


class Place(NamedTuple):
    """Where a class lies, as a small picture."""

    name: str
    color: Color
    picture: str
    """Data URI."""

    most: str
    """The share at the place where the class is most frequent."""


class Weights(NamedTuple):
    """One kind of class weights."""

    kind: str
    """As a recipe's `loss.class_weights` calls it."""

    name: str
    formula: str
    values: list[float]
    """One for each class, three significant digits."""

    recipe: str
    """The lines of a recipe that set them."""


def render(statistics: Statistics, *, title: str) -> str:
    """The page as HTML: no scripts, nothing loaded from elsewhere, pictures inside.

    Args:
        statistics: what to show.
        title: usually the name of the data set.
    """
    splits = statistics.splits
    labelled = {name: split for name, split in splits.items() if split.labelled_pixels}
    first = next(iter(labelled), None)
    names = statistics.labels.names
    return _template().render(
        title=title,
        labels=statistics.labels,
        splits=splits,
        first=first,
        remarks=words.remarks(statistics),
        bars=charts.share_bars(statistics, scale="linear"),
        log_bars=charts.share_bars(statistics, scale="log"),
        size_plot=charts.size_plot(splits),
        sizes=_size_rows(splits),
        num_sizes=len({size for split in splits.values() for size in split.sizes.counts}),
        colors=_color_rows(splits),
        channel_names=_channel_names(splits),
        together={name: _together(split, names) for name, split in labelled.items()},
        most_together=MOST_TOGETHER,
        places={name: _places(split, statistics.labels) for name, split in labelled.items()},
        aspects={name: _aspect(split) for name, split in labelled.items()},
        weights=[] if first is None else _weights(splits[first], names),
        ramp=", ".join(css_color(color) for color in charts.RAMP),
        most_sizes=charts.MOST_SIZES,
        present=[] if first is None else (splits[first].pixels > 0).tolist(),
    )


def _template() -> Template:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("tessella.stats", ""), PackageLoader("tessella.report", "")]
        ),
        autoescape=True,  # class and file names are other people's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "share": words.share_of_pixels,
        "thousands": thousands,
        "decimals": words.decimals,
        "digits": words.three_digits,
        "size": words.size_in_words,
        "css_color": css_color,
    }
    environment.filters.update(filters)
    return environment.get_template("stats.html.j2")


def _size_rows(splits: Mapping[str, SplitStatistics]) -> list[tuple[str, list[int]]]:
    """(height x width, images in each split) of the commonest sizes."""
    totals: dict[tuple[int, int], list[int]] = {}
    for column, split in enumerate(splits.values()):
        for size, count in split.sizes.counts.items():
            totals.setdefault(size, [0] * len(splits))[column] = count
    ordered = sorted(totals.items(), key=lambda item: (-sum(item[1]), item[0]))
    return [(f"{height}x{width}", counts) for (height, width), counts in ordered[:_MOST_ROWS]]


def _color_rows(splits: Mapping[str, SplitStatistics]) -> list[tuple[str, list[Any], str]]:
    """(split, (mean, std) of each channel in 0..255, lines to copy in 0..1)."""
    rows = []
    for name, split in splits.items():
        mean, std = split.colors.mean(), split.colors.std()
        line = f"mean: {_of_one(mean)}  std: {_of_one(std)}"
        rows.append((name, list(zip(mean, std, strict=True)), line))
    return [row for row in rows if row[1]]


def _channel_names(splits: Mapping[str, SplitStatistics]) -> list[str]:
    count = max((len(split.colors.levels) for split in splits.values()), default=0)
    names = {1: ["Grey"], 3: ["Red", "Green", "Blue"]}
    return names.get(count, [f"Channel {number}" for number in range(1, count + 1)])


def _of_one(values: list[float]) -> str:
    return "[" + ", ".join(f"{value / 255:.4f}" for value in values) + "]"


def _places(split: SplitStatistics, labels: LabelMap) -> list[Place]:
    prior = split.spatial_prior()
    return [
        Place(
            labels.names[index],
            labels.colors[index],
            charts.place_picture(prior[index]),
            words.share_of_pixels(float(np.nanmax(prior[index]))),
        )
        for index in map(int, np.flatnonzero(split.pixels))
    ]


def _together(split: SplitStatistics, names: tuple[str, ...]) -> Markup:
    """The map of the classes, of those with the most pixels where there are too many."""
    chosen = np.sort(np.argsort(-split.pixels, kind="stable")[:MOST_TOGETHER])
    shown = [names[index] for index in map(int, chosen)]
    return charts.together_map(split.together[np.ix_(chosen, chosen)], shown)


def _aspect(split: SplitStatistics) -> str:
    """Width / height of the commonest size, for a style attribute."""
    (height, width), _ = split.sizes.commonest()[0]
    return f"{width} / {height}"


def _weights(split: SplitStatistics, names: tuple[str, ...]) -> list[Weights]:
    found = []
    for kind in KINDS:
        exact = class_weights(
            split.pixels, kind=kind, pixels_where_present=split.pixels_where_present
        )
        values = [float(words.three_digits(value)) for value in exact]
        recipe = dump_yaml({"loss": {"class_weights": dict(zip(names, values, strict=True))}})
        found.append(Weights(kind, *_KINDS_IN_WORDS[kind], values, recipe))
    return found
