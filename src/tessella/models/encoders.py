"""Which encoders there are, which fit which architecture, and under which licence."""

from typing import Any

import timm
from segmentation_models_pytorch import encoders as smp_encoders

from tessella.errors import UsageError
from tessella.models.origin import NOT_STATED
from tessella.suggestion import unknown_name

TIMM = "tu-"
"""Prefix of encoders that come from timm: "tu-" and timm's name, with or without its tag."""

_NO_MIT = ("unetplusplus", "linknet")

# of Mix Transformers: the header of smp's encoders/mix_transformer.py, and the weights' own
_MIT_LICENCE = "the NVIDIA Source Code License"

# timm's licence field has no flag for this; the first two are in the names themselves
_NONCOMMERCIAL = ("-nc", "noncommercial", "apple-amlr", "seer-license")


def refuse_unknown_encoder(encoder: str) -> None:
    """Do nothing when the encoder exists.

    Raises:
        UsageError: no encoder (or no tag of a timm encoder) has this name; names close ones.
    """
    if encoder in smp_encoders.get_encoder_names():
        return
    name, _, tag = encoder.removeprefix(TIMM).partition(".")
    if encoder.startswith(TIMM) and timm.is_model(name):
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name}.*")]
        if tag and tag not in tags:
            raise UsageError(unknown_name(f"tag of {TIMM}{name}", tag, tags))
        return
    # smp renames these silently; we have one name per thing
    if smp_encoders.is_equivalent_to_timm_universal(encoder):
        now = encoder.replace("timm-mobilenetv3", "timm-tf_mobilenetv3").replace("timm-", TIMM)
        raise UsageError(f"encoder {encoder!r} is an old name; write {now!r}.")
    known = smp_encoders.get_encoder_names() + [TIMM + name for name in timm.list_models()]
    raise UsageError(unknown_name("encoder", encoder, known))


def refuse_impossible_pair(architecture: str, encoder: str) -> None:
    """Do nothing when the architecture may be able to use the encoder.

    Raises:
        UsageError: it is known that it cannot.
    """
    if encoder.startswith("mit_") and architecture in _NO_MIT:
        raise UsageError(
            f"model {architecture} cannot use encoder {encoder}, which has no features at half "
            "resolution; choose another encoder, or unet, fpn or segformer."
        )
    if architecture == "dpt" and not encoder.startswith(TIMM):
        raise UsageError(
            f"model dpt needs a vision transformer of timm, got encoder {encoder}; choose one that "
            "begins with tu-vit_, e.g. tu-vit_small_patch16_224."
        )


def refuse_noncommercial_encoder(encoder: str) -> None:
    """Do nothing when the encoder's code may be used for any purpose.

    Raises:
        UsageError: it may not, whatever its weights.
    """
    if encoder.startswith("mit_"):
        raise UsageError(_noncommercial(encoder, _MIT_LICENCE))


def refuse_noncommercial_weights(encoder: str) -> None:
    """Do nothing when the published weights of a timm encoder may be used for any purpose.

    Raises:
        UsageError: they may not.
    """
    licence = licence_of_weights(encoder)
    if any(sign in licence for sign in _NONCOMMERCIAL):
        raise UsageError(_noncommercial(f"{encoder}'s published weights", licence))


def licence_of_weights(encoder: str) -> str:
    """Licence of an encoder's published weights as timm records it, "not stated" if it doesn't."""
    if encoder.startswith("mit_"):
        return _MIT_LICENCE
    return (encoder.startswith(TIMM) and timm_settings(encoder).get("license")) or NOT_STATED


def timm_settings(encoder: str) -> dict[str, Any]:
    """What timm records about the published weights of `encoder`: mean, std, hub id and so on."""
    settings = timm.get_pretrained_cfg(encoder.removeprefix(TIMM), allow_unregistered=True)
    return settings.to_dict() if settings else {}


def _noncommercial(what: str, licence: str) -> str:
    return (
        f"{what}: licence {licence}, no commercial use; choose another encoder, or set "
        "accept_noncommercial to true if that is no hindrance."
    )
