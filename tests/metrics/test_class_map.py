"""The class map against torch's argmax and a loop over pixels, in every layout and type."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tessella.metrics.class_map import class_map

often = settings(max_examples=60, deadline=None)  # no deadline: the cores are shared

LAYOUTS = [torch.contiguous_format, torch.channels_last]
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]
INF = math.inf


def first_largest(logits: Tensor) -> list[list[list[int]]]:
    """The first index of the largest value of each pixel, in plain Python."""
    return [
        [[row.index(max(row)) for row in rows] for rows in image]
        for image in logits.permute(0, 2, 3, 1).tolist()
    ]


def pixel(values: list[float], layout: torch.memory_format, dtype: torch.dtype) -> Tensor:
    """Two by three pixels with the same logits."""
    column = torch.tensor(values, dtype=dtype).view(1, -1, 1, 1)
    return column.expand(1, -1, 2, 3).contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [1, 2, 15, 16, 19, 32, 33, 254])
def test_class_map_equals_argmax(
    num_classes: int, dtype: torch.dtype, layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(num_classes)
    logits = torch.randn((2, num_classes, 19, 23), generator=generator).to(dtype)
    logits = logits.contiguous(memory_format=layout)
    classes = class_map(logits)
    assert classes.dtype == torch.uint8
    assert torch.equal(classes, logits.argmax(1).to(torch.uint8))


@given(st.integers(0, 2**32), st.sampled_from([2, 5, 16, 21, 40]), st.sampled_from(LAYOUTS))
@often
def test_first_of_equal_logits_wins(
    seed: int, num_classes: int, layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(seed)
    # three values only, so nearly every pixel has a tie
    logits = torch.randint(-1, 2, (1, num_classes, 3, 4), generator=generator).float()
    assert class_map(logits.contiguous(memory_format=layout)).tolist() == first_largest(logits)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_classes", [3, 20])
@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param([-INF, -INF, -INF], 0, id="all minus infinite"),
        pytest.param([-INF, 1.0, -INF], 1, id="all but one minus infinite"),
        pytest.param([1.0, INF, INF], 1, id="two infinite"),
        pytest.param([-0.0, 0.0, -0.0], 0, id="zeros of both signs"),
        pytest.param([-INF, -60000.0, -60000.0], 1, id="large negative"),
    ],
)
def test_extreme_logits_are_compared_like_argmax(
    start: list[float],
    expected: int,
    *,
    num_classes: int,
    dtype: torch.dtype,
    layout: torch.memory_format,
) -> None:
    logits = pixel(start + [-INF] * (num_classes - 3), layout, dtype)
    assert class_map(logits).unique().tolist() == [expected]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("num_classes", [3, 20])
@pytest.mark.parametrize(
    "largest",
    [
        pytest.param(2.0**-149, id="least subnormal"),
        pytest.param(1e-30, id="tiny"),
        pytest.param(1.0, id="one"),
        pytest.param(3e38, id="near the end"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_neighbouring_floats_are_told_apart(
    sign: int, largest: float, num_classes: int, layout: torch.memory_format
) -> None:
    value = torch.tensor(sign * largest)
    below = torch.nextafter(value, torch.tensor(-INF)).item()
    values = [below] * num_classes
    values[-2] = value.item()
    logits = pixel(values, layout, torch.float32)
    assert class_map(logits).unique().tolist() == [num_classes - 2]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("num_classes", [3, 20])
def test_doubles_that_are_one_float32_are_told_apart(
    num_classes: int, layout: torch.memory_format
) -> None:
    logits = pixel([1.0] * (num_classes - 1) + [1.0 + 1e-12], layout, torch.float64)
    assert class_map(logits).unique().tolist() == [num_classes - 1]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("num_classes", [3, 20])
@pytest.mark.parametrize("position", [0, 1, -1])
def test_nan_gives_some_class(position: int, num_classes: int, layout: torch.memory_format) -> None:
    values = [0.0] * num_classes
    values[position] = math.nan
    assert class_map(pixel(values, layout, torch.float32)).max() < num_classes


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(700, 800), (1, 300_000), (300_000, 1), (5, 0)])
def test_images_of_several_blocks_and_of_odd_sizes_equal_argmax(
    size: tuple[int, int], layout: torch.memory_format
) -> None:
    logits = torch.randn((1, 17, *size), generator=torch.Generator().manual_seed(0))
    logits = logits.contiguous(memory_format=layout)
    assert torch.equal(class_map(logits), logits.argmax(1).to(torch.uint8))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("num_classes", [4, 18])
def test_cropped_views_equal_argmax(num_classes: int, layout: torch.memory_format) -> None:
    logits = torch.randn((2, num_classes, 12, 16), generator=torch.Generator().manual_seed(0))
    view = logits.contiguous(memory_format=layout)[:, :, 1:-2, 3:-1]
    assert torch.equal(class_map(view), view.argmax(1).to(torch.uint8))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("num_classes", [4, 18])
def test_logits_of_a_training_step_are_left_as_they_are(
    num_classes: int, layout: torch.memory_format
) -> None:
    logits = torch.randn((1, num_classes, 4, 4), requires_grad=True)
    logits = (2 * logits).contiguous(memory_format=layout)
    before = logits.detach().clone()
    classes = class_map(logits)
    assert not classes.requires_grad
    assert torch.equal(logits.detach(), before)


def test_each_pixel_gets_one_class_however_small_its_logits() -> None:
    """S1-B01: logits above 0.5 were a class each, so a pixel had none or several."""
    none_above, two_above = [-3.0, -1.0, -2.0], [0.6, 0.7, 4.0]
    logits = torch.tensor([none_above, two_above]).T.reshape(1, 3, 1, 2)
    assert class_map(logits).tolist() == [[[1, 2]]]


def test_more_classes_than_uint8_holds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 255, 2, 2\) have 255 classes; .* hold 1\.\.254"):
        class_map(torch.zeros((1, 255, 2, 2)))


def test_no_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"have 0 classes"):
        class_map(torch.zeros((1, 0, 2, 2)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_class_map_on_a_gpu_stays_there_and_equals_the_cpus() -> None:
    logits = torch.randn((1, 20, 9, 9), generator=torch.Generator().manual_seed(0))
    on_gpu = class_map(logits.cuda())
    assert on_gpu.is_cuda
    assert torch.equal(on_gpu.cpu(), class_map(logits))
