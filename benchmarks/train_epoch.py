"""A training epoch of U-Net ResNet-34 at 224x224, batch 8: the plain tutorial loop against ours.

Both sides read the same JPEG and PNG files, train the same network from the same random weights
with Adam and cross-entropy, and report pixel accuracy; each epoch's wall time counts from the first
file read to the last weight moved. The sides take turns, so that a busy machine hurts both.

The ratio is mostly that of bf16 to fp32 convolutions, so it depends on the processor: one with
512-bit bf16 units gains more than one that computes them in two halves.

    python benchmarks/train_epoch.py --out benchmarks/results/train-epoch.json
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from result_file import write_result
from tessella import build
from tessella.backends.torch import resolve_precision
from tessella.data.images import write_mask
from tessella.data.loader import TrainingLoader
from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.optim import Plateau
from tessella.progress import silently
from tessella.recipe import read_recipe
from tessella.train.epoch import Task, train_epoch

SIZE, BATCH = 224, 8
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

RECIPE = """
name: benchmark
data: {name: folder, cache_mb: 0}
model: {name: unet, encoder: resnet34}
augment: {crop: [224, 224], scale: [0.5, 2.0]}
optimizer: {name: adam, lr: 5e-4}
train: {epochs: 100, batch_size: 8, precision: auto, device: cpu, workers: 0}
"""


def write_files(root: Path, count: int) -> None:
    """`count` drawn scenes of 360x480 as JPEG images and palette masks, like Pascal VOC's."""
    scenes = read_drawn_scenes(None, "train", count=count, height=360, width=480)
    (root / "images" / "train").mkdir(parents=True)
    (root / "masks" / "train").mkdir(parents=True)
    for scene in (scenes[index] for index in range(count)):
        assert scene.mask is not None
        picture = Image.fromarray(scene.image)
        picture.save(root / "images" / "train" / f"{scene.name}.jpg", quality=92)
        write_mask(root / "masks" / "train" / f"{scene.name}.png", scene.mask, scenes.labels)
    (root / "classes.txt").write_text("\n".join(scenes.labels.names))


class TutorialDataset(TorchDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pillow, torchvision transforms in float, as the tutorials have it."""

    def __init__(self, root: Path) -> None:
        self.images = sorted((root / "images" / "train").iterdir())
        self.masks = sorted((root / "masks" / "train").iterdir())
        self.image_transform = transforms.Compose(
            [
                transforms.Resize((SIZE, SIZE)),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )
        self.mask_transform = transforms.Compose(
            [
                transforms.Resize((SIZE, SIZE), transforms.InterpolationMode.NEAREST),
                transforms.PILToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = Image.open(self.images[index]).convert("RGB")
        mask = self.mask_transform(Image.open(self.masks[index]))
        return self.image_transform(image), mask.squeeze(0).long()


def tutorial_epoch(root: Path, num_classes: int) -> Callable[[], None]:
    """The plain loop: fp32, NCHW, a host sync a batch for the running loss and accuracy."""
    torch.manual_seed(0)
    network = smp.Unet("resnet34", encoder_weights=None, classes=num_classes)
    loader = DataLoader(TutorialDataset(root), batch_size=BATCH, shuffle=True, drop_last=True)
    loss_function = nn.CrossEntropyLoss(ignore_index=255)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)

    def epoch() -> None:
        network.train()
        total_loss, right = 0.0, 0.0
        for images, masks in loader:
            optimizer.zero_grad()
            logits = network(images)
            loss = loss_function(logits, masks)
            loss.backward()
            optimizer.step()
            total_loss += loss.item()
            right += (logits.argmax(1) == masks).float().mean().item()

    return epoch


def tessella_epoch(root: Path) -> tuple[Callable[[], None], str, int]:
    """Ours: uint8 batches, one warp, channels-last, bf16 where the processor computes it fast."""
    recipe = read_recipe(RECIPE, where="benchmark", overrides=[f"data.root='{root}'"])
    dataset = build.open_dataset(recipe, "train")
    device = torch.device("cpu")
    precision = resolve_precision("auto", device)
    torch.manual_seed(0)
    segmenter = build.build_model(recipe, dataset.labels).to(memory_format=torch.channels_last)
    fabric = Fabric(
        accelerator="cpu", devices=1, precision="bf16-mixed" if precision == "bf16" else "32-true"
    )
    loader = TrainingLoader(
        dataset, build.build_augmentation(recipe), batch_size=BATCH, seed=0, workers=0
    )
    optimizer, schedule = build.build_optimization(
        recipe, segmenter, steps_per_epoch=len(loader), plateau=Plateau(0.5, 5)
    )
    module, wrapped = fabric.setup(segmenter, optimizer)
    module.mark_forward_method("outputs")
    task = Task(
        fabric=fabric,
        segmenter=module,
        outputs=module.outputs,  # type: ignore[arg-type]  Fabric's wrapper does not tell its type
        scored=module,
        loss=build.build_loss(recipe, dataset.labels, device=device, training=dataset),
        optimizer=wrapped,
        schedule=schedule,
        num_classes=dataset.labels.num_classes,
        ignore_index=dataset.labels.ignore_index,
        track=silently,
    )
    numbers = iter(range(1000))

    def epoch() -> None:
        train_epoch(task, loader.epoch(next(numbers)), total=loader.images_per_epoch)

    return epoch, precision, dataset.labels.num_classes


def seconds(epoch: Callable[[], None]) -> float:
    """Wall time of one epoch."""
    started = time.perf_counter()
    epoch()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_files(root, arguments.images)
        ours, precision, num_classes = tessella_epoch(root)
        theirs = tutorial_epoch(root, num_classes)
        ours()  # both sides once unmeasured: kernels are chosen and memory is claimed here
        theirs()
        times = [(seconds(theirs), seconds(ours)) for _ in range(arguments.rounds)]
    tutorial = statistics.median(pair[0] for pair in times)
    tessella = statistics.median(pair[1] for pair in times)
    figures = {
        "images": arguments.images,
        "rounds": arguments.rounds,
        "threads": torch.get_num_threads(),
        "tessella_precision": precision,
        "tutorial_seconds": tutorial,
        "tessella_seconds": tessella,
        "ratio": tutorial / tessella,
        "target_ratio": 3.0,
        "target_met": tutorial / tessella >= 3.0,
        "all_rounds_seconds": times,
    }
    print(f"tutorial loop  {tutorial:7.2f} s an epoch of {arguments.images} images")
    print(f"tessella       {tessella:7.2f} s ({precision}, channels-last)")
    print(f"ratio          {tutorial / tessella:7.2f}x (target: at least 3x)")
    if arguments.out:
        write_result(
            arguments.out,
            claim="A training epoch is at least 3x faster than the plain tutorial loop.",
            figures=figures,
            command=f"python benchmarks/train_epoch.py --images {arguments.images}",
        )


if __name__ == "__main__":
    main()
