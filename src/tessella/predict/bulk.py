"""One shard of very many images: what is done already is left, and what is done now is noted."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tessella.atomic import leftovers, write_json
from tessella.labels import LabelMap
from tessella.model_place import CARD, WEIGHTS, folder_of
from tessella.predict.find import Images, NamedImage
from tessella.predict.manifest import Job, Manifest, Totals, open_manifest, totals
from tessella.predict.shard import Shard
from tessella.predict.write import OUTPUTS, Outcome, Wanted
from tessella.progress import Track, silently
from tessella.stop import Stop, StoppedError, listening

MANIFESTS = "manifest"
"""The folder, beside the results, that says what is done."""

_NUM_MESSAGES = 20


class Engine(Protocol):
    """Reads images, computes their class maps, and writes the results."""

    @property
    def labels(self) -> LabelMap:
        """What the class indices mean."""
        ...

    @property
    def tile(self) -> int:
        """Images with a longer side, in pixels, are computed in such tiles."""
        ...

    def predict(
        self, images: Iterable[NamedImage], *, out: Path, wanted: Wanted
    ) -> Iterator[Outcome]:
        """The outcome of each image, in their order, once its files are whole.

        Args:
            images: an engine may take them ahead of what it computes.
            out: folder that the names of results are relative to.
            wanted: what is written.

        Raises:
            ValueError: the model cannot give what is wanted.
            OSError: results cannot be written at all; the disk is full, say.
        """
        ...


@dataclass(frozen=True)
class ShardResult:
    """What `predict_shard` did."""

    shard: Shard
    images: int
    """In this shard."""

    before: int
    """Done by an earlier run."""

    failed: int
    errors: tuple[str, ...]
    """The first messages about those."""

    manifest: Path
    """What is done of this shard, a line an image."""

    all_images: int
    """In all shards."""

    all_shards: Totals


def predict_shard(
    engine: Engine,
    model: Path,
    inputs: Sequence[str],
    *,
    out: Path,
    wanted: Wanted,
    shard: Shard,
    track: Track = silently,
) -> ShardResult:
    """Predict those images of a shard that are not done yet, and note each when it is.

    Results are those of `predict`. A process that is killed loses what it was computing; the same
    call goes on from there. Images that failed are tried again.

    Args:
        engine: computes.
        model: the files that it computes by, so that another model's results are not mixed in.
        inputs: lists, folders, patterns and files; the same for all shards.
        out: folder for the results of all shards, and for their manifests.
        wanted: what to write.
        shard: which part of the images.
        track: shows progress.

    Raises:
        UsageError: the inputs match no image, or `out` holds results of another job.
        ValueError: another process is at this shard.
        StoppedError: a signal asked to leave; what was done is noted.
        OSError: results cannot be written.
    """
    images = Images(inputs)
    job = _job(images, model, wanted, tile=engine.tile, shards=shard.count)
    errors: list[str] = []
    with open_manifest(out / MANIFESTS, job, shard) as manifest, listening() as stop:
        write_json(out / "labels.json", engine.labels.as_indices().to_dict())
        before = manifest.num_done
        left = shard.size(len(images)) - before
        pending = (
            image._replace(path=os.path.abspath(image.path))  # the same for whoever reads it
            for image in shard.of(images)
            if not manifest.is_done(image)
        )
        outcomes = engine.predict(pending, out=out, wanted=wanted) if left else iter(())
        for outcome in track(outcomes, about="predict", total=left, size=lambda _: 1):
            manifest.add(outcome)
            if outcome.error is not None and len(errors) < _NUM_MESSAGES:
                errors.append(outcome.error)
            _leave_if_asked(stop, manifest, shard.size(len(images)))
        failed = manifest.num_failed
    together = totals(out / MANIFESTS, job)
    if together.is_over:
        _clear_away(out)
    return ShardResult(
        shard=shard,
        images=shard.size(len(images)),
        before=before,
        failed=failed,
        errors=tuple(errors),
        manifest=manifest.path,
        all_images=len(images),
        all_shards=together,
    )


def _job(images: Images, model: Path, wanted: Wanted, *, tile: int, shards: int) -> Job:
    return Job(
        shards=shards,
        images=len(images),
        images_sha256=images.digest,
        model_sha256=_fingerprint(model),
        save=tuple(output for output in OUTPUTS if output in wanted.outputs),
        opacity=wanted.opacity if "overlay" in wanted.outputs else None,
        tile=tile,
    )


def _fingerprint(model: Path) -> str:
    """Of the files of a model: an exported one, or weights and card in a folder."""
    folder = folder_of(model)
    files = [model] if model.is_file() else [folder / CARD, folder / WEIGHTS]
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _leave_if_asked(stop: Stop, manifest: Manifest, images: int) -> None:
    if stop.asked is not None:
        raise StoppedError(
            f"stopped by {stop.asked.name} after {manifest.num_done} of {images} images; the same "
            "command goes on from there.",
            number=stop.asked,
        )


def _clear_away(out: Path) -> None:
    """Remove what processes that were killed were writing."""
    for folder, _, _ in os.walk(out):
        for unfinished in leftovers(Path(folder)):
            unfinished.unlink(missing_ok=True)
