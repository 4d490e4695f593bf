"""Freezing: what is not learnt stays bit for bit the same."""

import pytest
import torch
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.models.freeze import freeze, keep_frozen_in_eval, unfreeze
from tessella.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter


def small(**options) -> Segmenter:
    values = {"depth": 2, "base_channels": 4} | options
    torch.manual_seed(0)
    return build_segmenter("plain_unet", num_classes=3, options=values)


def trainable(segmenter: nn.Module) -> set[str]:
    return {name for name, p in segmenter.named_parameters() if p.requires_grad}


def train_steps(segmenter: Segmenter, *, steps: int) -> None:
    generator = torch.Generator().manual_seed(3)
    learnt = [p for p in segmenter.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learnt, lr=0.1)
    for _ in range(steps):
        segmenter.train()
        keep_frozen_in_eval(segmenter)
        images = torch.randint(0, 256, (2, 3, 12, 12), generator=generator, dtype=torch.uint8)
        optimizer.zero_grad()
        segmenter(images).square().mean().backward()
        optimizer.step()


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def copy_of(segmenter: Segmenter) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in segmenter.state_dict().items()}


def test_a_frozen_encoder_stays_bit_identical_with_its_norm_statistics():
    """S2-B05: the tutorial's frozen backbone drifts, because its norms stay in training mode."""
    segmenter = small(dropout=0.5)
    freeze(segmenter, "encoder")
    before = copy_of(segmenter)
    train_steps(segmenter, steps=3)
    moved = changed(before, segmenter.state_dict())
    assert not [name for name in moved if name.startswith("network.encoder.")]
    assert "network.decoder.first.2.running_mean" in moved
    assert "network.decoder.head.weight" in moved


def test_without_keeping_it_in_evaluation_mode_a_frozen_norm_drifts():
    segmenter = small()
    freeze(segmenter, "encoder")
    before = copy_of(segmenter)
    with torch.no_grad():
        segmenter.train()(torch.zeros(2, 3, 12, 12))
    assert "network.encoder.bottom.2.running_mean" in changed(before, segmenter.state_dict())


def test_all_but_the_head_leaves_the_class_logits_layer_to_learn():
    segmenter = small()
    freeze(segmenter, "all_but_head")
    assert trainable(segmenter) == {"network.decoder.head.weight", "network.decoder.head.bias"}


def test_all_but_the_head_leaves_the_auxiliary_heads_last_layer_too():
    segmenter = build_segmenter(
        "torchvision_deeplabv3",
        num_classes=3,
        encoder="mobilenet_v3_large",
        options={"auxiliary": True},
    )
    freeze(segmenter, "all_but_head")
    assert trainable(segmenter) == {
        f"network.{head}.4.{kind}"
        for head in ("decoder", "auxiliary_head")
        for kind in ("weight", "bias")
    }


def test_patterns_freeze_the_names_that_they_match():
    segmenter = small()
    everything = trainable(segmenter)
    freeze(segmenter, ["network.encoder.blocks.0.*", "*.head.bias"])
    frozen = everything - trainable(segmenter)
    assert "network.decoder.head.bias" in frozen
    assert {n for n in everything if n.startswith("network.encoder.blocks.0.")} < frozen
    assert len(frozen) == 9


def test_freezing_says_how_many_numbers_are_not_learnt_any_more():
    segmenter = small()
    # head: 4 channels to 3 classes, and 3 biases
    rest = sum(p.numel() for p in segmenter.parameters()) - 15
    assert freeze(segmenter, "all_but_head") == rest
    assert freeze(segmenter, "encoder") == 0
    assert unfreeze(segmenter) == rest
    assert unfreeze(segmenter) == 0


def test_unfreezing_restores_exactly_what_was_trainable():
    # pspnet does not reach layer 3 and 4 of its encoder: those were frozen when it was built
    segmenter = build_segmenter("pspnet", num_classes=2, encoder="resnet18", options={})
    before = trainable(segmenter)
    freeze(segmenter, "encoder")
    freeze(segmenter, ["network.decoder.*"])
    assert trainable(segmenter) < before
    unfreeze(segmenter)
    assert trainable(segmenter) == before
    assert not any(name.startswith("network.encoder.layer4.") for name in before)


def test_gradients_of_frozen_parameters_are_gone():
    segmenter = small()
    segmenter(torch.zeros(2, 3, 8, 8)).sum().backward()
    freeze(segmenter, "encoder")
    assert all(p.grad is None for p in segmenter.network.encoder.parameters())
    assert segmenter.network.decoder.head.weight.grad is not None


class Mixed(nn.Module):
    """A frozen part with dropout, and dropout between parts that learn."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout())
        self.dropout = nn.Dropout()
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.dropout(self.encoder(images)))


def wrapped(network: nn.Module, **values) -> Segmenter:
    return Segmenter(
        network,
        num_classes=2,
        in_channels=3,
        stride=1,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        **values,
    )


def test_dropout_stops_in_frozen_parts_and_acts_between_parts_that_learn():
    segmenter = wrapped(Mixed())
    freeze(segmenter, "encoder")
    segmenter.train()
    keep_frozen_in_eval(segmenter)
    assert not any(layer.training for layer in segmenter.network.encoder.modules())
    assert segmenter.network.dropout.training
    assert segmenter.training


def test_nothing_frozen_leaves_everything_in_training_mode():
    segmenter = small().train()
    keep_frozen_in_eval(segmenter)
    assert all(layer.training for layer in segmenter.modules())


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("encodr", "got 'encodr'; did you mean 'encoder'.*or a list of patterns"),
        (["network.encoder.layer9.*"], r"pattern 'network.encoder.layer9.\*' matches no parameter"),
        (["encoder"], "Expected part of a name such as network.encoder.blocks.0.0.0.weight"),
        (["*"], "leaves none of the 50 trainable parameters to learn; freeze fewer"),
    ],
)
def test_choices_that_cannot_be_are_refused(choice, message):
    segmenter = small()
    before = trainable(segmenter)
    with pytest.raises(UsageError, match=message):
        freeze(segmenter, choice)
    assert trainable(segmenter) == before


@pytest.mark.parametrize(("choice", "part"), [("encoder", "encoder"), ("all_but_head", "head")])
def test_parts_that_a_users_network_does_not_name_are_refused(choice, part):
    with pytest.raises(UsageError, match=f"has no layer called {part}.*name the layer so, or give"):
        freeze(wrapped(nn.Sequential(nn.Conv2d(3, 2, 1))), choice)
