"""The table of models: one line here and one builder make a model known everywhere.

Importing this package loads neither torch nor any model library, so that recipes can be checked
and listed quickly; `tessella.models.build` does the building.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelEntry:
    """One line of the table of models."""

    summary: str
    """What it is and where it was published, in one line."""

    builder: str
    """Where its builder lives, as "package.module:function"; imported only to build the model."""

    takes_encoder: bool
    """Whether it is a decoder on top of an encoder that the user picks."""

    example_encoder: str = "resnet34"
    """An encoder that it takes, if it takes one, for messages."""

    origin: str = "tessella.models.weights:published_origin"
    """Where the function lives that says what published encoder weights are."""


_SMP = "tessella.models.smp:smp_segmenter"
_TORCHVISION = "tessella.models.torchvision_models:torchvision_segmenter"
_TORCHVISION_ORIGIN = "tessella.models.torchvision_weights:published_origin"

MODELS: dict[str, ModelEntry] = {
    "plain_unet": ModelEntry(
        "U-Net from scratch, without an encoder library (Ronneberger et al. 2015)",
        "tessella.models.unet:plain_unet",
        takes_encoder=False,
    ),
    "segnet": ModelEntry(
        "SegNet from scratch, unpooling by max indices (Badrinarayanan et al. 2017)",
        "tessella.models.segnet:segnet",
        takes_encoder=False,
    ),
    "vnet2d": ModelEntry(
        "V-Net from scratch in two dimensions, residual blocks (Milletari et al. 2016)",
        "tessella.models.vnet:vnet2d",
        takes_encoder=False,
    ),
    "unet": ModelEntry("U-Net (Ronneberger et al. 2015)", _SMP, takes_encoder=True),
    "unetplusplus": ModelEntry("U-Net++ (Zhou et al. 2018)", _SMP, takes_encoder=True),
    "manet": ModelEntry("MA-Net (Fan et al. 2020)", _SMP, takes_encoder=True),
    "linknet": ModelEntry("LinkNet (Chaurasia and Culurciello 2017)", _SMP, takes_encoder=True),
    "fpn": ModelEntry("Panoptic FPN's semantic branch (Kirillov 2019)", _SMP, takes_encoder=True),
    "pspnet": ModelEntry("PSPNet, pyramid pooling (Zhao et al. 2017)", _SMP, takes_encoder=True),
    "deeplabv3": ModelEntry("DeepLabv3 (Chen et al. 2017)", _SMP, takes_encoder=True),
    "deeplabv3plus": ModelEntry("DeepLabv3+ (Chen et al. 2018)", _SMP, takes_encoder=True),
    "pan": ModelEntry("Pyramid Attention Network (Li et al. 2018)", _SMP, takes_encoder=True),
    "upernet": ModelEntry("UPerNet (Xiao et al. 2018)", _SMP, takes_encoder=True),
    "segformer": ModelEntry(
        "SegFormer's MLP decoder on any encoder (Xie et al. 2021)", _SMP, takes_encoder=True
    ),
    "dpt": ModelEntry(
        "DPT on a plain vision transformer, encoder tu-vit_* (Ranftl et al. 2021)",
        _SMP,
        takes_encoder=True,
        example_encoder="tu-vit_small_patch16_224",
    ),
    "vit": ModelEntry(
        "A light decoder on a vision transformer, encoder tu-vit_*, DINOv2's too",
        "tessella.models.vit:vit_segmenter",
        takes_encoder=True,
        example_encoder="tu-vit_small_patch14_dinov2",
    ),
    "torchvision_fcn": ModelEntry(
        "torchvision's FCN (Long et al. 2015) on a dilated ResNet",
        _TORCHVISION,
        takes_encoder=True,
        example_encoder="resnet50",
        origin=_TORCHVISION_ORIGIN,
    ),
    "torchvision_deeplabv3": ModelEntry(
        "torchvision's DeepLabv3 (Chen et al. 2017), also trained on COCO",
        _TORCHVISION,
        takes_encoder=True,
        example_encoder="resnet50",
        origin=_TORCHVISION_ORIGIN,
    ),
    "torchvision_lraspp": ModelEntry(
        "torchvision's Lite R-ASPP on MobileNetV3 (Howard et al. 2019)",
        _TORCHVISION,
        takes_encoder=True,
        example_encoder="mobilenet_v3_large",
        origin=_TORCHVISION_ORIGIN,
    ),
}
"""Every model that a recipe can name; keys are the names."""
