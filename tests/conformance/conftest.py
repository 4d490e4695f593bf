"""A small copy of every data set, each in its own layout, and a small model of every kind."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter


class Layout(NamedTuple):
    """How to open a small data set, and what it must turn out to be."""

    root: Path | None
    sizes: dict[str, int]
    """Split -> number of samples."""

    options: dict[str, Any]


def write_pair(image: Path, mask: Path, *, values: int) -> None:
    """A 6x8 picture, and a mask of the values 0..values-1 in turn."""
    for path in (image, mask):
        path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(image.name)).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise).save(image)
    Image.fromarray((np.arange(48) % values).astype(np.uint8).reshape(6, 8)).save(mask)


def write_colored_pair(image: Path, mask: Path, *, colors: list[tuple[int, int, int]]) -> None:
    """A 6x8 picture, and a mask of the colours in turn."""
    write_pair(image, mask, values=1)
    values = np.array(colors, np.uint8)[np.arange(48) % len(colors)]
    Image.fromarray(values.reshape(6, 8, 3)).save(mask)


def build_camseq(root: Path) -> Layout:
    """One folder with the frames, their masks in colours and label_colors.txt."""
    for number in range(7959, 7999, 2):
        image = root / f"0016E5_{number:05d}.png"
        mask = image.with_stem(f"{image.stem}_L")
        write_colored_pair(image, mask, colors=[(128, 128, 128), (128, 64, 128), (0, 0, 0)])
    table = "128 64 128\tRoad\n128 128 128\t\tSky\n0 0 0\t\tVoid\n"
    (root / "label_colors.txt").write_text(table)
    return Layout(root, {"train": 14 - 1, "val": 3 - 1, "test": 3}, {})


def build_camvid(root: Path) -> Layout:
    """The SegNet tutorial's: X/ with images, Xannot/ with masks of 0..11, X.txt with the order."""
    stems = {
        "train": ["0001TP_006690", "0001TP_006720", "0006R0_f00930"],
        "val": ["0016E5_07959", "0016E5_07961"],
        "test": ["Seq05VD_f00000"],
    }
    for split, listed in stems.items():
        for stem in listed:
            image, mask = f"{split}/{stem}.png", f"{split}annot/{stem}.png"
            write_pair(root / image, root / mask, values=12)
        lines = [f"/SegNet/CamVid/{split}/{stem}.png /SegNet/x/{stem}.png" for stem in listed]
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return Layout(root, {split: len(listed) for split, listed in stems.items()}, {})


def build_camvid32(root: Path) -> Layout:
    """Cambridge's folders; the frame's name says the split."""
    for stem in ("0001TP_006690", "0006R0_f00930", "0016E5_07961", "Seq05VD_f00000"):
        image = root / "701_StillsRaw_full" / f"{stem}.png"
        mask = root / "LabeledApproved_full" / f"{stem}_L.png"
        write_colored_pair(image, mask, colors=[(128, 128, 128), (128, 64, 128), (0, 0, 0)])
    return Layout(root, {"train": 2, "val": 1, "test": 1}, {})


def build_cityscapes(root: Path) -> Layout:
    """leftImg8bit/SPLIT/CITY/ with frames, gtFine/SPLIT/CITY/ with label ids 0..33."""
    frames = {
        "train": ["aachen_000000_000019", "aachen_000001_000019", "zurich_000000_000019"],
        "val": ["frankfurt_000000_000294", "munster_000000_000019"],
        "test": ["berlin_000000_000019"],
    }
    for split, listed in frames.items():
        for frame in listed:
            place = f"{split}/{frame.split('_')[0]}/{frame}"
            image = root / f"leftImg8bit/{place}_leftImg8bit.png"
            write_pair(image, root / f"gtFine/{place}_gtFine_labelIds.png", values=34)
    return Layout(root, {split: len(listed) for split, listed in frames.items()}, {})


def build_coco(root: Path) -> Layout:
    """Roboflow's export: each split a folder with its images and one JSON."""
    sizes = {"train": 2, "valid": 1, "test": 1}
    for folder, count in sizes.items():
        (root / folder).mkdir(parents=True)
        images, annotations = [], []
        for number in range(count):
            file = f"{folder}{number}.png"
            Image.fromarray(np.full((6, 8, 3), 40 + number, np.uint8)).save(root / folder / file)
            images.append({"id": number, "file_name": file, "height": 6, "width": 8})
            square = [[1, 1, 5, 1, 5, 5, 1, 5]]
            annotations.append({"image_id": number, "category_id": 7, "segmentation": square})
        content = {"images": images, "annotations": annotations}
        content["categories"] = [{"id": 7, "name": "cup"}]
        (root / folder / "_annotations.coco.json").write_text(json.dumps(content))
    return Layout(root, {"train": 2, "val": 1, "test": 1}, {})


def build_flowers17(root: Path) -> Layout:
    """jpg/ with photographs, trimaps/ with palette masks for some, and the lists in a MAT-file."""
    for number in (1, 2, 3, 5, 6):
        image, mask = f"jpg/image_{number:04d}.jpg", f"trimaps/image_{number:04d}.png"
        write_colored_pair(root / image, root / mask, colors=[(128, 0, 0), (128, 128, 0)])
    write_pair(root / "jpg/image_0004.jpg", root / "unused.png", values=1)
    (root / "unused.png").unlink()
    lists = {"trn2": [[3, 4, 5]], "val2": [[1, 6]], "tst2": [[2]]}
    savemat(root / "datasplits.mat", {name: np.array(ids, float) for name, ids in lists.items()})
    return Layout(root, {"train": 2, "val": 2, "test": 1}, {"partition": 2})


def build_folder(root: Path) -> Layout:
    """Images and masks in sub-folders by split, classes in a text file."""
    sizes = {"train": 3, "val": 2, "test": 1}
    for split, count in sizes.items():
        for number in range(count):
            image, mask = f"images/{split}/p{number}.jpg", f"masks/{split}/p{number}.png"
            write_pair(root / image, root / mask, values=3)
    (root / "classes.txt").write_text("ground\nplant\nstone\n")
    return Layout(root, sizes, {})


def build_labelme(root: Path) -> Layout:
    """A JSON beside each image, in sub-folders by split."""
    sizes = {"train": 2, "val": 1, "test": 1}
    shape = {"label": "cup", "points": [[1, 1], [5, 1], [5, 5]], "shape_type": "polygon"}
    for split, count in sizes.items():
        (root / split).mkdir(parents=True)
        for number in range(count):
            file = f"{split}{number}.png"
            Image.fromarray(np.full((6, 8, 3), 40 + number, np.uint8)).save(root / split / file)
            content = {"imagePath": file, "imageHeight": 6, "imageWidth": 8, "shapes": [shape]}
            (root / split / f"{split}{number}.json").write_text(json.dumps(content))
    return Layout(root, sizes, {})


def build_manifest(root: Path) -> Layout:
    """A table of paths with a header, classes in a text file."""
    sizes = {"train": 3, "val": 2, "test": 1}
    lines = ["image,mask,split,patient"]
    for split, count in sizes.items():
        for number in range(count):
            image, mask = f"scans/{split}{number}.jpg", f"drawn/{split}{number}.png"
            write_pair(root / image, root / mask, values=3)
            lines.append(f"{image},{mask},{split},p{number}")
    (root / "manifest.csv").write_text("\n".join(lines) + "\n")
    (root / "classes.txt").write_text("ground\nplant\nstone\n")
    return Layout(root, sizes, {})


def build_stanford2d3ds(root: Path) -> Layout:
    """Areas with rgb/ and semantic/; a mask pixel is the place of an instance in the table."""
    table = ["<UNK>_0_<UNK>_0_0", "wall_1_office_1_1", "door_1_office_1_1"]
    (root / "assets").mkdir(parents=True)
    (root / "assets/semantic_labels.json").write_text(json.dumps(table))
    for area, count in {"1": 2, "5a": 1, "5b": 1}.items():
        for number in range(count):
            stem = f"area_{area}/data/DOMAIN/camera_0{area}_office_1_frame_{number}_domain_DOMAIN"
            image, mask = (
                root / f"{stem.replace('DOMAIN', kind)}.png" for kind in ("rgb", "semantic")
            )
            write_colored_pair(image, mask, colors=[(0, 0, 1), (0, 0, 2), (13, 13, 13)])
    return Layout(root, {"train": 2, "val": 1, "test": 1}, {"train_areas": ["1"]})


def build_synthetic(root: Path) -> Layout:
    """Drawn anew: no files at all."""
    return Layout(None, dict.fromkeys(("train", "val", "test"), 3), {"count": 3})


def build_voc(home: Path, *, prefix: str) -> Layout:
    """JPEGImages/, SegmentationClass/ with masks of 0..20, ImageSets/Segmentation/ with lists."""
    numbers = {"train": [32, 39, 63], "val": [33, 42], "test": [68]}
    (home / "ImageSets/Segmentation").mkdir(parents=True)
    for split, listed in numbers.items():
        names = [f"{prefix}{number:06}" for number in listed]
        for name in names:
            image, mask = f"JPEGImages/{name}.jpg", f"SegmentationClass/{name}.png"
            write_pair(home / image, home / mask, values=21)
        (home / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(names) + "\n")
    return Layout(home, {split: len(listed) for split, listed in numbers.items()}, {})


def build_voc2007(root: Path) -> Layout:
    """The devkit of 2007, whose images have six digits."""
    return build_voc(root / "VOCdevkit" / "VOC2007", prefix="")._replace(root=root)


def build_voc2012(root: Path) -> Layout:
    """The devkit of 2012, whose images have a year and six digits."""
    return build_voc(root / "VOCdevkit" / "VOC2012", prefix="2008_")._replace(root=root)


BUILDERS: dict[str, Callable[[Path], Layout]] = {
    "camseq": build_camseq,
    "camvid": build_camvid,
    "camvid32": build_camvid32,
    "cityscapes": build_cityscapes,
    "coco": build_coco,
    "flowers17": build_flowers17,
    "folder": build_folder,
    "labelme": build_labelme,
    "manifest": build_manifest,
    "stanford2d3ds": build_stanford2d3ds,
    "synthetic": build_synthetic,
    "voc2007": build_voc2007,
    "voc2012": build_voc2012,
}
"""A new data set needs a line here: a function that writes a few of its files."""


@pytest.fixture
def builders() -> Mapping[str, Callable[[Path], Layout]]:
    """Data set -> what writes a small copy of it into a folder and says how to open it."""
    return BUILDERS


# the smallest there are; dpt and vit need a plain vision transformer, torchvision has its own
ENCODERS = {name: "tu-test_resnet" for name, entry in MODELS.items() if entry.takes_encoder}
ENCODERS |= dict.fromkeys(("dpt", "vit"), "tu-test_vit")
ENCODERS |= dict.fromkeys(("torchvision_deeplabv3", "torchvision_lraspp"), "mobilenet_v3_large")
ENCODERS["torchvision_fcn"] = "resnet50"

# narrow decoders, for speed; the others are narrow enough
_FIVE = {"decoder_channels": [32, 24, 16, 8, 8]}
OPTIONS: Mapping[str, Mapping[str, object]] = {
    "plain_unet": {"depth": 3, "base_channels": 8},
    "segnet": {"depth": 3, "base_channels": 8},
    "vnet2d": {"depth": 3, "base_channels": 8},
    "vit": {"decoder_channels": 16},
    "torchvision_deeplabv3": {"auxiliary": True},
    "unet": _FIVE,
    "unetplusplus": _FIVE,
    "manet": _FIVE,
    "upernet": {"decoder_channels": 32},
    "deeplabv3": {"decoder_channels": 32},
    "dpt": {"decoder_intermediate_channels": [8, 16, 24, 32], "decoder_fusion_channels": 16},
}


def build_small(name: str, *, seed: int = 0) -> Segmenter:
    """A model of the table for 5 classes, with random weights."""
    torch.manual_seed(seed)
    return build_segmenter(
        name, num_classes=5, encoder=ENCODERS.get(name), options=dict(OPTIONS.get(name, {}))
    )


@pytest.fixture(scope="session")
def build() -> Callable[..., Segmenter]:
    """`build_small`."""
    return build_small


@pytest.fixture(scope="session")
def encoders() -> Mapping[str, str]:
    """Model -> the encoder that `build` gives it, where it takes one."""
    return ENCODERS
