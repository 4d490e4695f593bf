"""From a run to one file that needs no training code, written only when it says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessella.atomic import write_bytes, write_json
from tessella.data.asked_size import refuse_size
from tessella.errors import UsageError
from tessella.export.conversion import Converted, converted, open_setting, opened
from tessella.export.formats import FORMATS, Format, find_format
from tessella.export.graph import OUTPUTS
from tessella.export.int8 import Int8, quantized
from tessella.export.int8_search import refuse_limit
from tessella.export.parity import Parity, compare
from tessella.export.triton import place_in, write_repository
from tessella.model_card import CLASSES
from tessella.progress import Track, silently
from tessella.run import Run
from tessella.suggestion import unknown_name

IMAGES = 50
"""Images of the validation split that the file is compared on, unless told otherwise."""


@dataclass(frozen=True)
class ExportedFile:
    """What was written, and the proof."""

    path: Path
    """The file; for Triton the model's folder."""

    num_bytes: int

    size: tuple[int, int] | None
    """The only height and width that the file takes; None: any."""

    why_fixed: str
    """Why it takes one size only; empty where it takes any."""

    parity: Parity
    """Of the file in fp32 with the run."""

    int8: Int8 | None
    """What int8 cost, where that was asked for."""

    def document(self) -> dict[str, Any]:
        """The proof as plain values."""
        return _proof(self.parity, self.int8)


def export(
    path: Path,
    *,
    to: str,
    out: Path | None = None,
    root: Path | None = None,
    add: Sequence[str] = (),
    size: tuple[int, int] | None = None,
    images: int = IMAGES,
    int8_max_drop: float | None = None,
    track: Track = silently,
) -> ExportedFile:
    """Export the model at `path` to one file.

    The file takes images as they are in theirs, of any size unless the network cannot, and gives
    class maps. It is compared with the run on real images of the validation split, and written
    only where they agree. Beside it, `NAME.json` keeps the comparison.

    Args:
        path: a run or a model folder.
        to: a name of `FORMATS`.
        out: the file, or Triton's model repository; None: in the run's `export/`, or beside the
            model folder.
        root: where the data is, in place of the run's folder.
        add: further outputs, `probabilities` or `logits`.
        size: the only height and width that the file shall take; None: any, where it can.
        images: how many it is compared on, spread over the split; 0: all.
        int8_max_drop: export in int8, with weights and activations quantised, if the mean IoU
            drops by no more than so many points (hundredths); None: in fp32.
        track: shows progress.

    Raises:
        UsageError: no such model, format or output.
        ValueError: the network cannot be exported, or the file does not say what the run says.
    """
    form = find_format(to)
    outputs = checked_outputs(add)
    target = out or default_place(path, to, precision="fp32" if int8_max_drop is None else "int8")
    _check(target, to, size=size, int8_max_drop=int8_max_drop)
    setting = open_setting(path, root=root, images=images)
    if FORMATS[to].is_repository:
        place_in(target, setting.card.name)  # a name that will not do is refused before the work
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
    int8 = None
    if int8_max_drop is not None:
        made, int8 = quantized(
            setting,
            made,
            form,
            parity=parity,
            max_drop=int8_max_drop,
            where=str(target),
            track=track,
        )
    written, num_bytes = _write(target, made, form, to=to, document=_proof(parity, int8))
    return ExportedFile(written, num_bytes, made.size, made.why_fixed, parity, int8)


def _check(
    target: Path, to: str, *, size: tuple[int, int] | None, int8_max_drop: float | None
) -> None:
    """Refuse before the work what would be refused after it."""
    if size is not None:
        refuse_size(size)
    if int8_max_drop is not None:
        refuse_limit(int8_max_drop)
        if not FORMATS[to].has_int8:
            able = ", ".join(name for name, entry in FORMATS.items() if entry.has_int8)
            raise UsageError(f"{to!r} has no int8; choose one of {able}, or leave out --int8.")
    if target.is_dir() and not FORMATS[to].is_repository:
        raise UsageError(f"{target}: is a folder; give the file that shall be written.")


def checked_outputs(add: Sequence[str]) -> tuple[str, ...]:
    """Class maps and what was asked for beside them.

    Raises:
        UsageError: there is no such output.
    """
    for name in add:
        if name not in OUTPUTS:
            raise UsageError(unknown_name("output", name, OUTPUTS))
    return tuple(name for name in OUTPUTS if name == CLASSES or name in add)


def default_place(path: Path, to: str, *, precision: str) -> Path:
    """Where an exported file goes: into the run's folder, or beside a model folder."""
    run = Run(path)
    is_run = run.recipe_file.is_file()
    folder = run.export_folder if is_run else path.absolute().parent
    if FORMATS[to].is_repository:
        return folder / "triton"
    name = run.recipe().name if is_run else path.absolute().name
    suffix = "" if precision == "fp32" else f"-{precision}"
    return folder / f"{name}{suffix}{FORMATS[to].ending}"


def _write(
    target: Path, made: Converted, form: Format, *, to: str, document: Mapping[str, Any]
) -> tuple[Path, int]:
    """Write the file with the proof in its card, and the proof beside it."""
    card = made.proven(document)
    content = form.with_card(made.content, card)
    if FORMATS[to].is_repository:
        target.mkdir(parents=True, exist_ok=True)
        return write_repository(content, card, repository=target), len(content)
    write_bytes(target, content)
    write_json(target.with_name(f"{target.name}.json"), {"card": card.to_dict()})
    return target, len(content)


def _proof(parity: Parity, int8: Int8 | None) -> dict[str, Any]:
    found = parity.document()
    return found | ({"int8": int8.document(parity.labels)} if int8 else {})
