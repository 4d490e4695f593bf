"""What every model of the table promises, whoever wrote it."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from tessella.models import MODELS
from tessella.models.build import weights_origin
from tessella.models.depth import depth_of_parameters
from tessella.models.freeze import freeze, keep_frozen_in_eval, unfreeze
from tessella.models.summary import summarize


def random_images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module", params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    """Each name of the table."""
    return request.param


@pytest.fixture(scope="module")
def segmenter(name: str, build):
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


def test_every_trainable_parameter_gets_a_gradient(name, build):
    segmenter = build(name).train()
    logits, auxiliary = segmenter.outputs(random_images(2, 3, 17, 24))
    loss = logits.square().mean()
    (loss if auxiliary is None else loss + auxiliary.square().mean()).backward()
    wanting = [key for key, p in segmenter.named_parameters() if p.requires_grad and p.grad is None]
    assert wanting == []
    assert all(p.grad.isfinite().all() for p in segmenter.parameters() if p.grad is not None)


def test_state_dict_goes_into_a_second_model_built_from_the_same_values(segmenter, name, build):
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


def test_outputs_have_the_logits_of_forward(segmenter):
    images = random_images(2, 3, 45, 67)
    with torch.no_grad():
        outputs = segmenter.outputs(images)
        torch.testing.assert_close(outputs.logits, segmenter(images), rtol=0, atol=0)
    assert (outputs.auxiliary is not None) == segmenter.has_auxiliary
    assert outputs.auxiliary is None or outputs.auxiliary.shape == outputs.logits.shape


def test_the_head_is_the_layers_that_give_one_channel_per_class(segmenter):
    layers = [
        segmenter.get_submodule(prefix.removesuffix(".")) for prefix in segmenter.head_prefixes
    ]
    assert layers
    # 5 classes; as wide as high, and padded so that nothing shifts (S2-B06, S3-B11)
    found = {(layer.out_channels, *layer.kernel_size, *layer.padding) for layer in layers}
    assert all(geometry in {(5, 1, 1, 0, 0), (5, 3, 3, 1, 1)} for geometry in found)


def test_a_frozen_encoder_stays_the_same_in_training_and_comes_back(name, build):
    segmenter = build(name)
    learnt = {key for key, p in segmenter.named_parameters() if p.requires_grad}
    assert freeze(segmenter, "encoder") > 0
    before = {key: tensor.clone() for key, tensor in segmenter.state_dict().items()}
    segmenter.train()
    keep_frozen_in_eval(segmenter)
    parameters = [p for p in segmenter.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    segmenter(random_images(2, 3, 17, 24)).square().mean().backward()
    optimizer.step()
    moved = {key for key, t in segmenter.state_dict().items() if not torch.equal(t, before[key])}
    assert moved
    assert not [key for key in moved if key.startswith("network.encoder.")]
    unfreeze(segmenter)
    assert {key for key, p in segmenter.named_parameters() if p.requires_grad} == learnt


def test_all_but_the_head_can_be_frozen(name, build):
    segmenter = build(name)
    freeze(segmenter, "all_but_head")
    left = [key for key, p in segmenter.named_parameters() if p.requires_grad]
    assert left
    assert all(key.startswith(segmenter.head_prefixes) for key in left)


def test_every_parameter_has_a_depth_and_the_decoder_the_largest(segmenter):
    depths = depth_of_parameters(segmenter)
    assert list(depths) == [key for key, _ in segmenter.named_parameters()]
    inside = {d for key, d in depths.items() if key.startswith("network.encoder.")}
    outside = {d for key, d in depths.items() if not key.startswith("network.encoder.")}
    assert inside == set(range(len(inside)))
    assert outside == {len(inside)}
    assert len(inside) >= 3


def test_the_origin_of_published_weights_says_source_and_licence(name, encoders):
    encoder = encoders.get(name)
    origin = weights_origin(name, encoder=encoder, encoder_weights="imagenet")
    if encoder is None:
        assert origin is None
        return
    assert origin is not None
    assert origin.source.startswith("https://")
    # timm's test networks are Apache-2.0; torchvision states no licence for weights
    assert origin.licence == ("apache-2.0" if encoder.startswith("tu-") else "not stated")


def test_a_summary_counts_all_parameters_and_some_operations(segmenter):
    summary = summarize(segmenter, size=(33, 40), batch_size=1)
    assert summary.num_parameters == sum(p.numel() for p in segmenter.parameters())
    assert summary.rows[0].shapes == ((1, 5, 33, 40),)
    assert summary.flops > 0
    assert min(summary.training_activation_bytes, summary.inference_peak_bytes) > 0
    assert f"{summary.num_parameters:,} (" in summary.text()


def test_the_table_is_read_without_loading_torch():
    code = (
        "import sys; from tessella.models import MODELS; "
        "assert len(MODELS) == 19; print('torch' in sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "False"
