"""What a data set offers to look at: its pairs as its reader has them, or as they lie there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tessella.check.evidence import problem
from tessella.check.findings import Problem
from tessella.check.observe import Observer, PairSeen, observe_sample
from tessella.data.class_files import CLASS_FILES
from tessella.data.classes import find_classes, labels_from_classes
from tessella.data.dataset import Dataset, is_official
from tessella.data.files import is_file, read_bytes
from tessella.data.folder import choose_split
from tessella.data.images import decode_mask_file
from tessella.data.layout import Layout
from tessella.data.pairs import Pair, PairDataset
from tessella.data.splits import SPLITS
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.lookup import check_options
from tessella.source import Source, find_entry
from tessella.suggestion import unknown_name

_MASKS_LOOKED_AT = 20
_SPLIT_OPTIONS = ("missing_masks", "group_pattern", "val_share", "test_share")


@dataclass(frozen=True)
class Item:
    """One pair to look at."""

    split: str
    pair: Pair
    look: Callable[[], PairSeen]


@dataclass(frozen=True)
class Content:
    """What there is to look at, and what is said about it."""

    items: Sequence[Item]
    labels: LabelMap | None
    problems: Sequence[Problem] = ()
    has_files: bool = True
    official: bool = False
    """Whether the splits are the ones that the data set's authors published."""


def content_of(source: Source, layout: Layout | None) -> Content:
    """What to look at: all pairs of the layout, where there is one, else what the reader opens.

    Raises:
        UsageError: wrong options.
        ValueError: there is nothing to look at.
    """
    if layout is not None:
        check_options("data.options", find_entry(source.name).read, source.options, given=())
        labels = _stated_labels(source, layout)
        placed = _placed(source, layout)  # wrong options are told with and without classes
        return _of_layout(layout, labels, placed if labels else _Placed({}, []))
    datasets, failures = _open(source)
    if not datasets:
        raise failures[0]
    items = [item for split, dataset in datasets.items() for item in _items_of(split, dataset)]
    return Content(
        items,
        next(iter(datasets.values())).labels,
        [_split_not_read(error) for error in failures],
        has_files=all(isinstance(dataset, PairDataset) for dataset in datasets.values()),
        official=all(is_official(dataset) for dataset in datasets.values()),
    )


class _Opened(NamedTuple):
    datasets: dict[str, Dataset]
    failures: list[ValueError]
    """Of the splits that cannot be opened."""


def _open(source: Source) -> _Opened:
    datasets: dict[str, Dataset] = {}
    failures: list[ValueError] = []
    for split in find_entry(source.name).splits:
        try:
            datasets[split] = source.open(split)
        except UsageError:
            raise
        except ValueError as error:  # many data sets come without test masks, say
            failures.append(error)
    return _Opened(datasets, failures)


def _split_not_read(error: ValueError) -> Problem:
    return problem(
        "split_not_read",
        "remark",
        f"A split was left out: {error}",
        count=1,
        advice="If it should be there, do as the message says.",
    )


def _no_split_read(error: ValueError) -> Problem:
    return problem(
        "split_not_read",
        "error",
        f"No split can be read: {error}",
        count=1,
        advice="Do as the message says; without a split nothing can be trained.",
    )


def _items_of(split: str, dataset: Dataset) -> Iterator[Item]:
    if isinstance(dataset, PairDataset):
        observer = Observer(dataset.labels)
        for pair in dataset.pairs:
            yield Item(split, pair, partial(observer, pair))
        return
    for index, (name, group) in enumerate(zip(dataset.names, dataset.groups, strict=True)):
        pair = Pair(Path(name), None, name, group)
        yield Item(split, pair, partial(observe_sample, dataset, index))


class _Placed(NamedTuple):
    pairs: dict[str, list[Pair]]
    """Of each split that there is."""

    failures: list[ValueError]
    """Of the splits that there are not."""


def _placed(source: Source, layout: Layout) -> _Placed:
    """The pairs in the splits that the reader of folders would make, with their groups."""
    options = {key: value for key, value in source.options.items() if key in _SPLIT_OPTIONS}
    missing = str(options.get("missing_masks", "refuse"))
    if missing not in ("refuse", "skip"):
        raise UsageError(unknown_name("missing_masks option", missing, ("refuse", "skip")))
    layout = replace(layout, lonely_masks=[])  # a problem of its own, not to be logged three times
    placed = _Placed({}, [])
    for split in SPLITS if layout.pairs else ():
        try:
            placed.pairs[split] = choose_split(source.root or layout.home, split, layout, **options)
        except UsageError:
            raise
        except UnicodeEncodeError:  # names that are no text are a problem of their own
            continue
        except ValueError as error:
            placed.failures.append(error)
    return placed


def _of_layout(layout: Layout, labels: LabelMap | None, placed: _Placed) -> Content:
    """Every pair that lies there, in the split that the reader or else the folder says."""
    if not layout.pairs and not layout.lonely_images and not layout.lonely_masks:
        raise ValueError(
            f"{layout.home}: no images and masks here or below; give the folder that holds them."
        )
    read = {pair.image: (split, pair) for split, pairs in placed.pairs.items() for pair in pairs}
    observer = Observer(labels)
    # as the reader has them where it reads them: it knows their groups
    pairs = [read.get(pair.image, (split or "all", pair)) for split, pair in layout.pairs]
    items = [Item(split, pair, partial(observer, pair)) for split, pair in pairs]
    # missing masks are told on their own; without any split, each fails for the same reason
    num_told = len(placed.failures) if placed.pairs else 1
    lost = placed.failures[: 0 if layout.lonely_images else num_told]
    if lost and not placed.pairs:
        return Content(items, labels, [_no_split_read(lost[0])])
    return Content(items, labels, [_split_not_read(error) for error in lost])


def _stated_labels(source: Source, layout: Layout) -> LabelMap | None:
    """The classes of the options, or of a file in the folder; None where nobody says them."""
    ignore = source.options.get("ignore")
    if source.options.get("classes") is not None:
        return labels_from_classes(source.options["classes"], ignore=ignore)
    root = source.root if source.root is not None else layout.home
    masks = [pair.mask for _, pair in layout.pairs if isinstance(pair.mask, Path)]
    if _states_classes(root, masks):
        readable = _readable(masks)
        try:
            return find_classes(root, readable, ignore=ignore)
        except UsageError:
            if ignore is not None:
                raise
    elif ignore is not None:
        raise UsageError(
            f"{root}: data.options.ignore is stated, but nothing says what the classes are; state "
            "data.options.classes too, or leave both out to get a proposal."
        )
    return None


def _states_classes(root: Path, masks: Sequence[Path]) -> bool:
    folders = {root, *(folder for mask in masks[:1] for folder in mask.parents)}
    return any(
        is_file(folder / name)
        for folder in folders
        if folder == root or root in folder.parents
        for name in ("labels.json", *CLASS_FILES)
    )


def _readable(masks: Sequence[Path]) -> list[Path]:
    """Some of the masks, broken ones left out: whether they hold values or colours is asked."""
    found: list[Path] = []
    for path in masks[:: max(1, len(masks) // _MASKS_LOOKED_AT)]:
        try:
            decode_mask_file(read_bytes(path), where=str(path))
        except (ValueError, OSError):
            continue
        found.append(path)
    return found
