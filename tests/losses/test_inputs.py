"""What losses refuse, and which pixels are labelled."""

import pytest
import torch

from tessella.errors import UsageError
from tessella.losses.inputs import (
    check_choice,
    check_inputs,
    check_range,
    check_switch,
    class_index,
    compute_dtype,
    labelled_pixels,
)

LOGITS = torch.zeros(2, 3, 4, 5)
MASK = torch.zeros(2, 4, 5, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("logits", "mask", "message"),
    [
        (LOGITS, MASK[:1], r"logits are \(2, 3, 4, 5\) but the mask is \(1, 4, 5\); expected \(n"),
        (LOGITS, MASK[:, :, :4], r"but the mask is \(2, 4, 4\)"),
        (LOGITS, MASK[:, None], r"but the mask is \(2, 1, 4, 5\)"),
        (LOGITS[0], MASK[0], r"logits are \(3, 4, 5\) but the mask is \(4, 5\)"),
        (LOGITS[:, :1], MASK, "logits have 1 class; expected 2 or more"),
        (LOGITS.long(), MASK, "logits are torch.int64 and the mask is torch.uint8; expected flo"),
        (LOGITS, MASK.float(), "the mask is torch.float32; expected floating point and integers"),
        (LOGITS, MASK.bool(), "the mask is torch.bool; expected floating point and integers"),
        (LOGITS, MASK + 3, "the mask holds 3, but classes are 0..2 and 255 is ignored; decode"),
        (LOGITS, MASK.int() - 1, "the mask holds -1, but classes are 0..2"),
    ],
)
def test_inputs_that_do_not_fit_together_are_refused(
    logits: torch.Tensor, mask: torch.Tensor, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check_inputs(logits, mask, ignore_index=255, class_weights=None)


def test_at_most_eight_values_are_listed() -> None:
    mask = torch.arange(20, 40, dtype=torch.uint8).view(1, 4, 5)
    with pytest.raises(ValueError, match=r"holds 20, 21, 22, 23, 24, 25, 26, 27, \.\.\., but"):
        check_inputs(LOGITS[:1], mask, ignore_index=255, class_weights=None)


@pytest.mark.parametrize("shape", [(2,), (4,), (1, 3), ()])
def test_class_weights_must_be_one_a_class(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"class_weights are \(.*expected \(3,\)\. Give one"):
        check_inputs(LOGITS, MASK, ignore_index=255, class_weights=torch.ones(shape))


@pytest.mark.parametrize("ignore_index", [0, 2, 255])
def test_a_mask_of_classes_and_ignored_pixels_is_taken(ignore_index: int) -> None:
    mask = torch.tensor([0, 1, 2, ignore_index, 1], dtype=torch.uint8).expand(2, 4, 5)
    check_inputs(LOGITS, mask, ignore_index=ignore_index, class_weights=torch.ones(3))


def test_ignored_pixels_are_not_labelled() -> None:
    mask = torch.tensor([0, 255, 2], dtype=torch.uint8)
    assert labelled_pixels(mask, ignore_index=255).tolist() == [True, False, True]


@pytest.mark.parametrize("ignore_index", [-100, 256 + 2, 1000])
def test_a_number_that_the_type_cannot_hold_ignores_nothing(ignore_index: int) -> None:
    mask = torch.tensor([156, 2, 232], dtype=torch.uint8)
    assert labelled_pixels(mask, ignore_index=ignore_index).all()


def test_ignored_pixels_index_class_0() -> None:
    mask = torch.tensor([3, 255, 2], dtype=torch.uint8)
    index = class_index(mask, labelled_pixels(mask, ignore_index=255))
    assert index.tolist() == [3, 0, 2]
    assert index.dtype == torch.int64


@pytest.mark.parametrize(
    ("given", "computed"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_only_doubles_are_computed_in_double(given: torch.dtype, computed: torch.dtype) -> None:
    assert compute_dtype(torch.zeros(1, dtype=given)) == computed


def test_an_unknown_choice_is_answered_with_the_closest() -> None:
    with pytest.raises(UsageError, match="option classes: no choice is called 'al'; did you mean"):
        check_choice("classes", "al", ("present", "all"))


@pytest.mark.parametrize("value", [-1e-9, 1.5, float("nan")])
def test_a_number_outside_of_its_range_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match=f"option share: is {value}; expected 0 to 1. Change"):
        check_range("share", value, above=0, below=1)


@pytest.mark.parametrize("value", ["no", 1, None])
def test_a_switch_is_true_or_false(value: object) -> None:
    with pytest.raises(UsageError, match=f"per_image: is {value!r}; expected true or false"):
        check_switch("per_image", value)  # type: ignore[arg-type]
