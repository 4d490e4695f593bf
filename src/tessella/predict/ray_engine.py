"""Prediction by Ray: workers with a model each, on the cores and GPUs of a machine or a cluster.

Ray Data deals images out in blocks, and gives the block of a worker that died to another. Within a
worker the plain engine does what it does elsewhere, so results are the same; pixels stay where they
are read, and only paths and outcomes travel.
"""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ray
import ray.data
import ray.exceptions

from tessella.cores import usable_cores
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.predict.find import NamedImage
from tessella.predict.plain_engine import PlainEngine
from tessella.predict.write import Outcome, Wanted, result_paths
from tessella.predictor import load

_CORES_EACH = 2  # one computes while the other reads and writes
_MOST_IN_BLOCK = 64  # images; what a worker was given is lost when everything is killed
_BLOCKS_EACH = 8  # of a worker, at least, so that none waits long for the last
_STORE_BYTES = 2**29  # of a cluster of our own; paths and outcomes are all it holds
_STOPPED = -1  # in place of an index: the work cannot go on


class Share(NamedTuple):
    """What part of a cluster the workers take."""

    workers: int
    cores_each: int
    gpus_each: int


@dataclass(frozen=True)
class RayEngine:
    """Computes on the cluster at RAY_ADDRESS, or else on one of this machine that ends with us."""

    model: Path
    labels: LabelMap
    tile: int

    device: str = "auto"
    """auto, cpu or cuda."""

    workers: int | None = None
    """Each with a model; None: one a GPU, or one for two cores where there is none."""

    def predict(
        self, images: Iterable[NamedImage], *, out: Path, wanted: Wanted
    ) -> Iterator[Outcome]:
        """The outcome of each image, in order, once its files are whole; see `Engine`.

        All images are looked up before the first is computed; Ray keeps their paths.

        Raises:
            UsageError: the cluster lacks what was asked for.
            ValueError: a worker cannot compute or write, or Ray fails.
        """
        with _cluster():
            share = share_of(ray.cluster_resources(), device=self.device, workers=self.workers)
            try:
                for row in self._rows(images, share, out=out, wanted=wanted):
                    yield _outcome(row, out=out, wanted=wanted)
            except ray.exceptions.RayError as error:
                raise ValueError(f"Ray failed: {str(error).strip().splitlines()[-1]}") from error

    def _rows(
        self, images: Iterable[NamedImage], share: Share, *, out: Path, wanted: Wanted
    ) -> Iterator[Mapping[str, Any]]:
        rows = [_row(image) for image in images]
        in_block = max(1, min(_MOST_IN_BLOCK, len(rows) // (_BLOCKS_EACH * share.workers)))
        data = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // in_block))
        del rows
        data.context.enable_progress_bars = False
        data.context.execution_options.preserve_order = True
        work = _Work(self.model.absolute(), self.device, self.tile, out.absolute(), wanted)
        outcomes = data.map_batches(
            _Worker,
            fn_constructor_args=(work,),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=share.workers),
            num_cpus=share.cores_each,
            num_gpus=share.gpus_each,
        )
        yield from outcomes.iter_rows()


def open_ray_engine(model: Path, *, device: str, tile: int, workers: int | None) -> RayEngine:
    """The engine for a model, which is opened here once to see that it can be.

    Args:
        model: run folder, model folder or exported file, at the same place on every machine.
        device: auto, cpu or cuda.
        tile: images with a longer side, in pixels, are computed in such tiles.
        workers: see `RayEngine`.

    Raises:
        UsageError: there is no model.
        ValueError: its files are damaged.
    """
    return RayEngine(model, load(model, device="cpu", tile=tile).labels, tile, device, workers)


def share_of(resources: Mapping[str, float], *, device: str, workers: int | None) -> Share:
    """How many workers a cluster carries, and what each takes.

    Args:
        resources: of the cluster, as Ray counts them.
        device: auto takes GPUs where there are any.
        workers: how many; None for as many as there is room for.

    Raises:
        UsageError: there is no GPU, or too few cores or GPUs for so many workers.
    """
    cores, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if device == "cuda" and not gpus:
        raise UsageError("--device cuda: Ray knows of no GPU; give --device auto or cpu.")
    on_gpu = gpus > 0 and device != "cpu"
    most, what = (gpus, "GPUs") if on_gpu else (cores, "cores")
    if workers is not None and workers > most:
        raise UsageError(f"--workers {workers}: Ray has {most} {what}; give {most} at most.")
    if on_gpu:
        return Share(workers or gpus, cores_each=1, gpus_each=1)
    num = workers or max(1, cores // _CORES_EACH)
    return Share(num, cores_each=max(1, min(_CORES_EACH, cores // num)), gpus_each=0)


class _Work(NamedTuple):
    """All that a worker has to know; its paths are the same on every machine."""

    model: Path
    device: str
    tile: int
    out: Path
    wanted: Wanted


class _Worker:
    """A model in a process of Ray's."""

    def __init__(self, work: "_Work") -> None:
        self._work = work
        self._engine: PlainEngine | None = None

    def __call__(self, block: Mapping[str, Any]) -> dict[str, list[Any]]:
        columns = (block["index"], block["name"], block["path"])
        images = [
            NamedImage(int(index), os.fsdecode(name), os.fsdecode(path))
            for index, name, path in zip(*columns, strict=True)
        ]
        work = self._work
        rows: list[dict[str, Any]] = []
        try:
            # not in __init__: of what fails there, Ray itself prints pages
            if self._engine is None:
                self._engine = PlainEngine(load(work.model, device=work.device, tile=work.tile))
            for outcome in self._engine.predict(images, out=work.out, wanted=work.wanted):
                rows.append({**_row(outcome.image), "error": os.fsencode(outcome.error or "")})
        except (ValueError, OSError, ImportError) as error:
            stopped = NamedImage(_STOPPED, "", "")
            rows.append({**_row(stopped), "error": os.fsencode(_message(error))})
        return {key: [row[key] for row in rows] for key in rows[0]}


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def _row(image: NamedImage) -> dict[str, Any]:
    # bytes, as the names of files need not be text
    name, path = os.fsencode(image.name), os.fsencode(image.path)
    return {"index": image.index, "name": name, "path": path}


def _outcome(row: Mapping[str, Any], *, out: Path, wanted: Wanted) -> Outcome:
    error = os.fsdecode(row["error"])
    if row["index"] == _STOPPED:
        raise ValueError(error)
    image = NamedImage(row["index"], os.fsdecode(row["name"]), os.fsdecode(row["path"]))
    if error:
        return Outcome(image, error=error)
    return Outcome(image, written=result_paths(out / image.name, wanted))


@contextlib.contextmanager
def _cluster() -> Iterator[None]:
    """A cluster to compute on: that of our caller, that at RAY_ADDRESS, or a new one."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # tells its makers nothing
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with _our_signals():
            if os.environ.get("RAY_ADDRESS"):
                ray.init(**quiet)
            else:
                ray.init(
                    address="local",
                    num_cpus=usable_cores(),
                    object_store_memory=_STORE_BYTES,
                    include_dashboard=False,
                    **quiet,
                )
    except RuntimeError as error:  # another version there, say
        raise ValueError(f"Ray does not start: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _our_signals() -> Iterator[None]:
    """Keep what SIGTERM does, where Ray would end the process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)
