"""From logits to the class of each pixel."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tessella.labels import MAX_CLASSES

# CPU ms for 32 x 1024 x 2048 logits, one thread of an AMD EPYC (Zen 4), torch 2.14:
#                               NCHW float32 / bfloat16 / float16    channels-last
#   logits.argmax(1)                     438 / 414 / 473              145 / 218 / 275
#   running maximum, masked_fill         148 / 181 / 166
#   running maximum, below                44 /  76 /  60              201 / 156 / 151
#   copy to NCHW, then the same                                       636 / 315 / 292
#   two maxima, below                                                  63 /  60 /  57
# Channels-last with 12 classes: argmax 78, running maximum 44, two maxima 53; with 19: 107, 82, 57.
_BLOCK = 1 << 18  # pixels; 2^14 takes 79 ms, 2^18 and 2^20 take 42
_TWO_MAXIMA_FROM = 16  # classes
_BLOCK_LOGITS = 1 << 19  # 2^17 takes 70 ms for the 63 above


@torch.no_grad()
def class_map(logits: Float[Tensor, "n k h w"]) -> UInt8[Tensor, "n h w"]:
    """The index of the largest logit of each pixel, the first one where several are largest.

    One pixel, one class, whatever the values: a threshold has no part in it. The same as
    `logits.argmax(1)`, several times faster on a CPU in either memory format. A pixel with a NaN
    among its logits gets some class in 0..k-1.

    Args:
        logits: scores before softmax, contiguous or channels-last, any floating type.

    Raises:
        ValueError: there are no classes, or more than 254.
    """
    num_classes = logits.shape[1]
    if not 1 <= num_classes <= MAX_CLASSES:
        raise ValueError(
            f"class_map: logits of shape {tuple(logits.shape)} have {num_classes} classes; "
            f"class maps are uint8 and hold 1..{MAX_CLASSES}. The axes are n k h w."
        )
    if logits.device.type != "cpu":
        return logits.argmax(1).to(torch.uint8)
    is_channels_last = logits.stride(1) == 1
    # doubles do not fit the second way's float32
    if is_channels_last and num_classes >= _TWO_MAXIMA_FROM and logits.dtype != torch.float64:
        return _by_two_maxima(logits)
    return _by_running_maximum(logits)


def _by_running_maximum(logits: Tensor) -> Tensor:
    """One pass over the channels, by blocks of rows whose maximum so far stays in the cache."""
    num_images, num_classes, height, width = logits.shape
    classes = torch.zeros((num_images, height, width), dtype=torch.uint8)
    rows = min(height, max(1, _BLOCK // max(1, width)))
    largest = torch.empty((rows, width), dtype=logits.dtype)
    is_larger = torch.empty((rows, width), dtype=torch.bool)
    candidate = torch.empty((rows, width), dtype=torch.uint8)
    for image, of_image in zip(logits, classes, strict=True):
        for start in range(0, height, rows):
            block, index = image[:, start : start + rows], of_image[start : start + rows]
            used = slice(block.shape[1])
            top, larger, new = largest[used], is_larger[used], candidate[used]
            top.copy_(block[0])
            for channel in range(1, num_classes):
                torch.gt(block[channel], top, out=larger)
                torch.maximum(block[channel], top, out=top)
                # a later channel's index is the greater one: its maximum with 0 or `channel`
                # does what masked_fill does, at a quarter of the time
                torch.mul(larger.view(torch.uint8), channel, out=new)
                torch.maximum(index, new, out=index)
    return classes


def _by_two_maxima(logits: Tensor) -> Tensor:
    """The largest logit, then the largest of minus the indices where the logit equals it.

    Comparing and searching along the innermost axis is slow, but arithmetic and maxima are fast,
    when their length is a multiple of 32.
    """
    num_images, num_classes, height, width = logits.shape
    classes = torch.empty((num_images, height, width), dtype=torch.uint8)
    padded = -(-num_classes // 32) * 32
    rows = min(height, max(1, _BLOCK_LOGITS // (padded * max(1, width))))
    scratch = torch.full((rows, width, padded), -torch.inf)
    largest = torch.empty((rows, width, 1))
    minus_index = -torch.arange(padded, dtype=torch.float32)
    finite = torch.finfo(torch.float32).max
    for image, of_image in zip(logits.permute(0, 2, 3, 1), classes, strict=True):
        for start in range(0, height, rows):
            block = image[start : start + rows]
            scores, top = scratch[: len(block)], largest[: len(block)]
            # infinite logits must not meet: inf - inf is NaN
            scores[..., :num_classes].copy_(block).clamp_(-finite, finite)
            torch.amax(scores, dim=-1, keepdim=True, out=top)
            # 0 where largest, else at most -2^-149 (the least difference of two float32);
            # twice 2^127 makes that -2^105, far below any index
            scores.sub_(top).mul_(2.0**127)
            torch.add(minus_index, scores, alpha=2.0**127, out=scores)
            torch.amax(scores, dim=-1, keepdim=True, out=top)
            # what a NaN becomes as an integer differs between processors
            of_image[start : start + rows] = top[..., 0].neg_().nan_to_num_(nan=0.0)
    return classes
