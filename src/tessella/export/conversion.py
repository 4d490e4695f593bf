"""A model made into the content of a file, not yet compared and not yet written."""

import copy
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tessella.backends.torch import TorchBackend
from tessella.data.dataset import Dataset
from tessella.data.spread import spread
from tessella.errors import UsageError
from tessella.export.formats import Format
from tessella.export.graph import ShippedGraph, traced
from tessella.export.parity import sizes_that_fail
from tessella.model_card import Exported, ModelCard
from tessella.model_folder import read_model
from tessella.models.segmenter import Segmenter
from tessella.predictor import Predictor
from tessella.sample import Sample
from tessella.source import Source, data_of, source_of

_MOST_PIECES = 1000

logger = logging.getLogger(__name__)


class Setting(NamedTuple):
    """What an export starts from."""

    segmenter: Segmenter
    card: ModelCard
    source: Source
    training_split: str
    dataset: Dataset
    """The validation split."""

    indices: Sequence[int]
    """Of the samples to compare on."""

    def samples(self) -> Iterator[Sample]:
        """These samples, read as needed."""
        return (self.dataset[index] for index in self.indices)

    def training(self) -> Dataset:
        """The training split.

        Raises:
            ValueError: it cannot be opened.
        """
        return self.source.open(self.training_split)

    def run_predictor(self, size: tuple[int, int] | None) -> Predictor:
        """The run in fp32 on the CPU, in the tiles that a file of such a size computes."""
        backend = TorchBackend(self.segmenter, device=torch.device("cpu"), precision="fp32")
        return Predictor(backend, self.card.labels, size=size, card=self.card)


def open_setting(path: Path, *, root: Path | None, images: int) -> Setting:
    """The model at `path` and the images to compare on.

    Args:
        path: a run or a model folder.
        root: where the data is, in place of the run's folder.
        images: how many, spread over the validation split; 0: all of it.

    Raises:
        UsageError: there is no model, or nothing says which data it learnt from.
        ValueError: the data cannot be used.
    """
    stored = read_model(path)
    data = data_of(path, stored.card)
    source = source_of(data, root=root)
    dataset = source.open(data.val_split)
    if dataset.labels.names != stored.card.labels.names:
        raise ValueError(
            f"the model knows the classes {', '.join(stored.card.labels.names)}, but the data has "
            f"{', '.join(dataset.labels.names)}; give the data that it learnt from."
        )
    indices = spread(len(dataset), images or len(dataset))
    if not indices:
        raise ValueError(f"split {data.val_split!r} is empty; a file is compared on its images.")
    return Setting(stored.segmenter, stored.card, source, data.train_split, dataset, indices)


class Converted(NamedTuple):
    """A file that is not written yet."""

    content: bytes
    """Without a card."""

    card: ModelCard
    why_fixed: str
    """Why it takes one size only; empty where it takes any."""

    @property
    def size(self) -> tuple[int, int] | None:
        """The only height and width that it takes; None: any."""
        return self.card.of_file().size

    def in_precision(self, precision: str, content: bytes) -> "Converted":
        """Another content of the same model."""
        exported = replace(self.card.of_file(), precision=precision)
        return self._replace(content=content, card=replace(self.card, exported=exported))

    def proven(self, document: Mapping[str, Any]) -> ModelCard:
        """The card with what comparing the file gave."""
        return replace(self.card, exported=replace(self.card.of_file(), parity=document))


def converted(
    setting: Setting,
    form: Format,
    *,
    outputs: tuple[str, ...],
    size: tuple[int, int] | None,
    where: str,
) -> Converted:
    """The model in a format, for any size where that works, else for the split's commonest.

    Raises:
        UsageError: at this size the images would fall into too many pieces.
        ValueError: the network cannot be exported.
    """
    if size is not None:
        _refuse_crumbs(size, setting.dataset[setting.indices[0]].image.shape[:2])
        return _of_size(setting, form, outputs=outputs, size=size, why="as you said")
    example = _example_size(setting.segmenter)
    logger.info("tracing %s", setting.card.model["name"])
    program = traced(_graph(setting, outputs), size=example, is_fixed=False)
    card = _card(setting, outputs, None)
    made = Converted(form.convert(program, outputs=outputs), card, "")
    sizes = _trial_sizes(setting.segmenter, example)
    image = setting.dataset[setting.indices[0]].image
    predictor = opened(made, form, where=where)
    failures = sizes_that_fail(setting.run_predictor(None), predictor, image, sizes=sizes)
    if not failures:
        return made
    (height, width), failure = next(iter(failures.items()))
    why = f"at {height} x {width} px the file for any size is wrong: {failure}"
    logger.warning("%s; it is exported for one size instead", why)
    return _of_size(setting, form, outputs=outputs, size=commonest_size(setting), why=why)


def opened(made: Converted, form: Format, *, where: str) -> Predictor:
    """The file behind its engine, as whoever gets it will open it."""
    backend, card = form.open_bytes(form.with_card(made.content, made.card), where=where)
    return Predictor(backend, card.labels, card=card)


def commonest_size(setting: Setting) -> tuple[int, int]:
    """Height and width of most of the images to compare on."""
    sizes = Counter(sample.image.shape[:2] for sample in setting.samples())
    (height, width), _ = sizes.most_common(1)[0]
    return height, width


def _of_size(
    setting: Setting, form: Format, *, outputs: tuple[str, ...], size: tuple[int, int], why: str
) -> Converted:
    logger.info("tracing %s for %d x %d px", setting.card.model["name"], *size)
    program = traced(_graph(setting, outputs), size=size, is_fixed=True)
    content = form.convert(program, outputs=outputs)
    return Converted(content, _card(setting, outputs, size), why)


def _refuse_crumbs(size: tuple[int, int], image: Sequence[int]) -> None:
    pieces = math.prod(-(-length // side) for length, side in zip(image, size, strict=True))
    if pieces > _MOST_PIECES:
        raise UsageError(
            f"--size {size[0]}x{size[1]}: an image of the data, {image[0]}x{image[1]}, would be "
            f"computed in {pieces} pieces; give a size nearer to your images, or leave it out."
        )


def _graph(setting: Setting, outputs: tuple[str, ...]) -> ShippedGraph:
    return ShippedGraph(copy.deepcopy(setting.segmenter), outputs)


def _card(setting: Setting, outputs: tuple[str, ...], size: tuple[int, int] | None) -> ModelCard:
    """The run's card for a file that is given away: no path of this machine in it."""
    card = setting.card
    pretrained = card.pretrained and {k: _last_part(v) for k, v in card.pretrained.items()}
    weights = card.encoder_weights and _last_part(card.encoder_weights)
    return replace(
        card,
        encoder_weights=weights,
        pretrained=pretrained,
        exported=Exported(outputs, "fp32", size),
    )


def _last_part(text: str) -> str:
    return Path(text).name if Path(text).is_absolute() else text


def _example_size(segmenter: Segmenter) -> tuple[int, int]:
    """Small, not square, of more than one stride and no multiple: nothing is taken for constant."""
    steps = -(-max(64, segmenter.min_size) // segmenter.stride)
    return (steps + 1) * segmenter.stride - 5, (steps + 2) * segmenter.stride - 9


def _trial_sizes(segmenter: Segmenter, example: tuple[int, int]) -> list[tuple[int, int]]:
    """The example's, one that needs no padding, and one larger than the example."""
    height, width = example
    whole = -(-height // segmenter.stride) * segmenter.stride
    return [example, (whole, whole), (2 * height + 13, 3 * width + 4)]
