"""What every loss asks of its inputs, and which pixels are labelled."""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float, Int64, Integer
from torch import Tensor

from tessella.errors import UsageError
from tessella.suggestion import unknown_name

CLASS_CHOICES = ("present", "all")


def check_inputs(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None,
) -> None:
    """Refuse what no loss can be computed from.

    Values of the mask are checked here except on CUDA, where reading them would stop the device;
    there a value that is no class fails torch's own bounds check of the index.

    Raises:
        ValueError: the shapes do not belong together, a type is not a number of the right kind,
            there is one class only, or the mask holds a value that is no class.
    """
    if logits.ndim != 4 or mask.ndim != 3 or logits.shape[:1] + logits.shape[2:] != mask.shape:
        raise ValueError(
            f"loss: logits are {tuple(logits.shape)} but the mask is {tuple(mask.shape)}; expected "
            "(n, c, h, w) and (n, h, w). Compute the logits at the mask's size."
        )
    if not logits.is_floating_point() or mask.is_floating_point() or mask.dtype == torch.bool:
        raise ValueError(
            f"loss: logits are {logits.dtype} and the mask is {mask.dtype}; expected floating "
            "point and integers. Give scores before softmax, and class indices."
        )
    num_classes = logits.shape[1]
    if num_classes < 2:
        raise ValueError(
            f"loss: logits have {num_classes} class; expected 2 or more, since the softmax of one "
            "is always 1. Give a binary task two classes, background first."
        )
    if class_weights is not None and class_weights.shape != (num_classes,):
        raise ValueError(
            f"loss: class_weights are {tuple(class_weights.shape)}; expected ({num_classes},). "
            "Give one weight for each class of the logits."
        )
    if mask.device.type not in ("cuda", "meta"):  # meta tensors have no values
        _check_values(mask, num_classes=num_classes, ignore_index=ignore_index)


def labelled_pixels(mask: Integer[Tensor, "*n"], *, ignore_index: int) -> Bool[Tensor, "*n"]:
    """Where the mask holds a class; everywhere, if its type cannot hold `ignore_index`."""
    limits = torch.iinfo(mask.dtype)
    if limits.min <= ignore_index <= limits.max:
        return mask != ignore_index
    # comparing would wrap the number: -100 among uint8 is 156
    return torch.ones_like(mask, dtype=torch.bool)


def class_index(mask: Integer[Tensor, "*n"], labelled: Bool[Tensor, "*n"]) -> Int64[Tensor, "*n"]:
    """The mask as an index of classes: 0 at ignored pixels, which the caller weighs with 0."""
    return (mask * labelled).long()


def compute_dtype(logits: Tensor) -> torch.dtype:
    """What a loss computes in: float64 for float64, float32 for everything shorter."""
    return torch.float64 if logits.dtype == torch.float64 else torch.float32


def check_choice(option: str, value: str, known: Iterable[str]) -> None:
    """Refuse a word that an option does not know.

    Raises:
        UsageError: with the closest known word.
    """
    if value not in known:
        raise UsageError(f"loss option {option}: {unknown_name('choice', str(value), known)}")


def check_range(option: str, value: float, *, above: float, below: float = float("inf")) -> None:
    """Refuse a number outside of a closed range, and NaN.

    Raises:
        UsageError: with the range.
    """
    if not above <= value <= below:
        span = f"{above:g} or more" if below == float("inf") else f"{above:g} to {below:g}"
        raise UsageError(f"loss option {option}: is {value!r}; expected {span}. Change the option.")


def check_switch(option: str, value: bool) -> None:
    """Refuse what is neither True nor False, such as the text "no".

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(value, bool):
        raise UsageError(
            f"loss option {option}: is {value!r}; expected true or false. Write it without quotes."
        )


def _check_values(mask: Tensor, *, num_classes: int, ignore_index: int) -> None:
    stray = (mask < 0) | (mask >= num_classes)
    stray &= labelled_pixels(mask, ignore_index=ignore_index)
    if stray.any():
        values = mask[stray].unique().tolist()
        shown = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
        raise ValueError(
            f"loss: the mask holds {shown}, but classes are 0..{num_classes - 1} and "
            f"{ignore_index} is ignored; decode masks with the label map of this model."
        )
