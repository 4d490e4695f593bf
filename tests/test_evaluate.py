"""Scores of a split against an independent count, pixel by pixel."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.errors import UsageError
from tessella.evaluate import evaluate, evaluate_model
from tessella.labels import LabelMap
from tessella.predictor import load
from tessella.recipe_parts import DataRecipe
from tessella.run import Run
from tessella.sample import Sample


class Listed:
    """A data set held in a list."""

    def __init__(self, samples: list[Sample], labels: LabelMap) -> None:
        self.samples, self.labels = samples, labels
        self.names = self.groups = tuple(sample.name for sample in samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def scenes_of_all_sizes() -> Listed:
    sizes = [(33, 47), (33, 47), (64, 40), (20, 91)]
    opened = [
        read_drawn_scenes(None, "test", count=4, height=height, width=width)
        for height, width in sizes
    ]
    samples = [
        dataset[index]._replace(name=f"scene-{index}") for index, dataset in enumerate(opened)
    ]
    return Listed(samples, opened[0].labels)


def slow_counts(run: Run, dataset: Listed) -> np.ndarray:
    predictor = load(run.path)
    counts = np.zeros((8, 8), np.int64)
    for sample in dataset.samples:
        assert sample.mask is not None
        predicted = predictor.predict(sample.image).class_map
        for truth, answer in zip(sample.mask.ravel(), predicted.ravel(), strict=True):
            if truth != 255:
                counts[truth, answer] += 1
    return counts


def test_counts_are_those_of_each_image_at_its_own_size(tiny_run: Run) -> None:
    """S0-B05, S4-B06: nothing is resized before it is scored."""
    dataset = scenes_of_all_sizes()
    result = evaluate(load(tiny_run.path), dataset, split="test", batch_size=3)
    assert (result.counts == slow_counts(tiny_run, dataset)).all()


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_the_batch_size_does_not_change_a_score(tiny_run: Run, batch_size: int) -> None:
    """S1-B02, S1-B09: no averaging over batches."""
    dataset = scenes_of_all_sizes()
    result = evaluate(load(tiny_run.path), dataset, split="test", batch_size=batch_size)
    assert (result.counts == slow_counts(tiny_run, dataset)).all()


def test_the_trivial_predictor_always_answers_the_commonest_class(tiny_run: Run) -> None:
    result = evaluate_model(tiny_run.path, split="val")
    per_class = result.counts.sum(1)
    present = (per_class > 0).sum()
    expected = per_class.max() / per_class.sum() / present
    assert result.trivial["mean_iou"] == pytest.approx(expected)


def test_each_image_has_a_score_of_its_own(tiny_run: Run) -> None:
    dataset = scenes_of_all_sizes()
    result = evaluate(load(tiny_run.path), dataset, split="test", batch_size=2)
    assert [name for name, _ in result.images] == list(dataset.names)
    alone = evaluate(
        load(tiny_run.path), Listed(dataset.samples[2:3], dataset.labels), split="test"
    )
    assert result.images[2][1] == pytest.approx(alone.scores["mean_iou"], abs=1e-6)  # float32


def test_the_document_is_json_with_null_for_what_is_undefined(tiny_run: Run) -> None:
    dataset = scenes_of_all_sizes()
    blank = dataset.samples[0]._replace(mask=np.full((33, 47), 255, np.uint8), name="blank")
    result = evaluate(
        load(tiny_run.path), Listed([blank, dataset.samples[1]], dataset.labels), split="test"
    )
    document = json.loads(json.dumps(result.document(), allow_nan=False))
    assert document["images"][0] == {"name": "blank", "mean_iou": None}
    assert document["protocol"]["labelled_pixels"] == int(result.counts.sum())
    assert math.isclose(document["scores"]["mean_iou"], result.scores["mean_iou"])


def test_scores_of_a_run_are_kept_in_its_folder(tiny_run: Run) -> None:
    result = evaluate_model(tiny_run.path, split="val")
    kept = json.loads((tiny_run.evaluation_folder / "val.json").read_text())
    assert kept == json.loads(json.dumps(result.document()))


def test_other_classes_than_the_models_are_refused(tiny_run: Run) -> None:
    dataset = Listed(scenes_of_all_sizes().samples, LabelMap.from_names(["a", "b"]))
    with pytest.raises(ValueError, match="the model knows the classes sky, .* but the data has a"):
        evaluate(load(tiny_run.path), dataset, split="test")


def test_an_empty_split_is_refused(tiny_run: Run) -> None:
    dataset = Listed([], scenes_of_all_sizes().labels)
    with pytest.raises(ValueError, match="split 'test' is empty; there is nothing to score"):
        evaluate(load(tiny_run.path), dataset, split="test")


def test_a_model_folder_knows_which_data_it_learnt_from(tiny_run: Run, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(tiny_run.model_folder, tmp_path / "given" / "away"))
    from_folder = evaluate_model(alone, split="val")
    assert (from_folder.counts == evaluate_model(tiny_run.path, split="val").counts).all()


def test_a_card_without_data_needs_a_recipe(tiny_run: Run, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(tiny_run.model_folder, tmp_path / "given" / "away"))
    card = json.loads((alone / "card.json").read_text())
    (alone / "card.json").write_text(json.dumps({**card, "data": None}))
    with pytest.raises(UsageError, match="does not say which data to score it on; add --recipe"):
        evaluate_model(alone)


def test_an_unknown_split_lists_the_known_ones(tiny_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tset.*train"):
        evaluate_model(tiny_run.path, split="tset")


def test_a_test_split_that_is_not_there_points_to_the_validation_split(
    tiny_run: Run, tmp_path: Path
) -> None:
    recipe = tiny_run.recipe()
    camvid = recipe.model_copy(update={"data": DataRecipe(name="camvid", root=tmp_path)})
    with pytest.raises(ValueError, match=r"no folders test/.*recipe's test split; --split val"):
        evaluate_model(tiny_run.path, recipe=camvid)
