"""Training starts on independent splits only, unless it is told otherwise."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.content import content_hash
from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.progress import silently
from tessella.recipe import Recipe
from tessella.source import source_of
from tessella.train import train
from tessella.train.independence import check_leaks
from tessella.train.setup import open_splits

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six drawn scenes for training, three others for validation."""
    root = tmp_path / "mine"
    for split, count in (("train", 6), ("val", 3)):
        scenes = read_drawn_scenes(None, split, count=count, height=96, width=128)
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for number in range(count):
            scene = scenes[number]
            Image.fromarray(scene.image).save(root / f"images/{split}/{split}{number}.png")
            Image.fromarray(scene.mask).save(root / f"masks/{split}/{split}{number}.png")
    names = read_drawn_scenes(None, "val", count=1).labels.names
    (root / "classes.txt").write_text("\n".join(names))
    return root


def copy(root: Path, source: str, target: str) -> None:
    for kind in ("images", "masks"):
        shutil.copy(root / kind / f"{source}.png", root / kind / f"{target}.png")


def recipe_for(recipe_of: MakeRecipe, folder: Path, *overrides: str) -> Recipe:
    data = f"data={{name: folder, root: '{folder}'}}"
    return recipe_of(data, "train.epochs=1", *overrides)


def test_independent_splits_train(recipe_of: MakeRecipe, folder: Path, tmp_path: Path) -> None:
    run = train(recipe_for(recipe_of, folder), out=tmp_path / "run")
    assert json.loads(run.leaks_file.read_text())["leaks"] == []


def test_a_copy_in_validation_is_refused_with_both_names(
    recipe_of: MakeRecipe, folder: Path, tmp_path: Path
) -> None:
    copy(folder, "train/train2", "val/other")
    with pytest.raises(ValueError, match=r"train/train2.*val/other.*data\.allow_leak=true"):
        train(recipe_for(recipe_of, folder), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_recompressed_copy_is_refused(
    recipe_of: MakeRecipe, folder: Path, tmp_path: Path
) -> None:
    copy(folder, "train/train2", "val/other")
    image = Image.open(folder / "images/val/other.png")
    (folder / "images/val/other.png").unlink()
    image.save(folder / "images/val/other.jpg", quality=85)
    with pytest.raises(ValueError, match=r"train/train2.*val/other"):
        train(recipe_for(recipe_of, folder), out=tmp_path / "run")


def test_a_leak_to_the_test_split_is_refused_too(
    recipe_of: MakeRecipe, folder: Path, tmp_path: Path
) -> None:
    for kind in ("images", "masks"):
        (folder / kind / "test").mkdir()
    copy(folder, "val/val0", "test/other")
    with pytest.raises(ValueError, match=r"val/val0.*test/other"):
        train(recipe_for(recipe_of, folder), out=tmp_path / "run")


def test_told_to_it_trains_and_keeps_a_record(
    recipe_of: MakeRecipe, folder: Path, tmp_path: Path
) -> None:
    copy(folder, "train/train2", "val/other")
    run = train(recipe_for(recipe_of, folder, "data.allow_leak=true"), out=tmp_path / "run")
    (leak,) = json.loads(run.leaks_file.read_text())["leaks"]
    assert leak["first"] == {"split": "train", "name": "train2"}
    assert leak["second"] == {"split": "val", "name": "other"}
    assert "not independent" in run.log_file.read_text()


def test_an_official_split_with_a_shared_scene_is_reported_and_trained(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    # CamVid's own train and val share the sequence 0016E5
    noise = np.random.default_rng(0).integers(0, 256, (6, 40, 60, 3), np.uint8)
    places = [("train", "0016E5_00001"), ("train", "0001TP_1"), ("val", "0016E5_07959")]
    for image, (split, stem) in zip(noise, places, strict=False):
        for folder in (split, f"{split}annot"):
            (tmp_path / "c" / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / f"c/{split}/{stem}.png")
        mask = np.arange(2400, dtype=np.uint8).reshape(40, 60) % 12
        Image.fromarray(mask).save(tmp_path / f"c/{split}annot/{stem}.png")
    data = f"data={{name: camvid, root: '{tmp_path / 'c'}'}}"
    run = train(recipe_of(data, "train.epochs=1", "train.batch_size=2"), out=tmp_path / "run")
    (leak,) = json.loads(run.leaks_file.read_text())["leaks"]
    assert (leak["kind"], leak["refused"]) == ("group", False)


def test_what_the_splits_hold_is_noted_with_the_run(
    recipe_of: MakeRecipe, folder: Path, tmp_path: Path
) -> None:
    recipe = recipe_for(recipe_of, folder)
    splits = open_splits(recipe)
    contents = check_leaks(recipe, splits.train, splits.val, track=silently).contents
    assert contents == {
        split: content_hash(source_of(recipe.data).open(split)) for split in ("train", "val")
    }


def test_the_test_split_is_noted_too(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of()
    splits = open_splits(recipe)
    contents = check_leaks(recipe, splits.train, splits.val, track=silently).contents
    assert sorted(contents) == ["test", "train", "val"]


def test_a_run_of_one_split_notes_it_as_well(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("data.val_split=train", "data.test_split=train")
    splits = open_splits(recipe)
    leaks = check_leaks(recipe, splits.train, splits.val, track=silently)
    assert leaks.contents == {"train": content_hash(splits.train)}
