"""From a run to one file that needs no training code, written only when it says the same."""

import copy
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch

from tessella.atomic import write_bytes, write_json
from tessella.backends.torch import TorchBackend
from tessella.data.dataset import Dataset
from tessella.data.spread import spread
from tessella.errors import UsageError
from tessella.export.formats import FORMATS, Format, find_format
from tessella.export.graph import OUTPUTS, ShippedGraph, traced
from tessella.export.parity import Parity, compare, sizes_that_fail
from tessella.model_card import CLASSES, Exported, ModelCard
from tessella.model_folder import read_model
from tessella.models.segmenter import Segmenter
from tessella.predictor import Predictor
from tessella.progress import Track, silently
from tessella.run import Run
from tessella.sample import Sample
from tessella.source import data_of, source_of
from tessella.suggestion import unknown_name

logger = logging.getLogger(__name__)

IMAGES = 50
"""Images of the validation split that the file is compared on, unless told otherwise."""


@dataclass(frozen=True)
class ExportedFile:
    """What was written, and the proof."""

    path: Path
    size: tuple[int, int] | None
    """The only height and width that the file takes; None: any."""

    why_fixed: str
    """Why it takes one size only; empty where it takes any."""

    parity: Parity


class Setting(NamedTuple):
    """What an export starts from."""

    segmenter: Segmenter
    card: ModelCard
    dataset: Dataset
    """The validation split."""

    indices: Sequence[int]
    """Of the samples to compare on."""

    def samples(self) -> Iterator[Sample]:
        """These samples, read as needed."""
        return (self.dataset[index] for index in self.indices)

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
    dataset = source_of(data, root=root).open(data.val_split)
    if dataset.labels.names != stored.card.labels.names:
        raise ValueError(
            f"the model knows the classes {', '.join(stored.card.labels.names)}, but the data has "
            f"{', '.join(dataset.labels.names)}; give the data that it learnt from."
        )
    indices = spread(len(dataset), images or len(dataset))
    if not indices:
        raise ValueError(f"split {data.val_split!r} is empty; a file is compared on its images.")
    return Setting(stored.segmenter, stored.card, dataset, indices)


def export(
    path: Path,
    *,
    to: str,
    out: Path | None = None,
    root: Path | None = None,
    add: Sequence[str] = (),
    size: tuple[int, int] | None = None,
    images: int = IMAGES,
    track: Track = silently,
) -> ExportedFile:
    """Export the model at `path` to one file.

    The file takes images as they are in theirs, of any size unless the network cannot, and gives
    class maps. It is compared with the run on real images of the validation split, and written
    only where they agree. Beside it, `NAME.json` keeps the comparison.

    Args:
        path: a run or a model folder.
        to: a name of `FORMATS`.
        out: the file; None: in the run's `export/`, or beside the model folder.
        root: where the data is, in place of the run's folder.
        add: further outputs, `probabilities` or `logits`.
        size: the only height and width that the file shall take; None: any, where it can.
        images: how many it is compared on, spread over the split; 0: all.
        track: shows progress.

    Raises:
        UsageError: no such model, format or output.
        ValueError: the network cannot be exported, or the file does not say what the run says.
    """
    form = find_format(to)
    outputs = checked_outputs(add)
    target = out or default_place(path, FORMATS[to].ending)
    setting = open_setting(path, root=root, images=images)
    made = converted(setting, form, outputs=outputs, size=size, where=str(target))
    parity = compare(
        setting.run_predictor(made.size),
        opened(made, form, where=str(target)),
        setting.samples(),
        total=len(setting.indices),
        track=track,
    )
    if problem := parity.problem():
        raise ValueError(
            f"{target}: the exported file does not say what the run says: {problem}. Nothing was "
            "written; try another format, and report it."
        )
    write_exported(target, made, form, document=parity.document())
    return ExportedFile(target, made.size, made.why_fixed, parity)


class Converted(NamedTuple):
    """A file that is not written yet."""

    content: bytes
    """Without a card."""

    card: ModelCard
    size: tuple[int, int] | None
    why_fixed: str


def converted(
    setting: Setting,
    form: Format,
    *,
    outputs: tuple[str, ...],
    size: tuple[int, int] | None,
    where: str,
) -> Converted:
    """The model in a format, for any size where that works, else for the split's commonest."""
    if size is not None:
        return _of_size(setting, form, outputs=outputs, size=size, why="as you said")
    example = _example_size(setting.segmenter)
    logger.info("tracing %s", setting.card.model["name"])
    program = traced(_graph(setting, outputs), size=example, is_fixed=False)
    card = _card(setting, outputs, None)
    made = Converted(form.convert(program, outputs=outputs), card, None, "")
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


def write_exported(target: Path, made: Converted, form: Format, *, document: object) -> None:
    """Write the file with the proof in its card, and the proof beside it."""
    if made.card.exported is None or not isinstance(document, dict):
        raise TypeError("only what was exported and compared is written")
    card = replace(made.card, exported=replace(made.card.exported, parity=document))
    write_bytes(target, form.with_card(made.content, card))
    write_json(target.with_name(f"{target.name}.json"), {"card": card.to_dict()})


def checked_outputs(add: Sequence[str]) -> tuple[str, ...]:
    """Class maps and what was asked for beside them.

    Raises:
        UsageError: there is no such output.
    """
    for name in add:
        if name not in OUTPUTS:
            raise UsageError(unknown_name("output", name, OUTPUTS))
    return tuple(name for name in OUTPUTS if name == CLASSES or name in add)


def default_place(path: Path, ending: str) -> Path:
    """Where an exported file goes: into the run's folder, or beside a model folder."""
    run = Run(path)
    if run.recipe_file.is_file():
        return path / "export" / f"{run.recipe().name}{ending}"
    return path.with_name(f"{path.absolute().name}{ending}")


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
    return Converted(content, _card(setting, outputs, size), size, why)


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
