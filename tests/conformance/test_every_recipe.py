"""Every shipped recipe is whole: it parses, says what it is, and trains a model that can be scored.

Trainings here are of a few small samples: real ones where they can be had, else files drawn in the
data set's own layout.
"""

import csv
import math
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from scipy.io import loadmat, savemat

from tessella.build import check_recipe
from tessella.cli.entry import app
from tessella.data import DATASETS
from tessella.evaluate import evaluate_model
from tessella.lookup import check_options
from tessella.models.build import build_segmenter, weights_origin
from tessella.recipe import Recipe, read_recipe
from tessella.recipes import shipped_recipes
from tessella.run import Run
from tessella.train import train

RECIPES = shipped_recipes()
IN_SENTENCES = {"camvid", "demo", "folder"}  # these three say in sentences what the others list
LISTED = sorted(set(RECIPES) - IN_SENTENCES)

# height and width of the data set's largest images
SIZES = {
    "camseq": (720, 960),
    "camvid": (360, 480),
    "cityscapes": (1024, 2048),
    "flowers17": (500, 500),  # the shorter side of its photographs
    "stanford2d3ds": (1080, 1080),
    "voc2007": (500, 500),
}


def read_shipped(name: str, *overrides: str) -> Recipe:
    return read_recipe(RECIPES[name], where=name, overrides=overrides)


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return read_shipped(request.param)


def test_its_name_is_its_files(recipe: Recipe) -> None:
    assert recipe.name in RECIPES


def test_it_names_only_what_the_tables_hold(recipe: Recipe) -> None:
    check_recipe(recipe)
    reader = DATASETS[recipe.data.name].read
    check_options("data.options", reader, recipe.data.options, given=())


def test_it_says_what_it_is_in_its_first_line(recipe: Recipe) -> None:
    first = recipe.about.splitlines()[0]
    assert 20 <= len(first) <= 100
    assert first.endswith((".", ":"))


def test_it_survives_being_written_and_read(recipe: Recipe) -> None:
    assert read_recipe(recipe.to_yaml(), where="written") == recipe


def test_its_model_can_be_built(recipe: Recipe) -> None:
    segmenter = build_segmenter(
        recipe.model.name,
        num_classes=3,
        encoder=recipe.model.encoder,
        options=recipe.model.options,
    )
    assert sum(parameter.numel() for parameter in segmenter.parameters()) > 1000


def test_it_trains_at_zooms_around_the_one_that_is_scored(recipe: Recipe) -> None:
    """S3-B03: trained at a third of the size, tested at a quarter."""
    smallest, largest = recipe.augment.scale
    assert smallest <= 1 <= largest


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ("demo", "folder")])
def test_its_crop_is_no_larger_than_its_images(name: str) -> None:
    recipe = read_shipped(name)
    height, width = SIZES[recipe.data.name]
    assert recipe.augment.crop[0] <= height
    assert recipe.augment.crop[1] <= width


def said(recipe: Recipe) -> dict[str, str]:
    """What `about` says of source, score and so on, by the word before the colon."""
    parts = re.split(r"^(source|score|time|weights|run):", recipe.about, flags=re.MULTILINE)
    return {
        word: " ".join(text.split()) for word, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize("name", LISTED)
def test_it_says_source_score_time_weights_and_command_in_this_order(name: str) -> None:
    told = said(read_shipped(name))
    assert list(told) == ["source", "score", "time", "weights", "run"]
    assert all(len(text) >= 20 for text in told.values())


@pytest.mark.parametrize("name", LISTED)
def test_a_score_is_measured_with_a_result_file_or_said_not_to_be(name: str) -> None:
    score = said(read_shipped(name))["score"]
    assert score.startswith("not measured here") or "benchmarks/results/" in score


@pytest.mark.parametrize("name", LISTED)
def test_it_says_the_licence_of_its_weights_and_how_to_start_without(name: str) -> None:
    recipe = read_shipped(name)
    choice, told = recipe.model, said(recipe)["weights"]
    origin = weights_origin(
        choice.name, encoder=choice.encoder, encoder_weights=choice.encoder_weights
    )
    if origin is None:
        assert told == "none, it starts at random."
    else:
        assert f"licence {origin.licence}" in told
        assert "model.encoder_weights=none" in told


def test_it_names_only_faults_of_its_own_tutorial(recipe: Recipe) -> None:
    order = ["voc2007", "camseq", "flowers17", "stanford2d3ds", "cityscapes"]
    of_tutorials = {number for number, _ in re.findall(r"S(\d)-B(\d\d)", recipe.about)}
    assert of_tutorials <= {str(order.index(name)) for name in order if name == recipe.data.name}


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "demo"])
def test_the_command_in_its_text_parses_and_trains_it(name: str) -> None:
    recipe = read_shipped(name)
    lines = re.findall(r"tessella (train [^\n`]+)", recipe.about)
    assert len(lines) == 1
    command = typer.main.get_command(app)
    verb, *words = shlex.split(lines[0])
    parsed = command.commands[verb].make_context(verb, words)  # type: ignore[attr-defined]
    assert parsed.params["recipe"] == name
    assert parsed.params["data"] is not None
    read_shipped(name, *parsed.params["overrides"] or ())


def test_every_override_that_its_text_names_is_accepted(recipe: Recipe) -> None:
    overrides = re.findall(r"\b(?:data|model|optimizer|train)\.[\w.]+=[\w.]*\w", recipe.about)
    read_shipped(recipe.name, *overrides)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def few_of_camseq(real: Path, root: Path) -> Path:
    """All sixteen frames: ten to train, one to validate and three to test, two left out."""
    shutil.copytree(real / "camseq" / "CamSeq01-rebuilt", root)
    return root


def few_of_camvid(real: Path, root: Path) -> Path:
    home = real / "camvid" / "mini" / "CamVid"
    for split, count in {"train": 4, "val": 1, "test": 1}.items():
        lines = (home / f"{split}.txt").read_text().splitlines()[:count]
        for name in (Path(line.split()[0]).name for line in lines):
            for folder in (split, f"{split}annot"):
                copy(home / folder / name, root / folder / name)
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return root


def few_of_flowers17(real: Path, root: Path) -> Path:
    lists = loadmat(real / "flowers17" / "datasplits.mat")
    few = {
        key: lists[key].ravel()[:count] for key, count in {"trn1": 4, "val1": 1, "tst1": 1}.items()
    }
    for number in np.concatenate(list(few.values())):
        for name in (f"jpg/image_{number:04d}.jpg", f"trimaps/image_{number:04d}.png"):
            copy(real / "flowers17" / name, root / name)
    savemat(root / "datasplits.mat", few)
    return root


def few_of_voc2007(real: Path, root: Path) -> Path:
    """Pairs of VOC 2012, whose files are of the same kind, in the folders of VOC 2007."""
    source, home = real / "voc/VOCdevkit/VOC2012", root / "VOCdevkit/VOC2007"
    splits = {"train": ("train", slice(4)), "val": ("val", slice(1)), "test": ("val", slice(1, 2))}
    for split, (listed, part) in splits.items():
        lines = (source / f"ImageSets/Segmentation/{listed}.txt").read_text().split()[part]
        (home / "ImageSets/Segmentation").mkdir(parents=True, exist_ok=True)
        (home / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(lines) + "\n")
        for name in (
            f for n in lines for f in (f"JPEGImages/{n}.jpg", f"SegmentationClass/{n}.png")
        ):
            copy(source / name, home / name)
    return root


def add_areas(root: Path) -> None:
    """The areas of the training split that the builder leaves out: area 1 under other names."""
    for area in "2346":
        for path in [*root.glob("area_1/data/*/*.png")]:
            copy(
                path,
                Path(str(path).replace("area_1", f"area_{area}").replace("_01_", f"_0{area}_")),
            )


REAL: Mapping[str, Callable[[Path, Path], Path]] = {
    "camseq": few_of_camseq,
    "camvid": few_of_camvid,
    "flowers17": few_of_flowers17,
    "voc2007": few_of_voc2007,
}
"""Data set -> what copies a few of its real samples; of the others there are none to be had."""

SMALL = (
    *("train.epochs=1", "train.batch_size=2", "train.accumulate=1", "train.validate_every=1"),
    *("train.device=cpu", "train.precision=fp32", "train.workers=0", "augment.crop=[64, 64]"),
    "model.encoder_weights=none",
)


def shrunk(name: str, root: Path | None, *overrides: str) -> Recipe:
    """The recipe for one epoch of small crops, without weights to download."""
    own = [f"data.root={root}"] if root else ["data.options.count=4"]
    if name == "folder":
        own.append("data.allow_leak=true")  # drawn images of one size are all alike
    if "base_channels" in read_shipped(name).model.options:
        own.append("model.options.base_channels=8")
    return read_shipped(name, *SMALL, *own, *overrides)


@pytest.fixture
def data_of(
    builders: Mapping[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[str], Path | None]]:
    """Recipe name -> the root of a few samples for it; all is removed after the test."""

    def prepare(name: str) -> Path | None:
        kind = read_shipped(name).data.name
        if kind in REAL:
            return REAL[kind](request.getfixturevalue("real_data"), tmp_path / "data")
        root: Path | None = builders[kind](tmp_path / "data").root
        if kind == "stanford2d3ds":
            assert root is not None
            add_areas(root)
        return root

    yield prepare
    shutil.rmtree(tmp_path)  # the states of large models


def check_it_trains(recipe: Recipe, out: Path) -> None:
    """One epoch makes a complete run, whose model scores as it did when it was validated."""
    run = train(recipe, out=out)
    (row,) = csv.DictReader(run.history_file.read_text().splitlines())
    assert math.isfinite(float(row["train_loss"]))
    assert math.isfinite(float(row["val_loss"]))
    assert missing_from(run) == []
    score = evaluate_model(run.model_folder, recipe=recipe, split="val").scores["mean_iou"]
    assert score == pytest.approx(float(row["val_mean_iou"]), abs=1e-6)  # rounded in the history


def missing_from(run: Run) -> list[str]:
    wanted = [run.recipe_file, run.labels_file, run.environment_file, run.split_file]
    wanted += [run.leaks_file, run.log_file, run.last_checkpoint, run.best_checkpoint]
    wanted += [run.model_folder / "model.safetensors", run.model_folder / "card.json"]
    return [str(path) for path in wanted if not path.is_file()]


SMALLER = {
    # DeepLabv3 at stride 8 on a ResNet
    "resnet50": "mobilenet_v3_large",
    "resnet101": "mobilenet_v3_large",
    "tu-tf_efficientnetv2_s.in21k_ft_in1k": "tu-tf_efficientnetv2_b0",
}
"""Encoders that take 4 to 28 s here, over 75 s together, on one core -> a small one that the same
model takes; the slow test has the recipe's own.
"""


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_and_its_model_scores_again(
    name: str, data_of: Callable[[str], Path | None], tmp_path: Path
) -> None:
    smaller = SMALLER.get(str(read_shipped(name).model.encoder))
    overrides = [f"model.encoder={smaller}"] if smaller else []
    check_it_trains(shrunk(name, data_of(name), *overrides), tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in RECIPES if read_shipped(n).model.encoder in SMALLER])
def test_it_trains_on_its_own_large_encoder(
    name: str, data_of: Callable[[str], Path | None], tmp_path: Path
) -> None:
    check_it_trains(shrunk(name, data_of(name)), tmp_path / "run")
