"""The bounds of what a recipe may say."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from tessella.recipe_parts import AugmentRecipe, ModelRecipe, TrainRecipe


@pytest.mark.parametrize(
    ("freeze", "read"),
    [
        ("encoder", "encoder"),
        ("all_but_head", "all_but_head"),
        (["network.encoder.*"], ("network.encoder.*",)),
    ],
)
def test_a_part_or_patterns_can_be_frozen(freeze: Any, read: Any) -> None:
    assert ModelRecipe(name="unet", freeze=freeze).freeze == read


@pytest.mark.parametrize("freeze", ["backbone", 3, {"encoder": 1}, True])
def test_what_cannot_be_frozen_is_one_error(freeze: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelRecipe(name="unet", freeze=freeze)
    (error,) = caught.value.errors()
    assert "Input should be" in error["msg"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("scale", (2.0, 0.5), "[smallest, largest] in 0.05..20"),
        ("scale", (0.01, 1.0), "[smallest, largest] in 0.05..20"),
        ("jpeg_quality", (0, 90), "[smallest, largest] in 1..100"),
        ("coarse_dropout_side", (0.1, 1.5), "[smallest, largest] in 0..1"),
    ],
)
def test_a_range_runs_from_small_to_large_within_its_bounds(
    key: str, value: Any, message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        AugmentRecipe.model_validate({key: value})


@pytest.mark.parametrize("key", ["epochs", "batch_size", "accumulate", "validate_every"])
@pytest.mark.parametrize("value", [0, -1, True])
def test_counts_begin_at_one(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        TrainRecipe.model_validate({key: value})


def test_a_decay_of_one_would_never_move_the_average() -> None:
    with pytest.raises(ValidationError, match="less than 1"):
        TrainRecipe(ema_decay=1.0)
