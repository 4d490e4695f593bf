"""The tutorials' recipes: what was published is kept, and what was wrong is put right."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tessella.build import build_augmentation, build_loss, build_model, freeze_as_told, open_dataset
from tessella.labels import LabelMap
from tessella.optim import trainable_count
from tessella.recipe import Recipe, read_recipe
from tessella.recipes import shipped_recipes
from tessella.sample import Sample

VOC = "voc2007-unet-resnet34"
CAMSEQ = "camseq-deeplabv3-resnet50"
FLOWERS = "flowers17-deeplabv3-resnet101-head"
STANFORD = "stanford2d3ds-unet"
CITYSCAPES = "cityscapes-unet-mobilenetv3"
TUTORIALS = (VOC, CAMSEQ, FLOWERS, STANFORD, CITYSCAPES)

# the tutorials' own words: lines 106-109, 207-213; 161, 173-192, 288; 293-321, 428-438; the lab's
# solution main.py and job.py; 171-195, 243 of the five texts
PUBLISHED = {
    VOC: {
        "model": {"name": "unet", "encoder": "resnet34", "encoder_weights": "imagenet"},
        "augment": {"crop": (224, 224)},
        "loss": {"name": "cross_entropy"},
        "optimizer": {"name": "adam", "lr": 5e-4, "weight_decay": 0},
        "schedule": {"name": "constant"},
        "train": {"epochs": 70, "batch_size": 32, "seed": 42},
    },
    CAMSEQ: {
        "model": {"name": "torchvision_deeplabv3", "encoder": "resnet50"},
        "augment": {"crop": (720, 960), "scale": (1, 1), "flip": 0, "brightness": 0},
        "loss": {"name": "cross_entropy"},
        "optimizer": {"name": "adam", "lr": 2e-4, "weight_decay": 0},
        "schedule": {"name": "step", "step_epochs": 4, "gamma": 0.5, "warmup_steps": 0},
        "train": {"epochs": 6, "batch_size": 2},
    },
    FLOWERS: {
        "model": {"name": "torchvision_deeplabv3", "encoder": "resnet101"},
        "loss": {"name": "cross_entropy"},
        "optimizer": {"name": "adam", "weight_decay": 0},
        "train": {"epochs": 10, "seed": 0},
    },
    STANFORD: {
        "model": {"name": "plain_unet", "encoder": None, "encoder_weights": "none"},
        "augment": {"crop": (256, 256), "flip": 0.5, "mask_dropout": 0.5},
        "loss": {"name": "focal"},
        "optimizer": {"name": "adam", "lr": 3e-4, "weight_decay": 0},
        "schedule": {"name": "plateau", "gamma": 0.1, "patience": 10},
        "train": {"epochs": 50, "batch_size": 32, "monitor": "macro_f1"},
    },
    CITYSCAPES: {
        "model": {"name": "unet", "encoder": "tu-tf_mobilenetv3_small_minimal_100"},
        "augment": {"crop": (256, 512), "flip": 0.5},
        "loss": {"name": "dice"},
        "optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.01},
        "schedule": {"name": "constant"},
        "train": {"epochs": 10, "batch_size": 32},
    },
}


def recipe_of(name: str, *overrides: str) -> Recipe:
    return read_recipe(shipped_recipes()[name], where=name, overrides=overrides)


@pytest.mark.parametrize(
    ("name", "section"), [(name, section) for name in PUBLISHED for section in PUBLISHED[name]]
)
def test_what_the_tutorial_published_is_kept(name: str, section: str) -> None:
    kept = getattr(recipe_of(name), section).model_dump()
    wanted = PUBLISHED[name][section]
    assert {key: kept[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_best_epoch_is_chosen_by_a_score_and_not_by_the_loss(name: str) -> None:
    """S0-B03, S1-B07: by the validation loss, or not at all."""
    expected = "macro_f1" if name == STANFORD else "mean_iou"  # S3-F16
    assert recipe_of(name).train.monitor == expected


def write_blank_pair(image: Path, mask: Path) -> None:
    for path in (image, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6)).save(image)
    Image.new("L", (8, 6), 255).save(mask)


def voc_root(root: Path) -> Path:
    home = root / "VOC2007"
    write_blank_pair(home / "JPEGImages/a.jpg", home / "SegmentationClass/a.png")
    (home / "ImageSets/Segmentation").mkdir(parents=True)
    (home / "ImageSets/Segmentation/train.txt").write_text("a\n")
    return root


def camseq_root(root: Path, *, num_frames: int = 101) -> Path:
    write_blank_pair(root / "0016E5_00000.png", root / "0016E5_00000_L.png")
    for number in range(1, num_frames):
        for ending in (".png", "_L.png"):
            shutil.copyfile(root / f"0016E5_00000{ending}", root / f"0016E5_{number:05}{ending}")
    return root


def cityscapes_root(root: Path) -> Path:
    frame = "train/aachen/aachen_000000_000019"
    masks = root / f"gtFine/{frame}_gtFine_labelIds.png"
    write_blank_pair(root / f"leftImg8bit/{frame}_leftImg8bit.png", masks)
    return root


def stanford_root(root: Path) -> Path:
    table = '["<UNK>_0_<UNK>_0_0", "wall_1_office_1_1"]'
    (root / "assets").mkdir(parents=True)
    (root / "assets/semantic_labels.json").write_text(table)
    for area in ("1", "2", "3", "4", "5a", "5b", "6"):
        frame = f"area_{area}/data/DOMAIN/camera_0_office_{area}_frame_0_domain_DOMAIN.png"
        image, mask = (root / frame.replace("DOMAIN", kind) for kind in ("rgb", "semantic"))
        write_blank_pair(image, mask)
        Image.new("RGB", (8, 6), (13, 13, 13)).save(mask)
    return root


@pytest.mark.parametrize(
    ("name", "write", "num_classes"),
    [
        (VOC, voc_root, 21),  # S0-B01: 22
        (CAMSEQ, camseq_root, 31),  # S1-B04: 32
        (STANFORD, stanford_root, 13),  # S3-B05: 14
        (CITYSCAPES, cityscapes_root, 19),  # S4-B05: 20
        ("voc2007-best", voc_root, 21),
        ("camseq-best", camseq_root, 31),
        ("stanford2d3ds-best", stanford_root, 13),
        ("cityscapes-best", cityscapes_root, 19),
    ],
)
def test_void_is_no_class(
    name: str, write: Callable[[Path], Path], num_classes: int, tmp_path: Path
) -> None:
    dataset = open_dataset(recipe_of(name), "train", root=write(tmp_path))
    assert dataset.labels.num_classes == num_classes
    assert dataset.labels.ignore_index == 255


@pytest.mark.parametrize("name", [VOC, FLOWERS, STANFORD, CITYSCAPES])
def test_no_two_crops_of_an_image_are_alike(name: str) -> None:
    """S0-B06, S2-B18: the same 224x224 pixels in every epoch."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (700, 700, 3), np.uint8)
    sample = Sample(image, image[..., 0] % 3, "noise")
    augmentation = build_augmentation(recipe_of(name))
    first, second = (augmentation(sample, rng).image for _ in range(2))
    assert (first != second).any()


def test_frames_beside_a_cut_of_the_clip_are_left_out(tmp_path: Path) -> None:
    """S1-B06: 70, 15 and 16 frames with near copies at both cuts; without 5 of them 65, 10, 16."""
    recipe, root = recipe_of(CAMSEQ), camseq_root(tmp_path)
    sizes = [len(open_dataset(recipe, split, root=root)) for split in ("train", "val", "test")]
    assert sizes == [65, 10, 16]


def test_the_auxiliary_head_learns_the_classes_of_the_clip() -> None:
    """S1-B14: it kept 21 classes and was computed for nothing; S1-B13: the weights are COCO's."""
    recipe = recipe_of(CAMSEQ, "model.encoder_weights=none")
    labels = LabelMap.from_names([str(number) for number in range(31)])
    segmenter = build_model(recipe, labels)
    outputs = segmenter.outputs(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
    assert outputs.auxiliary is not None
    assert outputs.auxiliary.shape == outputs.logits.shape == (2, 31, 32, 32)
    assert recipe.loss.auxiliary_weight > 0
    assert recipe_of(CAMSEQ).model.encoder_weights == "coco_voc"


@pytest.mark.parametrize("name", [FLOWERS, "flowers17-best"])
def test_one_partition_of_the_flowers_is_used(name: str) -> None:
    """S2-B01: trained on the training lists of all three, which hold most of val1."""
    assert recipe_of(name).data.options == {"partition": 1}


def test_only_a_1x1_layer_learns_two_classes_from_256_features() -> None:
    """S2-F09, S2-B06: 256 weights and a bias for each class; 3x3 without padding shifted them."""
    recipe = recipe_of(FLOWERS, "model.encoder_weights=none")
    segmenter = build_model(recipe, LabelMap.from_names(["background", "flower"]))
    freeze_as_told(recipe, segmenter)
    assert trainable_count(segmenter.parameters()) == 2 * (256 + 1)


def test_the_rate_of_the_last_layer_is_a_tenth_of_the_published_one() -> None:
    """S2-B11."""
    assert recipe_of(FLOWERS).optimizer.lr == 5e-2 / 10


@pytest.mark.parametrize("name", [STANFORD, "stanford2d3ds-best"])
def test_no_area_is_trained_on_and_scored(name: str, tmp_path: Path) -> None:
    """S3-B01: trained on the validation area."""
    recipe, root = recipe_of(name, "data.options.every=1"), stanford_root(tmp_path)
    rooms = {s: set(open_dataset(recipe, s, root=root).groups) for s in ("train", "val", "test")}
    assert rooms["train"] == {f"area_{area}_office_{area}" for area in "12346"}
    assert rooms["val"] == {"area_5_office_5a"}
    assert rooms["test"] == {"area_5_office_5b"}


@pytest.fixture
def cityscapes_loss(tmp_path: Path) -> Any:
    recipe = recipe_of(CITYSCAPES)
    dataset = open_dataset(recipe, "train", root=cityscapes_root(tmp_path))
    return build_loss(recipe, dataset.labels, device=torch.device("cpu"), training=dataset).compute


def test_a_wrong_pixel_costs_its_dice_and_its_cross_entropy(cityscapes_loss: Any) -> None:
    """S4-B07: Dice alone. Half of the pixels, all road, are sure to be sky.

    Dice of road, the only class present: 1 - 2 * 1 / (2 * 1 + 0 + 1) = 1/3. Cross-entropy: half of
    the pixels cost 20.
    """
    logits = torch.zeros(1, 19, 1, 2)
    logits[0, 0, 0, 0] = logits[0, 10, 0, 1] = 20
    road = torch.zeros(1, 1, 2, dtype=torch.uint8)
    assert float(cityscapes_loss(logits, road)) == pytest.approx(1 / 3 + 10, abs=1e-4)
