"""What a model is, in plain values: the card beside its weights, and inside of an exported file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tessella.labels import LabelMap
from tessella.recipe import Recipe

FORMAT = 1
_BUILT_FROM = ("name", "encoder", "options", "accept_noncommercial")
_NEEDED = {"model", "in_channels", "labels", "precision"}

CARD_KEY = "tessella.card"
"""Where an exported file keeps its card."""

CLASSES = "classes"
"""An exported file's output: the class index of each pixel, uint8 (n, h, w)."""

PROBABILITIES = "probabilities"
"""An exported file's output: softmax over the classes, float32 (n, k, h, w)."""

LOGITS = "logits"
"""An exported file's output: scores before softmax, float32 (n, k, h, w)."""

IMAGES = "images"
"""An exported file's input: uint8 (n, c, h, w), RGB as in the image file."""


@dataclass(frozen=True)
class Exported:
    """What an exported file computes."""

    outputs: tuple[str, ...]
    """Some of `CLASSES`, `PROBABILITIES` and `LOGITS`, the first always."""

    precision: str
    """fp32 or int8."""

    size: tuple[int, int] | None
    """The only height and width that it takes; None: any."""

    parity: Mapping[str, Any] = field(default_factory=dict)
    """What comparing it with the run on real images gave."""

    @property
    def scores(self) -> str | None:
        """The output that probabilities come from; None: class maps are all there is."""
        return next((name for name in (PROBABILITIES, LOGITS) if name in self.outputs), None)

    def needed_scores(self) -> str:
        """The same, for who cannot do without.

        Raises:
            ValueError: class maps are all there is.
        """
        if self.scores is None:
            raise ValueError(
                "this file gives class maps only; export it with --add probabilities to get them."
            )
        return self.scores


@dataclass(frozen=True)
class ModelCard:
    """All that is known of a model beside its weights."""

    model: Mapping[str, Any]
    """name, encoder, options, accept_noncommercial: how its network is built."""

    in_channels: int

    labels: LabelMap
    """Its classes, in order."""

    precision: str
    """fp32, bf16 or fp16: what it was trained in."""

    name: str = "model"
    """What the recipe called it."""

    encoder_weights: str | None = None

    pretrained: Mapping[str, Any] | None = None
    """Name, source and licence of the weights that training began with."""

    validation: Mapping[str, Any] = field(default_factory=dict)
    """name -> score on the validation split."""

    data: Mapping[str, Any] | None = None
    """The recipe's data section without its folder; None: it does not say."""

    exported: Exported | None = None
    """Of an exported file."""

    @property
    def licence(self) -> str:
        """That of the pretrained weights, in words."""
        if self.pretrained is None:
            return "no pretrained weights"
        return f"{self.pretrained['licence']} (pretrained weights {self.pretrained['name']})"

    def of_file(self) -> Exported:
        """What the exported file computes that this card is of.

        Raises:
            ValueError: it is the card of a run or a model folder.
        """
        if self.exported is None:
            raise ValueError("this card is not that of an exported file; export the model first.")
        return self.exported

    def to_json(self) -> str:
        """The card as a JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "format": FORMAT,
            "name": self.name,
            "model": dict(self.model),
            "encoder_weights": self.encoder_weights,
            "pretrained": self.pretrained and dict(self.pretrained),
            "in_channels": self.in_channels,
            "labels": self.labels.as_indices().to_dict(),
            "precision": self.precision,
            "validation": dict(self.validation),
            "data": self.data and dict(self.data),
            "exported": self.exported and asdict(self.exported),
        }


def card_of(
    recipe: Recipe,
    labels: LabelMap,
    *,
    precision: str,
    validation: Mapping[str, Any],
    pretrained: Mapping[str, Any] | None,
) -> ModelCard:
    """The card of a model that was just trained.

    Args:
        recipe: what it was trained by.
        labels: what its classes mean.
        precision: what it was trained in.
        validation: name -> score on the validation split.
        pretrained: name, source and licence of the weights that training began with.
    """
    model = recipe.model.model_dump(mode="json")
    return ModelCard(
        model={key: model[key] for key in _BUILT_FROM},
        in_channels=3,
        labels=labels,
        precision=precision,
        name=recipe.name,
        encoder_weights=recipe.model.encoder_weights,
        pretrained=pretrained,
        validation=validation,
        data={k: v for k, v in recipe.data.model_dump(mode="json").items() if k != "root"},
    )


def card_from_json(text: str, *, where: str) -> ModelCard:
    """The inverse of `ModelCard.to_json`.

    Args:
        text: as it was stored.
        where: the file, for error messages.

    Raises:
        ValueError: it is no card.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{where}: cannot be read ({error}); the model is damaged.") from error
    if not isinstance(content, dict) or (missing := _NEEDED - set(content)):
        lacks = ", ".join(sorted(missing)) if isinstance(content, dict) else "everything"
        raise ValueError(f"{where}: lacks {lacks}; the model is damaged.")
    if content.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f"{where}: is of format {content['format']!r}, this version reads {FORMAT}; use the "
            "version of Tessella that wrote it."
        )
    try:
        return _from_dict(content)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: is no card ({error!r}); the model is damaged.") from error


def _from_dict(content: Mapping[str, Any]) -> ModelCard:
    exported = content.get("exported")
    return ModelCard(
        model=content["model"],
        in_channels=int(content["in_channels"]),
        labels=LabelMap.from_dict(content["labels"]),
        precision=str(content["precision"]),
        name=str(content.get("name", "model")),
        encoder_weights=content.get("encoder_weights"),
        pretrained=content.get("pretrained"),
        validation=content.get("validation", {}),
        data=content.get("data"),
        exported=_exported(exported) if exported else None,
    )


def _exported(content: Mapping[str, Any]) -> Exported:
    size = content["size"]
    return Exported(
        outputs=tuple(map(str, content["outputs"])),
        precision=str(content["precision"]),
        size=(int(size[0]), int(size[1])) if size else None,
        parity=content.get("parity", {}),
    )
