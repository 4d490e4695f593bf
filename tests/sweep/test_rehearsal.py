"""What cannot be trained is told before anything is."""

from collections.abc import Callable

import pytest

from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.sweep.rehearsal import rehearse
from tessella.sweep.settings import settings_for, variants_of

MakeRecipe = Callable[..., Recipe]


def rehearse_words(recipe: Recipe, *words: str) -> None:
    settings = settings_for(recipe, words)
    rehearse(settings.recipe, variants_of(settings.recipe, settings.space))


def test_what_can_be_trained_passes(recipe_of: MakeRecipe) -> None:
    rehearse_words(
        recipe_of(),
        *("model.options.depth=1,2", "loss.name=dice,focal", "loss.class_weights=null,inverse"),
        *("optimizer.lr=1,2", "data.options.count=8,4", "model.freeze=none,all_but_head"),
    )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("model.name=plain_unet,plain_nnet", "model.name=plain_nnet: no model is called"),
        ("model.options.depth=1,9", "model.options.depth=9: plain_unet: depth is 9"),
        ("model.options.dpeth=1,2", "model.options.dpeth=1: "),
        ("model.encoder=null,resnet18", "model.encoder=resnet18: "),
        ("loss.name=dice,dicee", "loss.name=dicee: no loss is called 'dicee'; did you mean 'dice'"),
        ("loss.options={},{gamma: 2}", "loss.options={gamma: 2}: loss.options.gamma: unknown"),
        ("loss.class_weights={road: 2},{raod: 2}", "loss.class_weights={raod: 2}: "),
        ("data.options.count=8,many", "data.options.count=many: "),
        ("data.train_split=train,trian", "data.train_split=trian: "),
        ("model.weights=null,/absent", "model.weights=/absent: "),
        ("model.freeze=none,[absent*]", "model.freeze=[absent*]: "),
    ],
)
def test_a_choice_that_cannot_be_trained_is_named(
    recipe_of: MakeRecipe, word: str, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        rehearse_words(recipe_of(), word)
    assert str(error.value).startswith(message)


def test_hardware_that_is_not_there_is_told(recipe_of: MakeRecipe) -> None:
    with pytest.raises(ValueError, match="precision fp16 needs a GPU"):
        rehearse_words(recipe_of("train.device=cpu"), "train.precision=fp32,fp16")
