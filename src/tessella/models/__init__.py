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


_SMP = "tessella.models.smp:smp_segmenter"

MODELS: dict[str, ModelEntry] = {
    "plain_unet": ModelEntry(
        "U-Net from scratch, without an encoder library (Ronneberger et al. 2015)",
        "tessella.models.unet:plain_unet",
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
    ),
}
"""Every model that a recipe can name; keys are the names."""
