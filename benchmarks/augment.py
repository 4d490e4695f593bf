"""Training crops from images in memory: our default, with class choice, all on, and torchvision.

    OMP_NUM_THREADS=1 python benchmarks/augment.py --out benchmarks/results/augment.json

One thread each. "torchvision v2" does what our default does, in its own way: resize the image,
crop, flip, then brightness, contrast and saturation, from uint8 tensors. "all on" draws every
option in every crop, two partners to mix with included, so it is the most that a crop can cost.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from result_file import best_times, parse_out, print_table, write_result
from tessella.data.augment import Augmentation
from tessella.data.mixing import draw_partner
from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.recipe_parts import AugmentRecipe

CROPS_A_RUN = 24
OURS, CHOICE, ALL_ON, THEIRS = "default", "default, class choice", "all on", "torchvision v2"
CLASS_CHOICE = {"class_balance": 0.5, "max_class_share": 0.75}
CHANCES = ("blur", "noise", "jpeg", "coarse_dropout", "mask_dropout", "cutmix", "classmix")


class InMemory:
    """Drawn scenes of one size, decoded once, so that only crops are measured."""

    def __init__(self, *, height: int, width: int) -> None:
        scenes = read_drawn_scenes(None, "train", count=4, height=height, width=width)
        self.labels, self.names, self.groups = scenes.labels, scenes.names, scenes.groups
        self._samples = [scenes[index] for index in range(4)]

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Any:
        return self._samples[index]


def ours(dataset: InMemory, *, crop: int, **options: Any) -> Callable[[], None]:
    """`CROPS_A_RUN` crops, drawn as the training loader draws them."""
    choice = AugmentRecipe(crop=(crop, crop)).model_dump() | options
    augmentation = Augmentation(**choice)

    def run() -> None:
        for number in range(CROPS_A_RUN):
            index = number % len(dataset)
            augmentation(
                dataset[index],
                np.random.default_rng((0, 0, number)),
                partner=partial(draw_partner, dataset, index),
            )

    return run


def theirs(dataset: InMemory, *, crop: int) -> Callable[[], None]:
    """The same with torchvision: the whole image is resized before it is cropped."""
    recipe = AugmentRecipe()
    samples = [dataset[index] for index in range(len(dataset))]
    pairs = [
        (
            tv_tensors.Image(torch.from_numpy(np.ascontiguousarray(s.image.transpose(2, 0, 1)))),
            tv_tensors.Mask(torch.from_numpy(s.mask)),
        )
        for s in samples
    ]
    short = min(samples[0].image.shape[:2])
    transform = v2.Compose(
        [
            v2.RandomResize(int(recipe.scale[0] * short), int(recipe.scale[1] * short)),
            v2.RandomCrop(
                (crop, crop),
                pad_if_needed=True,
                fill={tv_tensors.Image: 0, tv_tensors.Mask: 255},
            ),
            v2.RandomHorizontalFlip(recipe.flip),
            v2.ColorJitter(recipe.brightness, recipe.contrast, recipe.saturation),
        ]
    )

    def run() -> None:
        torch.manual_seed(0)
        for number in range(CROPS_A_RUN):
            transform(*pairs[number % len(pairs)])

    return run


def measure(*, height: int, width: int, crop: int) -> dict[str, Any]:
    """Figures of all candidates for one size of images and crops."""
    dataset = InMemory(height=height, width=width)
    all_on = {
        **CLASS_CHOICE,
        **dict.fromkeys(CHANCES, 1.0),
        "vertical_flip": 0.5,
        "rotate_degrees": 20.0,
        "hue": 0.05,
        "gamma": 0.2,
    }
    times = best_times(
        {
            OURS: ours(dataset, crop=crop),
            CHOICE: ours(dataset, crop=crop, **CLASS_CHOICE),
            ALL_ON: ours(dataset, crop=crop, **all_on),
            THEIRS: theirs(dataset, crop=crop),
        },
        repeats=5,
    )
    title = f"{CROPS_A_RUN} crops of {crop}x{crop} from {height}x{width}"
    figures = print_table(title, times, ours=OURS)
    for name, timing in times.items():
        figures[name]["images_per_cpu_second"] = round(1000 * CROPS_A_RUN / timing.cpu_ms)
        print(f"{name:<48} {figures[name]['images_per_cpu_second']:>9} images/s")
    return figures


def main() -> None:
    arguments = parse_out(__doc__)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    figures = {
        "480x360_to_320x320": measure(height=360, width=480, crop=320),
        "2048x1024_to_512x512": measure(height=1024, width=2048, crop=512),
    }
    if arguments.out:
        write_result(
            arguments.out,
            claim="The default augmentation is at least 3x faster than torchvision's equivalent.",
            figures=figures,
            command="OMP_NUM_THREADS=1 python benchmarks/augment.py",
        )


if __name__ == "__main__":
    main()
