"""The losses that a recipe can name. Adding one is a file beside this and a line here.

A loss is a function `(logits, mask, *, ignore_index, class_weights, options...) -> scalar` that
states its reduction, gives 0 with a gradient of 0 when no pixel is labelled, and never NaN.
"""

from collections.abc import Callable

from torch import Tensor

from tessella.losses.cross_entropy import cross_entropy_loss

LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy_loss,
}
