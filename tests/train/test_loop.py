"""Training end to end on drawn scenes: what is kept, what is refused, what repeats."""

import csv
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tessella import build
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
    with pytest.raises(
        ValueError, match=r"loss became (nan|inf) at .* in epoch 1; what the network"
    ) as caught:
        train(recipe_of("optimizer.lr=1e30", "optimizer.name=sgd"), out=tmp_path / "run")
    assert "lower optimizer.lr (now 1e+30)" in str(caught.value)
    assert "is kept" not in str(caught.value)  # there was no epoch before
    names = (tmp_path / "run" / "bad_batch" / "names.tsv").read_text().splitlines()
    assert len(names) == 4  # the batch size
    assert (tmp_path / "run" / "bad_batch" / "003_mask.png").is_file()


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


def test_a_network_that_needs_two_images_in_a_batch_says_so(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    """S1-B08: the tutorial broke off its epoch where such a batch came up, without a word."""
    recipe = recipe_of(
        "model={name: deeplabv3, encoder: tu-test_resnet}", "train.batch_size=1", "train.epochs=1"
    )
    with pytest.raises(ValueError, match=r"train\.batch_size: is 1.* Set train\.batch_size=2"):
        train(recipe, out=tmp_path / "run")


def test_an_own_loss_is_named_by_module_and_function(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    name = "tessella.losses.cross_entropy:cross_entropy_loss"
    run = train(recipe_of(f"loss.name={name}", "train.epochs=1"), out=tmp_path / "run")
    assert run.recipe().loss.name == name


ENCODER = "model={name: unet, encoder: tu-resnet10t, options: {decoder_channels: [8, 8, 8, 8, 8]}}"


def moved_parts(run: Run, recipe: Recipe) -> set[str]:
    """First words of the parameters that are not as they were drawn."""
    torch.manual_seed(recipe.train.seed)
    start = build.build_model(recipe, run.labels()).state_dict()
    after = weights_of(run)
    changed = {name for name in start if not torch.equal(start[name], after[name])}
    return {name.split(".")[1] for name in changed if name.startswith("network.")}


@pytest.mark.parametrize(
    ("freeze", "moved"),
    [
        ("none", {"encoder", "decoder", "segmentation_head"}),
        ("encoder", {"decoder", "segmentation_head"}),
        ("all_but_head", {"segmentation_head"}),
        ("['network.encoder.*', 'network.decoder.*']", {"segmentation_head"}),
    ],
)
def test_what_is_frozen_stays_to_the_last_bit(
    tmp_path: Path, recipe_of: MakeRecipe, freeze: str, moved: set[str]
) -> None:
    """S2-B05: weights and statistics alike."""
    recipe = recipe_of(ENCODER, f"model.freeze={freeze}", "train.epochs=1")
    run = train(recipe, out=tmp_path / "run")
    assert moved_parts(run, recipe) == moved


def test_what_is_frozen_is_trained_from_the_unfreezing_epoch_on(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of(ENCODER, "model.freeze=encoder", "model.unfreeze_epoch=2")
    run = train(recipe, out=tmp_path / "run")
    assert "encoder" in moved_parts(run, recipe)
    lines = run.log_file.read_text().splitlines()
    (start,) = [place for place, line in enumerate(lines) if "parameters are trained," in line]
    assert "epoch 1/2" in lines[start + 1]
    assert "more parameters are trained from now on" in lines[start + 2]
    first = int(lines[start].split(" of ")[0].split()[-1].replace(",", ""))
    assert 0 < first < 100_000  # the decoder alone


def test_the_average_of_the_weights_is_what_is_validated_and_kept(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    run = train(recipe_of("train.ema_decay=0.9", "train.epochs=1"), out=tmp_path / "run")
    content = torch.load(run.last_checkpoint, weights_only=True)
    kept = load_file(run.model_folder / "model.safetensors")
    assert all(torch.equal(kept[n], content["average"][f"module.{n}"]) for n in kept)
    assert not all(torch.equal(kept[n], content["segmenter"][n]) for n in kept)
    card = json.loads((run.model_folder / "card.json").read_text())
    again = evaluate_model(run.path, split="val").scores["mean_iou"]
    assert again == pytest.approx(card["validation"]["mean_iou"], abs=1e-12)


def test_training_stops_when_validations_bring_nothing_better(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of("train.early_stop=2", "train.epochs=40", "optimizer.lr=1e-30")
    run = train(recipe, out=tmp_path / "run")
    assert [row["epoch"] for row in history_of(run)] == ["1", "2", "3"]  # the first is the best
    assert "stopped early: no better mean_iou in 2 validations" in run.log_file.read_text()


def test_the_best_epoch_is_chosen_by_the_monitored_figure(
    tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    """S0-B03: chosen by the figure that is reported; the loss is one choice of several."""
    run = train(
        recipe_of("train.monitor=loss", "train.epochs=4", "optimizer.lr=0.05"), out=tmp_path / "run"
    )
    losses = [float(row["val_loss"]) for row in history_of(run)]
    card = json.loads((run.model_folder / "card.json").read_text())
    assert card["validation"]["epoch"] == losses.index(min(losses)) + 1


def test_a_finished_run_trains_more_epochs(tmp_path: Path, recipe_of: MakeRecipe) -> None:
    """S0-F19; the rate is what a run of that length would have had."""
    run = train(recipe_of("train.epochs=1"), out=tmp_path / "run")
    run = resume(run.path, more_epochs=3)
    assert [row["epoch"] for row in history_of(run)] == ["1", "2", "3", "4"]
    assert run.recipe().train.epochs == 4
    rates = [float(row["learning_rate"]) for row in history_of(run)]
    peak, steps = run.recipe().optimizer.lr, 2  # 8 images by 4
    expected = [peak * (1 - epoch * steps / (4 * steps)) ** 0.9 for epoch in range(4)]
    assert rates == pytest.approx([peak, *expected[1:]], rel=1e-5)


def test_training_starts_from_the_weights_of_another_run(
    tmp_path: Path, tiny_run: Run, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of(f"model.weights='{tiny_run.path}'", "optimizer.lr=1e-30", "train.epochs=1")
    run = train(recipe, out=tmp_path / "run")
    kept = load_file(tiny_run.model_folder / "model.safetensors")
    names = [name for name in kept if kept[name].ndim > 1]
    assert all(torch.equal(weights_of(run)[name], kept[name]) for name in names)
    assert "tensors taken" in run.log_file.read_text()
