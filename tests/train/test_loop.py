"""Training end to end on drawn scenes: what is kept, what is refused, what repeats."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tessella.errors import UsageError
from tessella.evaluate import evaluate_model
from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train import resume, train

MakeRecipe = Callable[..., Recipe]


def history_of(run: Run) -> list[dict[str, str]]:
    with run.history_file.open() as stream:
        return list(csv.DictReader(stream))


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    return torch.load(run.last_checkpoint, weights_only=True)["segmenter"]


def test_a_run_folder_is_complete(tiny_run: Run) -> None:
    inside = {p.relative_to(tiny_run.path).as_posix() for p in tiny_run.path.rglob("*")}
    assert {
        *("recipe.yaml", "labels.json", "environment.json", "split.json", "history.csv"),
        *("checkpoints/last.pt", "checkpoints/best.pt", "log.txt"),
        *("model/model.safetensors", "model/card.json"),
    } <= inside
    assert any("tfevents" in name for name in inside)
    assert not any("partial" in name for name in inside)


def test_the_history_has_one_row_an_epoch(tiny_run: Run) -> None:
    assert [row["epoch"] for row in history_of(tiny_run)] == ["1", "2"]


def test_training_lowers_the_loss(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    run = train(recipe_of("train.epochs=15", "optimizer.lr=0.05"), out=tmp_path / "run")
    rows = history_of(run)
    assert float(rows[-1]["train_loss"]) < 0.8 * float(rows[0]["train_loss"])


def test_the_kept_model_scores_what_validation_measured(tiny_run: Run) -> None:
    card = json.loads((tiny_run.model_folder / "card.json").read_text())
    again = evaluate_model(tiny_run.path, split="val")
    assert again.scores["mean_iou"] == pytest.approx(card["validation"]["mean_iou"], abs=1e-12)
    best = max(float(row["val_mean_iou"]) for row in history_of(tiny_run))
    assert card["validation"]["mean_iou"] == pytest.approx(best, rel=1e-5)  # CSV keeps 6 digits


def test_the_kept_model_is_the_best_epochs_and_not_the_lasts(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    """S0-B02, S1-B07: epochs after the best one must not reach the model."""
    run = train(
        recipe_of("train.epochs=5", "optimizer.lr=0.02", "optimizer.name=adam"),
        out=tmp_path / "run",
    )
    scores = [float(row["val_mean_iou"]) for row in history_of(run)]
    best_epoch = scores.index(max(scores)) + 1
    card = json.loads((run.model_folder / "card.json").read_text())
    assert card["validation"]["epoch"] == best_epoch
    best = torch.load(run.best_checkpoint, weights_only=True)
    assert len(best["rows"]) == best_epoch
    kept = load_file(run.model_folder / "model.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in best["segmenter"].items())


def test_the_same_seed_gives_the_same_weights(
    tmp_path: Path, tiny_run: Run, recipe_of: MakeRecipe
) -> None:
    again = train(recipe_of(), out=tmp_path / "run")
    first, second = weights_of(tiny_run), weights_of(again)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_seed_gives_other_weights(
    tmp_path: Path, tiny_run: Run, recipe_of: MakeRecipe
) -> None:
    other = train(recipe_of("train.seed=4"), out=tmp_path / "run")
    first, second = weights_of(tiny_run), weights_of(other)
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_stopped_after_an_epoch_resumes_to_the_same_weights(
    tmp_path: Path, tiny_run: Run, recipe_of: MakeRecipe
) -> None:
    """S0-B04: optimiser, schedule, random state and history come back, not the weights alone."""

    class StoppedError(Exception):
        pass

    def stop_in_second_epoch(items, *, about, total, size):  # noqa: ANN001, ANN202
        nonlocal passes
        passes += about == "train"
        if passes == 2:
            raise StoppedError
        yield from items

    passes = 0
    with pytest.raises(StoppedError):
        train(recipe_of(), out=tmp_path / "run", track=stop_in_second_epoch)
    run = resume(tmp_path / "run")
    assert [row["epoch"] for row in history_of(run)] == ["1", "2"]
    whole, resumed = weights_of(tiny_run), weights_of(run)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    run = train(recipe_of("train.epochs=1"), out=tmp_path / "run")
    before = run.last_checkpoint.read_bytes()
    resume(run.path)
    assert run.last_checkpoint.read_bytes() == before


def test_a_damaged_checkpoint_is_named(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    run = train(recipe_of("train.epochs=1"), out=tmp_path / "run")
    run.last_checkpoint.write_bytes(run.last_checkpoint.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"last\.pt: the checkpoint is damaged"):
        resume(run.path)


def test_a_full_folder_is_not_overwritten(tiny_run: Run, recipe_of: MakeRecipe) -> None:
    with pytest.raises(UsageError, match="is not empty; choose another --out"):
        train(recipe_of(), out=tiny_run.path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.name=unett", "no model is called 'unett'; did you mean 'unet'"),
        ("data.name=camvit", "no data set is called 'camvit'; did you mean 'camvid'"),
        ("loss.name=cross_entrophy", "no loss is called 'cross_entrophy'; did you mean"),
        ("data.options.hight=3", r"data.options.hight: unknown option; did you mean 'height'"),
        ("loss.options={gamma: 2}", "loss.options.gamma: unknown option"),
        ("loss.class_weights={rode: 2}", "no class is called 'rode'; did you mean 'road'"),
    ],
)
def test_an_unknown_name_is_refused_before_anything_is_written(
    tmp_path: Path, recipe_of: MakeRecipe, override: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        train(recipe_of(override), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_explodes_ends_with_advice(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    with pytest.raises(ValueError, match=r"loss became (nan|inf) in epoch 1; lower optimizer.lr"):
        train(recipe_of("optimizer.lr=1e30", "optimizer.name=sgd"), out=tmp_path / "run")


def test_class_weights_change_what_is_learnt(
    tmp_path: Path, tiny_run: Run, recipe_of: MakeRecipe
) -> None:
    weighted = train(recipe_of("loss.class_weights={pole: 9}"), out=tmp_path / "run")
    first, second = weights_of(tiny_run), weights_of(weighted)
    assert not all(torch.equal(first[name], second[name]) for name in first)


def test_bf16_trains_on_a_cpu(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    run = train(recipe_of("train.precision=bf16", "train.epochs=1"), out=tmp_path / "run")
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in weights_of(run).values())


def test_fp16_on_a_cpu_is_refused_with_advice(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    with pytest.raises(ValueError, match="fp16 needs a GPU; use train.precision=bf16 or fp32"):
        train(recipe_of("train.precision=fp16"), out=tmp_path / "run")


def test_the_log_says_what_each_epoch_gave(tiny_run: Run) -> None:
    lines = tiny_run.log_file.read_text().splitlines()
    assert "8 training and 48 validation images" in lines[0] or "8 training and 8" in lines[0]
    assert sum("mean IoU" in line for line in lines) == 2


def test_training_leaves_the_callers_logging_as_it_was(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    ours = logging.getLogger("tessella")
    before = (ours.level, list(ours.handlers))
    train(recipe_of("train.epochs=1"), out=tmp_path / "run")
    assert (ours.level, list(ours.handlers)) == before


def test_an_own_loss_is_named_by_module_and_function(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    name = "tessella.losses.cross_entropy:cross_entropy_loss"
    run = train(recipe_of(f"loss.name={name}", "train.epochs=1"), out=tmp_path / "run")
    assert run.recipe().loss.name == name
