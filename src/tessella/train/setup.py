"""A recipe made into everything that training holds in memory."""

import logging
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tessella import build
from tessella.backends.torch import Precision
from tessella.data.dataset import Dataset
from tessella.data.loader import ScoringLoader, TrainingLoader, resolve_workers
from tessella.labels import LabelMap
from tessella.models.build import weights_origin
from tessella.models.origin import WeightsOrigin
from tessella.models.segmenter import Segmenter
from tessella.optim import Plateau
from tessella.progress import Track
from tessella.rank import this_rank
from tessella.recipe import Recipe
from tessella.train.average import weight_average
from tessella.train.checkpoint import TrainingState
from tessella.train.engine import Engine, Scored, start_engine
from tessella.train.epoch import Task
from tessella.train.ranks import Ranks

logger = logging.getLogger(__name__)


class Splits(NamedTuple):
    """The data of a run."""

    train: Dataset
    val: Dataset


class Setup(NamedTuple):
    """What one process of training holds."""

    recipe: Recipe
    splits: Splits
    precision: Precision
    training: TrainingLoader
    scoring: ScoringLoader
    task: Task
    state: TrainingState
    origin: WeightsOrigin | None
    """The pretrained weights that it began with."""

    @property
    def labels(self) -> LabelMap:
        """The classes, the same in both splits."""
        return self.splits.train.labels

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.task.fabric.device

    @property
    def ranks(self) -> Ranks:
        """The processes that train together."""
        return self.task.ranks


def open_splits(recipe: Recipe) -> Splits:
    """The training and the validation split.

    Raises:
        UsageError: unknown data set, option or split.
        ValueError: a split is empty or cannot be read, or they have different classes.
    """
    splits = Splits(
        build.open_dataset(recipe, recipe.data.train_split),
        build.open_dataset(recipe, recipe.data.val_split),
    )
    for name, dataset in (("training", splits.train), ("validation", splits.val)):
        if not len(dataset):
            raise ValueError(f"{recipe.data.name}: the {name} split is empty; add images to it.")
    if splits.train.labels.names != splits.val.labels.names:
        raise ValueError(
            f"training has the classes {', '.join(splits.train.labels.names)} but validation has "
            f"{', '.join(splits.val.labels.names)}; state them once, in data.options.classes."
        )
    return splits


def set_up(recipe: Recipe, splits: Splits, *, track: Track, engine: Engine | None = None) -> Setup:
    """Everything that the recipe says, ready for the first epoch.

    Args:
        recipe: what to train.
        splits: its data.
        track: shows progress of each pass.
        engine: where to compute; None: in this process alone.

    Raises:
        UsageError: an unknown name or option.
        ValueError: data, weights or hardware that cannot be used.
    """
    choice = recipe.train
    fabric, precision, ranks = engine or start_engine(recipe, alone=True)
    torch.manual_seed(choice.seed)
    training, scoring = _loaders(recipe, splits, fabric.device, ranks)
    segmenter, origin = _segmenter(recipe, splits.train.labels)
    if choice.sync_norm and ranks.count > 1:
        segmenter = nn.SyncBatchNorm.convert_sync_batchnorm(segmenter)
    average = _average(segmenter, choice.ema_decay, fabric.device)
    plateau = Plateau(recipe.schedule.gamma, recipe.schedule.patience)
    steps = -(-len(training) // choice.accumulate)
    wrapped: Any
    if ranks.count > 1 and choice.strategy == "fsdp":  # spread weights are other parameters
        module = fabric.setup_module(segmenter)
        optimizer, schedule = _optimization(recipe, segmenter, plateau, steps_per_epoch=steps)
        wrapped = fabric.setup_optimizers(optimizer)
    else:
        optimizer, schedule = _optimization(recipe, segmenter, plateau, steps_per_epoch=steps)
        module, wrapped = fabric.setup(segmenter, optimizer)
    if recipe.model.unfreeze_epoch is not None:  # DDP sees to what has a gradient when it is made
        build.freeze_as_told(recipe, segmenter)
    module.mark_forward_method("outputs")
    task = Task(
        fabric=fabric,
        segmenter=module,
        outputs=module.outputs,  # type: ignore[arg-type]  Fabric's wrapper does not tell its type
        scored=Scored(average.module if average else segmenter, fabric),
        loss=build.build_loss(
            recipe, splits.train.labels, device=fabric.device, training=splits.train
        ),
        optimizer=wrapped,
        schedule=schedule,
        num_classes=splits.train.labels.num_classes,
        ignore_index=splits.train.labels.ignore_index,
        track=track,
        accumulate=choice.accumulate,
        clip_norm=recipe.optimizer.clip_norm,
        auxiliary_weight=recipe.loss.auxiliary_weight,
        after_step=partial(average.update_parameters, segmenter) if average else _nothing,
        ranks=ranks,
    )
    state = TrainingState(
        *(segmenter, optimizer, schedule, plateau, average),
        scaler=fabric.strategy.precision,
        device=fabric.device,
        ranks=ranks,
    )
    if ranks.index:  # what the network draws differs, as it does from image to image
        torch.manual_seed(choice.seed + ranks.index)
    return Setup(recipe, splits, precision, training, scoring, task, state, origin)


def _loaders(
    recipe: Recipe, splits: Splits, device: torch.device, ranks: Ranks
) -> tuple[TrainingLoader, ScoringLoader]:
    choice = recipe.train
    workers = resolve_workers(choice.workers, device_type=device.type, rank=this_rank())
    on_gpu = device.type == "cuda"
    training = TrainingLoader(
        splits.train,
        build.build_augmentation(recipe),
        batch_size=choice.batch_size,
        seed=choice.seed,
        workers=workers,
        pin_memory=on_gpu,
        rank=ranks.index,
        ranks=ranks.count,
    )
    scoring = ScoringLoader(
        splits.val,
        batch_size=choice.batch_size,
        workers=workers,
        pin_memory=on_gpu,
        rank=ranks.index,
        ranks=ranks.count,
    )
    return training, scoring


def _segmenter(recipe: Recipe, labels: LabelMap) -> tuple[Segmenter, WeightsOrigin | None]:
    choice = recipe.model
    origin = weights_origin(
        choice.name, encoder=choice.encoder, encoder_weights=choice.encoder_weights
    )
    if origin:
        logger.info("%s", origin.text())
    return build.build_model(recipe, labels).to(memory_format=torch.channels_last), origin


def _average(segmenter: Segmenter, decay: float, device: torch.device) -> AveragedModel | None:
    return weight_average(segmenter, decay=decay, device=device) if decay else None


def _optimization(
    recipe: Recipe, segmenter: Segmenter, plateau: Plateau, *, steps_per_epoch: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    # what is frozen for good needs no state in the optimiser; what will be unfrozen does
    if recipe.model.unfreeze_epoch is None:
        build.freeze_as_told(recipe, segmenter)
    return build.build_optimization(
        recipe, segmenter, steps_per_epoch=steps_per_epoch, plateau=plateau
    )


def _nothing() -> None:
    """Without a moving average, nothing is left to do after a step."""
