"""What a sweep was told, checked before anything is trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.sweep.settings import (
    numbers_of,
    read_settings,
    settings_for,
    variants_of,
    with_trials,
    write_settings,
)
from tessella.sweep.space import Choices, Range

MakeRecipe = Callable[..., Recipe]


def test_lists_are_tried_in_all_combinations(small: MakeRecipe) -> None:
    settings = settings_for(small(), ["optimizer.lr=1e-3,1e-2,1e-1", "augment.flip=0,1"])
    assert (settings.order, settings.combinations, settings.num_trials) == ("grid", 6, 6)


@pytest.mark.parametrize(
    ("trials", "order", "expected"), [(5, "tpe", 5), (6, "grid", 6), (9, "grid", 6)]
)
def test_fewer_trials_than_combinations_are_proposed(
    small: MakeRecipe, trials: int, order: str, expected: int
) -> None:
    words = ["optimizer.lr=1e-3,1e-2,1e-1", "augment.flip=0,1"]
    settings = settings_for(small(), words, trials=trials)
    assert (settings.order, settings.combinations) == (order, expected)


def test_every_combination_is_trained_with_every_seed(small: MakeRecipe) -> None:
    settings = settings_for(small(), ["optimizer.lr=1e-3..1e-1", "train.seed=0..2"], trials=5)
    assert (settings.combinations, settings.num_trials) == (5, 15)


def test_a_range_of_fractions_needs_a_number_of_trials(small: MakeRecipe) -> None:
    with pytest.raises(
        UsageError, match=r"0\.0001\.\.0\.1 \(log\): has no end of values.*--trials 20"
    ):
        settings_for(small(), ["optimizer.lr=1e-4..1e-1"])


def test_a_key_that_takes_fractions_is_drawn_in_fractions(small: MakeRecipe) -> None:
    words = ["augment.flip=0..1", "train.batch_size=2..8", "model.options.depth=1..3"]
    settings = settings_for(small(), words, trials=5)
    kinds = {d.key: d.is_whole for d in settings.space.dimensions if isinstance(d, Range)}
    assert kinds == {
        "augment.flip": False,
        "train.batch_size": True,
        "model.options.depth": True,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.lrr=1,2"], "optimizer.lrr: unknown key; did you mean 'lr'?"),
        (["optimizer.lr=1,a"], "override 'optimizer.lr=a': optimizer.lr: Input should be a valid"),
        (["optimizer.name=adam,sdg"], "did you mean 'sgd'?"),
        (["optimizer.lr=1,1.0"], "optimizer.lr=1 and optimizer.lr=1.0 are the same; leave one of"),
        (["train.seed=1,-1"], "override 'train.seed=-1'"),
        (["train.batch_size=2.0..8.0"], "train.batch_size: Input should be a valid integer"),
        (["augment.flip=0.5..1.5"], "override 'augment.flip=1.5'"),
        (["optimizer.lr=1,2", "train.epochs=x"], "override 'train.epochs=x'"),
        (["train.monitor=loss,mean_iou"], "are not measured alike"),
        (["data.val_split=a,b"], "are not measured alike"),
        (["train={epochs: 2},{monitor: loss}"], "are not measured alike"),
        (["train.monitor=loss", "loss.name=dice,focal"], "have losses that cannot be compared"),
    ],
)
def test_a_value_that_does_not_fit_is_told_before_anything_starts(
    small: MakeRecipe, words: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as error:
        settings_for(small(), words)
    assert message in str(error.value)


def test_what_is_wrong_with_several_keys_is_told_together(small: MakeRecipe) -> None:
    with pytest.raises(UsageError) as error:
        settings_for(small(), ["optimizer.lr=1,a", "augment.flip=0,7"])
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    "options",
    [{"trials": 0}, {"seed": -1}, {"warm_up": 0}],
    ids=lambda options: next(iter(options)),
)
def test_a_number_below_its_least_is_refused(small: MakeRecipe, options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="give a whole number from [01] up"):
        settings_for(small(), ["optimizer.lr=1,2"], **options)


@pytest.mark.parametrize(("epochs", "warm_up"), [(1, 1), (4, 1), (5, 2), (30, 8)])
def test_every_trial_is_given_a_quarter_of_its_epochs(
    small: MakeRecipe, epochs: int, warm_up: int
) -> None:
    recipe = small(f"train.epochs={epochs}")
    assert settings_for(recipe, ["optimizer.lr=1,2"]).warm_up == warm_up


def test_one_value_changes_the_recipe_of_all(small: MakeRecipe) -> None:
    settings = settings_for(small(), ["train.epochs=7", "optimizer.lr=1,2"])
    assert settings.recipe == small("train.epochs=7")


def test_a_trial_has_the_recipe_with_its_values(small: MakeRecipe) -> None:
    settings = settings_for(small(), ["optimizer.lr=1,2", "augment.crop=[8, 8],[9, 9]"])
    recipe = settings.recipe_with({"optimizer.lr": "2", "augment.crop": "[9, 9]"})
    assert recipe == small("optimizer.lr=2", "augment.crop=[9, 9]")


def test_every_choice_has_a_variant_and_a_range_has_three(small: MakeRecipe) -> None:
    settings = settings_for(small(), ["augment.flip=0.0..1.0", "train.seed=3,5"], trials=2)
    words = [variant.word for variant in variants_of(settings.recipe, settings.space)]
    assert words == [
        *("augment.flip=0.0", "augment.flip=0.37", "augment.flip=1.0"),
        *("train.seed=3", "train.seed=5"),
    ]


def test_what_is_written_is_read_again(small: MakeRecipe, tmp_path: Path) -> None:
    settings = settings_for(
        small(),
        ["optimizer.lr=1e-4..1e-1:log", "model.options.depth=1,2", "train.seed=0,1"],
        trials=7,
        seed=5,
        prune=False,
        warm_up=3,
        train_words=["small.yaml", "--data", "/a b"],
    )
    write_settings(tmp_path / "sweep.yaml", settings)
    assert read_settings(tmp_path / "sweep.yaml") == settings


@pytest.mark.parametrize(
    ("old", "new"),
    [("combinations: 2", "combinations: two"), ("varied:", "vary:"), ("recipe:", "rezept:")],
)
def test_a_damaged_file_is_told(small: MakeRecipe, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "sweep.yaml"
    write_settings(path, settings_for(small(), ["optimizer.lr=1,2"]))
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UsageError, match=r"sweep\.yaml: \w+: missing, or not what a sweep writes"):
        read_settings(path)


def test_a_sweep_of_proposals_can_be_made_longer(small: MakeRecipe) -> None:
    settings = settings_for(small(), ["optimizer.lr=1,2,3"], trials=2)
    assert with_trials(settings, 9).combinations == 3
    assert with_trials(settings, 9).order == "tpe"
    with pytest.raises(UsageError, match="already 2 combinations; give a larger number"):
        with_trials(settings, 1)


def test_a_sweep_of_all_combinations_cannot_be_made_longer(small: MakeRecipe) -> None:
    with pytest.raises(UsageError, match="all 2 combinations; it cannot have more"):
        with_trials(settings_for(small(), ["optimizer.lr=1,2"]), 5)


@pytest.mark.parametrize(
    ("values", "numbers"),
    [(("1", "2.5"), [1.0, 2.5]), (("1", "x"), None), (("true", "1"), None), (("[1]", "2"), None)],
)
def test_values_are_numbers_only_if_all_are(
    values: tuple[str, ...], numbers: list[float] | None
) -> None:
    assert numbers_of(Choices("k", values), values) == numbers


def test_only_the_first_seed_of_a_combination_is_judged(small: MakeRecipe) -> None:
    words = ["optimizer.lr=1,2", "train.seed=0,1,2"]
    settings = settings_for(small(), words)
    assert [number for number in range(1, 7) if settings.is_judged(number)] == [1, 4]
    assert [settings.combination_of(number) for number in range(1, 7)] == [0, 0, 0, 1, 1, 1]
    assert not settings_for(small(), words, prune=False).is_judged(1)
