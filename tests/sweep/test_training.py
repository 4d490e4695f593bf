"""One trial, trained for real, and how it ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.progress import silently
from tessella.recipe import Recipe
from tessella.sweep.training import train_trial
from tessella.sweep.trials import Trial, folder_name, look_at, write_trial
from tessella.train import train
from tessella.train.history import read_history

MakeRecipe = Callable[..., Recipe]

OWN_LOSSES = """
import torch

def greedy(logits, mask, *, ignore_index, class_weights=None):
    return torch.empty(1 << 50).sum()

def torn(logits, mask, *, ignore_index, class_weights=None):
    return logits[:, :, :1] @ logits[:, :, :3]

def burnt(logits, mask, *, ignore_index, class_weights=None):
    raise RuntimeError("CUDA error: device-side assert triggered")
"""


@pytest.fixture
def own_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_losses.py").write_text(OWN_LOSSES)
    monkeypatch.syspath_prepend(tmp_path)


def train_one(sweep, **values: str) -> Trial:  # noqa: ANN001
    """Trial 9 with these values of keys, in which __ stands for a dot."""
    keyed = {key.replace("__", "."): value for key, value in values.items()}
    trial = Trial(9, keyed, folder_name(9, keyed))
    write_trial(sweep.folder, trial)
    ended = train_trial(trial, sweep.folder, sweep.settings, track=silently)
    write_trial(sweep.folder, ended)
    return ended


def add_done(sweep, figures: list[float], count: int = 4) -> None:  # noqa: ANN001
    for number in range(1, count + 1):
        sweep.add(number, {"optimizer.lr": "1"}, figures)


def epochs_of(sweep, trial: Trial) -> int:  # noqa: ANN001
    return len(read_history(sweep.folder.path / trial.folder / "history.csv"))


def test_a_trial_is_a_run_by_the_recipe_with_its_values(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    sweep = drawn_up(["optimizer.lr=1e-2,1e-3"], recipe=recipe_of())
    ended = train_one(sweep, optimizer__lr="1e-3")
    run = look_at(sweep.folder, ended, monitor="mean_iou").run
    assert ended.state == "done"
    assert run.recipe() == recipe_of("optimizer.lr=1e-3")
    assert (run.model_folder / "model.safetensors").is_file()


def test_a_hopeless_trial_ends_after_the_warm_up(drawn_up: Callable, recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("train.epochs=6")
    sweep = drawn_up(["optimizer.lr=1e-2,1e-3"], recipe=recipe, warm_up=2)
    add_done(sweep, [0.99] * 6)
    ended = train_one(sweep, optimizer__lr="1e-9")
    assert (ended.state, ended.last_epoch, epochs_of(sweep, ended)) == ("pruned", 2, 2)


@pytest.mark.parametrize(
    ("options", "figures", "count"),
    [
        ({"prune": False}, [0.99] * 3, 4),
        ({"warm_up": 3}, [0.99] * 3, 4),  # the last of three epochs is too late to save anything
        ({}, [0.99] * 3, 3),
        ({}, [0.0] * 3, 4),
    ],
    ids=["told not to", "warm-up", "too few to compare", "not worse"],
)
def test_a_trial_that_is_not_hopeless_goes_to_its_end(
    drawn_up: Callable,
    recipe_of: MakeRecipe,
    options: dict[str, int],
    figures: list[float],
    count: int,
) -> None:
    sweep = drawn_up(["optimizer.lr=1e-2,1e-3"], recipe=recipe_of("train.epochs=3"), **options)
    add_done(sweep, figures, count)
    ended = train_one(sweep, optimizer__lr="1e-9")
    assert (ended.state, epochs_of(sweep, ended)) == ("done", 3)


def test_epochs_without_validation_are_passed_over(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of("train.epochs=6", "train.validate_every=2")
    sweep = drawn_up(["optimizer.lr=1e-2,1e-3"], recipe=recipe, warm_up=1)
    add_done(sweep, [0.99] * 6)
    ended = train_one(sweep, optimizer__lr="1e-9")
    assert (ended.state, ended.last_epoch) == ("pruned", 2)


def test_a_run_that_was_kept_but_not_judged_is_judged_before_it_goes_on(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of("train.epochs=6", "optimizer.lr=1e-9")
    sweep = drawn_up(["optimizer.lr=1e-2,1e-9"], recipe=recipe, warm_up=2)
    add_done(sweep, [0.99] * 6)
    values = {"optimizer.lr": "1e-9"}

    def killed(row: object) -> None:
        if row.epoch == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, out=sweep.folder.path / folder_name(9, values), after_epoch=killed)
    ended = train_one(sweep, optimizer__lr="1e-9")
    assert (ended.state, ended.last_epoch, epochs_of(sweep, ended)) == ("pruned", 2, 2)


def test_an_epoch_that_only_the_state_had_is_judged_by_itself(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    """Killed between the state and the history: the run has one epoch more, the trial has not."""
    recipe = recipe_of("train.epochs=6", "optimizer.lr=1e-9")
    sweep = drawn_up(["optimizer.lr=1e-2,1e-9"], recipe=recipe, warm_up=2)
    add_done(sweep, [0.99] * 6)
    run = sweep.folder.path / folder_name(9, {"optimizer.lr": "1e-9"})

    def killed(row: object) -> None:
        if row.epoch == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, out=run, after_epoch=killed)
    lines = (run / "history.csv").read_text().splitlines(keepends=True)
    (run / "history.csv").write_text("".join(lines[:2]))
    ended = train_one(sweep, optimizer__lr="1e-9")
    assert (ended.state, ended.last_epoch, epochs_of(sweep, ended)) == ("pruned", 2, 3)
    assert look_at(sweep.folder, ended, monitor="mean_iou").epochs == 2


def test_a_run_that_had_ended_is_done(drawn_up: Callable, recipe_of: MakeRecipe) -> None:
    sweep = drawn_up(["optimizer.lr=1e-2,1e-3"], recipe=recipe_of("train.epochs=1"))
    values = {"optimizer.lr": "1e-3"}
    recipe = sweep.settings.recipe_with(values)
    train(recipe, out=sweep.folder.path / folder_name(9, values))
    assert train_one(sweep, optimizer__lr="1e-3").state == "done"


def test_a_loss_that_is_no_number_is_a_failure_with_its_reason(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    sweep = drawn_up(["optimizer.lr=1e-2,1e30"], recipe=recipe_of("train.epochs=9"))
    ended = train_one(sweep, optimizer__lr="1e30")
    assert ended.state == "failed"
    assert ended.reason.startswith("the loss became ")


@pytest.mark.usefixtures("own_losses")
def test_no_room_in_memory_is_a_failure(drawn_up: Callable, recipe_of: MakeRecipe) -> None:
    sweep = drawn_up(["loss.name=dice,own_losses:greedy"], recipe=recipe_of())
    ended = train_one(sweep, loss__name="own_losses:greedy")
    assert (ended.state, ended.reason) == ("failed", "out of memory")


@pytest.mark.usefixtures("own_losses")
def test_sizes_that_do_not_fit_are_a_failure(drawn_up: Callable, recipe_of: MakeRecipe) -> None:
    sweep = drawn_up(["loss.name=dice,own_losses:torn"], recipe=recipe_of())
    ended = train_one(sweep, loss__name="own_losses:torn")
    assert ended.state == "failed"
    assert "\n" not in ended.reason


@pytest.mark.usefixtures("own_losses")
def test_a_gpu_that_is_out_of_order_ends_the_sweep(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    """Whatever came after it would fail too, and be blamed for it."""
    sweep = drawn_up(["loss.name=dice,own_losses:burnt"], recipe=recipe_of())
    with pytest.raises(RuntimeError, match="CUDA error"):
        train_one(sweep, loss__name="own_losses:burnt")


def test_a_combination_that_cannot_be_built_is_a_failure(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    sweep = drawn_up(["model.options.depth=1,9"], recipe=recipe_of())
    ended = train_one(sweep, model__options__depth="9")
    assert (ended.state, ended.reason[:25]) == ("failed", "plain_unet: depth is 9; g")


def test_a_run_that_cannot_be_gone_on_with_blames_no_values(
    drawn_up: Callable, recipe_of: MakeRecipe
) -> None:
    sweep = drawn_up(["optimizer.lr=1e-2,1e-3"], recipe=recipe_of())
    run = sweep.folder.path / folder_name(9, {"optimizer.lr": "1e-3"})
    run.mkdir()
    (run / "recipe.yaml").write_text("name: [")
    with pytest.raises(UsageError, match=r"recipe\.yaml"):
        train_one(sweep, optimizer__lr="1e-3")


@pytest.mark.parametrize(("number", "state"), [(9, "pruned"), (10, "done")])
def test_one_seed_of_a_combination_decides_whether_it_is_hopeless(
    drawn_up: Callable, recipe_of: MakeRecipe, number: int, state: str
) -> None:
    """Judged by the others' first seeds: with the second seeds, too, half would be worse."""
    words = ["optimizer.lr=1,2,3,4,1e-9", "train.seed=0,1"]
    sweep = drawn_up(words, recipe=recipe_of("train.epochs=3"), warm_up=1)
    for index in range(8):
        figure = 0.0 if index % 2 else 0.99
        values = {"optimizer.lr": str(1 + index // 2), "train.seed": str(index % 2)}
        sweep.add(index + 1, values, [figure] * 3)
    values = {"optimizer.lr": "1e-9", "train.seed": str(number - 9)}
    trial = Trial(number, values, folder_name(number, values))
    write_trial(sweep.folder, trial)
    ended = train_trial(trial, sweep.folder, sweep.settings, track=silently)
    assert ended.state == state
