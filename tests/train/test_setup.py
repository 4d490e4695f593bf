"""A recipe made into what training holds: splits that fit, optimiser groups for what is learnt."""

from collections.abc import Callable

import pytest

from tessella.data.dataset import Dataset
from tessella.labels import LabelMap
from tessella.progress import silently
from tessella.recipe import Recipe
from tessella.train.setup import Splits, open_splits, set_up

MakeRecipe = Callable[..., Recipe]
ENCODER = "model={name: unet, encoder: tu-resnet10t, options: {decoder_channels: [8, 8, 8, 8, 8]}}"


def learnt_in_optimizer(recipe: Recipe) -> int:
    setup = set_up(recipe, open_splits(recipe), track=silently)
    groups = setup.state.optimizer.param_groups
    return sum(p.numel() for group in groups for p in group["params"])


def test_what_is_frozen_for_good_takes_no_place_in_the_optimiser(recipe_of: MakeRecipe) -> None:
    whole = learnt_in_optimizer(recipe_of(ENCODER))
    frozen = learnt_in_optimizer(recipe_of(ENCODER, "model.freeze=encoder"))
    later = learnt_in_optimizer(
        recipe_of(ENCODER, "model.freeze=encoder", "model.unfreeze_epoch=2")
    )
    assert 0 < frozen < whole
    assert later == whole


def test_a_step_takes_several_batches_and_the_last_what_is_left(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("train.batch_size=2", "train.accumulate=3", "train.epochs=1")
    setup = set_up(recipe, open_splits(recipe), track=silently)
    assert len(setup.training) == 4
    # two steps in all, so poly is at 1, then at half to the power
    factors = [setup.state.schedule.lr_lambdas[0](step) for step in range(3)]
    assert factors == pytest.approx([1, 0.5**0.9, 0])


class Named:
    """A split of one class."""

    def __init__(self, name: str, *, length: int = 1) -> None:
        self.labels = LabelMap.from_names([name])
        self.length = length

    def __len__(self) -> int:
        return self.length


def test_splits_of_different_classes_are_refused(
    recipe_of: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets: dict[str, Dataset] = {"train": Named("a"), "val": Named("b")}  # type: ignore[dict-item]
    monkeypatch.setattr("tessella.build.open_dataset", lambda _, split: datasets[split])
    with pytest.raises(ValueError, match="training has the classes a but validation has b"):
        open_splits(recipe_of())


@pytest.mark.parametrize(("empty", "what"), [("train", "training"), ("val", "validation")])
def test_an_empty_split_is_refused(
    recipe_of: MakeRecipe, monkeypatch: pytest.MonkeyPatch, empty: str, what: str
) -> None:
    splits = {name: Named("a", length=int(name != empty)) for name in Splits._fields}
    monkeypatch.setattr("tessella.build.open_dataset", lambda _, split: splits[split])
    with pytest.raises(ValueError, match=f"the {what} split is empty; add images"):
        open_splits(recipe_of())
