"""Names, fits and licences of encoders."""

import pytest

from tessella.errors import UsageError
from tessella.models.encoders import (
    licence_of_weights,
    refuse_impossible_pair,
    refuse_noncommercial_encoder,
    refuse_noncommercial_weights,
    refuse_unknown_encoder,
)


@pytest.mark.parametrize(
    "encoder", ["resnet18", "mit_b0", "timm-skresnet18", "tu-resnet18", "tu-resnet18.a1_in1k"]
)
def test_known_encoders_pass(encoder):
    refuse_unknown_encoder(encoder)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("resnet81", "no encoder is called 'resnet81'; did you mean 'resnet18'"),
        ("convnext_tiny", "no encoder is called 'convnext_tiny'; did you mean 'tu-convnext_tiny'"),
        ("tu-resnet81", "did you mean 'tu-resnet18'"),
        ("tu-resnet18.a1_in1", "no tag of tu-resnet18 is called 'a1_in1'; did you mean 'a1_in1k'"),
        ("timm-regnetx_002", "'timm-regnetx_002' is an old name; write 'tu-regnetx_002'"),
        (
            "timm-mobilenetv3_small_minimal_100",
            "is an old name; write 'tu-tf_mobilenetv3_small_minimal_100'",
        ),
    ],
)
def test_unknown_encoders_are_refused_with_the_closest_name(encoder, message):
    with pytest.raises(UsageError, match=message):
        refuse_unknown_encoder(encoder)


@pytest.mark.parametrize(
    ("architecture", "encoder", "message"),
    [
        ("unetplusplus", "mit_b0", "unetplusplus cannot use encoder mit_b0.*or unet, fpn or segf"),
        ("linknet", "mit_b5", "linknet cannot use encoder mit_b5"),
        ("dpt", "resnet18", "dpt needs a vision transformer of timm, got encoder resnet18; choose"),
    ],
)
def test_impossible_pairs_are_refused(architecture, encoder, message):
    with pytest.raises(UsageError, match=message):
        refuse_impossible_pair(architecture, encoder)


def test_mix_transformers_are_refused_for_their_licence():
    with pytest.raises(UsageError, match="mit_b2: licence the NVIDIA Source Code License, no comm"):
        refuse_noncommercial_encoder("mit_b2")


@pytest.mark.parametrize(
    ("encoder", "licence"),
    [
        ("tu-convnextv2_atto.fcmae", "cc-by-nc-4.0"),
        ("tu-resnet18.a1_in1k", "apache-2.0"),
        ("resnet18", "not stated"),
    ],
)
def test_licences_of_published_weights_are_timms(encoder, licence):
    assert licence_of_weights(encoder) == licence


def test_weights_without_commercial_use_are_refused():
    with pytest.raises(UsageError, match="licence cc-by-nc-4.0, no commercial use"):
        refuse_noncommercial_weights("tu-convnextv2_atto.fcmae")
