"""What every model does to its images before the network, and to the logits after it."""

import pytest
import torch
from torch import Tensor, nn

from tessella.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Segmenter,
    values_for_channels,
)


class Recorder(nn.Module):
    """Gives back what it got, and keeps it."""

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images
        return images


def wrap(network: nn.Module, *, num_classes: int = 3, stride: int = 1, **arguments) -> Segmenter:
    settings = {"in_channels": 3, "mean": IMAGENET_MEAN, "std": IMAGENET_STD} | arguments
    return Segmenter(network, num_classes=num_classes, stride=stride, **settings)


def random_images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def test_images_in_file_units_are_normalized_by_the_published_mean_and_std():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    logits = wrap(Recorder())(images)
    # paper: (0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225
    expected = torch.tensor([-2.117904, -1.142857, 2.64])
    torch.testing.assert_close(logits.flatten(), expected, rtol=1e-6, atol=1e-6)


def test_mean_and_std_are_saved_with_the_weights_in_file_units():
    state = wrap(Recorder()).state_dict()
    # paper: 0.485 * 255, 0.456 * 255, 0.406 * 255
    expected = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
    torch.testing.assert_close(state["mean"], expected, rtol=0, atol=0)
    assert state["std"].dtype == torch.float32
    assert state["std"].shape == (1, 3, 1, 1)


@pytest.mark.parametrize(
    ("size", "padded"),
    [((1, 1), (8, 8)), ((7, 9), (8, 16)), ((8, 16), (8, 16)), ((17, 3), (24, 8))],
)
def test_images_reach_the_network_padded_to_a_multiple_of_the_stride(size, padded):
    network = Recorder()
    logits = wrap(network, stride=8)(random_images(2, 3, *size))
    assert network.seen.shape[-2:] == padded
    assert logits.shape == (2, 3, *size)


def test_padding_repeats_the_last_row_and_column():
    network = Recorder()
    wrap(network, stride=4, mean=(0.0, 0.0, 0.0), std=(1 / 255,) * 3)(
        torch.arange(6, dtype=torch.uint8).view(1, 1, 2, 3).expand(1, 3, 2, 3)
    )
    expected = torch.tensor([[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]).float()
    torch.testing.assert_close(network.seen[0, 0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("side", "padded"), [(1, 24), (24, 24), (25, 32)])
def test_images_below_the_smallest_size_are_padded_up_to_it(side, padded):
    network = Recorder()
    logits = wrap(network, stride=8, min_size=24)(random_images(1, 3, side, side))
    assert network.seen.shape[-2:] == (padded, padded)
    assert logits.shape[-2:] == (side, side)


def test_smaller_logits_are_enlarged_bilinearly_with_half_pixel_centres():
    halved = wrap(nn.AvgPool2d(2), stride=2, mean=(0.0, 0.0, 0.0), std=(1 / 255,) * 3)
    images = torch.tensor([0, 0, 4, 4], dtype=torch.uint8).expand(1, 3, 2, 4)
    # paper: centres of 4 pixels lie at -0.25, 0.25, 0.75, 1.25 of 2 pixels worth 0 and 4
    expected = torch.tensor([0.0, 1.0, 3.0, 4.0]).expand(1, 3, 2, 4)
    torch.testing.assert_close(halved(images), expected)


def test_uint8_and_float_images_in_file_units_give_the_same_logits():
    images = random_images(2, 3, 5, 7)
    segmenter = wrap(Recorder(), stride=4)
    torch.testing.assert_close(segmenter(images), segmenter(images.double()), rtol=0, atol=0)


def test_images_are_left_as_they_were():
    images = random_images(1, 3, 5, 7).float()
    before = images.clone()
    wrap(Recorder(), stride=4)(images)
    torch.testing.assert_close(images, before, rtol=0, atol=0)


@pytest.mark.parametrize("size", [(8, 12), (5, 7)])
def test_channels_last_images_reach_the_network_channels_last(size):
    network = Recorder()
    images = random_images(2, 3, *size).contiguous(memory_format=torch.channels_last)
    wrap(network, stride=4)(images)
    assert network.seen.is_contiguous(memory_format=torch.channels_last)


def test_contiguous_images_reach_the_network_contiguous():
    network = Recorder()
    wrap(network, stride=4)(random_images(2, 3, 5, 7))
    assert network.seen.is_contiguous()


def test_under_autocast_the_logits_are_bfloat16_and_close_to_float32():
    torch.manual_seed(0)
    segmenter = wrap(nn.Conv2d(3, 2, 3, stride=2, padding=1), num_classes=2, stride=4).eval()
    images = random_images(2, 3, 9, 11)
    with torch.no_grad():
        exact = segmenter(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = segmenter(images)
    assert rounded.dtype == torch.bfloat16
    # bfloat16 keeps 8 bits: sums of 27 products of size about 1
    torch.testing.assert_close(rounded.float(), exact, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("size", [(16, 20), (16, 21), (3, 1)])
def test_exported_program_takes_any_batch_and_size(size):
    torch.manual_seed(0)
    segmenter = wrap(nn.Conv2d(3, 2, 3, stride=2, padding=1), num_classes=2, stride=4).eval()
    dynamic = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        segmenter,
        (random_images(2, 3, 9, 11),),
        dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},),
    )
    images = random_images(3, 3, *size)
    # the one guard is whether cropping leaves a contiguous view; exported files have no strides
    logits = program.module(check_guards=False)(images)
    torch.testing.assert_close(logits, segmenter(images), rtol=0, atol=0)


def test_images_with_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 4, 8, 8\), expected \(n, 3, h, w\); convert"):
        wrap(Recorder())(random_images(1, 4, 8, 8))


def test_a_network_with_another_number_of_classes_is_refused():
    with pytest.raises(
        ValueError, match=r"Recorder returned \(1, 3, 8, 8\), expected .*\(n, 5, h, w\)"
    ):
        wrap(Recorder(), num_classes=5)(random_images(1, 3, 8, 8))


def test_a_network_that_returns_a_dict_is_refused():
    class Wrapped(nn.Module):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {"out": images}

    with pytest.raises(ValueError, match="Wrapped returned dict, expected one tensor"):
        wrap(Wrapped())(random_images(1, 3, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mean": (0.5,)}, "mean has 1 values for 3 input channels"),
        ({"std": (0.5, 0.5)}, "std has 2 values for 3 input channels"),
        ({"std": (0.5, 0.5, 0.0)}, r"std \(0.5, 0.5, 0.0\) above 0"),
        ({"stride": 0}, "stride 0 must be at least 1"),
        ({"num_classes": 0}, "num_classes 0"),
        ({"stride": 8, "min_size": 20}, "min_size 20 is not a multiple of stride 8"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        wrap(Recorder(), **arguments)


def test_values_for_other_channel_counts_are_the_average_of_the_published_ones():
    assert values_for_channels((0.1, 0.2, 0.6), 2) == pytest.approx((0.3, 0.3))
    assert values_for_channels((0.1, 0.2, 0.6), 3) == (0.1, 0.2, 0.6)


class TwoHeads(nn.Module):
    """Logits are the images; the auxiliary ones are their opposite at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.forwards = 0

    def forward(self, images: Tensor) -> Tensor:
        self.forwards += 1
        return images

    def with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, -images[:, :, ::2, ::2]


def test_outputs_of_both_heads_have_the_size_of_the_images():
    segmenter, images = wrap(TwoHeads(), stride=4), random_images(2, 3, 5, 7)
    outputs = segmenter.outputs(images)
    assert segmenter.has_auxiliary
    torch.testing.assert_close(outputs.logits, segmenter(images), rtol=0, atol=0)
    assert outputs.auxiliary is not None
    assert outputs.auxiliary.shape == (2, 3, 5, 7)


def test_outputs_compute_the_network_once():
    network = TwoHeads()
    wrap(network).outputs(random_images(1, 3, 4, 4))
    assert network.forwards == 0


def test_outputs_of_one_head_are_its_logits_and_none():
    segmenter, images = wrap(Recorder(), stride=4), random_images(1, 3, 5, 7)
    outputs = segmenter.outputs(images)
    assert not segmenter.has_auxiliary
    assert outputs.auxiliary is None
    torch.testing.assert_close(outputs.logits, segmenter(images), rtol=0, atol=0)


def test_auxiliary_logits_of_another_number_of_classes_are_refused():
    class Fewer(TwoHeads):
        def with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images, images[:, :2]

    message = r"Fewer.with_auxiliary, second, returned \(1, 2, 8, 8\), expected one tensor \(n, 3"
    with pytest.raises(ValueError, match=message):
        wrap(Fewer()).outputs(random_images(1, 3, 8, 8))


@pytest.mark.parametrize(("pick", "got"), [(0, "Tensor"), (slice(0, 3), "3 values")])
def test_a_network_with_auxiliary_that_returns_no_pair_is_refused(pick, got):
    class Wrong(TwoHeads):
        def with_auxiliary(self, images: Tensor) -> object:
            return (images, images, images)[pick]

    with pytest.raises(ValueError, match=f"Wrong.with_auxiliary returned {got}, expected a pair"):
        wrap(Wrong()).outputs(random_images(1, 3, 8, 8))


def test_outputs_refuse_images_with_another_number_of_channels():
    with pytest.raises(ValueError, match=r"shape \(1, 4, 8, 8\), expected \(n, 3, h, w\)"):
        wrap(TwoHeads()).outputs(random_images(1, 4, 8, 8))


def test_logits_without_height_are_refused():
    class Flat(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.mean((2, 3))

    with pytest.raises(ValueError, match=r"Flat returned \(1, 3\), expected one tensor"):
        wrap(Flat())(random_images(1, 3, 8, 8))


def test_a_head_layer_that_the_network_does_not_have_is_refused():
    with pytest.raises(AttributeError, match="no attribute `head`"):
        wrap(Recorder(), head_layers=["head"])


def test_the_encoder_is_known_by_its_name():
    network = nn.Sequential()
    assert wrap(network).encoder_prefix is None
    network.add_module("encoder", nn.Identity())
    assert wrap(network).encoder_prefix == "network.encoder."
