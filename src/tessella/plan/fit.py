"""Whether a step of training fits into memory, and what to make smaller where it does not."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from tessella.models.segmenter import Segmenter
from tessella.models.summary import summarize

MARGIN = 0.2
"""Share of the free memory that is left alone: estimates err, and others want some too."""

_BYTES_PER_PARAMETER = 20  # the weight, its gradient, Adam's two moments, the moving average
_LOGIT_BYTES = 16  # logits, probabilities and both gradients in float32
_SHRINK = math.sqrt(0.5)
_MEGAPIXEL = 1 << 20
_LARGEST_TILE = 2048 + 2 * 192


class StepSize(NamedTuple):
    """What a step computes at once."""

    batch_size: int
    accumulate: int
    crop: tuple[int, int]


def smaller_steps(
    first: StepSize, *, stride: int, keep_batch: bool = False, keep_crop: bool = False
) -> Iterator[StepSize]:
    """`first`, then ever smaller ones: the batch halved, then the crop, last a batch of one.

    As the batch shrinks more are accumulated, so that a step averages over no fewer images.

    Args:
        first: as planned.
        stride: of the network; crops stay multiples of it.
        keep_batch: the user set the batch.
        keep_crop: the user set the crop.
    """
    images = first.batch_size * first.accumulate
    now = first
    yield now
    # norm layers need two images at least
    while not keep_batch and now.batch_size >= 4:
        now = _with_batch(now, now.batch_size // 2, images=images)
        yield now
    while not keep_crop:
        crop = tuple(_shrunk(side, stride) for side in now.crop)
        if crop == now.crop:
            break
        now = now._replace(crop=(crop[0], crop[1]))
        yield now
    if not keep_batch and now.batch_size > 1:
        yield _with_batch(now, 1, images=images)


def _with_batch(now: StepSize, batch_size: int, *, images: int) -> StepSize:
    return StepSize(batch_size, math.ceil(images / batch_size), now.crop)


def _shrunk(side: int, stride: int) -> int:
    # a crop that is no multiple of the stride is the user's, or of a network without one
    smallest = min(side, max(stride, 2 * stride))
    return max(smallest, stride * round(side * _SHRINK / stride))


class Footprint(NamedTuple):
    """What a network needs, measured on shapes alone."""

    parameter_bytes: int
    bytes_per_crop_pixel: float
    """In training, of each image of a batch."""

    bytes_per_image_pixel: float
    """In validation."""

    def training_bytes(self, step: StepSize) -> int:
        """Of one step of training."""
        pixels = step.batch_size * step.crop[0] * step.crop[1]
        return round(self.parameter_bytes + pixels * self.bytes_per_crop_pixel)

    def validation_bytes(self, size: tuple[int, int], *, batch_size: int) -> int:
        """Of one batch of validation images, height x width, computed in tiles if large."""
        height, width = (min(side, _LARGEST_TILE) for side in size)
        images = max(1, min(batch_size, _MEGAPIXEL // (size[0] * size[1])))
        return round(self.parameter_bytes + images * height * width * self.bytes_per_image_pixel)


def footprint_of(segmenter: Segmenter, *, crop: tuple[int, int]) -> Footprint:
    """The memory that a network needs for each pixel, worked out for float32.

    In bf16 a CPU needs as much: for U-Nets in either precision 3 to 10 % more than this was
    measured, which `MARGIN` covers.

    Args:
        segmenter: is left as it is.
        crop: height and width for which it is worked out; others are taken to need as much a pixel.
    """
    summary = summarize(segmenter, size=crop)
    pixels = crop[0] * crop[1]
    logits = _LOGIT_BYTES * segmenter.num_classes
    return Footprint(
        parameter_bytes=_BYTES_PER_PARAMETER * summary.num_parameters,
        bytes_per_crop_pixel=summary.training_activation_bytes / pixels + logits,
        bytes_per_image_pixel=summary.inference_peak_bytes / pixels + logits,
    )
