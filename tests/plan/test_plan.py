"""Whole plans for drawn folders: they run, they say why, and the user's word counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.plan import Plan, plan_data, plan_recipe
from tessella.recipe import Recipe, read_recipe
from tessella.run import Run
from tessella.train import train

Draw = Callable[..., Path]
SMALL = (
    *("model.name=plain_unet", "model.options={depth: 2, base_channels: 4}"),
    *("train.precision=fp32", "train.device=cpu", "train.workers=0"),
)
TOLD = {"name", "about", "data.root"}
"""Keys that need no reason."""


def planned(root: Path, *overrides: str, budget: float | None = None) -> Plan:
    return plan_data(root, overrides=[*SMALL, *overrides], budget_seconds=budget)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(5, [(20, 24)]), (12, [(24, 32), (40, 20), (33, 33)]), (6, [(400, 500)])],
    ids=["five images", "many sizes", "large images"],
)
def test_a_plan_reads_back_and_has_a_reason_for_each_choice(
    count: int, sizes: list[tuple[int, int]], drawn_folder: Draw
) -> None:
    plan = planned(
        drawn_folder(count, sizes), "train.epochs=2", "model.options={depth: 1, base_channels: 2}"
    )
    assert read_recipe(plan.to_yaml(), where="plan") == plan.recipe
    defaults = Recipe.model_validate(
        {"name": "x", "data": {"name": "x"}, "model": {"name": "x"}}
    ).model_dump()
    chosen = {
        f"{section}.{key}"
        for section, part in plan.recipe.model_dump().items()
        if isinstance(part, dict)
        for key, value in part.items()
        if value != defaults[section][key]
    }
    assert chosen - TOLD <= plan.reasons.keys()
    assert all(reason and "\n" not in reason for reason in plan.reasons.values())


@pytest.fixture(scope="module")
def plan(eight_drawn: Path) -> Plan:
    """A plan for eight drawn images, with three choices of a user's; tests only read it."""
    return planned(eight_drawn, "train.epochs=1", "augment.crop=[16, 16]", "name=mine")


def test_overrides_win_and_are_told_as_the_users(plan: Plan) -> None:
    assert plan.recipe.train.epochs == 1
    assert plan.recipe.augment.crop == (16, 16)
    assert plan.recipe.name == "mine"
    assert plan.reasons["train.epochs"] == plan.reasons["augment.crop"] == "as you said"
    assert plan.forecast.epochs == 1


def test_a_budget_sets_the_epochs(drawn_folder: Draw) -> None:
    root = drawn_folder(8, [(20, 24)])
    plan = planned(root, budget=20)
    assert plan.forecast.total_seconds <= 18
    assert plan.recipe.train.epochs == plan.forecast.epochs
    assert plan.reasons["train.epochs"].startswith("as many as end within 20 s")
    assert plan.recipe.train.validate_every == plan.forecast.validate_every


def test_epochs_of_the_user_that_exceed_the_budget_are_told(drawn_folder: Draw) -> None:
    plan = planned(drawn_folder(8, [(20, 24)]), "train.epochs=100000", budget=10)
    assert plan.recipe.train.epochs == 100_000
    assert any("longer than the budget of 10 s" in remark for remark in plan.remarks)


def test_a_class_that_never_occurs_is_told(drawn_folder: Draw) -> None:
    root = drawn_folder(8, [(20, 24)], stated=False)
    (root / "classes.txt").write_text("ground\nthing\nghost\n")
    plan = planned(root, "train.epochs=1")
    assert any("1 of 3 classes have no pixel" in remark for remark in plan.remarks)


def test_the_text_tells_data_machine_choices_and_time(plan: Plan) -> None:
    text = plan.text()
    assert "20x24 (height x width), 2 classes" in text
    assert "augment.crop" in text
    assert text.splitlines()[-1].startswith("1 epoch about ")


def test_a_run_keeps_the_reasons_in_its_recipe(plan: Plan, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with plan.explained(run):
        train(plan.recipe, out=run.path)
    text = run.recipe_file.read_text()
    assert "  # " in text
    assert "momentum: 0.9" in text  # every choice is spelled out, those of nobody too
    assert run.recipe() == plan.recipe


def test_a_stopped_run_keeps_them_too_and_another_runs_recipe_is_left_alone(
    plan: Plan, tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    run.path.mkdir()

    def stop_with(recipe: Recipe) -> None:
        run.recipe_file.write_text(recipe.to_yaml())
        with pytest.raises(KeyboardInterrupt), plan.explained(run):
            raise KeyboardInterrupt

    stop_with(plan.recipe)
    assert "  # " in run.recipe_file.read_text()
    others = plan.recipe.model_copy(update={"name": "other"})
    stop_with(others)
    assert run.recipe_file.read_text() == others.to_yaml()


def test_a_recipe_is_measured_as_it_is(recipe_of: Callable[..., Recipe]) -> None:
    plan = plan_recipe(recipe_of())
    assert plan.recipe == recipe_of()
    assert plan.reasons == {}
    assert (plan.forecast.epochs, plan.forecast.num_validations) == (2, 2)


def test_a_budget_changes_the_epochs_of_a_recipe_and_nothing_else(
    recipe_of: Callable[..., Recipe],
) -> None:
    plan = plan_recipe(recipe_of(), budget_seconds=15)
    assert plan.recipe == recipe_of(f"train.epochs={plan.forecast.epochs}")
    assert list(plan.reasons) == ["train.epochs"]
    assert plan.forecast.total_seconds <= 13.5


def test_epochs_on_the_command_line_stay_even_with_a_budget(
    recipe_of: Callable[..., Recipe],
) -> None:
    plan = plan_recipe(recipe_of("train.epochs=1"), fixed=["train.epochs=1"], budget_seconds=60)
    assert plan.recipe.train.epochs == 1


def test_an_unknown_key_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="train.epochz: unknown key"):
        plan_data(tmp_path / "nowhere", overrides=["train.epochz=3"])
