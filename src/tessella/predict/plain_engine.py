"""Prediction in this process: while one image is computed, threads read the next, write the last.

That gains nothing where the model computes on the cores that read and write (2 cores: within 5 %),
and much where it does not: a GPU never waits for a PNG.
"""

import errno
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from tessella.cores import usable_cores
from tessella.data.images import opencv_in_one_thread, read_image
from tessella.labels import LabelMap
from tessella.predict.find import NamedImage
from tessella.predict.write import Outcome, Wanted, write_results
from tessella.predictor import Prediction, Predictor

T = TypeVar("T")
R = TypeVar("R")

_MAX_THREADS = 16
_WAITING_BYTES = 2**28  # of images that wait to be computed, and as many that wait to be written
# what is wrong with the name of one image's results; any other error would come for all images
_BAD_NAME = (errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST)


class Read(NamedTuple):
    """An image file, read."""

    image: NamedImage

    pixels: np.ndarray
    """uint8 (h, w, 3); empty where it could not be read."""

    error: str | None = None
    """Why it could not."""


@dataclass(frozen=True)
class PlainEngine:
    """Computes one image after another by a predictor."""

    predictor: Predictor

    @property
    def labels(self) -> LabelMap:
        """What the class indices mean."""
        return self.predictor.labels

    @property
    def tile(self) -> int:
        """Images with a longer side, in pixels, are computed in such tiles."""
        return self.predictor.tile

    def predict(
        self, images: Iterable[NamedImage], *, out: Path, wanted: Wanted
    ) -> Iterator[Outcome]:
        """The outcome of each image, in order, once its files are whole; see `Engine`."""
        threads = 2 if self.predictor.backend.is_on_cpu else min(usable_cores(), _MAX_THREADS)
        room = _Room(threads // 2)
        with opencv_in_one_thread(), ThreadPoolExecutor(threads) as pool:
            yield from _in_threads(
                pool,
                lambda pair: write_outcome(*pair, labels=self.labels, out=out, wanted=wanted),
                self._computed(_in_threads(pool, read_named, images, room), wanted, room),
                room,
            )

    def _computed(
        self, images: Iterable[Read], wanted: Wanted, room: "_Room"
    ) -> Iterator[tuple[Read, Prediction | None]]:
        for read in images:
            prediction = compute(self.predictor, read, wanted)
            room.measure(read, prediction)
            yield read, prediction


class _Room:
    """How many images may wait to be computed, and to be written: no huge one, many small ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.images = 0

    def measure(self, read: Read, prediction: Prediction | None) -> None:
        """Judge by the latest image."""
        size = read.pixels.nbytes
        if prediction is not None:
            size += prediction.class_map.nbytes
            size += 0 if prediction.probabilities is None else prediction.probabilities.nbytes
        self.images = min(self._most, _WAITING_BYTES // max(1, size))


def read_named(image: NamedImage) -> Read:
    """The pixels of an image, or why there are none."""
    try:
        return Read(image, read_image(Path(image.path)))
    except ValueError as error:
        return Read(image, np.empty((0, 0, 3), np.uint8), str(error))


def compute(predictor: Predictor, read: Read, wanted: Wanted) -> Prediction | None:
    """What the model says; None of an image that could not be read.

    Raises:
        ValueError: probabilities are wanted, and the model gives class maps only.
    """
    if read.error is not None:
        return None
    if "probabilities" in wanted.outputs:
        return predictor.predict_probabilities(read.pixels)
    return predictor.predict(read.pixels)


def write_outcome(
    read: Read, prediction: Prediction | None, *, labels: LabelMap, out: Path, wanted: Wanted
) -> Outcome:
    """Write the results of one image.

    Raises:
        OSError: results cannot be written, and not for the name of this image alone.
    """
    if prediction is None:
        return Outcome(read.image, error=read.error)
    stem = out / read.image.name
    try:
        files = write_results(stem, prediction, image=read.pixels, labels=labels, wanted=wanted)
        return Outcome(read.image, written=files)
    except OSError as error:
        if error.errno not in _BAD_NAME:
            raise
        return Outcome(read.image, error=f"{error.filename}: {error.strerror}.")


def _in_threads(
    pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], room: _Room
) -> Iterator[R]:
    """`map(function, items)` in threads and in order, with items ahead of what is taken."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            while waiting and (len(waiting) > room.images or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
