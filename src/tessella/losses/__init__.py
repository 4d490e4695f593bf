"""The losses that a recipe can name. Adding one is a file beside this and a line here.

A loss is a function `(logits, mask, *, ignore_index, class_weights, options...) -> scalar` that
states its reduction, gives 0 with a gradient of 0 when no pixel is labelled, and never NaN. Logits
of any precision are computed in float32, of float64 in float64. A perfect prediction costs 0.
"""

from collections.abc import Callable

from torch import Tensor

from tessella.losses.boundary import boundary_loss
from tessella.losses.cross_entropy import cross_entropy_loss
from tessella.losses.dice import dice_loss
from tessella.losses.focal import focal_loss
from tessella.losses.focal_tversky import focal_tversky_loss
from tessella.losses.jaccard import jaccard_loss
from tessella.losses.labelled_weight import labelled_weight
from tessella.losses.lovasz_softmax import lovasz_softmax_loss
from tessella.losses.mcc import mcc_loss
from tessella.losses.ohem import ohem_loss
from tessella.losses.tversky import tversky_loss

__all__ = ["LOSSES", "labelled_weight"]

LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy_loss,
    "focal": focal_loss,
    "ohem": ohem_loss,
    "dice": dice_loss,
    "jaccard": jaccard_loss,
    "tversky": tversky_loss,
    "focal_tversky": focal_tversky_loss,
    "lovasz_softmax": lovasz_softmax_loss,
    "mcc": mcc_loss,
    "boundary": boundary_loss,
}
