"""What every model of the table promises, whoever wrote it."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter

# the smallest there are; dpt needs a plain vision transformer
ENCODERS = {name: "tu-test_resnet" for name, entry in MODELS.items() if entry.takes_encoder}
ENCODERS["dpt"] = "tu-test_vit"

# narrow decoders, for speed; the others are narrow enough
_FIVE = {"decoder_channels": [32, 24, 16, 8, 8]}
OPTIONS = {
    "plain_unet": {"depth": 3, "base_channels": 8},
    "unet": _FIVE,
    "unetplusplus": _FIVE,
    "manet": _FIVE,
    "upernet": {"decoder_channels": 32},
    "deeplabv3": {"decoder_channels": 32},
    "dpt": {"decoder_intermediate_channels": [8, 16, 24, 32], "decoder_fusion_channels": 16},
}


def build(name: str, *, seed: int = 0) -> Segmenter:
    torch.manual_seed(seed)
    return build_segmenter(
        name, num_classes=5, encoder=ENCODERS.get(name), options=OPTIONS.get(name, {})
    )


def random_images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module", params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    """Each name of the table."""
    return request.param


@pytest.fixture(scope="module")
def segmenter(name: str) -> Segmenter:
    """Each model once, in evaluation mode; a test that changes it builds its own."""
    return build(name).eval()


@pytest.mark.parametrize("shape", [(2, 3, 45, 67), (1, 3, 33, 64), (1, 3, 1, 1)])
def test_images_of_any_size_give_finite_logits_at_their_own_size(segmenter, shape):
    with torch.no_grad():
        logits = segmenter(random_images(*shape))
    assert logits.shape == (shape[0], 5, *shape[2:])
    assert logits.isfinite().all()


def test_evaluation_mode_gives_the_same_logits_twice(segmenter):
    images = random_images(2, 3, 45, 67)
    with torch.no_grad():
        torch.testing.assert_close(segmenter(images), segmenter(images), rtol=0, atol=0)


def test_channels_last_images_give_the_same_logits(segmenter):
    images = random_images(2, 3, 45, 67)
    with torch.no_grad():
        contiguous = segmenter(images)
        channels_last = segmenter(images.contiguous(memory_format=torch.channels_last))
    # float32 sum order differs between the kernels of the two layouts
    torch.testing.assert_close(channels_last, contiguous, rtol=1e-3, atol=1e-4)


def test_no_logits_depend_on_the_other_images_of_the_batch(segmenter):
    images = random_images(2, 3, 45, 67)
    with torch.no_grad():
        together, alone = segmenter(images)[1:], segmenter(images[1:])
    # float32 sum order differs with the batch size
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


def test_every_trainable_parameter_gets_a_gradient(name):
    segmenter = build(name).train()
    segmenter(random_images(2, 3, 45, 67)).square().mean().backward()
    wanting = [key for key, p in segmenter.named_parameters() if p.requires_grad and p.grad is None]
    assert wanting == []
    assert all(p.grad.isfinite().all() for p in segmenter.parameters() if p.grad is not None)


def test_state_dict_goes_into_a_second_model_built_from_the_same_values(segmenter, name):
    first, second = segmenter, build(name, seed=1).eval()
    images = random_images(1, 3, 45, 67)
    with torch.no_grad():
        logits = first(images)
        assert not torch.equal(second(images), logits)
        second.load_state_dict(first.state_dict())
        torch.testing.assert_close(second(images), logits, rtol=0, atol=0)


def test_mean_and_std_are_imagenets_where_there_are_no_weights(segmenter):
    assert segmenter.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])
    assert segmenter.std.flatten().tolist() == pytest.approx([58.395, 57.12, 57.375])


def test_the_table_is_read_without_loading_torch():
    code = (
        "import sys; from tessella.models import MODELS; "
        "assert len(MODELS) == 13; print('torch' in sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "False"
