"""Softmax over parts of a batch that stay in the cache, so that no copy of the logits is kept.

A loss that is a custom autograd function walks over `chunks` in forward and again in backward.
All it saves is the logits, which the caller holds anyway, and two numbers a pixel: normalizers,
from which `probabilities` gives the softmax again.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from tessella.losses.inputs import class_index, compute_dtype, labelled_pixels

_LOG2_E = math.log2(math.e)

# Logits in a chunk. CPU: of 32 classes x 2^21 pixels, softmax takes 1.3 ns a logit in chunks of
# 2^18, which fit the second-level cache, and 3.3 ns in chunks of 2^23 (one thread, AMD EPYC).
# Elsewhere a kernel needs more to be worth its start.
CHUNK_LOGITS = {"cpu": 1 << 18}
CHUNK_LOGITS_ELSEWHERE = 1 << 24

Region = tuple[slice, slice, slice]


def chunks(logits: Float[Tensor, "n c h w"]) -> Iterator[Region]:
    """Indices (images, all classes, rows) that cut logits into parts of a bounded size.

    A part is several whole images, or some rows of one; at least one row.
    """
    num_images, num_classes, height, width = logits.shape
    most = CHUNK_LOGITS.get(logits.device.type, CHUNK_LOGITS_ELSEWHERE)
    per_row = max(1, num_classes * width)
    images = max(1, most // max(1, per_row * height))
    rows = max(1, min(height, most // per_row))
    for first in range(0, num_images, images):
        for top in range(0, height, rows):
            yield slice(first, first + images), slice(None), slice(top, top + rows)


class Labels(NamedTuple):
    """The mask of a chunk, ready to index the classes axis."""

    index: Integer[Tensor, "n 1 h w"]
    """Class indices; 0 at ignored pixels, which `labelled` tells apart."""

    labelled: Bool[Tensor, "n 1 h w"]


def chunk_labels(mask: Integer[Tensor, "n h w"], region: Region, *, ignore_index: int) -> Labels:
    """The labels of one chunk."""
    images, _, rows = region
    part = mask[images, rows].unsqueeze(1)
    labelled = labelled_pixels(part, ignore_index=ignore_index)
    return Labels(class_index(part, labelled), labelled)


class Exponentials(NamedTuple):
    """A softmax before its division."""

    exponentials: Float[Tensor, "n c h w"]
    """exp(logit - largest); the caller may overwrite it."""

    total: Float[Tensor, "n 1 h w"]
    """Sum over classes, 1..c; infinite at ignored pixels, so that dividing gives 0 there."""

    largest: Float[Tensor, "n 1 h w"]
    """Largest logit of each pixel."""


def exponentials(part: Float[Tensor, "n c h w"], labels: Labels) -> Exponentials:
    """The exponentials of a chunk's logits, in float32 or float64."""
    scores = part.to(compute_dtype(part))
    largest = scores.amax(1, keepdim=True)
    # 2 ** (x log2 e) is 2.7 times as fast as exp on a CPU, and its rounding is that of x
    powers = torch.sub(scores, largest).mul_(_LOG2_E).exp2_()
    total = powers.sum(1, keepdim=True).masked_fill_(~labels.labelled, torch.inf)
    return Exponentials(powers, total, largest)


def normalizer(parts: Exponentials) -> Float[Tensor, "n 2 h w"]:
    """What `probabilities` needs: the largest logit, and minus log2 of the total.

    Not their sum, one number: beside a logit of 100 a logarithm would lose two digits. At ignored
    pixels the second is -inf.
    """
    return torch.cat([parts.largest, parts.total.log2().neg_()], 1)


def probabilities(
    part: Float[Tensor, "n k h w"], normalizers: Float[Tensor, "n 2 h w"]
) -> Float[Tensor, "n k h w"]:
    """The softmax of a chunk, or of some of its classes, from its saved normalizers.

    Never above 1, and 0 at ignored pixels; a new tensor.
    """
    scores = torch.sub(part, normalizers[:, :1])
    return torch.add(normalizers[:, 1:], scores, alpha=_LOG2_E, out=scores).exp2_()


def through_softmax(
    softmax: Float[Tensor, "n c h w"], slope: Float[Tensor, "n c h w"]
) -> Float[Tensor, "n c h w"]:
    """The gradient for logits from the gradient for their softmax; overwrites `slope`."""
    expected = torch.mul(softmax, slope).sum(1, keepdim=True)
    return slope.sub_(expected).mul_(softmax)


def empty_maps(logits: Float[Tensor, "n c h w"], depth: int) -> Float[Tensor, "n depth h w"]:
    """`depth` numbers a pixel, not yet set, in the type that losses compute in."""
    num_images, _, height, width = logits.shape
    return logits.new_empty((num_images, depth, height, width), dtype=compute_dtype(logits))
