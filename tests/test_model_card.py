"""The card says all that is known of a model, and comes back from JSON as it was."""

import json

import pytest

from tessella.labels import LabelMap
from tessella.model_card import CLASSES, Exported, ModelCard, card_from_json, card_of
from tessella.recipe import Recipe

LABELS = LabelMap.from_names(["road", "sky"])
CARD = ModelCard(
    model={"name": "unet", "encoder": "resnet34", "options": {}, "accept_noncommercial": False},
    in_channels=3,
    labels=LABELS.as_indices(),
    precision="bf16",
    name="street",
    pretrained={"name": "imagenet", "source": "a hub", "licence": "mit"},
    validation={"mean_iou": 0.5},
    data={"name": "camvid"},
    exported=Exported((CLASSES,), "int8", (360, 480), {"agreement": 1.0}),
)


def test_a_card_comes_back_as_it_was() -> None:
    assert card_from_json(CARD.to_json(), where="x") == CARD


def test_a_card_without_what_came_later_is_still_read() -> None:
    """Models of before this version have no name, data and export in their cards."""
    content = CARD.to_dict()
    for key in ("name", "data", "exported", "format"):
        del content[key]
    card = card_from_json(json.dumps(content), where="x")
    assert (card.name, card.data, card.exported) == ("model", None, None)


def test_a_card_of_another_format_is_refused() -> None:
    text = json.dumps({**CARD.to_dict(), "format": 9})
    with pytest.raises(ValueError, match="x: is of format 9, this version reads 1; use"):
        card_from_json(text, where="x")


@pytest.mark.parametrize(
    "change", [{"labels": {}}, {"labels": 3}, {"in_channels": "three"}, {"exported": {"size": 1}}]
)
def test_a_damaged_card_is_refused(change: dict[str, object]) -> None:
    text = json.dumps({**CARD.to_dict(), **change})
    with pytest.raises(ValueError, match=r"x: is no card .*; the model is damaged"):
        card_from_json(text, where="x")


def test_the_licence_is_that_of_the_pretrained_weights() -> None:
    assert CARD.licence == "mit (pretrained weights imagenet)"
    assert ModelCard({}, 3, LABELS, "fp32").licence == "no pretrained weights"


def test_a_runs_card_says_which_data_it_learnt_from_but_not_where_that_lies(
    recipe_of: object,
) -> None:
    recipe: Recipe = recipe_of("data.root=/secret/place")  # type: ignore[operator]
    card = card_of(recipe, LABELS, precision="fp32", validation={}, pretrained=None)
    assert card.data is not None
    assert card.data["name"] == "synthetic"
    assert "secret" not in card.to_json()
