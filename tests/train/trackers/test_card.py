"""What trackers are told of a run: what it is, its figures, and by what they know it again."""

import json
from pathlib import Path

import pytest

from tessella.atomic import write_json
from tessella.run import Run
from tessella.train.history import EpochRow
from tessella.train.trackers.card import facts, figures, files, identity, keep_identity


def test_facts_are_words_and_hold_the_hash_of_each_split(begun: Run) -> None:
    told = facts(begun)
    assert (told["data.train"], told["data.val"]) == ("1111", "2222")
    assert told["run"] == str(begun.path)
    assert told["device"] == "cpu"
    assert {type(value) for value in told.values()} == {str}


def test_the_commits_of_tessella_and_of_the_project_are_told_apart(begun: Run) -> None:
    environment = begun.environment()
    environment |= {"commit": "aaa", "uncommitted_changes": True}
    environment["project"] = {"folder": "/p", "commit": "bbb", "uncommitted_changes": False}
    write_json(begun.environment_file, environment)
    told = facts(begun)
    assert (told["commit"], told["uncommitted_changes"]) == ("aaa", "true")
    assert (told["project.commit"], told["project.uncommitted_changes"]) == ("bbb", "false")


def test_what_is_not_known_is_left_out(begun: Run) -> None:
    write_json(begun.environment_file, {"splits": {"train": {"samples": 2}}})
    assert list(facts(begun)) == ["run"]


def test_figures_are_those_that_the_epoch_has(rows: list[EpochRow]) -> None:
    assert "val_mean_iou" in figures(rows[0])
    assert figures(rows[1]) == {
        "train_loss": 1.0,
        "train_mean_iou": 0.25,
        "train_pixel_accuracy": 0.75,
        "learning_rate": 0.001,
        "seconds": 12.5,
        "images_per_second": 30.0,
    }


def test_files_are_the_recipe_the_environment_and_the_card_and_no_weights(tiny_run: Run) -> None:
    assert [path.relative_to(tiny_run.path) for path in files(tiny_run)] == [
        Path("recipe.yaml"),
        Path("environment.json"),
        Path("model/card.json"),
    ]


def test_a_file_that_is_not_there_yet_is_left_out(begun: Run) -> None:
    assert [path.name for path in files(begun)] == ["recipe.yaml", "environment.json"]


def test_trackers_keep_their_identities_beside_one_another(begun: Run) -> None:
    keep_identity(begun, "mlflow", run_id="m1")
    keep_identity(begun, "wandb", id="w1", last_epoch=1)
    keep_identity(begun, "wandb", id="w1", last_epoch=2)
    assert identity(begun, "mlflow") == {"run_id": "m1"}
    assert identity(begun, "wandb") == {"id": "w1", "last_epoch": 2}


def test_a_run_that_is_new_to_a_tracker_has_no_identity(begun: Run) -> None:
    assert identity(begun, "mlflow") == {}
    begun.trackers_file.write_text(json.dumps({"mlflow": 3}))
    assert identity(begun, "mlflow") == {}


@pytest.mark.parametrize("content", ["{", "3"])
def test_a_damaged_file_is_named(begun: Run, content: str) -> None:
    begun.trackers_file.write_text(content)
    with pytest.raises(ValueError, match=r"trackers\.json: cannot be read .*; delete it"):
        identity(begun, "mlflow")
