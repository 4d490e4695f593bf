"""What TensorBoard reads from a run: both phases, the rate, fixed samples, the recipe."""

import errno
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

from tessella import build
from tessella.data.spread import spread
from tessella.pictures import overlay
from tessella.predictor import load
from tessella.run import Run
from tessella.train import resume
from tessella.train.history import read_history
from tessella.train.hyper_parameters import hyper_parameters


@pytest.fixture(scope="module")
def events(tiny_run: Run) -> EventAccumulator:
    accumulator = EventAccumulator(str(tiny_run.tensorboard_folder))
    accumulator.Reload()
    return accumulator


@pytest.mark.parametrize(
    "tag", ["loss/train", "loss/val", "mean_iou/train", "mean_iou/val", "learning_rate"]
)
def test_each_curve_has_a_point_an_epoch(events: EventAccumulator, tag: str) -> None:
    """S3-B18: training figures reach TensorBoard too."""
    assert [event.step for event in events.Scalars(tag)] == [1, 2]


def test_a_run_that_goes_on_has_one_point_an_epoch_too(tiny_run: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(tiny_run.path, tmp_path / "run"))
    resume(run.path, more_epochs=1)
    accumulator = EventAccumulator(str(run.tensorboard_folder))
    accumulator.Reload()
    assert [event.step for event in accumulator.Scalars("loss/train")] == [1, 2, 3]


def hyper_parameters_shown(events: EventAccumulator) -> dict[str, object]:
    """What the HPARAMS tab reads of a run."""
    content = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    shown = metadata.parse_session_start_info_plugin_data(content)
    assert isinstance(shown, plugin_data_pb2.SessionStartInfo)
    return {
        key: value.string_value if value.HasField("string_value") else value.number_value
        for key, value in shown.hparams.items()
    }


def test_the_hyper_parameters_are_the_recipe_s(events: EventAccumulator, tiny_run: Run) -> None:
    shown = hyper_parameters_shown(events)
    assert shown == hyper_parameters(tiny_run.recipe())
    assert shown["optimizer.lr"] == 0.01
    assert shown["model.name"] == "plain_unet"


def test_keys_that_only_one_of_several_runs_has_are_not_hidden_by_another(
    events: EventAccumulator, tiny_run: Run
) -> None:
    """TensorBoard gathers the keys of all runs only where no run brings a list of its own."""
    assert metadata.EXPERIMENT_TAG not in events.Tags()["tensors"]
    folders = [path for path in tiny_run.tensorboard_folder.iterdir() if path.is_dir()]
    assert folders == []  # nor is there a run below the run


def test_the_best_score_so_far_is_a_curve_to_compare_runs_by(
    events: EventAccumulator, tiny_run: Run
) -> None:
    scores = [row["val_mean_iou"] for row in read_history(tiny_run.history_file)]
    shown = [event.value for event in events.Scalars("best/mean_iou")]
    assert shown == pytest.approx([scores[0], max(scores)], rel=1e-5)  # six digits in the history


def test_a_run_that_goes_on_keeps_its_hyper_parameters_and_its_best_score(
    tiny_run: Run, tmp_path: Path
) -> None:
    run = Run(shutil.copytree(tiny_run.path, tmp_path / "run"))
    best = [row["val_mean_iou"] for row in read_history(run.history_file)]
    resume(run.path, more_epochs=1)
    accumulator = EventAccumulator(str(run.tensorboard_folder))
    accumulator.Reload()
    assert hyper_parameters_shown(accumulator)["optimizer.lr"] == 0.01
    best.append(read_history(run.history_file)[-1]["val_mean_iou"])
    shown = [event.value for event in accumulator.Scalars("best/mean_iou")]
    assert shown == pytest.approx([best[0], max(best[:2]), max(best)], rel=1e-5)


@pytest.mark.parametrize("group", ["train_sample", "val_sample"])
def test_fixed_samples_of_both_splits_are_shown_each_epoch(
    events: EventAccumulator, group: str
) -> None:
    """S2-F15: training and validation samples, the same each epoch."""
    tags = [tag for tag in events.Tags()["images"] if tag.startswith(f"{group}/")]
    assert len(tags) == 3
    assert [event.step for event in events.Images(tags[0])] == [1, 2]
    assert events.Images(tags[0])[0].width == 3 * 47  # input, truth, prediction


def test_the_samples_of_both_splits_are_their_first_middle_and_last(
    events: EventAccumulator, tiny_run: Run
) -> None:
    names = json.loads(tiny_run.split_file.read_text())
    shown = {tag for tag in events.Tags()["images"] if "/" in tag}
    assert shown == {
        f"{split}_sample/{number}-{names[split][index]}"
        for split in ("train", "val")
        for number, index in enumerate((0, round((len(names[split]) - 1) / 2), -1))
    }


def test_the_prediction_in_a_panel_is_that_of_the_model_after_its_epoch(
    events: EventAccumulator, tiny_run: Run
) -> None:
    """The run keeps the model of its best epoch: that epoch's picture shows what it predicts."""
    best = max(read_history(tiny_run.history_file), key=lambda row: row["val_mean_iou"])
    sample = build.open_dataset(tiny_run.recipe(), "val")[0]
    predicted = load(tiny_run.path, device="cpu").predict(sample.image).class_map
    shown = {event.step: event for event in events.Images(f"val_sample/0-{sample.name}")}
    content = shown[int(best["epoch"])].encoded_image_string
    panel = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert panel[:, :47].tolist() == sample.image.tolist()
    assert panel[:, 94:].tolist() == overlay(sample.image, predicted, tiny_run.labels()).tolist()


def test_the_classes_are_shown_once_with_their_colors(
    events: EventAccumulator, tiny_run: Run
) -> None:
    (event,) = events.Images("classes")
    picture = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("RGB"))
    drawn = {tuple(color) for color in picture.reshape(-1, 3).tolist()}
    assert drawn >= set(tiny_run.labels().colors)


@pytest.mark.parametrize(
    ("length", "count", "indices"),
    [
        (9, 3, [0, 4, 8]),
        (10, 4, [0, 3, 6, 9]),
        (2, 3, [0, 1]),
        (3, 3, [0, 1, 2]),
        (1, 4, [0]),
        (0, 3, []),
        (5, 1, [0]),
    ],
)
def test_indices_are_spread_evenly_and_never_fewer_than_there_are(
    length: int, count: int, indices: list[int]
) -> None:
    assert spread(length, count) == indices


def test_the_recipe_is_there_as_text(events: EventAccumulator) -> None:
    assert "recipe/text_summary" in events.Tags()["tensors"]


def test_a_full_disk_is_told_with_the_folder(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = Run(shutil.copytree(tiny_run.path, tmp_path / "run"))
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.flush", refuse)
    with pytest.raises(OSError, match=r"No space left on device: .*tensorboard"):
        resume(run.path, more_epochs=1)
